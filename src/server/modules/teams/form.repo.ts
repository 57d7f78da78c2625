import type { TeamTile } from '../../../contract/events.ts'
import type { ResponseLevel, TeamState } from '../../../contract/vocabulary.ts'
import type { Tx } from '../../platform/db/index.ts'
import type { PlanStamp } from '../plans/index.ts'
import { sql } from 'drizzle-orm'
import { uuids } from '../../platform/db/index.ts'
import { newId } from '../../platform/ids.ts'

/** As `communityTitle` of the registry. */
const COMMUNITY = `case when c.name like '%社区' then c.name else c.name || '社区' end`
const TEAM_NAME = sql.raw(`${COMMUNITY} || case when g.name like '%网格' then g.name else g.name || '网格' end || '党员先锋队'`)
const RALLY_POINT = sql.raw(`coalesce(rp.name, ${COMMUNITY} || '党群服务中心')`)

/** Condition over `participants p`: who cannot come, or cannot be reached, leads nobody, unless he came after all. */
const CAN_LEAD = sql.raw(`p.member_state = 'active' and (p.presence <> 'none' or (p.answer is distinct from 'cannot' and p.call_state <> 'unreachable'))`)

/** What the team of this grid would be called and where it would rally, if it were formed now. */
export async function teamToBe(tx: Tx, gridId: string): Promise<{ name: string, rallyPoint: string }> {
  const [row] = await tx.execute<{ name: string, rally_point: string }>(sql`
    select ${TEAM_NAME} as name, ${RALLY_POINT} as rally_point
    from grids g join communities c on c.id = g.community_id left join rally_points rp on rp.grid_id = g.id where g.id = ${gridId}`)
  return { name: row?.name ?? '', rallyPoint: row?.rally_point ?? '' }
}

/** One provisional team per grid that has none yet: name, rally point and lead unit are copied, a snapshot (invariant 7). */
export async function formTeams(tx: Tx, emergencyId: string, gridIds: readonly string[], now: Date): Promise<void> {
  await tx.execute(sql`
    insert into vanguard_teams (id, emergency_id, grid_id, community_id, name, grid_name, community_name, rally_point, lead_unit_id, state, required, created_at)
    select n.team_id, ${emergencyId}, g.id, c.id,
      ${TEAM_NAME}, g.name, c.name, ${RALLY_POINT},
      (select q.unit_id from roster_quotas q where q.grid_id = g.id and q.is_lead order by q.unit_id limit 1),
      'provisional', 0, ${now.toISOString()}
    from unnest(${uuids(gridIds)}, ${uuids(gridIds.map(() => newId()))}) as n(grid_id, team_id)
    join grids g on g.id = n.grid_id join communities c on c.id = g.community_id left join rally_points rp on rp.grid_id = g.id
    on conflict on constraint vanguard_teams_grid_key do nothing`)
}

/** 应到 of these grids' teams at this level; changes with level and scope alone (invariant 9). */
export async function setRequired(tx: Tx, emergencyId: string, gridIds: readonly string[], plan: PlanStamp, level: ResponseLevel): Promise<void> {
  const { generalPct, professionalPct } = plan.levels[level]
  await tx.execute(sql`
    update vanguard_teams t set required = coalesce((
      select sum((q.members * case u.mobilisation_class when 'general' then ${generalPct}::int when 'professional' then ${professionalPct}::int else 0 end + 99) / 100)::int
      from roster_quotas q join units u on u.id = q.unit_id where q.grid_id = t.grid_id), 0)
    where t.emergency_id = ${emergencyId} and t.grid_id = any(${uuids(gridIds)})`)
}

/**
 * Names a captain where a team has none: he comes from the lead unit (flagged otherwise). Fills up to two
 * deputies, first from the other units (domain rule §4.2.5). Who cannot come leads nobody. Returns the teams
 * that got a captain.
 */
