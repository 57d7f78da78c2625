import type { App } from '../../platform/http/index.ts'
import type { Plans } from './plans.service.ts'
import { z } from 'zod'
import { ErrorBody, Id } from '../../../contract/common.ts'
import { EditPlanLevel, Level, Plan, PlanList, StandingRoster } from '../../../contract/plans.ts'
import { DomainError } from '../../platform/errors.ts'
import { callerOf } from '../../platform/http/index.ts'

const tags = ['plans']
const refusals = { '4xx': ErrorBody }

export function registerPlansRoutes(app: App, plans: Plans): void {
  app.get('/api/plans', { config: { access: 'plan.view' }, schema: { tags, summary: 'Standing plans with their levels', response: { 200: PlanList, ...refusals } } }, request => plans.list(callerOf(request)))
  app.get('/api/plans/:planId', { config: { access: 'plan.view' }, schema: { tags, summary: 'One plan', params: z.strictObject({ planId: Id }), response: { 200: Plan, ...refusals } } }, request => plans.get(callerOf(request), request.params.planId))
  app.put('/api/plans/:planId/levels/:level', { config: { access: 'plan.edit' }, schema: { tags, summary: 'Edit one level of a plan', params: z.strictObject({ planId: Id, level: z.coerce.number().pipe(Level) }), body: EditPlanLevel, response: { 200: Plan, ...refusals } } }, async (request) => {
    if (request.params.level !== request.body.level.level)
      throw new DomainError('VALIDATION_FAILED', { fields: 'level.level', issues: [{ path: 'level.level', message: `≠ ${request.params.level}` }] })
    return plans.edit(callerOf(request), request.params.planId, request.body)
  })
  app.get('/api/plans/rosters/:gridId', { config: { access: 'roster.view' }, schema: { tags, summary: 'Standing roster of a grid, with reasons', params: z.strictObject({ gridId: Id }), response: { 200: StandingRoster, ...refusals } } }, request => plans.roster(callerOf(request), request.params.gridId))
}
