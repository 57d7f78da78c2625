import type { Answer, AnswerVia, CannotReason } from '../../../contract/vocabulary.ts'
import type { Tx } from '../../platform/db/index.ts'
import { sql } from 'drizzle-orm'
import { arrayOf, uuids } from '../../platform/db/index.ts'

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
 * Keeps new answers in one emergency, and writes what they say into the rows of the people, which are locked; late
 * ones are kept alone. The other columns stay as they are, and no index moves.
 */
export async function keepAnswers(tx: Tx, emergencyId: string, rows: readonly AnswerRow[], now: Date): Promise<void> {
  await tx.execute(sql`
    with given as (
      select * from unnest(${uuids(rows.map(r => r.answerId))}, ${uuids(rows.map(r => r.personId))}, ${arrayOf('text', rows.map(r => r.answer))}, ${arrayOf('text', rows.map(r => r.via))},
        ${arrayOf('timestamptz', rows.map(r => r.promisedAt?.toISOString() ?? null))}, ${arrayOf('text', rows.map(r => r.reason))}, ${arrayOf('text', rows.map(r => r.note))}, ${arrayOf('uuid', rows.map(r => r.relayedBy))}, ${arrayOf('boolean', rows.map(r => r.isLate))})
        as n(id, p, answer, via, promised_at, reason, note, relayed_by, is_late)
    ), counted as (
      update participants p set call_state = 'answered', answer = n.answer, answer_via = n.via, promised_at = n.promised_at, cannot_reason = n.reason,
        answered_at = coalesce(p.answered_at, ${now.toISOString()}::timestamptz), unreachable_reason = null
      from given n where not n.is_late and p.emergency_id = ${emergencyId} and p.person_id = n.p
    )
    insert into call_answers (answer_id, emergency_id, person_id, answer, via, promised_at, reason, note, relayed_by, is_late, at)
    select n.id, ${emergencyId}::uuid, n.p, n.answer, n.via, n.promised_at, n.reason, n.note, n.relayed_by, n.is_late, ${now.toISOString()}::timestamptz from given n`)
}

export type GivenAnswer = Pick<AnswerRow, 'personId' | 'answer' | 'isLate'> & { at: Date }

/** What these people, none of them twice, have been answered already under these ids. */
export async function findAnswers(tx: Tx, emergencyId: string, asked: readonly { personId: string, answer: { answerId: string } }[]): Promise<GivenAnswer[]> {
  const rows = await tx.execute<{ person_id: string, answer: Answer, is_late: boolean, at: string }>(sql`
    select c.person_id, c.answer, c.is_late, c.at
    from unnest(${uuids(asked.map(a => a.personId))}, ${uuids(asked.map(a => a.answer.answerId))}) as asked(p, id)
    -- The limit keeps it a look-up by key for each: planned as a join while the table is empty it would later compare everything with everything.
    cross join lateral (select * from call_answers where emergency_id = ${emergencyId} and person_id = asked.p and answer_id = asked.id limit 1) c`)
  return rows.map(r => ({ personId: r.person_id, answer: r.answer, isLate: r.is_late, at: new Date(r.at) }))
}
