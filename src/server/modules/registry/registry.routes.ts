import type { Mode } from '../../../contract/vocabulary.ts'
import type { Tx } from '../../platform/db/index.ts'
import type { App } from '../../platform/http/index.ts'
import type { Registry } from './registry.service.ts'
import { z } from 'zod'
import { ErrorBody, Id } from '../../../contract/common.ts'
import { EndPairing, IdReply, NewExemption, NewPairing, NewPerson, PeoplePage, PeopleQuery, PlaceTree, RevealedPhone, RevealPhone, UnitList } from '../../../contract/registry.ts'
import { callerOf } from '../../platform/http/index.ts'

const tags = ['registry']
const refusals = { '4xx': ErrorBody }

/** `relationTo`: how the reader and the person stand to each other in the open emergency, answered by the participants. */
export function registerRegistryRoutes(app: App, registry: Registry, relationTo: (tx: Tx, personId: string) => Promise<{ captainId?: string | null, mode?: Mode, gridId?: string | null, emergencyId?: string }>): void {
  app.get('/api/registry/tree', { config: { access: 'registry.view' }, schema: { tags, summary: 'Townships, communities and grids in the reader\'s scope', response: { 200: PlaceTree, ...refusals } } }, request => registry.tree(callerOf(request)))
  app.get('/api/registry/units', { config: { access: 'registry.view' }, schema: { tags, summary: 'Units with their pairings', response: { 200: UnitList, ...refusals } } }, request => registry.units(callerOf(request)))
  app.get('/api/registry/people', { config: { access: 'registry.view' }, schema: { tags, summary: 'People, a page at a time', querystring: PeopleQuery, response: { 200: PeoplePage, ...refusals } } }, request => registry.people(callerOf(request), request.query))
  app.post('/api/registry/people', { config: { access: 'registry.editPeople' }, schema: { tags, summary: 'Register a member of one\'s own unit', body: NewPerson, response: { 201: IdReply, ...refusals } } }, async (request, reply) => reply.status(201).send(await registry.addPerson(callerOf(request), request.body)))
  app.post('/api/registry/exemptions', { config: { access: 'registry.editPeople' }, schema: { tags, summary: 'Report that a member cannot be summoned for a time', body: NewExemption, response: { 201: IdReply, ...refusals } } }, async (request, reply) => reply.status(201).send(await registry.addExemption(callerOf(request), request.body)))
  app.post('/api/registry/pairings', { config: { access: 'registry.editPairings' }, schema: { tags, summary: 'Pair a unit with a grid', body: NewPairing, response: { 201: IdReply, ...refusals } } }, async (request, reply) => reply.status(201).send(await registry.addPairing(callerOf(request), request.body)))
  app.post('/api/registry/pairings/:pairingId/end', { config: { access: 'registry.editPairings' }, schema: { tags, summary: 'End a pairing', params: z.strictObject({ pairingId: Id }), body: EndPairing, response: { 204: z.null(), ...refusals } } }, async (request, reply) => {
    await registry.endPairing(callerOf(request), request.params.pairingId, request.body.lastDay)
    return reply.status(204).send(null)
  })
  app.post('/api/people/:personId/phone-reveals', { config: { access: 'person.revealPhone' }, schema: { tags, summary: 'The full phone number, for a logged reason', params: z.strictObject({ personId: Id }), body: RevealPhone, response: { 200: RevealedPhone, ...refusals } } }, request => registry.revealPhone(callerOf(request), request.params.personId, request.body.reason, tx => relationTo(tx, request.params.personId)))
}
