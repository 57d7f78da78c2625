import type { App } from '../../platform/http/index.ts'
import type { Teams } from './teams.service.ts'
import { z } from 'zod'
import { ErrorBody, Id } from '../../../contract/common.ts'
import { SeqReply } from '../../../contract/mobilization.ts'
import { Candidates, MoveMember, NameCaptain, Reinforce, ReleaseMember, SubstituteMember } from '../../../contract/teams.ts'
import { callerOf } from '../../platform/http/index.ts'

const tags = ['teams']
const refusals = { '4xx': ErrorBody, '5xx': ErrorBody }
const teamParams = z.strictObject({ emergencyId: Id, teamId: Id })
const personParams = z.strictObject({ emergencyId: Id, personId: Id })

export function registerTeamsRoutes(app: App, teams: Teams): void {
  app.post('/api/emergencies/:emergencyId/teams/:teamId/confirm', { config: { access: 'team.command' }, schema: { tags, summary: 'Confirm a provisional team', params: teamParams, body: z.strictObject({}), response: { 200: SeqReply, ...refusals } } }, request => teams.confirm(callerOf(request), request.params.emergencyId, request.params.teamId))
  app.post('/api/emergencies/:emergencyId/teams/:teamId/captain', { config: { access: 'team.command' }, schema: { tags, summary: 'Name the captain', params: teamParams, body: NameCaptain, response: { 200: SeqReply, ...refusals } } }, request => teams.nameCaptain(callerOf(request), request.params.emergencyId, request.params.teamId, request.body))
  app.get('/api/emergencies/:emergencyId/teams/:teamId/candidates', { config: { access: 'team.substitute' }, schema: { tags, summary: 'Who could stand in, in the roster\'s order', params: teamParams, response: { 200: Candidates, ...refusals } } }, request => teams.candidates(callerOf(request), request.params.emergencyId, request.params.teamId))
  app.post('/api/emergencies/:emergencyId/people/:personId/move', { config: { access: 'team.command' }, schema: { tags, summary: 'Move a member to another team of the community', params: personParams, body: MoveMember, response: { 200: SeqReply, ...refusals } } }, request => teams.move(callerOf(request), request.params.emergencyId, request.params.personId, request.body))
  app.post('/api/emergencies/:emergencyId/people/:personId/release', { config: { access: 'team.command' }, schema: { tags, summary: 'Release a member', params: personParams, body: ReleaseMember, response: { 200: SeqReply, ...refusals } } }, request => teams.release(callerOf(request), request.params.emergencyId, request.params.personId, request.body))
  app.post('/api/emergencies/:emergencyId/people/:personId/substitute', { config: { access: 'team.substitute' }, schema: { tags, summary: 'Let a stand-in take the post over', params: personParams, body: SubstituteMember, response: { 200: SeqReply, ...refusals } } }, request => teams.substitute(callerOf(request), request.params.emergencyId, request.params.personId, request.body))
  app.post('/api/emergencies/:emergencyId/reinforcements', { config: { access: 'team.reinforce' }, schema: { tags, summary: 'Reinforce a team from another', params: z.strictObject({ emergencyId: Id }), body: Reinforce, response: { 200: SeqReply, ...refusals } } }, request => teams.reinforce(callerOf(request), request.params.emergencyId, request.body))
}
