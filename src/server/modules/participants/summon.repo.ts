import type { SQL } from 'drizzle-orm'
/**
 * The key's set-based statements. Who is summoned was decided in peacetime (the standing roster); here
 * the first free people of each unit are taken, whatever the county's size in the same few statements.
 */
import type { BulkChange } from '../../../contract/events.ts'
import type { ResponseLevel } from '../../../contract/vocabulary.ts'
import type { Tx } from '../../platform/db/index.ts'
import type { PlanStamp } from '../plans/index.ts'
import { sql } from 'drizzle-orm'
import { uuids, violates } from '../../platform/db/index.ts'
import { bulkChange } from './participants.repo.ts'

export interface Audience {
  gridIds: readonly string[]
  level: ResponseLevel
  plan: PlanStamp
  /** Null before the emergency exists. */
  emergencyId: string | null
  /** Open emergencies whose people this one may take (invariant 6). */
  preemptable: readonly string[]
}

/** CTEs `quota` (posts per unit and grid) and `chosen` (who fills them now); both are read by preview and press alike. */
function chosen({ gridIds, level, plan, emergencyId, preemptable }: Audience) {
  const { generalPct, professionalPct } = plan.levels[level]
  return sql`
    quota as (
      select q.unit_id, q.grid_id, q.is_lead, q.members, q.candidates, q.shortfalls,
        (q.members * case u.mobilisation_class when 'general' then ${generalPct}::int when 'professional' then ${professionalPct}::int else 0 end + 99) / 100 as posts
      from roster_quotas q join units u on u.id = q.unit_id where q.grid_id = any(${uuids(gridIds)})
    ), present as (
      select unit_id, grid_id, count(*)::int as n, (count(*) filter (where answer is distinct from 'cannot'))::int as able from participants
      where emergency_id = ${emergencyId}::uuid and audience = 'team' and member_state = 'active' group by unit_id, grid_id
    ), free as (
      select r.person_id, r.unit_id, r.grid_id, r.post, q.is_lead, q.posts - coalesce(m.n, 0) as wanted,
        row_number() over (partition by r.grid_id, r.unit_id order by r.rank) as nth
      from roster_entries r join quota q on q.unit_id = r.unit_id and q.grid_id = r.grid_id
      left join present m on m.unit_id = r.unit_id and m.grid_id = r.grid_id
      -- Standby and drills give their people away, but nobody is called off the ground of a real response.
      where not exists (
          select from participants h join emergencies e on e.id = h.emergency_id
          where h.person_id = r.person_id and h.holds and h.emergency_id is distinct from ${emergencyId}::uuid
            and (h.emergency_id <> all(${uuids(preemptable)}) or (h.presence = 'checkedIn' and not e.is_drill)))
        -- Who was let go unasked, when the level fell, is called again when it rises.
        and not exists (
          select from participants h where h.person_id = r.person_id and h.emergency_id = ${emergencyId}::uuid
            and not (h.member_state = 'released' and h.call_state in ('pending', 'called') and h.grid_id = r.grid_id and h.unit_id = r.unit_id))
    ), chosen as (
      select * from free where nth <= wanted
    )`
}

export interface UnitPreview { unitId: string, unitName: string, gridId: string, gridName: string, communityName: string, required: number, available: number, candidates: number, shortfalls: { reason: 'exempt' | 'restrictedUnit', people: number }[] }

