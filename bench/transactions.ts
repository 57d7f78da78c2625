/**
 * Answers with a transaction each: lock, read, write, log, commit, on ten connections. They write the rows that
 * the product writes. Two of a kind: as one writes it in this stack, and by hand.
 */
import type { GiveAnswer } from '../src/contract/calls.ts'
import type { Answer } from '../src/contract/vocabulary.ts'
import type { Actor } from '../src/server/platform/http/index.ts'
import { and, eq, sql as fragment } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { callAnswers } from '../src/server/modules/calls/calls.tables.ts'
import { emergencies } from '../src/server/modules/emergencies/emergencies.tables.ts'
import { participants } from '../src/server/modules/participants/participants.tables.ts'
import { persons } from '../src/server/modules/registry/registry.tables.ts'
import { emergencyEvents, eventStreams } from '../src/server/platform/eventlog/eventlog.tables.ts'

export interface Given { emergencyId: string, actor: Actor, answer: GiveAnswer }
export interface Reply { answerId: string, answer: Answer, at: string, isLate: boolean, replayed: boolean }

const replyTo = ({ answer }: Given, at: Date): Reply => ({ answerId: answer.answerId, answer: answer.answer, at: at.toISOString(), isLate: false, replayed: false })

/** The ordinary way of this stack: drizzle's query builder in a transaction of its pool. */
export function ordinaryAnswers(databaseUrl: string): (given: Given) => Promise<Reply> {
  const db = drizzle(postgres(databaseUrl, { max: 10, onnotice: () => {} }))
  return given => db.transaction(async (tx) => {
    const { emergencyId, actor: { personId }, answer: { answerId, answer, promisedAt, reason, note } } = given
    const at = new Date()
    const promised = promisedAt === null ? null : new Date(promisedAt)
    const isHe = and(eq(participants.emergencyId, emergencyId), eq(participants.personId, personId))
    const [emergency] = await tx.select({ state: emergencies.state }).from(emergencies).where(eq(emergencies.id, emergencyId)).for('share')
    const [found] = await tx.select({ before: participants, name: persons.name }).from(participants).innerJoin(persons, eq(persons.id, participants.personId)).where(isHe).for('no key update', { of: participants })
    if (emergency?.state !== 'activated' || found?.before.memberState !== 'active')
      throw new Error('the bench answers in an open emergency')
    const { teamId, gridId, audience, memberState, callState, answer: earlier, presence, unitId, post } = found.before
    await tx.insert(callAnswers).values({ answerId, emergencyId, personId, answer, via: 'app', promisedAt: promised, reason, note, relayedBy: null, isLate: false, at })
    await tx.update(participants).set({ callState: 'answered', answer, answerVia: 'app', promisedAt: promised, cannotReason: reason, answeredAt: fragment`coalesce(${participants.answeredAt}, ${at.toISOString()}::timestamptz)`, unreachableReason: null }).where(isHe)
    const [stream] = await tx.update(eventStreams).set({ lastSeq: fragment`${eventStreams.lastSeq} + 1` }).where(eq(eventStreams.id, emergencyId)).returning({ lastSeq: eventStreams.lastSeq })
    const seq = stream?.lastSeq ?? 0
    const change = { personId, name: found.name, unitId, post, before: { teamId, gridId, audience, memberState, callState, answer: earlier, presence }, after: { callState: 'answered', answer } }
    await tx.insert(emergencyEvents).values({ emergencyId, seq, type: 'call.answered', v: 1, at, actorId: personId, data: { answerId, answer, via: 'app', promisedAt, reason, relayedBy: null, change } })
    await tx.execute(fragment`select pg_notify('emergency_events', ${`${emergencyId} ${seq} elsewhere`})`)
    return replyTo(given, at)
  })
}

/** The same by hand, as lean as it gets: prepared statements, and the database reads a person's facts as the JSON that the log wants. */
export function preparedAnswers(databaseUrl: string): (given: Given) => Promise<Reply> {
  const sql = postgres(databaseUrl, { max: 10, onnotice: () => {} })
  return given => sql.begin(async (tx) => {
    const { emergencyId, actor: { personId }, answer: { answerId, answer, promisedAt, reason, note } } = given
    const at = new Date()
    const [emergency] = await tx<{ state: string }[]>`select state from emergencies where id = ${emergencyId} for share`
    const [before] = await tx<{ name: string, unit_id: string | null, post: string | null, standing: object, member_state: string }[]>`
      select pe.name, p.unit_id, p.post, p.member_state,
        json_build_object('teamId', p.team_id, 'gridId', p.grid_id, 'audience', p.audience, 'memberState', p.member_state, 'callState', p.call_state, 'answer', p.answer, 'presence', p.presence) as standing
      from participants p join persons pe on pe.id = p.person_id where p.emergency_id = ${emergencyId} and p.person_id = ${personId} for no key update of p`
    if (emergency?.state !== 'activated' || before?.member_state !== 'active')
      throw new Error('the bench answers in an open emergency')
    await tx`
      insert into call_answers (answer_id, emergency_id, person_id, answer, via, promised_at, reason, note, relayed_by, is_late, at)
      values (${answerId}, ${emergencyId}, ${personId}, ${answer}, 'app', ${promisedAt}, ${reason}, ${note}, null, false, ${at})`
    await tx`
      update participants set call_state = 'answered', answer = ${answer}, answer_via = 'app', promised_at = ${promisedAt}, cannot_reason = ${reason}, answered_at = coalesce(answered_at, ${at}), unreachable_reason = null
      where emergency_id = ${emergencyId} and person_id = ${personId}`
    const change = { personId, name: before.name, unitId: before.unit_id, post: before.post, before: before.standing, after: { callState: 'answered', answer } }
    const data = JSON.stringify({ answerId, answer, via: 'app', promisedAt, reason, relayedBy: null, change })
    await tx`
      with stream as (update event_streams set last_seq = last_seq + 1 where id = ${emergencyId} returning last_seq), written as (
        insert into emergency_events (emergency_id, seq, type, v, at, actor_id, data) select ${emergencyId}, stream.last_seq, 'call.answered', 1, ${at}, ${personId}, ${data}::text::jsonb from stream)
      select last_seq, pg_notify('emergency_events', concat_ws(' ', ${emergencyId}::text, last_seq, 'elsewhere')) from stream`
    return replyTo(given, at)
  })
}
