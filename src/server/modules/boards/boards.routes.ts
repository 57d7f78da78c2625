import type { App } from '../../platform/http/index.ts'
import type { Boards } from './boards.service.ts'
import { z } from 'zod'
import { BoardPeopleQuery, BoardQuery, EmergencyList, EventsQuery, Home, Mine, MyEmergency } from '../../../contract/boards.ts'
import { ErrorBody, Id } from '../../../contract/common.ts'
import { RevealedPhone } from '../../../contract/registry.ts'
import { callerOf } from '../../platform/http/index.ts'

const tags = ['boards']
const refusals = { '4xx': ErrorBody, '5xx': ErrorBody }
const params = z.strictObject({ emergencyId: Id })

export function registerBoardsRoutes(app: App, boards: Boards): void {
  app.get('/api/home', { config: { access: 'home.view' }, schema: { tags, summary: 'Peacetime home: readiness in numbers', response: { 200: Home, ...refusals } } }, request => boards.home(callerOf(request)))
  app.get('/api/emergencies', { config: { access: 'emergency.list' }, schema: { tags, summary: 'Open and recent responses and drills', response: { 200: EmergencyList, ...refusals } } }, request => boards.list(callerOf(request)))
  app.get('/api/emergencies/:emergencyId/board', { config: { access: 'board.view' }, schema: { tags, summary: 'A fresh board of a scope (contract/reducer.ts: Board)', params, querystring: BoardQuery } }, async (request, reply) => reply.send(await boards.board(callerOf(request), request.params.emergencyId, request.query)))
  app.get('/api/emergencies/:emergencyId/people', { config: { access: 'board.view' }, schema: { tags, summary: 'People of a scope with their states', params, querystring: BoardPeopleQuery } }, async (request, reply) => reply.send(await boards.people(callerOf(request), request.params.emergencyId, request.query)))
  app.get('/api/emergencies/:emergencyId/events', { config: { access: 'board.view' }, schema: { tags, summary: 'The event log, with long poll', params, querystring: EventsQuery } }, async (request, reply) => reply.send(await boards.events(callerOf(request), request.params.emergencyId, request.query)))
  app.get('/api/emergencies/:emergencyId/teams/:teamId/members', { config: { access: 'presence.showCode' }, schema: { tags, summary: 'A team by name, for its captain and grid chief', params: z.strictObject({ emergencyId: Id, teamId: Id }) } }, async (request, reply) => reply.send(await boards.teamMembers(callerOf(request), request.params.emergencyId, request.params.teamId)))
  app.get('/api/mine', { config: { access: 'mine.view' }, schema: { tags, summary: 'What calls me now', response: { 200: Mine, ...refusals } } }, request => boards.mine(callerOf(request)))
  app.get('/api/emergencies/:emergencyId/mine', { config: { access: 'mine.view' }, schema: { tags, summary: 'One emergency as my phone shows it', params, response: { 200: MyEmergency, ...refusals } } }, request => boards.myEmergency(callerOf(request), request.params.emergencyId))
  app.post('/api/emergencies/:emergencyId/captain-calls', { config: { access: 'mine.view' }, schema: { tags, summary: 'My captain\'s number, to call him', params, body: z.strictObject({}), response: { 200: RevealedPhone, ...refusals } } }, request => boards.callCaptain(callerOf(request), request.params.emergencyId))
}
