import type { SQL } from 'drizzle-orm'
import type { BulkChange, PersonChange, Standing } from '../../../contract/events.ts'
import type { Answer, AnswerVia, Audience, CallState, CannotReason, CheckInFlag, CheckInMethod, MemberState, Presence, TeamPost } from '../../../contract/vocabulary.ts'
import type { Tx } from '../../platform/db/index.ts'
import { sql } from 'drizzle-orm'
import { uuids } from '../../platform/db/index.ts'
import { DomainError } from '../../platform/errors.ts'

export interface ParticipantRow {
  emergencyId: string
  personId: string
  name: string
  ordinal: number
  audience: Audience
  teamId: string | null
  gridId: string
  unitId: string | null
  post: TeamPost | null
  memberState: MemberState
  standInFor: string | null
  callState: CallState
  answer: Answer | null
  answerVia: AnswerVia | null
  promisedAt: Date | null
  cannotReason: CannotReason | null
  answeredAt: Date | null
  unreachableReason: string | null
  presence: Presence
  checkedInAt: Date | null
  checkInMethod: CheckInMethod | null
  checkInFlags: CheckInFlag[]
  checkedOutAt: Date | null
  unsignedReason: string | null
  holds: boolean
}

interface RawRow {
  [column: string]: unknown
  emergency_id: string
  person_id: string
  name: string
  ordinal: number
  audience: Audience
  team_id: string | null
  grid_id: string
  unit_id: string | null
  post: TeamPost | null
  member_state: MemberState
  stand_in_for: string | null
  call_state: CallState
  answer: Answer | null
  answer_via: AnswerVia | null
  promised_at: string | null
  cannot_reason: CannotReason | null
  answered_at: string | null
  unreachable_reason: string | null
  presence: Presence
  checked_in_at: string | null
  check_in_method: CheckInMethod | null
  check_in_flags: CheckInFlag[]
  checked_out_at: string | null
  unsigned_reason: string | null
  holds: boolean
}

const date = (text: string | null) => text === null ? null : new Date(text)

function toAnswerer(r: RawRow): Answerer {
  return {
    emergencyId: r.emergency_id,
    personId: r.person_id,
    name: r.name,
    audience: r.audience,
    teamId: r.team_id,
    gridId: r.grid_id,
    unitId: r.unit_id,
    post: r.post,
    memberState: r.member_state,
    callState: r.call_state,
    answer: r.answer,
    presence: r.presence,
  }
}

function toRow(r: RawRow): ParticipantRow {
  return {
    ...toAnswerer(r),
    ordinal: r.ordinal,
    standInFor: r.stand_in_for,
    answerVia: r.answer_via,
    promisedAt: date(r.promised_at),
    cannotReason: r.cannot_reason,
    answeredAt: date(r.answered_at),
    unreachableReason: r.unreachable_reason,
    checkedInAt: date(r.checked_in_at),
    checkInMethod: r.check_in_method,
    checkInFlags: r.check_in_flags,
    checkedOutAt: date(r.checked_out_at),
    unsignedReason: r.unsigned_reason,
    holds: r.holds,
  }
}

type Counted = Pick<ParticipantRow, 'teamId' | 'gridId' | 'audience' | 'memberState' | 'callState' | 'answer' | 'presence'>

/** What an answer needs to know of a person: by the thousand, every column that is not read counts. */
export type Answerer = Counted & Pick<ParticipantRow, 'emergencyId' | 'personId' | 'name' | 'unitId' | 'post'>

const FACTS_OF_STANDING: readonly (keyof Standing)[] = ['teamId', 'gridId', 'audience', 'memberState', 'callState', 'answer', 'presence']

/** The facts by which a person is counted, as the event log carries them. */
function standingOf(p: Counted): Standing {
  return { teamId: p.teamId, gridId: p.gridId, audience: p.audience, memberState: p.memberState, callState: p.callState, answer: p.answer, presence: p.presence }
}

export function changeOf(before: Counted | null, after: Answerer): PersonChange {
  const { personId, name, unitId, post } = after
  if (before === null)
    return { personId, name, unitId, post, before, after: standingOf(after) }
  const different: Partial<Record<keyof Standing, unknown>> = {}
  for (const fact of FACTS_OF_STANDING) {
    if (after[fact] !== before[fact])
      different[fact] = after[fact]
  }
  return { personId, name, unitId, post, before: standingOf(before), after: different as Partial<Standing> }
}

