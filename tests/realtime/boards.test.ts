import type { BoardScope } from '../../src/contract/reducer.ts'
import { sql } from 'drizzle-orm'
import { afterEach, describe, expect, it } from 'vitest'
import { arrived, funnel, toCall } from '../../src/contract/counting.ts'
import { isMilestone } from '../../src/contract/events.ts'
import { newId } from '../../src/server/platform/ids.ts'
import { ask, openInstances, watchBoard } from '../harness/instances.ts'
import { until } from '../harness/until.ts'

const stage = await openInstances()
const { county } = stage
const open: string[] = []

async function press(options?: Parameters<typeof stage.press>[0]): Promise<string> {
  const { id } = await stage.press(options)
  open.push(id)
  return id
}

afterEach(async () => {
  for (const id of open.splice(0))
    await stage.revoke(id).catch(() => {})
})

const COUNTY: BoardScope = { type: 'county', id: null }
const grid = (n: number) => county.grids[n]?.id ?? ''
const community = (n: number): BoardScope => ({ type: 'community', id: county.communities[n]?.id ?? '' })
const officers = county.officers
const live = (instance: number) => stage.at(instance).built.services.live

describe('a watched board', () => {
  it('follows answers and check-ins given on both processes, and ends as the fresh one, in few packets', async () => {
    const id = await press()
    const watchers = await Promise.all([
      stage.connect(officers.countyCommander, 0).then(c => watchBoard(c, id, COUNTY)),
      stage.connect(officers.auditor, 1).then(c => watchBoard(c, id, COUNTY)),
      stage.connect(officers.secretaryOfFirst, 1).then(c => watchBoard(c, id, community(0))),
      stage.connect(officers.townshipSecretary, 0).then(c => watchBoard(c, id, { type: 'township', id: county.townshipId })),
    ])
    const people = await stage.membersOf(id)
    const phones = await Promise.all(people.map((personId, i) => stage.connect(personId, i % 2, { emergencyId: id })))
    await Promise.all(phones.map(async (phone, i) => {
      expect(await ask(phone, 'call:answer', { emergencyId: id, ...stage.answer(i % 5 === 0 ? 'cannot' : 'going') })).toMatchObject({ ok: true })
      if (i % 3 === 1)
        expect(await ask(phone, 'presence:checkIn', { emergencyId: id, method: 'position', checkInId: newId(), position: { latitude: 34.44, longitude: 104.04, accuracyM: 20, coordinateSystem: 'WGS84' } })).toMatchObject({ ok: true })
    }))
    for (const watcher of watchers)
      await stage.settled(watcher, id)

    const [mine, elsewhere, first, township] = watchers
    const whole = await stage.fresh(id)
    expect(mine?.board).toEqual(whole)
    expect(elsewhere?.board).toEqual(whole)
    expect(first?.board).toEqual(await stage.fresh(id, community(0), officers.secretaryOfFirst))
    expect(township?.board?.teams).toEqual(whole.teams)
    expect(Object.values(first?.board?.teams ?? {}).map(t => t.communityName)).toEqual(['东城', '东城'])
    const sum = funnel(Object.values(whole.teams))
    expect(sum).toMatchObject({ toCall: people.length, answered: people.length })
    // Four packets a second at most, whatever the number of answers.
    for (const watcher of watchers)
      expect(watcher.deltas).toBeLessThan(people.length / 2)
    expect(watchers.map(w => w.resyncs)).toEqual([0, 0, 0, 0])
  })

  it('is continued exactly by the next delta for whoever joins in the middle', async () => {
    const id = await press()
    const people = await stage.membersOf(id)
    const phones = await Promise.all(people.slice(0, 40).map(personId => stage.connect(personId, 0, { emergencyId: id })))
    const watchers: Awaited<ReturnType<typeof watchBoard>>[] = []
    const joining = (async () => {
      for (let i = 0; i < 12; i++) {
        const client = await stage.connect(officers.countyCommander, i % 2)
        watchers.push(await watchBoard(client, id, COUNTY))
      }
    })()
    for (const phone of phones)
      await ask(phone, 'call:answer', { emergencyId: id, ...stage.answer() })
    await joining
    const whole = await stage.fresh(id)
    for (const watcher of watchers) {
      await stage.settled(watcher, id)
      expect(watcher.board).toEqual(whole)
      expect(watcher.resyncs).toBe(0)
    }
  })

  it('is asked for again after a lost connection', async () => {
    const id = await press()
    const client = await stage.connect(officers.countyCommander, 1)
    const before = await watchBoard(client, id, COUNTY)
    client.disconnect()
    const [personId = ''] = await stage.membersOf(id)
    await ask(await stage.connect(personId, 0, { emergencyId: id }), 'call:answer', { emergencyId: id, ...stage.answer() })
    const after = await watchBoard(await stage.connect(officers.countyCommander, 1), id, COUNTY)
    await stage.settled(after, id)
    expect(after.board).toEqual(await stage.fresh(id))
    expect(before.board?.seq).toBeLessThan(after.board?.seq ?? 0)
  })

  it('lives as long as somebody watches', async () => {
    const id = await press()
    await until(() => live(0).size() === 0, 'boards of earlier screens are gone')
    const [one, two] = [await stage.connect(officers.countyCommander), await stage.connect(officers.countyDuty)]
    const { watchId } = await watchBoard(one, id, COUNTY)
    await watchBoard(two, id, COUNTY)
    expect(live(0).size()).toBe(1)
    expect(await ask(two, 'board:unwatch', { watchId })).toEqual({ ok: true, data: {} })
    expect(live(0).size()).toBe(1)
    one.disconnect()
    await until(() => live(0).size() === 0, 'the last watcher is gone, and the board with him')
  })

  it('pulses, so that silence is told from quiet', async () => {
    const id = await press()
    const client = await stage.connect(officers.countyCommander)
    await watchBoard(client, id, COUNTY)
    const pulse = await new Promise<{ now: string }>(resolve => client.once('pulse', resolve))
    expect(Date.parse(pulse.now)).toBeGreaterThan(0)
  })

  it('of a unit tells which of its own people changed', async () => {
    const id = await press()
    const unit = county.units[0]
    const watcher = await stage.connect(officers.secretaryOfUnit0, 1)
    const named: (string[] | 'all')[] = []
    watcher.on('board:delta', ({ delta }) => named.push(delta.people))
    const state = await watchBoard(watcher, id, { type: 'unit', id: unit?.id ?? '' })
    expect(state.board?.teams).toEqual({})
    for (const personId of [unit?.memberIds[0] ?? '', county.units[2]?.memberIds[0] ?? ''])
      await ask(await stage.connect(personId, 0, { emergencyId: id }), 'call:answer', { emergencyId: id, ...stage.answer() })
    await stage.settled(state, id)
    expect(named.filter(p => p !== 'all').flat()).toEqual([unit?.memberIds[0]])
    const people = await stage.request(officers.secretaryOfUnit0, 'GET', `/api/emergencies/${id}/people?scope=unit&scopeId=${unit?.id}&ids=${unit?.memberIds[0]}`)
    expect(people.body.people).toMatchObject([{ personId: unit?.memberIds[0], standing: { callState: 'answered', answer: 'going' } }])
  })
})

