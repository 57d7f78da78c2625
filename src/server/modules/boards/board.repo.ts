import type { Scope } from '../../../contract/common.ts'
import type { PersonFacts } from '../../../contract/counting.ts'
import type { Board, BoardPerson, BoardScope, BoardTeam, GridFilter } from '../../../contract/reducer.ts'
import type { Answer, AnswerVia, CheckInFlag, TeamPost } from '../../../contract/vocabulary.ts'
import type { Tx } from '../../platform/db/index.ts'
import type { GridIndex } from '../registry/index.ts'
import { sql } from 'drizzle-orm'
import { emptyCounts, tally } from '../../../contract/counting.ts'
import { uuids } from '../../platform/db/index.ts'
import { getEmergency, headerOf } from '../emergencies/index.ts'
import { isWithin } from '../registry/index.ts'
import { teamTiles } from '../teams/index.ts'

export function filterOf(grids: GridIndex, scope: BoardScope): GridFilter {
  return (gridId) => {
    const place = grids.get(gridId)
    return place !== undefined && isWithin(place, scope)
  }
}

/**
 * A fresh board, all of it of one moment: the caller's transaction is REPEATABLE READ. Counts are one
 * GROUP BY over the participants.
 */
export async function readBoard(tx: Tx, grids: GridIndex, emergencyId: string, scope: BoardScope): Promise<Board> {
  const sees = filterOf(grids, scope)
  const e = await getEmergency(tx, emergencyId)
  const streams = await tx.execute<{ last_seq: number, at: string | null }>(sql`
    select s.last_seq, (select at from emergency_events v where v.emergency_id = s.id and v.seq = s.last_seq) as at from event_streams s where s.id = ${emergencyId}`)
  const groups = await tx.execute<{ team_id: string | null, grid_id: string, audience: PersonFacts['audience'], member_state: PersonFacts['memberState'], call_state: PersonFacts['callState'], answer: Answer | null, presence: PersonFacts['presence'], n: number }>(sql`
    select team_id, grid_id, audience, member_state, call_state, answer, presence, count(*)::int as n from participants
    where emergency_id = ${emergencyId} group by team_id, grid_id, audience, member_state, call_state, answer, presence`)
  const teams: Record<string, BoardTeam> = {}
  for (const tile of await teamTiles(tx, emergencyId)) {
    if (sees(tile.gridId))
      teams[tile.teamId] = { ...tile, counts: emptyCounts() }
  }
  const duty: Board['duty'] = {}
  for (const g of groups) {
    if (!sees(g.grid_id))
      continue
    const facts: PersonFacts = { audience: g.audience, memberState: g.member_state, callState: g.call_state, answer: g.answer, presence: g.presence }
    const counts = g.team_id === null ? (duty[g.grid_id] ??= emptyCounts()) : teams[g.team_id]?.counts
    if (counts !== undefined)
      tally(counts, facts, g.n)
  }
  const stream = streams[0]
  return { emergencyId, scope, seq: stream?.last_seq ?? 0, asOf: new Date(stream?.at ?? e.createdAt).toISOString(), header: headerOf(e), teams, duty }
}

export async function hasPeopleOfUnit(tx: Tx, emergencyId: string, unitId: string | null): Promise<boolean> {
  return (await tx.execute(sql`select 1 from participants where emergency_id = ${emergencyId} and unit_id = ${unitId} limit 1`)).length > 0
}

export interface PeopleRequest {
  emergencyId: string
  /** Empty: nobody. */
  scope: Scope
  ids: readonly string[] | null
  after: string | null
  limit: number
}

/** People of a scope inside the emergency, by name of team and ordinal, a keyset page at a time. */
export async function readPeople(tx: Tx, grids: GridIndex, r: PeopleRequest): Promise<{ people: (BoardPerson & { ordinal: number, audience: PersonFacts['audience'] })[], next: string | null }> {
  const gridIds = [...grids.all()].filter(place => isWithin(place, r.scope)).map(place => place.gridId)
  const rows = await tx.execute<{ person_id: string, name: string, unit_id: string | null, unit_name: string | null, ordinal: number, audience: PersonFacts['audience'], team_id: string | null, grid_id: string, post: TeamPost | null, member_state: PersonFacts['memberState'], call_state: PersonFacts['callState'], answer: Answer | null, answer_via: AnswerVia | null, presence: PersonFacts['presence'], promised_at: string | null, reason: string | null, answered_at: string | null, checked_in_at: string | null, checked_out_at: string | null, check_in_flags: CheckInFlag[] }>(sql`
    select p.person_id, pe.name, p.unit_id, u.name as unit_name, p.ordinal, p.audience, p.team_id, p.grid_id, p.post, p.member_state, p.call_state, p.answer, p.answer_via, p.presence,
      p.promised_at, coalesce(p.unsigned_reason, p.unreachable_reason, p.cannot_reason) as reason, p.answered_at, p.checked_in_at, p.checked_out_at, p.check_in_flags
    from participants p join persons pe on pe.id = p.person_id left join units u on u.id = p.unit_id
    where p.emergency_id = ${r.emergencyId}
      and (${r.scope.type === 'unit'} and p.unit_id = ${r.scope.type === 'unit' ? r.scope.id : null}::uuid or p.grid_id = any(${uuids(gridIds)}))
      and (${r.ids === null} or p.person_id = any(${uuids(r.ids ?? [])}))
      and p.ordinal > ${r.after === null ? 0 : Number(r.after)}
    order by p.ordinal limit ${r.limit + 1}`)
  const date = (text: string | null) => text === null ? null : new Date(text).toISOString()
  const page = rows.slice(0, r.limit)
  return {
    people: page.map(p => ({
      personId: p.person_id,
      name: p.name,
      unitId: p.unit_id,
      unitName: p.unit_name,
      ordinal: p.ordinal,
      audience: p.audience,
      post: p.post,
      standing: { teamId: p.team_id, gridId: p.grid_id, audience: p.audience, memberState: p.member_state, callState: p.call_state, answer: p.answer, presence: p.presence },
      promisedAt: date(p.promised_at),
      reason: p.reason,
      via: p.answer_via,
      answeredAt: date(p.answered_at),
      checkedInAt: date(p.checked_in_at),
      checkedOutAt: date(p.checked_out_at),
      flags: p.check_in_flags,
    })),
    next: rows.length > r.limit ? String(page.at(-1)?.ordinal ?? '') : null,
  }
}
