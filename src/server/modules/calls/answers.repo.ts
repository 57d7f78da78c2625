import type { Answer, AnswerVia, CannotReason } from '../../../contract/vocabulary.ts'
import type { Tx } from '../../platform/db/index.ts'
import { sql } from 'drizzle-orm'
import { arrayOf, uuids } from '../../platform/db/index.ts'

export const ANSWERS_KEY = 'call_answers_pkey'

export interface AnswerRow {
  answerId: string
  emergencyId: string
  personId: string
  answer: Answer
  via: AnswerVia
  promisedAt: Date | null
  reason: CannotReason | null
  note: string
  relayedBy: string | null
  isLate: boolean
}

/** Violates `ANSWERS_KEY` where an id has been used, also by somebody at this very moment. */
export async function insertAnswers(tx: Tx, rows: readonly AnswerRow[], now: Date): Promise<void> {
  await tx.execute(sql`
    insert into call_answers (answer_id, emergency_id, person_id, answer, via, promised_at, reason, note, relayed_by, is_late, at)
    select n.id, n.e, n.p, n.answer, n.via, n.promised_at, n.reason, n.note, n.relayed_by, n.is_late, ${now.toISOString()}::timestamptz
    from unnest(${uuids(rows.map(r => r.answerId))}, ${uuids(rows.map(r => r.emergencyId))}, ${uuids(rows.map(r => r.personId))}, ${arrayOf('text', rows.map(r => r.answer))}, ${arrayOf('text', rows.map(r => r.via))},
      ${arrayOf('timestamptz', rows.map(r => r.promisedAt?.toISOString() ?? null))}, ${arrayOf('text', rows.map(r => r.reason))}, ${arrayOf('text', rows.map(r => r.note))}, ${arrayOf('uuid', rows.map(r => r.relayedBy))}, ${arrayOf('boolean', rows.map(r => r.isLate))})
      as n(id, e, p, answer, via, promised_at, reason, note, relayed_by, is_late)`)
}

export async function findAnswers(tx: Tx, ids: readonly string[]): Promise<Map<string, { personId: string, emergencyId: string, answer: Answer, isLate: boolean, at: Date }>> {
  if (ids.length === 0)
    return new Map()
  const rows = await tx.execute<{ answer_id: string, person_id: string, emergency_id: string, answer: Answer, is_late: boolean, at: string }>(sql`
    select answer_id, person_id, emergency_id, answer, is_late, at from call_answers where answer_id = any(${uuids(ids)})`)
  return new Map(rows.map(r => [r.answer_id, { personId: r.person_id, emergencyId: r.emergency_id, answer: r.answer, isLate: r.is_late, at: new Date(r.at) }]))
}