/** One row per unit and grid: posts, how many of them can be filled now, and why not more. */
export async function previewUnits(tx: Tx, audience: Audience): Promise<UnitPreview[]> {
  const rows = await tx.execute<{ unit_id: string, unit_name: string, grid_id: string, grid_name: string, community_name: string, posts: number, filled: number, candidates: number, shortfalls: UnitPreview['shortfalls'] }>(sql`
    with ${chosen(audience)}
    select q.unit_id, u.name as unit_name, q.grid_id, g.name as grid_name, c.name as community_name, q.posts, q.candidates, q.shortfalls,
      -- Who is in it already and can come, and who would be added.
      least(q.posts, coalesce(m.able, 0)) + (select count(*)::int from chosen x where x.unit_id = q.unit_id and x.grid_id = q.grid_id) as filled
    from quota q left join present m on m.unit_id = q.unit_id and m.grid_id = q.grid_id join units u on u.id = q.unit_id join grids g on g.id = q.grid_id join communities c on c.id = g.community_id
    order by g.code, q.is_lead desc, u.name`)
  return rows.map(r => ({ unitId: r.unit_id, unitName: r.unit_name, gridId: r.grid_id, gridName: r.grid_name, communityName: r.community_name, required: r.posts, available: r.filled, candidates: r.candidates, shortfalls: r.shortfalls }))
}

/** Exactly who is summoned: a fingerprint, and how many. The press refuses another fingerprint than the preview's. */
export interface Choice { [column: string]: unknown, hash: string, people: number }

/** No units at all. */
const NOBODY: Choice = { hash: '', people: 0 }
/** Of any order: sixteen thousand ids need not be sorted to be recognised. */
const choice = sql.raw(`coalesce(bit_xor(uuid_hash_extended(person_id, 0)) || ' ' || sum(uuid_hash_extended(person_id, 1)), '') as hash, count(*)::int as people`)

export async function previewChoice(tx: Tx, audience: Audience): Promise<Choice> {
  const [row] = await tx.execute<Choice>(sql`with ${chosen(audience)} select ${choice} from chosen`)
  return row ?? NOBODY
}

/** How many of those who would be summoned each pre-emptable emergency holds. */
export async function previewPreemption(tx: Tx, audience: Audience): Promise<{ emergencyId: string, people: number }[]> {
  if (audience.preemptable.length === 0)
    return []
  const rows = await tx.execute<{ emergency_id: string, people: number }>(sql`
    with ${chosen(audience)} select h.emergency_id, count(*)::int as people from chosen x join participants h on h.person_id = x.person_id and h.holds group by h.emergency_id order by h.emergency_id`)
  return rows.map(r => ({ emergencyId: r.emergency_id, people: r.people }))
}

/** The people chosen in this transaction, as a condition over `participants p`; valid after `choose`. */
export const CHOSEN = sql.raw('p.person_id in (select person_id from summoned)')

/** Fixes the choice for the rest of the transaction, so that claims of others can be ended before the new ones begin. */
export async function choose(tx: Tx, audience: Audience): Promise<Choice> {
  await tx.execute(sql`create temporary table if not exists summoned (person_id uuid, unit_id uuid, grid_id uuid, post text, is_lead boolean, nth int) on commit drop`)
  const [row] = await tx.execute<Choice>(sql`
    with ${chosen(audience)}, fixed as (insert into summoned select person_id, unit_id, grid_id, post, is_lead, nth from chosen returning person_id) select ${choice} from fixed`)
  return row ?? NOBODY
}

/** Gives everyone chosen a place in his grid's team. The teams exist already. */
export async function summonChosen(tx: Tx, emergencyId: string, now: Date): Promise<BulkChange[]> {
  // The first condition is asked once, and spares a new emergency the search.
  const again = await bulkChange(tx, emergencyId, sql`exists (select from participants r where r.emergency_id = ${emergencyId} and r.member_state = 'released') and p.member_state = 'released' and ${CHOSEN}`, sql`member_state = 'active', holds = true, call_state = 'pending', called_at = null, joined_at = ${now.toISOString()}`)
  const rows = await place(tx, emergencyId, now)
  return [...again, ...rows.map(({ team_id: teamId, grid_id: gridId, n }): BulkChange => ({
    before: null,
    after: { teamId, gridId, audience: 'team', memberState: 'active', callState: 'pending', answer: null, presence: 'none' },
    n,
  }))]
}