describe('the timeline beside it', () => {
  it('names people to their community and to nobody else, and masks them on the county\'s wall', async () => {
    const id = await press()
    const watchers = await Promise.all([
      stage.connect(officers.countyCommander).then(c => watchBoard(c, id, COUNTY)),
      stage.connect(officers.secretaryOfFirst).then(c => watchBoard(c, id, community(0))),
      stage.connect(officers.secretaryOfSecond).then(c => watchBoard(c, id, community(1))),
    ])
    const [personId = ''] = await stage.membersOf(id, 0)
    await ask(await stage.connect(personId, 1, { emergencyId: id }), 'call:answer', { emergencyId: id, ...stage.answer() })
    await stage.request(officers.secretaryOfFirst, 'POST', `/api/emergencies/${id}/people/${personId}/release`, { body: { reason: '家中有事' } }).then(reply => expect(reply.status, JSON.stringify(reply.body)).toBe(200))
    for (const watcher of watchers)
      await stage.settled(watcher, id)
    expect(watchers.flatMap(w => w.timeline).filter(e => !isMilestone(e)), 'single people belong to the counts').toEqual([])
    const [row] = await stage.read<{ name: string }>(sql`select name from persons where id = ${personId}`)
    const name = row?.name ?? ''
    const named = watchers.map(w => w.timeline.filter(e => e.type === 'team.memberReleased').map(e => (e.data as { change: { name: string } }).change.name))
    expect(named).toEqual([[`${name[0]}${'*'.repeat([...name].length - 1)}`], [name], []])
    for (const e of watchers.flatMap(w => w.timeline))
      expect(JSON.stringify(e).length, 'an entry stays small').toBeLessThan(4_000)
  })
})