export async function nameLeaders(tx: Tx, emergencyId: string): Promise<string[]> {
  const led = await tx.execute<{ id: string }>(sql`
    with best as (
      -- Nobody beyond the first three of his unit can become captain or deputy: the others are not ranked at all.
      select * from (
        select p.person_id, p.team_id, p.post, p.ordinal, t.captain_id, p.unit_id is not distinct from t.lead_unit_id as of_lead,
          row_number() over (partition by p.team_id, p.unit_id order by (p.person_id = t.captain_id) desc, (p.post = 'deputy') desc, p.ordinal) as of_unit
        from participants p join vanguard_teams t on t.id = p.team_id
        where t.emergency_id = ${emergencyId} and p.emergency_id = ${emergencyId} and p.member_state = 'active'
          and (p.person_id = t.captain_id or (p.answer is distinct from 'cannot' and p.call_state <> 'unreachable'))
      ) b where of_unit <= 3
    ), ranked as (
      select *, row_number() over (partition by team_id order by (person_id = captain_id) desc, of_lead desc, (post = 'deputy') desc, ordinal) as n from best
    ), led as (
      update vanguard_teams t set captain_id = r.person_id, captain_flagged = not r.of_lead from ranked r where r.team_id = t.id and r.n = 1 and t.captain_id is null
      returning t.id
    ), others as (
      select person_id, row_number() over (partition by team_id order by (post = 'deputy') desc, (of_unit = 1 and not of_lead) desc, n) as nth from ranked where n > 1
    ), leaders as materialized (
      select person_id, 'captain' as post from ranked where n = 1 and coalesce(captain_id, person_id) = person_id
      union all
      select person_id, 'deputy' from others where nth <= 2
    ), posts as (
      update participants p set post = l.post from leaders l where p.emergency_id = ${emergencyId} and p.person_id = l.person_id and p.post is distinct from l.post
    )
    select id from led`)
  return led.map(r => r.id)
}

export interface Handover { team: TeamTile, from: string | null, to: string | null }

/** After many people have left at once: teams whose captain is among them get the next one, and so do teams that had none. */
export async function replaceCaptains(tx: Tx, emergencyId: string): Promise<Handover[]> {
  const left = await tx.execute<{ team_id: string, person_id: string }>(sql`
    update vanguard_teams t set captain_id = null, captain_flagged = false from participants p
    where t.emergency_id = ${emergencyId} and p.emergency_id = ${emergencyId} and p.person_id = t.captain_id and p.member_state <> 'active'
    returning t.id as team_id, p.person_id`)
  if (left.length === 0)
    return []
  const before = new Map(left.map(l => [l.team_id, l.person_id]))
  const changed = new Set([...before.keys(), ...await nameLeaders(tx, emergencyId)])
  return (await teamTiles(tx, emergencyId, [...changed])).map(team => ({ team, from: before.get(team.teamId) ?? null, to: team.captainId }))
}

/**
 * The captain `leaverId` (null: nobody) leads no more, the next of the team does: first of the lead unit, then by
 * ordinal; the team waits for one where nobody is left who can. Null: the team has another captain by now. People
 * whose rows somebody holds at this moment are passed over rather than waited for: they may be waiting for ours.
 */
export async function passLead(tx: Tx, emergencyId: string, teamId: string, leaverId: string | null): Promise<Handover | null> {
  const [team] = await tx.execute<{ captain_id: string | null }>(sql`select captain_id from vanguard_teams where id = ${teamId} for no key update`)
  if (team === undefined || team.captain_id !== leaverId)
    return null
  const [heir] = await tx.execute<{ person_id: string, of_lead: boolean }>(sql`
    select p.person_id, p.unit_id is not distinct from t.lead_unit_id as of_lead from participants p join vanguard_teams t on t.id = p.team_id
    where p.team_id = ${teamId} and p.emergency_id = ${emergencyId} and ${CAN_LEAD}
    order by p.presence = 'checkedOut', (p.unit_id is not distinct from t.lead_unit_id) desc, (p.post = 'deputy') desc, p.ordinal limit 1 for no key update of p skip locked`)
  if (heir === undefined && leaverId === null)
    return null
  await tx.execute(sql`update vanguard_teams set captain_id = ${heir?.person_id ?? null}, captain_flagged = ${heir !== undefined && !heir.of_lead} where id = ${teamId}`)
  await tx.execute(sql`update participants set post = case when person_id = ${heir?.person_id ?? null}::uuid then 'captain' else 'deputy' end
    where emergency_id = ${emergencyId} and person_id = any(${uuids([leaverId, heir?.person_id ?? null].filter(id => id !== null))}) and member_state = 'active' and team_id = ${teamId}`)
  const [tile] = await teamTiles(tx, emergencyId, [teamId])
  return tile === undefined ? null : { team: tile, from: leaverId, to: tile.captainId }
}