/**
 * Inserts the chosen. Somebody may be here already, or a stand-in elsewhere since a moment ago: then the others
 * are placed, and the next ones are chosen for them. Only then, because asking of each row costs a third more.
 */
async function place(tx: Tx, emergencyId: string, now: Date) {
  const insert = (onConflict: SQL) => tx.execute<{ team_id: string, grid_id: string, n: number }>(sql`
    with placed as (
      insert into participants (emergency_id, person_id, ordinal, audience, team_id, grid_id, unit_id, post, member_state, call_state, presence, holds, joined_at)
      select ${emergencyId}, s.person_id,
        (select coalesce(max(ordinal), 0) from participants where emergency_id = ${emergencyId}) + row_number() over (order by s.grid_id, s.is_lead desc, s.unit_id, s.nth),
        'team', t.id, s.grid_id, s.unit_id, s.post, 'active', 'pending', 'none', true, ${now.toISOString()}
      from summoned s join vanguard_teams t on t.emergency_id = ${emergencyId} and t.grid_id = s.grid_id
      ${onConflict}
      returning team_id, grid_id
    )
    select team_id, grid_id, count(*)::int as n from placed group by team_id, grid_id order by team_id`)
  await tx.execute(sql`savepoint before_placing`)
  try {
    return await insert(sql``)
  }
  catch (error) {
    if (!violates(error, 'participants_pk') && !violates(error, 'participants_holds_key'))
      throw error
    await tx.execute(sql`rollback to savepoint before_placing`)
    return insert(sql`on conflict do nothing`)
  }
}

/** Posts of these grids that are held on this day. */
const postedOn = (gridIds: readonly string[], today: string) => sql`gp.grid_id = any(${uuids(gridIds)}) and gp.valid_from <= ${today} and (gp.valid_to is null or gp.valid_to >= ${today})`

/** Who staffs any of these grids, as a condition over `participants p`: an officer may have more grids than the one that he is counted in. */
export const staffOf = (gridIds: readonly string[], today: string): SQL => sql`p.person_id in (select gp.person_id from grid_posts gp where ${postedOn(gridIds, today)})`

/** Who staffs these grids, once each, at the grid where his post weighs most: chief, then officer, then assistant. */
export async function summonDuty(tx: Tx, emergencyId: string, gridIds: readonly string[], today: string, now: Date): Promise<BulkChange[]> {
  const rows = await tx.execute<{ grid_id: string, n: number }>(sql`
    with staff as (
      select distinct on (gp.person_id) gp.person_id, gp.grid_id
      from grid_posts gp join grids g on g.id = gp.grid_id
      where ${postedOn(gridIds, today)}
      order by gp.person_id, case gp.post when 'gridChief' then 1 when 'gridOfficer' then 2 else 3 end, g.code
    ), placed as (
      insert into participants (emergency_id, person_id, ordinal, audience, grid_id, member_state, call_state, presence, holds, joined_at)
      select ${emergencyId}, s.person_id,
        (select coalesce(max(ordinal), 0) from participants where emergency_id = ${emergencyId}) + row_number() over (order by s.grid_id, s.person_id),
        'duty', s.grid_id, 'active', 'pending', 'none', false, ${now.toISOString()}
      from staff s
      on conflict on constraint participants_pk do nothing
      returning grid_id
    )
    select grid_id, count(*)::int as n from placed group by grid_id order by grid_id`)
  return rows.map(({ grid_id: gridId, n }) => ({
    before: null,
    after: { teamId: null, gridId, audience: 'duty', memberState: 'active', callState: 'pending', answer: null, presence: 'none' },
    n,
  }))
}

export async function countDuty(tx: Tx, gridIds: readonly string[], today: string): Promise<number> {
  const rows = await tx.execute<{ n: number }>(sql`select count(distinct gp.person_id)::int as n from grid_posts gp where ${postedOn(gridIds, today)}`)
  return rows[0]?.n ?? 0
}
