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

/**
 * Keeps new answers, and writes what they say into the rows of the people, which are locked; late ones are kept
 * alone. The other columns stay as they are, and no index moves. Violates `ANSWERS_KEY` where an id has been used,
 * also by somebody at this very moment.
 */
export async function keepAnswers(tx: Tx, rows: readonly AnswerRow[], now: Date): Promise<void> {
  await tx.execute(sql`
    with given as (
      select * from unnest(${uuids(rows.map(r => r.answerId))}, ${uuids(rows.map(r => r.emergencyId))}, ${uuids(rows.map(r => r.personId))}, ${arrayOf('text', rows.map(r => r.answer))}, ${arrayOf('text', rows.map(r => r.via))},
        ${arrayOf('timestamptz', rows.map(r => r.promisedAt?.toISOString() ?? null))}, ${arrayOf('text', rows.map(r => r.reason))}, ${arrayOf('text', rows.map(r => r.note))}, ${arrayOf('uuid', rows.map(r => r.relayedBy))}, ${arrayOf('boolean', rows.map(r => r.isLate))})
        as n(id, e, p, answer, via, promised_at, reason, note, relayed_by, is_late)
    ), counted as (
      update participants p set call_state = 'answered', answer = n.answer, answer_via = n.via, promised_at = n.promised_at, cannot_reason = n.reason,
        answered_at = coalesce(p.answered_at, ${now.toISOString()}::timestamptz), unreachable_reason = null
      from given n where not n.is_late and p.emergency_id = n.e and p.person_id = n.p
    )
    insert into call_answers (answer_id, emergency_id, person_id, answer, via, promised_at, reason, note, relayed_by, is_late, at)
    select n.id, n.e, n.p, n.answer, n.via, n.promised_at, n.reason, n.note, n.relayed_by, n.is_late, ${now.toISOString()}::timestamptz from given n`)
}

export type GivenAnswer = Pick<AnswerRow, 'personId' | 'emergencyId' | 'answer' | 'isLate'> & { at: Date }

export async function findAnswers(tx: Tx, ids: readonly string[]): Promise<Map<string, GivenAnswer>> {
  if (ids.length === 0)
    return new Map()
  const rows = await tx.execute<{ answer_id: string, person_id: string, emergency_id: string, answer: Answer, is_late: boolean, at: string }>(sql`
    select answer_id, person_id, emergency_id, answer, is_late, at from call_answers where answer_id = any(${uuids(ids)})`)
  return new Map(rows.map(r => [r.answer_id, { personId: r.person_id, emergencyId: r.emergency_id, answer: r.answer, isLate: r.is_late, at: new Date(r.at) }]))
}