/** Teams whose captain said that he cannot come, or whom nobody reached, and who is not there either. */
export async function captainsAmiss(tx: Tx, emergencyId: string): Promise<{ teamId: string, captainId: string }[]> {
  const rows = await tx.execute<{ team_id: string, captain_id: string }>(sql`
    select t.id as team_id, t.captain_id from vanguard_teams t join participants p on p.emergency_id = t.emergency_id and p.person_id = t.captain_id
    where t.emergency_id = ${emergencyId} and not (${CAN_LEAD}) order by t.id`)
  return rows.map(r => ({ teamId: r.team_id, captainId: r.captain_id }))
}

/** Teams that nobody leads although somebody could: everyone's row was held when the captain left. */
export async function teamsToLead(tx: Tx): Promise<{ emergencyId: string, teamId: string }[]> {
  const rows = await tx.execute<{ emergency_id: string, id: string }>(sql`
    select t.emergency_id, t.id from vanguard_teams t join emergencies e on e.id = t.emergency_id
    where e.state in ('preAlert', 'activated') and t.captain_id is null
      and exists (select from participants p where p.emergency_id = t.emergency_id and p.team_id = t.id and ${CAN_LEAD})
    order by t.id`)
  return rows.map(r => ({ emergencyId: r.emergency_id, teamId: r.id }))
}

/** Teams of these emergencies that nobody leads. */
export async function leaderlessTeams(tx: Tx, emergencyIds: readonly string[]): Promise<Set<string>> {
  const rows = await tx.execute<{ id: string }>(sql`select id from vanguard_teams where emergency_id = any(${uuids(emergencyIds)}) and captain_id is null`)
  return new Set(rows.map(r => r.id))
}

interface RawTile {
  [column: string]: unknown
  id: string
  grid_id: string
  grid_name: string
  community_id: string
  community_name: string
  name: string
  state: TeamState
  required: number
  captain_id: string | null
  captain_name: string | null
  captain_flagged: boolean
  rally_point: string
}

export async function teamTiles(tx: Tx, emergencyId: string, teamIds?: readonly string[]): Promise<TeamTile[]> {
  const rows = await tx.execute<RawTile>(sql`
    select t.id, t.grid_id, t.grid_name, t.community_id, t.community_name, t.name, t.state, t.required, t.captain_id, p.name as captain_name, t.captain_flagged, t.rally_point
    from vanguard_teams t join grids g on g.id = t.grid_id left join persons p on p.id = t.captain_id
    where t.emergency_id = ${emergencyId} and (${teamIds === undefined} or t.id = any(${uuids(teamIds ?? [])})) order by g.code`)
  return rows.map(r => ({
    teamId: r.id,
    gridId: r.grid_id,
    gridName: r.grid_name,
    communityId: r.community_id,
    communityName: r.community_name,
    name: r.name,
    state: r.state,
    required: r.required,
    captainId: r.captain_id,
    captainName: r.captain_name,
    captainFlagged: r.captain_flagged,
    rallyPoint: r.rally_point,
  }))
}

export async function dissolveTeams(tx: Tx, emergencyId: string): Promise<void> {
  await tx.execute(sql`update vanguard_teams set state = 'dissolved' where emergency_id = ${emergencyId} and state <> 'dissolved'`)
}
