import type { z } from 'zod'
import type { EditPlanLevel, Plan, StandingRoster } from '../../../contract/plans.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Database } from '../../platform/db/index.ts'
import type { Caller } from '../../platform/http/index.ts'
import type { Scheduler } from '../../platform/scheduler.ts'
import type { GridIndex } from '../registry/index.ts'
import { dayOf } from '../../platform/clock.ts'
import { DomainError } from '../../platform/errors.ts'
import { audit } from '../audit/index.ts'
import { requireAccess, requireScopes } from '../identity/index.ts'
import { editLevel, getPlan, listPlans, readRoster } from './plans.repo.ts'
import { refreshRosters } from './roster.repo.ts'

export interface PlansDeps { db: Database, clock: Clock, timeZone: string, grids: GridIndex }
export type Plans = ReturnType<typeof createPlans>

export function createPlans({ db, clock, timeZone, grids }: PlansDeps) {
  const today = () => dayOf(clock.now(), timeZone)

  async function refreshStale(): Promise<void> {
    await db.work.tx(async (tx) => {
      await refreshRosters(tx, 'stale', today())
    }, { deadlineMs: 60_000 })
  }

  return {
    async list({ actor }: Caller): Promise<{ plans: Plan[] }> {
      requireScopes(actor, 'plan.view')
      return { plans: await db.read.tx(tx => listPlans(tx), { readOnly: true }) }
    },

    async get({ actor }: Caller, planId: string): Promise<Plan> {
      requireScopes(actor, 'plan.view')
      return db.read.tx(tx => getPlan(tx, planId), { readOnly: true })
    },

    async edit({ actor, requestId }: Caller, planId: string, edit: z.output<typeof EditPlanLevel>): Promise<Plan> {
      requireAccess(actor, 'plan.edit', {})
      return db.work.tx(async (tx) => {
        await editLevel(tx, planId, edit.version, edit.level, clock.now())
        await audit(tx, { actorId: actor.personId, action: 'plan.edit', subjectType: 'plan', subjectId: planId, requestId, details: { level: edit.level.level } })
        return getPlan(tx, planId)
      })
    },

    async roster({ actor }: Caller, gridId: string): Promise<StandingRoster> {
      const scopes = requireScopes(actor, 'roster.view')
      const place = grids.get(gridId)
      if (place === undefined)
        throw new DomainError('NOT_FOUND')
      const units = scopes.filter(s => s.type === 'unit').map(s => s.id)
      return db.work.tx(async (tx) => {
        await refreshRosters(tx, 'stale', today())
        const roster = await readRoster(tx, gridId)
        if (roster === null)
          throw new DomainError('NOT_FOUND')
        if (grids.within(scopes).includes(gridId))
          return roster
        const own = roster.units.filter(u => units.includes(u.unitId))
        if (own.length === 0)
          throw new DomainError('NOT_FOUND')
        return { ...roster, units: own }
      }, { deadlineMs: 60_000 })
    },

    refreshStale,

    /** Rosters follow the registry, and the calendar, within seconds. */
    startJobs(scheduler: Scheduler): void {
      scheduler.loop('rosters', 2_000, refreshStale)
    },
  }
}
