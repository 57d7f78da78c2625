import type { z } from 'zod'
import type { EmergencyRow as EmergencyListRow, Home } from '../../../contract/boards.ts'
import type { Mode } from '../../../contract/vocabulary.ts'
import type { Tx } from '../../platform/db/index.ts'
import { sql } from 'drizzle-orm'
import { UNDER_STRENGTH_BELOW } from '../../../contract/vocabulary.ts'
import { uuids } from '../../platform/db/index.ts'

/** Peacetime numbers of the visible grids, with what each grid lacks to be ready. `county`: units without a grid count too. */
export async function readHome(tx: Tx, gridIds: ReadonlySet<string>, county: boolean, mode: Mode, modes: ReadonlyMap<string, Mode>): Promise<z.output<typeof Home>> {
  const ids = uuids(gridIds)
  const grids = await tx.execute<{ id: string, community_id: string, units: number, leads: number, chiefs: number, officers: number, assistants: number, rally: boolean, members: number, candidates: number, at_iii: number }>(sql`
    select g.id, g.community_id,
      (select count(*)::int from roster_quotas q where q.grid_id = g.id) as units,
      (select count(*)::int from roster_quotas q where q.grid_id = g.id and q.is_lead) as leads,
      (select count(*)::int from grid_posts s where s.grid_id = g.id and s.valid_to is null and s.post = 'gridChief') as chiefs,
      (select count(*)::int from grid_posts s where s.grid_id = g.id and s.valid_to is null and s.post = 'gridOfficer') as officers,
      (select count(*)::int from grid_posts s where s.grid_id = g.id and s.valid_to is null and s.post = 'gridAssistant') as assistants,
      exists (select from rally_points r where r.grid_id = g.id) as rally,
      coalesce((select sum(q.members)::int from roster_quotas q where q.grid_id = g.id), 0) as members,
      coalesce((select sum(q.candidates)::int from roster_quotas q where q.grid_id = g.id), 0) as candidates,
      coalesce((select sum((q.members * case u.mobilisation_class when 'general' then l.general_pct when 'professional' then l.professional_pct else 0 end + 99) / 100)::int
        from roster_quotas q join units u on u.id = q.unit_id
        cross join lateral (select general_pct, professional_pct from plan_levels where level = 3 and plan_id = (select id from plans order by sort limit 1)) l
        where q.grid_id = g.id), 0) as at_iii
    from grids g where g.id = any(${ids}) order by g.code`)
  const counts = await tx.execute<{ units: number, paired_units: number, staff: number }>(sql`
    select (select count(*)::int from units u where u.valid_to is null and (${county} or exists (select from roster_quotas q where q.unit_id = u.id and q.grid_id = any(${ids})))) as units,
      (select count(distinct unit_id)::int from roster_quotas where grid_id = any(${ids})) as paired_units,
      (select count(distinct person_id)::int from grid_posts where valid_to is null and grid_id = any(${ids})) as staff`)
  const drills = await tx.execute<{ id: string, name: string, at: string }>(sql`select id, name, activated_at as at from emergencies where is_drill and activated_at is not null and exists (select from emergency_grids g where g.emergency_id = emergencies.id and g.grid_id = any(${ids})) order by activated_at desc limit 1`)
  const states = grids.map((g) => {
    const missing = [
      g.units === 0 ? 'pairing' : null,
      g.leads === 0 ? 'leadUnit' : null,
      g.chiefs === 0 ? 'gridChief' : null,
      g.officers === 0 ? 'gridOfficer' : null,
      g.assistants < 2 ? 'gridAssistants' : null,
      g.rally ? null : 'rallyPoint',
      g.candidates < UNDER_STRENGTH_BELOW ? 'candidates' : null,
    ].filter(m => m !== null)
    return { gridId: g.id, mode: modes.get(g.id) ?? 'peacetime', ready: missing.length === 0, missing }
  })
  const drill = drills[0]
  return {
    mode,
    communities: new Set(grids.map(g => g.community_id)).size,
    grids: grids.length,
    units: counts[0]?.units ?? 0,
    pairedGrids: grids.filter(g => g.units > 0).length,
    pairedUnits: counts[0]?.paired_units ?? 0,
    members: grids.reduce((sum, g) => sum + g.members, 0),
    candidates: grids.reduce((sum, g) => sum + g.candidates, 0),
    gridStaff: counts[0]?.staff ?? 0,
    underStrengthAtIII: grids.filter(g => g.at_iii < UNDER_STRENGTH_BELOW).length,
    readyGrids: states.filter(s => s.ready).length,
    lastDrill: drill === undefined ? null : { id: drill.id, name: drill.name, at: new Date(drill.at).toISOString() },
    gridStates: states,
  }
}

/** Open first, then recent; only those that touch these grids or these units. */
export async function listEmergencies(tx: Tx, gridIds: ReadonlySet<string>, unitIds: readonly string[]): Promise<EmergencyListRow[]> {
  const rows = await tx.execute<{ id: string, no: string, kind: EmergencyListRow['kind'], event_class: EmergencyListRow['eventClass'], name: string, is_drill: boolean, state: EmergencyListRow['state'], level: number | null, activated_at: string | null, terminated_at: string | null, grids: number }>(sql`
    select e.id, e.no, e.kind, e.event_class, e.name, e.is_drill, e.state, e.level, e.activated_at, e.terminated_at,
      (select count(*)::int from emergency_grids g where g.emergency_id = e.id) as grids
    from emergencies e
    where exists (select from emergency_grids g where g.emergency_id = e.id and g.grid_id = any(${uuids(gridIds)}))
      or exists (select from participants p where p.emergency_id = e.id and p.unit_id = any(${uuids(unitIds)}))
    order by e.state in ('preAlert', 'activated', 'standDown') desc, e.created_at desc limit 100`)
  const date = (text: string | null) => text === null ? null : new Date(text).toISOString()
  return rows.map(r => ({ id: r.id, no: r.no, kind: r.kind, eventClass: r.event_class, name: r.name, isDrill: r.is_drill, state: r.state, level: r.level, activatedAt: date(r.activated_at), terminatedAt: date(r.terminated_at), grids: r.grids }))
}
