import type { AlertPacket, ServerToClientEvents } from '../../src/contract/realtime.ts'
import type { Client } from '../harness/instances.ts'
import { sql } from 'drizzle-orm'
import { afterEach, describe, expect, it } from 'vitest'
import { newId } from '../../src/server/platform/ids.ts'
import { ask, openInstances } from '../harness/instances.ts'
import { until } from '../harness/until.ts'

const stage = await openInstances()
const { county } = stage
const open: string[] = []

async function press(options?: Parameters<typeof stage.press>[0]): ReturnType<typeof stage.press> {
  const pressed = await stage.press(options)
  open.push(pressed.id)
  return pressed
}

afterEach(async () => {
  for (const id of open.splice(0))
    await stage.revoke(id).catch(() => {})
})

function collect<E extends keyof ServerToClientEvents>(client: Client, event: E): Parameters<ServerToClientEvents[E]>[0][] {
  const heard: Parameters<ServerToClientEvents[E]>[0][] = []
  const untyped = client as unknown as { on: (name: string, f: (packet: Parameters<ServerToClientEvents[E]>[0]) => void) => void }
  untyped.on(event, packet => heard.push(packet))
  return heard
}

const memberOf = (unit: number, n: number) => county.units[unit]?.memberIds[n] ?? ''
const grid = (n: number) => county.grids[n] ?? { id: '', name: '', chiefId: '', communityId: '' }

describe('an alert', () => {
  it('reaches the phones of the other process within a second, one packet each, in the words of the own team', async () => {
    const [member, neighbour, chief, stranger] = await Promise.all([
      stage.connect(memberOf(0, 0), 1),
      stage.connect(memberOf(2, 0), 1),
      stage.connect(grid(0).chiefId, 1),
      stage.connect(county.officers.secretaryOfSecond, 1),
    ])
    const alerts = [member, neighbour, chief, stranger].map(client => collect(client, 'alert'))
    const modes = collect(stranger, 'mode:changed')
    const told = collect(member, 'mode:changed')
    const { id, pressedAt } = await press()
    await until(() => alerts.slice(0, 3).every(a => a.length > 0) && modes.length > 0, 'everyone concerned has the alert')
    expect(performance.now() - pressedAt, 'key on one process to phone on the other').toBeLessThan(1_000)

    const [[first], [second], [third], none] = alerts as [AlertPacket[], AlertPacket[], AlertPacket[], AlertPacket[]]
    expect(first).toMatchObject({ emergencyId: id, kind: 'activation', audience: 'team', team: { name: expect.stringContaining('第一网格'), communityName: '东城' }, header: { id, isDrill: false, level: 1 } })
    expect(first?.text).toContain('第一网格集结点')
    expect(first?.text).not.toMatch(/[{}]/)
    expect(second?.text).toContain('第二网格集结点')
    expect(second?.team?.teamId).not.toBe(first?.team?.teamId)
    expect(third).toMatchObject({ kind: 'duty', audience: 'duty' })
    expect(third?.text).not.toMatch(/[{}]/)
    expect(alerts.map(a => a.length)).toEqual([1, 1, 1, 0])
    expect(none).toEqual([])
    expect(modes).toEqual([{ mode: 'emergency' }])
    expect(told, 'whoever is alerted is not told twice').toEqual([])
  })

  it('on an open socket counts as called, and is there over HTTP for a phone that was away', async () => {
    await stage.connect(memberOf(0, 0), 1)
    const { id } = await press()
    await until(async () => (await stage.read(sql`select 1 from participants where emergency_id = ${id} and person_id = ${memberOf(0, 0)} and call_state = 'called'`)).length > 0, 'the connected phone counts as called')
    expect(await stage.read(sql`select distinct call_state from participants where emergency_id = ${id} and person_id <> ${memberOf(0, 0)}`)).toEqual([{ call_state: 'pending' }])

    const mine = await stage.request(memberOf(0, 1), 'GET', '/api/mine', { instance: 1 })
    expect(mine.body).toMatchObject({ mode: 'emergency', emergencies: [{ emergencyId: id, alert: { kind: 'activation' }, me: { callState: 'pending' }, team: { gridName: '第一网格', captain: { personId: expect.any(String) } } }] })
    expect(mine.body.emergencies[0].alert.text).toContain('第一网格集结点')
    expect(mine.body.emergencies[0].alert.text).not.toMatch(/[{}]/)
  })

  it('goes out once the database is back, when it was away at that moment', async () => {
    const alerts = collect(await stage.connect(memberOf(0, 0), 1), 'alert')
    const activations = () => alerts.filter(a => a.kind === 'activation')
    stage.at(1).readsFail.now = true
    await press()
    // The log's tail goes on meanwhile: what the phone misses is the alarm alone.
    await until(() => stage.at(1).readsFail.times > 2, 'the alert has failed and been tried again')
    expect(activations()).toEqual([])
    stage.at(1).readsFail.now = false
    await until(() => activations().length > 0, 'the alert arrives late')
    expect(activations()).toHaveLength(1)
  })

  it('of a drill says so, and leaves the county in peacetime', async () => {
    const [phone, stranger] = await Promise.all([stage.connect(memberOf(0, 0), 1), stage.connect(county.officers.secretaryOfSecond, 1)])
    const [alerts, modes] = [collect(phone, 'alert'), collect(stranger, 'mode:changed')]
    await press({ isDrill: true })
    await until(() => alerts.some(a => a.kind === 'activation') && modes.length > 0, 'alert and mode')
    expect(alerts.find(a => a.kind === 'activation')).toMatchObject({ header: { isDrill: true, no: expect.stringContaining('演练') }, text: expect.stringContaining('演练') })
    expect(modes.map(m => m.mode)).not.toContain('emergency')
  })
})