describe('who may watch', () => {
  it.each([
    ['a member', () => county.units[0]?.memberIds[0] ?? '', COUNTY],
    ['a grid chief, another grid', () => county.grids[0]?.chiefId ?? '', { type: 'grid', id: grid(1) }],
    ['a community secretary, the county', () => officers.secretaryOfFirst, COUNTY],
    ['a community secretary, another community', () => officers.secretaryOfFirst, community(1)],
    ['a unit secretary, another unit', () => officers.secretaryOfUnit0, { type: 'unit', id: county.units[2]?.id ?? '' }],
    ['the county, a place that is not there', () => officers.countyCommander, { type: 'community', id: newId() }],
    ['the county, a county with an id', () => officers.countyCommander, { type: 'county', id: newId() }],
    ['anybody, half a scope', () => officers.countyCommander, { type: 'community', id: null }],
  ] as const)('%s: nothing there', async (_, who, scope) => {
    const id = await press()
    expect(await ask(await stage.connect(who()), 'board:watch', { emergencyId: id, scope })).toMatchObject({ ok: false, error: { code: 'NOT_FOUND' } })
    expect(live(0).size()).toBe(0)
  })

  it('not an emergency that is not there, nor one that does not touch the place', async () => {
    const id = await press({ grids: [0] })
    const county_ = await stage.connect(officers.countyCommander)
    expect(await ask(county_, 'board:watch', { emergencyId: newId(), scope: COUNTY })).toMatchObject({ ok: false, error: { code: 'NOT_FOUND' } })
    expect(await ask(await stage.connect(officers.secretaryOfSecond), 'board:watch', { emergencyId: id, scope: community(1) })).toMatchObject({ ok: false, error: { code: 'NOT_FOUND' } })
    expect(await ask(await stage.connect(officers.secretaryOfFirst), 'board:watch', { emergencyId: id, scope: community(0) })).toMatchObject({ ok: true })
  })

  it('only so many boards on one socket', async () => {
    const id = await press()
    const client = await stage.connect(officers.countyCommander)
    const scopes: BoardScope[] = [COUNTY, community(0), community(1), ...county.grids.map(g => ({ type: 'grid' as const, id: g.id })), ...county.units.map(u => ({ type: 'unit' as const, id: u.id }))]
    const replies = []
    for (const scope of scopes)
      replies.push(await ask(client, 'board:watch', { emergencyId: id, scope }))
    expect(replies.map(r => r.ok ? 'ok' : r.error.code)).toEqual([...Array.from({ length: 12 }).fill('ok'), 'RATE_LIMITED'])
  })

  it('nobody whose right has ended meanwhile', async () => {
    const id = await press()
    const state = await watchBoard(await stage.connect(officers.secretaryOfFirst, 1), id, community(0))
    expect(state.board).not.toBeNull()
    await stage.at(1).built.services.gateway.recheck()
    expect(state.resyncs).toBe(0)
    await stage.write(sql`update role_grants set valid_to = '2020-01-02', valid_from = '2020-01-01' where person_id = ${officers.secretaryOfFirst}`)
    try {
      await stage.at(1).built.services.gateway.recheck()
      await until(() => state.refused !== null, 'he is sent away, asks again and is refused')
      expect(state).toMatchObject({ resyncs: 1, refused: 'NOT_FOUND', board: null })
    }
    finally {
      await stage.write(sql`update role_grants set valid_to = null where person_id = ${officers.secretaryOfFirst}`)
    }
  })
})

describe('a watcher who reads too slowly', () => {
  it('is left out, told, and whole again when he can read', async () => {
    const id = await press()
    const slow = await stage.connect(officers.countyDuty, 1)
    const state = await watchBoard(slow, id, COUNTY)
    const quick = await watchBoard(await stage.connect(officers.countyCommander, 1), id, COUNTY)
    const [theirs] = [...stage.at(1).built.services.realtime.socketsOf(officers.countyDuty)]
    // His line stands still: what the server sends piles up behind it.
    const { transport } = slow.io.engine as unknown as { transport: { ws: { _socket: { pause: () => void, resume: () => void } } } }
    transport.ws._socket.pause()
    const junk = 'x'.repeat(1_000_000)
    for (let i = 0; i < 20; i++)
      theirs?.emit('pulse', { now: junk })
    const [personId = '', another = ''] = await stage.membersOf(id)
    await ask(await stage.connect(personId, 0, { emergencyId: id }), 'call:answer', { emergencyId: id, ...stage.answer() })
    await stage.settled(quick, id)
    expect(state).toMatchObject({ deltas: 0, resyncs: 0 })
    transport.ws._socket.resume()
    await until(() => state.resyncs === 1, 'he hears that he must ask again')
    await stage.settled(state, id)
    expect(state.board).toEqual(await stage.fresh(id))
    await ask(await stage.connect(another, 0, { emergencyId: id }), 'call:answer', { emergencyId: id, ...stage.answer() })
    await stage.settled(state, id)
    expect(state.board).toEqual(await stage.fresh(id))
  })
})

describe('numbers', () => {
  it('of board, people and database are the same', async () => {
    const id = await press()
    const whole = await stage.fresh(id)
    const { body } = await stage.request(officers.countyCommander, 'GET', `/api/emergencies/${id}/people?scope=county&limit=2000`)
    const people = body.people as { audience: string, standing: { presence: string } }[]
    expect(people.filter(p => p.audience === 'team')).toHaveLength(Object.values(whole.teams).reduce((sum, t) => sum + toCall(t.counts), 0))
    expect(people.filter(p => p.standing.presence !== 'none')).toHaveLength(Object.values(whole.teams).reduce((sum, t) => sum + arrived(t.counts), 0))
    expect(body.seq).toBe(whole.seq)
  })
})