export interface PersonInEmergency { emergencyId: string, personId: string }

/** Locks these people's rows in one fixed order; people who are not in the emergency are absent from the result. Key: `emergencyId personId`. */
export async function lockPeople(tx: Tx, pairs: readonly PersonInEmergency[]): Promise<Map<string, ParticipantRow>> {
  const rows = await tx.execute<RawRow>(sql`
    select p.*, pe.name from participants p join persons pe on pe.id = p.person_id
    where (p.emergency_id, p.person_id) in (
      select e, q from unnest(${uuids(pairs.map(p => p.emergencyId))}, ${uuids(pairs.map(p => p.personId))}) as asked(e, q))
    order by p.emergency_id, p.person_id for no key update of p`)
  return new Map(rows.map(r => [`${r.emergency_id} ${r.person_id}`, toRow(r)]))
}

/** As `lockPeople`, in one emergency and with what an answer needs alone. */
export async function lockAnswerers(tx: Tx, emergencyId: string, personIds: readonly string[]): Promise<Answerer[]> {
  const rows = await tx.execute<RawRow>(sql`
    select p.emergency_id, p.person_id, p.audience, p.team_id, p.grid_id, p.unit_id, p.post, p.member_state, p.call_state, p.answer, p.presence, pe.name
    from participants p join persons pe on pe.id = p.person_id where p.emergency_id = ${emergencyId} and p.person_id = any(${uuids(personIds)})
    order by p.person_id for no key update of p`)
  return rows.map(toAnswerer)
}

/** @throws NOT_FOUND where the person is not in the emergency. */
export async function lockPerson(tx: Tx, emergencyId: string, personId: string): Promise<ParticipantRow> {
  const row = (await lockPeople(tx, [{ emergencyId, personId }])).get(`${emergencyId} ${personId}`)
  if (row === undefined)
    throw new DomainError('NOT_FOUND')
  return row
}

export async function findParticipant(tx: Tx, emergencyId: string, personId: string): Promise<ParticipantRow | null> {
  const rows = await tx.execute<RawRow>(sql`
    select p.*, pe.name from participants p join persons pe on pe.id = p.person_id where p.emergency_id = ${emergencyId} and p.person_id = ${personId}`)
  return rows[0] === undefined ? null : toRow(rows[0])
}

export async function findByOrdinal(tx: Tx, serial: number, ordinal: number): Promise<ParticipantRow | null> {
  const rows = await tx.execute<RawRow>(sql`
    select p.*, pe.name from participants p join persons pe on pe.id = p.person_id join emergencies e on e.id = p.emergency_id
    where e.serial = ${serial} and p.ordinal = ${ordinal}`)
  return rows[0] === undefined ? null : toRow(rows[0])
}

/** The emergency that holds this person in a team, if any (invariant 6). */
export async function findHolder(tx: Tx, personId: string): Promise<{ emergencyId: string, emergency: string, name: string } | null> {
  const rows = await tx.execute<{ emergency_id: string, emergency: string, name: string }>(sql`
    select p.emergency_id, e.name as emergency, pe.name from participants p join emergencies e on e.id = p.emergency_id join persons pe on pe.id = p.person_id
    where p.person_id = ${personId} and p.holds`)
  const r = rows[0]
  return r === undefined ? null : { emergencyId: r.emergency_id, emergency: r.emergency, name: r.name }
}

