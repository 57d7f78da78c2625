import type { App } from '../../platform/http/index.ts'
import type { Presence } from './presence.service.ts'
import { z } from 'zod'
import { ErrorBody, Id } from '../../../contract/common.ts'
import { SeqReply } from '../../../contract/mobilization.ts'
import { CheckIn, CheckInCode, CheckInFor, CheckInReply, CheckOut, CheckOutReply, ListUnsigned, MarkRollCall, OpenRollCall, RollCall } from '../../../contract/presence.ts'
import { callerOf } from '../../platform/http/index.ts'

const tags = ['presence']
const refusals = { '4xx': ErrorBody, '5xx': ErrorBody }
const params = z.strictObject({ emergencyId: Id })
const personParams = z.strictObject({ emergencyId: Id, personId: Id })
const rollCallParams = z.strictObject({ rollCallId: Id })

export function registerPresenceRoutes(app: App, presence: Presence): void {
  app.post('/api/emergencies/:emergencyId/check-ins', { config: { access: 'presence.own' }, schema: { tags, summary: 'Check in by code or by one position', params, body: CheckIn, response: { 200: CheckInReply, ...refusals } } }, request => presence.checkIn(callerOf(request), request.params.emergencyId, request.body))
  app.post('/api/emergencies/:emergencyId/people/:personId/check-ins', { config: { access: 'presence.signFor' }, schema: { tags, summary: 'Sign somebody in', params: personParams, body: CheckInFor, response: { 200: CheckInReply, ...refusals } } }, request => presence.checkInFor(callerOf(request), request.params.emergencyId, request.params.personId, request.body))
  app.post('/api/emergencies/:emergencyId/check-outs', { config: { access: 'presence.own' }, schema: { tags, summary: 'Check out', params, body: CheckOut, response: { 200: CheckOutReply, ...refusals } } }, request => presence.checkOut(callerOf(request), request.params.emergencyId, request.body))
  app.post('/api/emergencies/:emergencyId/people/:personId/check-outs', { config: { access: 'presence.signFor' }, schema: { tags, summary: 'Sign somebody off', params: personParams, body: CheckOut, response: { 200: CheckOutReply, ...refusals } } }, request => presence.checkOutFor(callerOf(request), request.params.emergencyId, request.params.personId, request.body))
  app.post('/api/emergencies/:emergencyId/people/:personId/unsigned', { config: { access: 'presence.listUnsigned' }, schema: { tags, summary: 'List somebody as not signed off, with a reason', params: personParams, body: ListUnsigned, response: { 200: SeqReply, ...refusals } } }, request => presence.listUnsigned(callerOf(request), request.params.emergencyId, request.params.personId, request.body))
  app.get('/api/emergencies/:emergencyId/teams/:teamId/check-in-code', { config: { access: 'presence.showCode' }, schema: { tags, summary: 'The rotating check-in code', params: z.strictObject({ emergencyId: Id, teamId: Id }), response: { 200: CheckInCode, ...refusals } } }, request => presence.showCode(callerOf(request), request.params.emergencyId, request.params.teamId))
  app.post('/api/emergencies/:emergencyId/roll-calls', { config: { access: 'presence.rollCall' }, schema: { tags, summary: 'Open a roll call', params, body: OpenRollCall, response: { 201: RollCall, ...refusals } } }, async (request, reply) => reply.status(201).send(await presence.openRollCall(callerOf(request), request.params.emergencyId, request.body)))
  app.get('/api/roll-calls/:rollCallId', { config: { access: 'presence.rollCall' }, schema: { tags, summary: 'A roll call', params: rollCallParams, response: { 200: RollCall, ...refusals } } }, request => presence.getRollCall(callerOf(request), request.params.rollCallId))
  app.post('/api/roll-calls/:rollCallId/marks', { config: { access: 'presence.rollCall' }, schema: { tags, summary: 'Mark people as present or missing', params: rollCallParams, body: MarkRollCall, response: { 200: RollCall, ...refusals } } }, request => presence.markRollCall(callerOf(request), request.params.rollCallId, request.body))
  app.post('/api/roll-calls/:rollCallId/close', { config: { access: 'presence.rollCall' }, schema: { tags, summary: 'Close a roll call', params: rollCallParams, body: z.strictObject({}), response: { 200: RollCall, ...refusals } } }, request => presence.closeRollCall(callerOf(request), request.params.rollCallId))
}
