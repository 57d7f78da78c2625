import type { Plan, PlanLevel, StandingRoster } from '../../../contract/plans.ts'
import type { EventClass, MobilisationClass, ResponseLevel } from '../../../contract/vocabulary.ts'
import type { Tx } from '../../platform/db/index.ts'
import type { LadderRung, MessageTemplates, PlanStamp } from './plans.tables.ts'
import { sql } from 'drizzle-orm'
import { RESPONSE_LEVELS } from '../../../contract/vocabulary.ts'
import { DomainError } from '../../platform/errors.ts'
import { newId } from '../../platform/ids.ts'
import { DEFAULT_PLANS } from './default-plans.ts'
import { quotaOf } from './plans.rules.ts'

interface PlanRow { id: string, code: string, name: string, event_class: EventClass, mobilises: boolean, version: number, levels: LevelRow[] }
interface LevelRow { level: ResponseLevel, general_pct: number, professional_pct: number, rally_limit_min: number | null, expected_hours: number, basis: string, approver: string, measures: string, tasks: string, caution: string, ladder: LadderRung[], templates: MessageTemplates }

function toPlan(row: PlanRow): Plan {
  return {
    id: row.id,
    code: row.code,
    name: row.name,
    eventClass: row.event_class,
    mobilises: row.mobilises,
    version: row.version,
    levels: row.levels.map(l => ({ level: l.level, generalPct: l.general_pct, professionalPct: l.professional_pct, rallyLimitMin: l.rally_limit_min, expectedHours: l.expected_hours, basis: l.basis, approver: l.approver, measures: l.measures, tasks: l.tasks, caution: l.caution, ladder: l.ladder, templates: l.templates })),
  }
}

export async function listPlans(tx: Tx, planId?: string): Promise<Plan[]> {
  const rows = await tx.execute<PlanRow & Record<string, unknown>>(sql`
    select p.id, p.code, p.name, p.event_class, p.mobilises, p.version,
      (select json_agg(to_json(l) order by l.level) from plan_levels l where l.plan_id = p.id) as levels
    from plans p where ${planId ?? null}::uuid is null or p.id = ${planId ?? null}::uuid order by p.sort`)
  return rows.map(toPlan)
}

/** @throws NOT_FOUND */
export async function getPlan(tx: Tx, planId: string): Promise<Plan> {
  const [plan] = await listPlans(tx, planId)
  if (plan === undefined)
    throw new DomainError('NOT_FOUND')
  return plan
}

export function stampPlan(plan: Plan): PlanStamp {
  const levels = {} as PlanStamp['levels']
  for (const level of RESPONSE_LEVELS) {
    const found = plan.levels.find(l => l.level === level)
    if (found === undefined)
      throw new DomainError('NOT_FOUND')
    const { generalPct, professionalPct, rallyLimitMin, tasks, caution, ladder, templates } = found
    levels[level] = { generalPct, professionalPct, rallyLimitMin, tasks, caution, ladder: ladder.map(({ afterMin, nightAfterMin, action }) => nightAfterMin === undefined ? { afterMin, action } : { afterMin, nightAfterMin, action }), templates }
  }
  return { planId: plan.id, planVersion: plan.version, planName: plan.name, levels }
}

async function saveLevel(tx: Tx, planId: string, l: PlanLevel): Promise<void> {
  await tx.execute(sql`
    insert into plan_levels (plan_id, level, general_pct, professional_pct, rally_limit_min, expected_hours, basis, approver, measures, tasks, caution, ladder, templates)
    values (${planId}, ${l.level}, ${l.generalPct}, ${l.professionalPct}, ${l.rallyLimitMin}, ${l.expectedHours}, ${l.basis}, ${l.approver}, ${l.measures}, ${l.tasks}, ${l.caution}, ${JSON.stringify(l.ladder)}::jsonb, ${JSON.stringify(l.templates)}::jsonb)
    on conflict on constraint plan_levels_pk do update set
      general_pct = excluded.general_pct, professional_pct = excluded.professional_pct, rally_limit_min = excluded.rally_limit_min,
      expected_hours = excluded.expected_hours, basis = excluded.basis, approver = excluded.approver, measures = excluded.measures,
      tasks = excluded.tasks, caution = excluded.caution, ladder = excluded.ladder, templates = excluded.templates`)
}

/** @throws STALE_VERSION where somebody else edited the plan since it was read. */
export async function editLevel(tx: Tx, planId: string, version: number, level: PlanLevel, now: Date): Promise<void> {
  const bumped = await tx.execute(sql`update plans set version = version + 1, updated_at = ${now.toISOString()} where id = ${planId} and version = ${version} returning id`)
  if (bumped.length === 0) {
    await getPlan(tx, planId)
    throw new DomainError('STALE_VERSION')
  }
  await saveLevel(tx, planId, level)
}

/** Puts the default plans into a county that has none; later edits are never touched. */
export async function seedPlans(tx: Tx): Promise<void> {
  for (const [sort, plan] of DEFAULT_PLANS.entries()) {
    const id = newId()
    const made = await tx.execute(sql`
      insert into plans (id, code, name, event_class, mobilises, sort) values (${id}, ${plan.code}, ${plan.name}, ${plan.eventClass}, ${plan.mobilises}, ${sort})
      on conflict on constraint plans_code_key do nothing returning id`)
    if (made.length === 0)
      continue
    for (const level of plan.levels)
      await saveLevel(tx, id, level)
  }
}

/** The standing roster of a grid with the reason of every choice and shortfall. Quotas by the default rates of each level of the first plan. */
export async function readRoster(tx: Tx, gridId: string): Promise<StandingRoster | null> {
  const grids = await tx.execute<{ name: string }>(sql`select name from grids where id = ${gridId}`)
  const grid = grids[0]
  if (grid === undefined)
    return null
  const rates = await tx.execute<{ level: ResponseLevel, general_pct: number, professional_pct: number }>(sql`
    select level, general_pct, professional_pct from plan_levels where plan_id = (select id from plans order by sort limit 1) order by level`)
  const units = await tx.execute<{ unit_id: string, unit_name: string, mobilisation_class: MobilisationClass, is_lead: boolean, members: number, candidates: number, shortfalls: StandingRoster['units'][number]['shortfalls'], people: StandingRoster['units'][number]['people'] | null }>(sql`
    select q.unit_id, u.name as unit_name, u.mobilisation_class, q.is_lead, q.members, q.candidates, q.shortfalls,
      (select json_agg(json_build_object('personId', p.id, 'name', p.name, 'rank', r.rank, 'post', r.post, 'reasons', r.reasons) order by r.rank)
        from roster_entries r join persons p on p.id = r.person_id where r.unit_id = q.unit_id and r.grid_id = q.grid_id) as people
    from roster_quotas q join units u on u.id = q.unit_id where q.grid_id = ${gridId} order by q.is_lead desc, u.name`)
  return {
    gridId,
    gridName: grid.name,
    units: units.map(u => ({
      unitId: u.unit_id,
      unitName: u.unit_name,
      isLead: u.is_lead,
      members: u.members,
      candidates: u.candidates,
      quotas: rates.map(r => ({ level: r.level, quota: u.mobilisation_class === 'restricted' ? 0 : quotaOf(u.members, u.mobilisation_class === 'general' ? r.general_pct : r.professional_pct) })),
      shortfalls: u.shortfalls,
      people: u.people ?? [],
    })),
  }
}