/** Writes back rows that were locked and changed; one statement whatever their number. */
export async function saveParticipants(tx: Tx, rows: readonly ParticipantRow[]): Promise<void> {
  if (rows.length === 0)
    return
  const json = JSON.stringify(rows.map(r => ({
    e: r.emergencyId,
    p: r.personId,
    team_id: r.teamId,
    grid_id: r.gridId,
    post: r.post,
    member_state: r.memberState,
    stand_in_for: r.standInFor,
    call_state: r.callState,
    answer: r.answer,
    answer_via: r.answerVia,
    promised_at: r.promisedAt,
    cannot_reason: r.cannotReason,
    answered_at: r.answeredAt,
    unreachable_reason: r.unreachableReason,
    presence: r.presence,
    checked_in_at: r.checkedInAt,
    check_in_method: r.checkInMethod,
    check_in_flags: r.checkInFlags,
    checked_out_at: r.checkedOutAt,
    unsigned_reason: r.unsignedReason,
    holds: r.holds,
  })))
  await tx.execute(sql`
    update participants p set team_id = n.team_id, grid_id = n.grid_id, post = n.post, member_state = n.member_state, stand_in_for = n.stand_in_for,
      call_state = n.call_state, answer = n.answer, answer_via = n.answer_via, promised_at = n.promised_at, cannot_reason = n.cannot_reason,
      answered_at = n.answered_at, unreachable_reason = n.unreachable_reason, presence = n.presence, checked_in_at = n.checked_in_at,
      check_in_method = n.check_in_method, check_in_flags = n.check_in_flags, checked_out_at = n.checked_out_at, unsigned_reason = n.unsigned_reason, holds = n.holds
    from json_to_recordset(${json}::json) as n(e uuid, p uuid, team_id uuid, grid_id uuid, post text, member_state text, stand_in_for uuid,
      call_state text, answer text, answer_via text, promised_at timestamptz, cannot_reason text, answered_at timestamptz, unreachable_reason text,
      presence text, checked_in_at timestamptz, check_in_method text, check_in_flags text[], checked_out_at timestamptz, unsigned_reason text, holds boolean)
    where p.emergency_id = n.e and p.person_id = n.p`)
}

/** Adds one person by name (a stand-in, a reinforcement). @throws PERSON_HELD by the unique index when another emergency holds him. */
export async function insertParticipant(tx: Tx, emergencyId: string, person: { personId: string, teamId: string, gridId: string, unitId: string | null, post: TeamPost | null, standInFor: string | null }, now: Date): Promise<ParticipantRow> {
  await tx.execute(sql`
    insert into participants (emergency_id, person_id, ordinal, audience, team_id, grid_id, unit_id, post, member_state, stand_in_for, call_state, presence, holds, joined_at)
    select ${emergencyId}, ${person.personId}, coalesce(max(ordinal), 0) + 1, 'team', ${person.teamId}, ${person.gridId}, ${person.unitId}, ${person.post}, 'active', ${person.standInFor}, 'pending', 'none', true, ${now.toISOString()}
    from participants where emergency_id = ${emergencyId}`)
  return lockPerson(tx, emergencyId, person.personId)
}

interface RawBulk {
  [column: string]: unknown
  team_id: string | null
  grid_id: string
  audience: Audience
  before: Omit<Standing, 'teamId' | 'gridId' | 'audience'>
  after: Omit<Standing, 'teamId' | 'gridId' | 'audience'>
  n: number
}

const FACTS = (alias: string) => sql.raw(`json_build_object('memberState', ${alias}.member_state, 'callState', ${alias}.call_state, 'answer', ${alias}.answer, 'presence', ${alias}.presence)`)

/**
 * Changes many people at once and says what changed as counts per team and facts: however many they
 * are, only a few rows leave the database. `where` and `set` speak of `participants p`.
 */
export async function bulkChange(tx: Tx, emergencyId: string, where: SQL, set: SQL): Promise<BulkChange[]> {
  const rows = await tx.execute<RawBulk>(sql`
    with was as materialized (
      select p.person_id, p.team_id, p.grid_id, p.audience, p.member_state, p.call_state, p.answer, p.presence
      from participants p where p.emergency_id = ${emergencyId} and (${where}) order by p.person_id for no key update
    ), changed as (
      -- What was and what is leave the update side by side: just after the key no statistics know the new rows, and a join of the two would be planned as if there were one.
      update participants p set ${set} from was where p.emergency_id = ${emergencyId} and p.person_id = was.person_id
      returning was.team_id, was.grid_id, was.audience, ${FACTS('was')}::text as before, ${FACTS('p')}::text as after
    )
    select team_id, grid_id, audience, before::json as before, after::json as after, count(*)::int as n
    from changed group by team_id, grid_id, audience, changed.before, changed.after order by team_id`)
  return rows.map(({ team_id: teamId, grid_id: gridId, audience, before, after, n }) => ({
    before: { teamId, gridId, audience, ...before },
    after: { teamId, gridId, audience, ...after },
    n,
  }))
}

/** How many people a bulk change touched. */
export function peopleIn(changes: readonly BulkChange[]): number {
  return changes.reduce((sum, change) => sum + change.n, 0)
}
