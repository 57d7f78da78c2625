import type { Answer, AnswerVia, CannotReason } from '../../../contract/vocabulary.ts'
import type { Tx } from '../../platform/db/index.ts'
import { sql } from 'drizzle-orm'

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
  at: Date
}

/** Inserts what is new; a replay (same id) finds its first row untouched. Returns the ids that were new. */
export async function insertAnswers(tx: Tx, rows: readonly AnswerRow[]): Promise<Set<string>> {
  const json = JSON.stringify(rows.map(r => ({ id: r.answerId, e: r.emergencyId, p: r.personId, answer: r.answer, via: r.via, promised_at: r.promisedAt, reason: r.reason, note: r.note, relayed_by: r.relayedBy, is_late: r.isLate, at: r.at })))
  const made = await tx.execute<{ answer_id: string }>(sql`
    insert into call_answers (answer_id, emergency_id, person_id, answer, via, promised_at, reason, note, relayed_by, is_late, at)
    select n.id, n.e, n.p, n.answer, n.via, n.promised_at, n.reason, n.note, n.relayed_by, n.is_late, n.at
    from json_to_recordset(${json}::json) as n(id uuid, e uuid, p uuid, answer text, via text, promised_at timestamptz, reason text, note text, relayed_by uuid, is_late boolean, at timestamptz)
    on conflict (answer_id) do nothing returning answer_id`)
  return new Set(made.map(r => r.answer_id))
}

export async function findAnswers(tx: Tx, ids: readonly string[]): Promise<Map<string, { personId: string, emergencyId: string, answer: Answer, isLate: boolean, at: Date }>> {
  if (ids.length === 0)
    return new Map()
  const rows = await tx.execute<{ answer_id: string, person_id: string, emergency_id: string, answer: Answer, is_late: boolean, at: string }>(sql`
    select answer_id, person_id, emergency_id, answer, is_late, at from call_answers where answer_id = any(${sql.param(`{${ids.join(',')}}`)}::uuid[])`)
  return new Map(rows.map(r => [r.answer_id, { personId: r.person_id, emergencyId: r.emergency_id, answer: r.answer, isLate: r.is_late, at: new Date(r.at) }]))
}