describe('commands over the socket', () => {
  it('do what the routes do: receipt, answer, check-in, each with its reply, a replay with the first one', async () => {
    const phone = await stage.connect(memberOf(0, 0), 1)
    const alerts = collect(phone, 'alert')
    const { id } = await press()
    const own = () => alerts.find(a => a.emergencyId === id)
    await until(() => own() !== undefined, 'the alert')
    expect(await ask(phone, 'call:receipt', { emergencyId: id, alertId: own()?.alertId, read: true })).toEqual({ ok: true, data: { state: 'read' } })
    const answer = { emergencyId: id, ...stage.answer() }
    expect(await ask(phone, 'call:answer', answer)).toMatchObject({ ok: true, data: { answer: 'going', isLate: false, replayed: false } })
    expect(await ask(phone, 'call:answer', answer)).toMatchObject({ ok: true, data: { replayed: true } })
    const position = { latitude: 34.44, longitude: 104.04, accuracyM: 20, coordinateSystem: 'WGS84' }
    expect(await ask(phone, 'presence:checkIn', { emergencyId: id, method: 'position', checkInId: newId(), position })).toMatchObject({ ok: true, data: { flags: [], replayed: false } })
    expect(await stage.read(sql`select call_state, answer, answer_via, presence from participants where emergency_id = ${id} and person_id = ${memberOf(0, 0)}`)).toEqual([{ call_state: 'answered', answer: 'going', answer_via: 'app', presence: 'checkedIn' }])
  })

  it('tell a person\'s other phone, not the one that has its reply already', async () => {
    const { id } = await press()
    const [one, other, elsewhere, colleague] = await Promise.all([stage.connect(memberOf(0, 0), 1), stage.connect(memberOf(0, 0), 1), stage.connect(memberOf(0, 0), 0), stage.connect(memberOf(0, 1), 1)])
    const heard = [one, other, elsewhere, colleague].map(client => collect(client, 'me:changed'))
    await ask(one, 'call:answer', { emergencyId: id, ...stage.answer() })
    await until(() => heard[1]?.length === 1 && heard[2]?.length === 1, 'the other phones hear of it')
    expect(heard.map(h => h.length)).toEqual([0, 1, 1, 0])
    expect(heard[1]?.[0]).toMatchObject({ emergencyId: id })
  })

  it('refuse what does not fit with code and field, whatever is thrown at them, and go on', async () => {
    const { id } = await press()
    const phone = await stage.connect(memberOf(0, 0))
    const code = async (command: 'call:answer' | 'call:receipt' | 'presence:checkIn' | 'board:watch' | 'board:unwatch', body: unknown) => {
      const reply = await ask(phone, command, body)
      return reply.ok ? 'ok' : reply.error.code
    }
    for (const command of ['call:answer', 'call:receipt', 'presence:checkIn', 'board:watch', 'board:unwatch'] as const)
      expect(await code(command, null), command).toBe('VALIDATION_FAILED')
    expect(await code('call:answer', 'going')).toBe('VALIDATION_FAILED')
    expect(await code('call:answer', { emergencyId: 'x', ...stage.answer() })).toBe('VALIDATION_FAILED')
    expect(await code('call:answer', { emergencyId: id, ...stage.answer(), extra: 1 })).toBe('VALIDATION_FAILED')
    expect(await code('call:answer', { emergencyId: newId(), ...stage.answer() })).toBe('NOT_FOUND')
    expect(await code('board:watch', { emergencyId: id, scope: { type: 'planet', id: null } })).toBe('VALIDATION_FAILED')
    phone.emit('call:answer', { emergencyId: id, ...stage.answer() })
    await until(async () => (await stage.read(sql`select 1 from participants where emergency_id = ${id} and person_id = ${memberOf(0, 0)} and call_state = 'answered'`)).length > 0, 'an answer without an ack counts')
  })

  it('refuse a link session outside its emergency', async () => {
    const one = await press({ grids: [0] })
    const other = await press({ grids: [2], name: '另一场雨' })
    const phone = await stage.connect(memberOf(0, 0), 1, { emergencyId: one.id })
    expect(await ask(phone, 'call:answer', { emergencyId: other.id, ...stage.answer() })).toMatchObject({ ok: false, error: { code: expect.stringMatching(/NOT_FOUND|FORBIDDEN/) } })
    expect(await ask(phone, 'call:answer', { emergencyId: one.id, ...stage.answer() })).toMatchObject({ ok: true })
    expect(await ask(phone, 'board:watch', { emergencyId: one.id, scope: { type: 'grid', id: grid(0).id } })).toMatchObject({ ok: false, error: { code: 'NOT_FOUND' } })
  })
})

