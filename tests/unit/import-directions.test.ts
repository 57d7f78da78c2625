import { existsSync, readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { directionFault, mustStayFreeOfZod, ROOMS } from '../../scripts/eslint/import-directions.ts'

const module = (room: string, file = 'index.ts') => `src/server/modules/${room}/${file}`

describe('import directions', () => {
  it.each([
    ['a module asks a face above it', module('calls', 'calls.service.ts'), module('identity')],
    ['its own inside', module('calls', 'calls.service.ts'), module('calls', 'calls.rules.ts')],
    ['a foreign key', module('calls', 'calls.tables.ts'), module('registry', 'registry.tables.ts')],
    ['a read model joins tables', module('boards', 'board.repo.ts'), module('calls', 'calls.tables.ts')],
    ['the platform', module('calls', 'calls.service.ts'), 'src/server/platform/db/index.ts'],
    ['a channel implements a port', 'src/server/channels/sms/sandbox.ts', module('calls')],
    ['composition wires anything', 'src/server/app.ts', module('review', 'review.service.ts')],
    ['simulated phones know the contract', 'src/simulator/phone.ts', 'src/contract/realtime.ts'],
    ['an app uses what is shared', 'src/web/phone/main.ts', 'src/web/shared/api.ts'],
    ['tests look anywhere', 'tests/unit/x.test.ts', module('calls', 'calls.rules.ts')],
  ])('allows: %s', (_, from, to) => expect(directionFault(from, to)).toBeNull())

  it.each([
    ['uphill', module('identity', 'identity.service.ts'), module('calls'), /uphill/],
    ['another module\'s inside', module('calls', 'calls.service.ts'), module('registry', 'people.repo.ts'), /face/],
    ['another module\'s table in a repo', module('calls', 'deliveries.repo.ts'), module('registry', 'registry.tables.ts'), /face/],
    ['a table uphill', module('registry', 'registry.tables.ts'), module('calls', 'calls.tables.ts'), /uphill/],
    ['a room without a place', module('lobby', 'x.ts'), module('identity'), /no place/],
    ['the platform asks a module', 'src/server/platform/errors.ts', module('identity'), /domain/],
    ['a module asks a channel', module('calls', 'calls.service.ts'), 'src/server/channels/sms/sandbox.ts', /above it/],
    ['the contract asks the server', 'src/contract/calls.ts', 'src/server/platform/ids.ts', /contract/],
    ['simulated phones look inside', 'src/simulator/phone.ts', module('calls'), /real protocols/],
    ['the server imports the web client', 'src/server/main.ts', 'src/web/phone/main.ts', /never imports/],
    ['the web client imports the server', 'src/web/phone/main.ts', module('calls'), /web client/],
    ['one app imports another', 'src/web/phone/main.ts', 'src/web/console/router.ts', /shared/],
    ['what is shared imports an app', 'src/web/shared/api.ts', 'src/web/phone/live.ts', /shared/],
  ])('refuses: %s', (_, from, to, why) => expect(directionFault(from, to)).toMatch(why))

  it('every module has its place in the order', () => {
    expect(existsSync('src/server/modules')).toBe(true)
    const rooms = readdirSync('src/server/modules', { withFileTypes: true }).filter(entry => entry.isDirectory()).map(entry => entry.name)
    expect(rooms.filter(room => !(ROOMS as readonly string[]).includes(room))).toEqual([])
  })

  it('keeps zod from the phone, not from the console', () => {
    expect(mustStayFreeOfZod('src/web/phone/main.ts')).toBe(true)
    expect(mustStayFreeOfZod('src/web/shared/api.ts')).toBe(true)
    expect(mustStayFreeOfZod('src/web/console/main.ts')).toBe(false)
  })
})