describe('who is told', () => {
  it('of a new captain: his whole team; of an ended emergency: everyone it concerns; of the mode: everyone, by the alert or without one', async () => {
    const { id } = await press({ grids: [0] })
    const people = await stage.membersOf(id, 0)
    const [a, b, outsider] = await Promise.all([stage.connect(people[0] ?? '', 1), stage.connect(people[1] ?? '', 1), stage.connect(memberOf(5, 0), 1)])
    const me = [a, b, outsider].map(client => collect(client, 'me:changed'))
    const ended = [a, b, outsider].map(client => collect(client, 'emergency:changed'))
    const modes = [a, b, outsider].map(client => collect(client, 'mode:changed'))
    const alerts = [a, b, outsider].map(client => collect(client, 'alert'))
    const [team] = await stage.read<{ id: string, captain_id: string }>(sql`select id, captain_id from vanguard_teams where emergency_id = ${id}`)
    const named = await stage.request(county.officers.secretaryOfFirst, 'POST', `/api/emergencies/${id}/teams/${team?.id}/captain`, { body: { personId: people.find(p => p !== team?.captain_id) } })
    expect(named.status, JSON.stringify(named.body)).toBe(200)
    await until(() => me[0]?.length === 1 && me[1]?.length === 1, 'the team hears of its captain')
    // A notice of the end goes to those who were called.
    await until(async () => (await stage.read(sql`select 1 from participants where emergency_id = ${id} and person_id in (${people[0]}, ${people[1]}) and call_state <> 'pending'`)).length === 2, 'both are called')
    await stage.revoke(id)
    await until(() => modes[2]?.at(-1)?.mode === 'peacetime' && alerts.slice(0, 2).every(a => a.at(-1)?.kind === 'revocation'), 'everyone hears of the mode')
    expect(modes.slice(0, 2).flat().filter(m => m.mode === 'peacetime'), 'whoever is alerted is not told twice').toEqual([])
    await until(() => ended[0]?.at(-1)?.header.state === 'revoked' && ended[1]?.at(-1)?.header.state === 'revoked', 'those concerned hear of the end')
    expect(ended[2]?.filter(e => e.header.id === id)).toEqual([])
    expect(me[2]?.filter(e => e.emergencyId === id)).toEqual([])
  })
})

describe('a handshake', () => {
  const refusal = async (options: Parameters<typeof stage.connect>[2], personId = memberOf(0, 0)) => stage.connect(personId, 0, options).then(() => 'connected', (error: Error) => error.message)

  it('is refused without a session, from another site, and with another protocol', async () => {
    expect(await refusal({ cookie: null })).not.toBe('connected')
    expect(await refusal({ cookie: 'sid=forged' })).not.toBe('connected')
    expect(await refusal({ headers: { origin: 'https://elsewhere.example' } })).not.toBe('connected')
    expect(await refusal({ protocol: -1 })).toBe('PROTOCOL_VERSION_MISMATCH')
    expect(await refusal({})).toBe('connected')
  })

  it('opens a socket that ends with its session, also where another process ended it', async () => {
    const cookie = await stage.cookieOf(memberOf(0, 3))
    const phone = await stage.connect(memberOf(0, 3), 1, { cookie })
    const ended = collect(phone, 'session:ended')
    await stage.write(sql`update sessions set revoked_at = now() where person_id = ${memberOf(0, 3)}`)
    await stage.at(1).built.services.gateway.recheck()
    await until(() => !phone.connected, 'the socket is cut')
    expect(ended).toEqual([{ reason: 'revoked' }])
  })

  it('ends at once at the process where the person signs out', async () => {
    const phone = await stage.connect(memberOf(0, 4))
    const ended = collect(phone, 'session:ended')
    expect((await stage.request(memberOf(0, 4), 'DELETE' as 'POST', '/api/session')).status).toBe(204)
    await until(() => !phone.connected, 'the socket is cut')
    expect(ended).toEqual([{ reason: 'signedOut' }])
  })
})
