/** The switch, from the preview to the archive: domain rules §4.1, §4.2 and §4.5 through the real routes. */
import type { ResponseLevel } from '../../src/contract/vocabulary.ts'
import type { Person, Reply } from '../harness/stage.ts'
import { sql } from 'drizzle-orm'
import { afterEach, describe, expect, it } from 'vitest'
import { insertSession } from '../../src/server/modules/identity/sessions.repo.ts'
import { startIdempotencyJobs } from '../../src/server/platform/http/index.ts'
import { newId } from '../../src/server/platform/ids.ts'
import { RALLY } from '../harness/small-county.ts'
import { openStage, refused } from '../harness/stage.ts'

const stage = await openStage()
afterEach(() => stage.peace())

const { county } = stage
const HOUR = 3_600_000

type Running = Awaited<ReturnType<typeof stage.press>>
type Officer = Parameters<typeof stage.as>[0]
const at = (emergency: { id: string }) => `/api/emergencies/${emergency.id}`
const gridScope = (...grids: number[]) => grids.map(n => ({ type: 'grid', id: county.grids[n]?.id }))
const COUNTY = [{ type: 'county', id: null }]
const inHours = (hours: number) => new Date(stage.clock.now().getTime() + hours * HOUR).toISOString()

/** As people in the county read the clock. */
const shanghaiTime = () => stage.clock.now().toLocaleTimeString('zh-CN', { timeZone: 'Asia/Shanghai', hour: '2-digit', minute: '2-digit' })

const plans = new Map((await stage.read<{ code: string, id: string }>(sql`select code, id from plans`)).map(p => [p.code, p.id]))

/** What a form of the console sends, with what the test is about. */
function request({ action = 'activate', ...more }: { action?: 'activate' | 'preAlert' | 'initialResponse', plan?: string, level?: ResponseLevel } & Record<string, unknown> = {}) {
  const { plan = 'flood', level = 2, ...rest } = more
  return {
    action,
    ...(action === 'initialResponse' ? {} : { level }),
    ...(action === 'activate' ? { emergencyId: null } : {}),
    ...(action === 'preAlert' ? { warning: { kind: '暴雨', colour: 'orange', source: '县气象台', area: '全县' } } : {}),
    planId: plans.get(plan),
    scope: COUNTY,
    isDrill: false,
    name: '短时强降雨',
    levelAuthority: action === 'initialResponse' ? 'community' : 'county',
    basis: '会商意见',
    approver: '县应急指挥部',
    approvalMode: 'written',
    measures: '转移危险区域群众',
    expectedUntil: inHours(24),
    ...rest,
  }
}

type Request = Parameters<typeof request>[0]

async function prepare(officer: Officer | Person, what: Request = {}): Promise<Reply> {
  const who = typeof officer === 'string' ? await stage.as(officer) : officer
  return who.post('/api/switch/preparations', request(what))
}

async function press(officer: Officer | Person, prepared: Reply, { heldMs = 3_000, key = newId(), ...more }: { heldMs?: number, key?: string } & Record<string, unknown> = {}): Promise<Reply> {
  const who = typeof officer === 'string' ? await stage.as(officer) : officer
  return who.post('/api/switch/activations', { preparationId: prepared.body.preparationId, nonce: prepared.body.nonce, heldMs, ...more }, { 'idempotency-key': key })
}

async function start(officer: Officer, what: Request = {}): Promise<Running> {
  const prepared = await prepare(officer, what)
  expect(prepared.status, JSON.stringify(prepared.body)).toBe(200)
  const pressed = await press(officer, prepared)
  expect(pressed.status, JSON.stringify(pressed.body)).toBe(201)
  return stage.running(pressed.body.emergencyId as string)
}

const turn = (officer: Officer, e: Running, what: Request = {}) => prepare(officer, { emergencyId: e.id, ...what }).then(async prepared => prepared.status === 200 ? press(officer, prepared) : prepared)
const command = async (officer: Officer, e: Running, name: string, body: object) => (await stage.as(officer)).post(`${at(e)}/${name}`, body)

const everyone = async (e: Running) => (await Promise.all([0, 1, 2, 3].map(grid => e.members(grid)))).flat()
const ofUnit = async (e: Running, unit: number) => (await everyone(e)).filter(m => county.units[unit]?.memberIds.includes(m.personId))

async function member(e: Running, grid = 0, nth = 1) {
  const found = (await e.members(grid))[nth]
  if (found === undefined)
    throw new Error('the team is smaller than that')
  return found
}

async function alertsTo(e: Running, personId: string): Promise<string[]> {
  return (await stage.read<{ kind: string }>(sql`
    select a.kind from alerts a join deliveries d on d.alert_id = a.id and d.channel = 'sms' where a.emergency_id = ${e.id} and d.person_id = ${personId} order by a.id`)).map(r => r.kind)
}

async function recipients(e: Running, kind: string) {
  return new Set((await stage.read<{ person_id: string }>(sql`
  select distinct d.person_id from alerts a join deliveries d on d.alert_id = a.id where a.emergency_id = ${e.id} and a.kind = ${kind}`)).map(r => r.person_id))
}

const audits = async (action: string) => stage.read<{ actor_id: string, subject_id: string, details: Record<string, unknown> }>(sql`select actor_id, subject_id, details from audit_log where action = ${action} order by id`)
const held = async (e: Running) => new Set((await stage.read<{ person_id: string }>(sql`select person_id from participants where emergency_id = ${e.id} and holds`)).map(r => r.person_id))

/** Changes the registry for one test. */
async function registry<T>(change: ReturnType<typeof sql>, back: ReturnType<typeof sql>, work: () => Promise<T>): Promise<T> {
  await stage.db.work.tx(tx => tx.execute(change))
  try {
    return await work()
  }
  finally {
    await stage.db.work.tx(tx => tx.execute(back))
  }
}

function exempting<T>(personIds: readonly string[], work: () => Promise<T>) {
  return registry(
    sql`insert into exemptions (id, person_id, reason, valid_from) select gen_random_uuid(), x, 'ill', '2026-01-01' from unnest(${sql.param(`{${personIds.join(',')}}`)}::uuid[]) x`,
    sql`delete from exemptions`,
    work,
  )
}

async function nobodyTwice(): Promise<void> {
  expect(await stage.read(sql`select person_id from participants where holds group by person_id having count(*) > 1`)).toEqual([])
}

describe('the preview', () => {
  it('counts what the key would do, and does nothing', async () => {
    const { status, body } = await prepare('countyCommander')
    expect(status).toBe(200)
    expect(body.counts).toEqual({ townships: 1, communities: 2, grids: 4, units: 6, teams: 4, required: 30, available: 30, candidates: 60, toCall: 30, duty: 8, smsSegments: 38 * Math.ceil(body.sampleSms.length <= 70 ? 1 : body.sampleSms.length / 67) })
    expect(body).toMatchObject({ holdSec: 3, secondFactorRequired: false, shortfalls: [], unreachable: [], preempts: [], overlaps: [], expiresAt: new Date(stage.clock.now().getTime() + 120_000).toISOString() })
    expect(await stage.read(sql`select 1 from emergencies where state in ('preAlert', 'activated', 'standDown')`)).toEqual([])
  })

  it.each<[ResponseLevel, number]>([[1, 48], [2, 30], [3, 12], [4, 6]])('asks for the plan\'s share of every unit at level %i', async (level, required) => {
    expect((await prepare('countyCommander', { level })).body.counts).toMatchObject({ required, available: required })
  })

  it('follows the scope: grids, communities, a township, each grid once', async () => {
    const count = async (scope: object[]) => (await prepare('countyCommander', { scope })).body.counts
    expect(await count(gridScope(1))).toMatchObject({ grids: 1, communities: 1, units: 1, required: 5, duty: 2 })
    expect(await count([{ type: 'community', id: county.communities[0]?.id }, ...gridScope(0, 3)])).toMatchObject({ grids: 3, communities: 2, units: 4, required: 20 })
    expect(await count([{ type: 'township', id: county.townshipId }])).toMatchObject({ grids: 4, required: 30 })
  })

  it('names the grids below eight people', async () => {
    const { underStrength } = (await prepare('countyCommander')).body
    expect(underStrength).toEqual([1, 3].map(n => ({ gridId: county.grids[n]?.id, gridName: county.grids[n]?.name, communityName: county.communities[n >> 1]?.name, required: 5, available: 5 })))
  })

  it('names every shortfall with its reasons, and who cannot be called', () => exempting(county.units[2]?.memberIds.slice(0, 7) ?? [], async () => {
    const { counts, shortfalls, unreachable, underStrength } = (await prepare('countyCommander')).body
    expect(counts).toMatchObject({ required: 30, available: 28, toCall: 28, candidates: 53 })
    expect(shortfalls).toEqual([{ unitId: county.units[2]?.id, unitName: '单位3', gridId: county.grids[1]?.id, gridName: '第二网格', required: 5, available: 3, reasons: [{ reason: 'exempt', people: 7 }] }])
    expect(unreachable).toEqual([{ reason: 'exempt', people: 7 }])
    expect(underStrength[0]).toMatchObject({ required: 5, available: 3 })
  }))

  it('leaves restricted units out, and says so', () => registry(sql`update units set mobilisation_class = 'restricted' where id = ${county.units[5]?.id}`, sql`update units set mobilisation_class = 'general' where id = ${county.units[5]?.id}`, async () => {
    const { counts, unreachable } = (await prepare('countyCommander')).body
    expect(counts).toMatchObject({ units: 5, required: 25, candidates: 50 })
    expect(unreachable).toEqual([{ reason: 'restrictedUnit', people: 10 }])
  }))

  it('names who serves elsewhere, and the emergencies that overlap', async () => {
    const fire = await stage.press({ grids: [1], level: 1, plan: 'fire', name: '仓库火灾' })
    const { counts, shortfalls, overlaps, preempts } = (await prepare('countyCommander')).body
    expect(counts).toMatchObject({ required: 30, available: 27 })
    expect(shortfalls).toMatchObject([{ unitId: county.units[2]?.id, required: 5, available: 2, reasons: [{ reason: 'inOtherEmergency', people: 3 }] }])
    expect(overlaps).toEqual([{ emergencyId: fire.id, no: expect.any(String), name: '仓库火灾', isDrill: false }])
    expect(preempts).toEqual([])
  })

  it('says what it would take from drills and standby', async () => {
    const drill = await stage.press({ grids: [0], level: 2, isDrill: true, name: '拉动演练' })
    const standby = await stage.press({ grids: [2], level: 4, plan: 'snow', name: '降雪' })
    const { preempts, counts } = (await prepare('countyCommander')).body
    expect(counts).toMatchObject({ required: 30, available: 30 })
    expect(preempts).toHaveLength(2)
    expect(preempts).toContainEqual(expect.objectContaining({ emergencyId: drill.id, name: '拉动演练', isDrill: true, people: 10 }))
    expect(preempts).toContainEqual(expect.objectContaining({ emergencyId: standby.id, name: '降雪', isDrill: false, people: 2 }))
  })

  it('shows the words as they go out; a drill\'s say 演练', async () => {
    const real = (await prepare('countyCommander')).body
    expect(real.sampleSms).toBe(`【岷县应急】急时响应：短时强降雨Ⅱ级。请10:30前到第一网格集结点报到，并点 http://localhost:4700/a/${'A'.repeat(19)} 答复。`)
    expect(real.sampleText).toContain('依据：会商意见')
    expect(real.sampleText).toContain('到第一网格集结点报到，编入东城社区第一网格党员先锋队')
    for (const action of ['activate', 'preAlert'] as const) {
      const drill = (await prepare('countyCommander', { action, isDrill: true })).body
      expect([drill.sampleSms, drill.sampleText].every((text: string) => text.includes('演练') && text.includes('非真实险情'))).toBe(true)
    }
    const texts = [real, ...await Promise.all([{ level: 4 as const }, { action: 'preAlert' as const }].map(async what => (await prepare('countyCommander', what)).body))].flatMap(({ sampleSms, sampleText }) => [sampleSms, sampleText])
    expect(texts.filter(text => text.includes('演练') || /[{}]/.test(text))).toEqual([])
  })

  it.each<[string, Request, string, number]>([
    ['a scope without grids', { scope: [{ type: 'grid', id: newId() }] }, 'SCOPE_EMPTY', 400],
    ['a unit as the scope', { scope: [{ type: 'unit', id: county.units[0]?.id }] }, 'SCOPE_EMPTY', 400],
    ['no scope at all', { scope: [] }, 'VALIDATION_FAILED', 400],
    ['a plan that does not mobilise', { plan: 'social' }, 'PLAN_DOES_NOT_MOBILISE', 409],
    ['a plan that does not exist', { planId: newId() }, 'NOT_FOUND', 404],
    ['an end in the past', { expectedUntil: '2026-07-01T01:59:59Z' }, 'EXPECTED_IN_PAST', 400],
    ['an end at this moment', { expectedUntil: '2026-07-01T02:00:00Z' }, 'EXPECTED_IN_PAST', 400],
    ['an oral approval of level Ⅲ', { level: 3, approvalMode: 'oral' }, 'ORAL_APPROVAL_REFUSED', 400],
    ['no basis', { basis: ' ' }, 'VALIDATION_FAILED', 400],
    ['no approver', { approver: undefined }, 'VALIDATION_FAILED', 400],
    ['no measures', { measures: '' }, 'VALIDATION_FAILED', 400],
    ['level Ⅴ', { level: 5 as ResponseLevel }, 'VALIDATION_FAILED', 400],
    ['an unknown key', { secret: 1 }, 'VALIDATION_FAILED', 400],
    ['a NUL in the name', { name: '雨\0' }, 'VALIDATION_FAILED', 400],
    ['an emergency that does not exist', { emergencyId: newId() }, 'NOT_FOUND', 404],
  ])('refuses %s', async (_, what, code, status) => {
    expect(await prepare('countyCommander', what)).toMatchObject({ ...refused(code), status })
  })

  it.each<[Officer, Request, number]>([
    ['countyCommander', {}, 200],
    ['countyAdmin', {}, 200],
    ['countyDuty', {}, 200],
    ['countyDuty', { action: 'preAlert' }, 200],
    ['auditor', {}, 403],
    ['townshipSecretary', {}, 403],
    ['secretaryOfFirst', {}, 403],
    ['secretaryOfUnit0', {}, 403],
    ['secretaryOfFirst', { action: 'preAlert' }, 403],
    ['secretaryOfFirst', { action: 'initialResponse', scope: gridScope(0, 1) }, 200],
    ['secretaryOfFirst', { action: 'initialResponse', scope: gridScope(1, 2) }, 403],
    ['secretaryOfFirst', { action: 'initialResponse' }, 403],
    ['countyCommander', { action: 'initialResponse', scope: gridScope(0) }, 403],
  ])('for %s asking for %o answers %i', async (officer, what, status) => {
    expect((await prepare(officer, what)).status).toBe(status)
  })

  it('is nobody\'s who came by a link, and nobody\'s who did not sign in', async () => {
    const e = await stage.press({ grids: [0] })
    expect((await (await member(e)).post('/api/switch/preparations', request())).status).toBe(403)
    expect((await stage.anonymous('/api/switch/preparations', request())).status).toBe(401)
  })
})

describe('the press', () => {
  it('makes the emergency with its four items, teams, calls, log and trail in one', async () => {
    const prepared = await prepare('countyCommander')
    const pressed = await press('countyCommander', prepared)
    expect(pressed).toMatchObject({ status: 201, body: { replayed: false, no: expect.stringMatching(/^2026-\d{4}$/) } })
    const e = stage.running(pressed.body.emergencyId as string)
    const [activated, ...alerts] = await e.events()
    expect(activated).toMatchObject({ type: 'emergency.activated', actorId: county.officers.countyCommander, data: { header: { name: '短时强降雨', level: 2, basis: '会商意见', approver: '县应急指挥部', measures: '转移危险区域群众', rallyBy: new Date(stage.clock.now().getTime() + 30 * 60_000).toISOString() } } })
    expect(activated?.data.gridIds).toHaveLength(4)
    expect(alerts.map(a => [a.data.kind, a.data.recipients])).toEqual([['activation', 30], ['duty', 8]])
    expect(pressed.body.seq).toBe(3)
    expect((await audits('switch.activate')).at(-1)).toMatchObject({ actor_id: county.officers.countyCommander, subject_id: e.id, details: { level: 2, isDrill: false, grids: 4, heldMs: 3_000 } })
    await nobodyTwice()
  })

  it('must be held for three seconds', async () => {
    const prepared = await prepare('countyCommander')
    expect(await press('countyCommander', prepared, { heldMs: 2_999 })).toMatchObject({ ...refused('HOLD_TOO_SHORT'), status: 400 })
    expect(await press('countyCommander', prepared)).toMatchObject({ status: 201 })
  })

  it('takes the preview once', async () => {
    const prepared = await prepare('countyCommander')
    await press('countyCommander', prepared)
    expect(await press('countyCommander', prepared)).toMatchObject({ ...refused('PREPARATION_USED'), status: 409 })
  })

  it('takes nobody else\'s preview, not of another session, not a forged one', async () => {
    const prepared = await prepare('countyCommander')
    expect(await press('countyAdmin', prepared)).toMatchObject({ ...refused('NOT_FOUND'), status: 404 })
    expect(await press('countyCommander', { ...prepared, body: { ...prepared.body, nonce: 'A'.repeat(32) } })).toMatchObject({ ...refused('NOT_FOUND'), status: 404 })
    expect(await press('countyCommander', { ...prepared, body: { ...prepared.body, preparationId: newId() } })).toMatchObject({ ...refused('NOT_FOUND'), status: 404 })
    const refusals = (await audits('switch.refused')).slice(-3)
    expect(refusals).toMatchObject([{ actor_id: county.officers.countyAdmin, details: { code: 'NOT_FOUND' } }, { details: { code: 'NOT_FOUND' } }, { details: { code: 'NOT_FOUND' } }])
    // The same person, signed in anew.
    const { token } = await stage.db.work.tx(tx => insertSession(tx, { kind: 'account', personId: county.officers.countyCommander, emergencyId: null, userAgent: '', now: stage.clock.now(), expiresAt: new Date(inHours(1)) }))
    const elsewhere = await stage.app.inject({ method: 'POST', url: '/api/switch/activations', headers: { 'x-requested-with': 'pingji', 'cookie': `sid=${token}`, 'idempotency-key': newId() }, payload: { preparationId: prepared.body.preparationId, nonce: prepared.body.nonce, heldMs: 3_000 } })
    expect(elsewhere.statusCode).toBe(404)
    expect(await press('countyCommander', prepared)).toMatchObject({ status: 201 })
  })

  it('whose expected end has come meanwhile is refused', async () => {
    const prepared = await prepare('countyCommander', { expectedUntil: inHours(1 / 60) })
    stage.clock.advance(1.5)
    expect(await press('countyCommander', prepared)).toMatchObject({ ...refused('EXPECTED_IN_PAST'), status: 400 })
  })

  it('takes no preview older than two minutes', async () => {
    const prepared = await prepare('countyCommander')
    stage.clock.advance(2.1)
    expect(await press('countyCommander', prepared)).toMatchObject({ ...refused('PREPARATION_EXPIRED'), status: 409 })
  })

  it('refuses another audience than the one shown: an import midway, a registry edit, another key', async () => {
    const prepared = await prepare('countyCommander', { plan: 'flood' })
    await exempting([county.units[0]?.memberIds[0] ?? ''], async () => {
      expect(await press('countyCommander', prepared)).toMatchObject({ ...refused('PREPARATION_STALE'), status: 409 })
    })
    await stage.press({ grids: [0], plan: 'fire', name: '仓库火灾' })
    expect(await press('countyCommander', prepared)).toMatchObject({ ...refused('PREPARATION_STALE'), status: 409 })
    expect(await stage.read(sql`select 1 from emergencies where state = 'activated'`)).toHaveLength(1)
  })

  it('needs an Idempotency-Key; the same again gives the first reply, with another body a refusal', async () => {
    const commander = await stage.as('countyCommander')
    const [prepared, key] = [await prepare('countyCommander', { scope: gridScope(0) }), newId()]
    const body = { preparationId: prepared.body.preparationId, nonce: prepared.body.nonce, heldMs: 3_000 }
    expect(await commander.post('/api/switch/activations', body)).toMatchObject({ ...refused('IDEMPOTENCY_KEY_REQUIRED'), status: 400 })
    expect(await commander.post('/api/switch/activations', body, { 'idempotency-key': 'short' })).toMatchObject({ ...refused('IDEMPOTENCY_KEY_REQUIRED'), status: 400 })
    const first = await press('countyCommander', prepared, { key })
    stage.clock.advance(10)
    const again = await press('countyCommander', prepared, { key, heldMs: 4_000 })
    expect(again).toEqual({ status: 200, body: { ...first.body, replayed: true } })
    expect(await press('countyCommander', await prepare('countyCommander', { scope: gridScope(1) }), { key })).toMatchObject({ ...refused('IDEMPOTENCY_KEY_REUSED'), status: 409 })
    expect((await audits('switch.activate')).filter(a => a.subject_id === first.body.emergencyId)).toHaveLength(1)
  })

  it('is remembered for a week; repeated after that it is refused, and starts nothing', async () => {
    const jobs = new Map<string, () => Promise<void>>()
    startIdempotencyJobs({ cron: (name, _, job) => void jobs.set(name, job), loop: () => {}, every: () => ({ wake: () => {} }), stop: async () => {} }, stage.db)
    const [old, young] = [newId(), newId()]
    const prepared = await prepare('countyCommander', { scope: gridScope(0) })
    const first = await press('countyCommander', prepared, { key: old })
    await press('countyCommander', await prepare('countyCommander', { scope: gridScope(1) }), { key: young })
    const repeated = async (days: number) => {
      await stage.db.work.tx(tx => tx.execute(sql`update idempotency_keys set created_at = now() - make_interval(days => ${days}) where key = ${old}`))
      await jobs.get('old-idempotency-keys')?.()
      return press('countyCommander', prepared, { key: old })
    }
    expect(await repeated(6)).toEqual({ status: 200, body: { ...first.body, replayed: true } })
    expect(await repeated(8)).toMatchObject({ ...refused('PREPARATION_USED'), status: 409 })
    expect(await stage.read(sql`select key from idempotency_keys where key in (${old}, ${young})`)).toEqual([{ key: young }])
    expect(await stage.read(sql`select 1 from emergencies where state = 'activated'`)).toHaveLength(2)
  })

  it('that was refused may be tried again with the same key', async () => {
    const [prepared, key] = [await prepare('countyCommander'), newId()]
    await press('countyCommander', prepared, { key, heldMs: 10 })
    expect(await press('countyCommander', prepared, { key })).toMatchObject({ status: 201, body: { replayed: false } })
  })

  it('is not the duty room\'s, whose pre-alert is', async () => {
    expect(await press('countyDuty', await prepare('countyDuty'))).toMatchObject({ ...refused('FORBIDDEN'), status: 403 })
    expect(await press('countyDuty', await prepare('countyDuty', { action: 'preAlert' }))).toMatchObject({ status: 201 })
  })

  it.each([
    ['too short a nonce', { nonce: 'short' }],
    ['an unknown key', { more: 1 }],
    ['a hold of text', { heldMs: '3000' }],
    ['a negative hold', { heldMs: -1 }],
  ])('with %s is a 400', async (_, more) => {
    const prepared = await prepare('countyCommander')
    const commander = await stage.as('countyCommander')
    expect(await commander.post('/api/switch/activations', { preparationId: prepared.body.preparationId, nonce: prepared.body.nonce, heldMs: 3_000, ...more }, { 'idempotency-key': newId() })).toMatchObject({ ...refused('VALIDATION_FAILED'), status: 400 })
  })

  it('of the same thing twice names who was first and when; another plan, authority, place or a drill is another thing', async () => {
    const flood = await start('countyCommander', { scope: gridScope(0) })
    expect(await prepare('countyAdmin', { scope: gridScope(0) })).toMatchObject({ status: 409, body: { error: { code: 'EMERGENCY_ALREADY_OPEN', details: { emergencyId: flood.id, name: '短时强降雨', by: 'countyCommander', at: shanghaiTime() } } } })
    for (const other of [{ plan: 'fire' }, { levelAuthority: 'city' }, { scope: gridScope(0, 1) }, { isDrill: true }])
      expect((await prepare('countyAdmin', { scope: gridScope(0), ...other })).status, JSON.stringify(other)).toBe(200)
    await stage.ends(flood, 'revoke')
    expect((await prepare('countyAdmin', { scope: gridScope(0) })).status).toBe(200)
  })

  it('runs parallel levels by authority; their people do not overlap', async () => {
    const province = await start('countyCommander', { level: 4, levelAuthority: 'province', plan: 'earthquake' })
    const city = await start('countyCommander', { level: 3, levelAuthority: 'city', plan: 'earthquake' })
    expect([await province.state(), await city.state()]).toEqual(['activated', 'activated'])
    const headers = [(await province.events())[0]?.data.header, (await city.events())[0]?.data.header]
    expect(headers).toMatchObject([{ level: 4, levelAuthority: 'province' }, { level: 3, levelAuthority: 'city' }])
    await nobodyTwice()
  })
})

describe('teams', () => {
  it('stand at once, with a captain of the lead unit, two deputies, of the other unit first, and posts', async () => {
    const e = await stage.press()
    const team = await e.team(0)
    expect(team).toMatchObject({ state: 'provisional', required: 10 })
    const rows = await Promise.all((await e.members(0)).map(m => m.row()))
    expect(rows).toHaveLength(10)
    expect(rows[0]).toMatchObject({ person_id: team.captainId, post: 'captain', unit_id: county.units[0]?.id })
    const deputies = rows.filter(r => r.post === 'deputy')
    expect(deputies).toHaveLength(2)
    expect(deputies.some(d => d.unit_id === county.units[1]?.id)).toBe(true)
    expect(rows.every(r => r.post !== null && r.holds && r.member_state === 'active' && r.call_state === 'pending')).toBe(true)
    const [tile] = (await e.events('emergency.activated'))[0]?.data.teams as { name: string, captainFlagged: boolean, rallyPoint: string }[]
    expect(tile).toMatchObject({ name: '东城社区第一网格党员先锋队', captainFlagged: false, rallyPoint: '第一网格集结点' })
    expect(await stage.read(sql`select 1 from participants where emergency_id = ${e.id} and audience = 'duty' and (holds or team_id is not null)`)).toEqual([])
  })

  it('have a flagged captain where the lead unit has nobody', () => exempting(county.units[0]?.memberIds ?? [], async () => {
    const e = await stage.press({ grids: [0] })
    const captain = await member(e, 0, 0)
    expect(await captain.row()).toMatchObject({ post: 'captain', unit_id: county.units[1]?.id })
    expect((await e.events('emergency.activated'))[0]?.data.teams[0]).toMatchObject({ captainId: captain.personId, captainFlagged: true, required: 10 })
  }))

  it('without anybody stand empty, with their posts', () => exempting(county.units[2]?.memberIds ?? [], async () => {
    const e = await stage.press({ grids: [1] })
    expect(await e.team(1)).toMatchObject({ captainId: null, required: 5 })
    expect(await e.members(1)).toEqual([])
  }))

  it('are a snapshot: what the registry says later changes none of them', async () => {
    const e = await stage.press()
    const before = await Promise.all((await everyone(e)).map(m => m.row()))
    await registry(sql`update pairings set unit_id = ${county.units[4]?.id} where unit_id = ${county.units[5]?.id}`, sql`update pairings set unit_id = ${county.units[5]?.id} where unit_id = ${county.units[4]?.id} and grid_id = ${county.grids[3]?.id}`, () => exempting([before[1]?.person_id ?? ''], async () => {
      await prepare('countyCommander', { plan: 'fire' })
      await command('countyDuty', e, 'corrections', { text: '集结点不变' })
      expect(await Promise.all((await everyone(e)).map(m => m.row()))).toEqual(before)
      expect((await e.team(3)).required).toBe(5)
    }))
  })

  it('of two emergencies over the same grids share nobody, and no bystander is moved', async () => {
    const one = await stage.press({ level: 2 })
    const before = await held(one)
    const two = await stage.press({ level: 2, plan: 'fire', name: '仓库火灾' })
    await nobodyTwice()
    expect(await held(one)).toEqual(before)
    expect((await held(two)).size).toBe(30)
    const third = await prepare('countyCommander', { plan: 'earthquake' })
    expect(third.body.counts).toMatchObject({ required: 30, available: 0, toCall: 0 })
    expect(await press('countyCommander', third)).toMatchObject({ status: 201 })
  })
})

describe('standby', () => {
  it.each([
    ['a pre-alert', { action: 'preAlert', level: 2 } as const],
    ['level Ⅳ', { level: 4 } as const],
  ])('%s asks people to be ready, without a rally limit', async (_, what) => {
    const e = await stage.press(what)
    const [started] = await e.events()
    expect(started?.data.header).toMatchObject({ rallyBy: null })
    expect(await alertsTo(e, (await member(e, 0, 0)).personId)).toEqual(['standby'])
    expect(await alertsTo(e, county.grids[0]?.chiefId ?? '')).toEqual(['duty'])
    await stage.runs('sms-sender')
    expect((await (await member(e, 0, 0)).inbox()).join()).toContain('预警待命')
  })

  it('becomes the response on the same row; everyone is asked anew, who cannot come stays excused', async () => {
    const e = await stage.press({ action: 'preAlert', level: 2, name: '暴雨橙色' })
    await stage.runs('sms-sender')
    const [ready, cannot, silent] = [await member(e, 0, 1), await member(e, 0, 2), await member(e, 0, 3)]
    await ready.answers('going')
    await cannot.answers('cannot')
    stage.clock.advance(30)
    const turned = await turn('countyCommander', e, { level: 2, name: '暴雨' })
    expect(turned).toMatchObject({ status: 201, body: { emergencyId: e.id } })
    expect(await e.state()).toBe('activated')
    expect(await ready.row()).toMatchObject({ call_state: 'pending', answer: null })
    expect(await silent.row()).toMatchObject({ call_state: 'pending', answer: null })
    expect(await cannot.row()).toMatchObject({ call_state: 'answered', answer: 'cannot' })
    expect(await alertsTo(e, ready.personId)).toEqual(['standby', 'activation'])
    expect(await alertsTo(e, cannot.personId)).toEqual(['standby'])
    expect((await e.events('emergency.activated'))[0]?.data.header).toMatchObject({ name: '暴雨', level: 2, activatedAt: stage.clock.now().toISOString(), rallyBy: new Date(stage.clock.now().getTime() + 30 * 60_000).toISOString() })
    // The answer to the pre-alert is kept beside the row.
    expect(await stage.read(sql`select 1 from call_answers where emergency_id = ${e.id}`)).toHaveLength(2)
    expect(await ready.answers('going')).toMatchObject({ status: 200, body: { isLate: false } })
    expect(await turn('countyAdmin', e, {})).toMatchObject({ ...refused('EMERGENCY_ALREADY_OPEN'), status: 409 })
  })

  it('becomes a higher level with more people and more places', async () => {
    const e = await stage.press({ action: 'preAlert', level: 3, grids: [0] })
    const before = await held(e)
    await turn('countyCommander', e, { level: 2, scope: gridScope(0, 1) })
    const after = await held(e)
    expect([before.size, after.size]).toEqual([4, 15])
    expect([...before].filter(id => !after.has(id))).toEqual([])
    expect(await recipients(e, 'activation')).toEqual(after)
  })

  it('becomes a lower level with fewer people: the surplus is thanked and free', async () => {
    const e = await stage.press({ action: 'preAlert', level: 2, grids: [0] })
    await stage.runs('sms-sender')
    await turn('countyCommander', e, { level: 3, scope: gridScope(0) })
    expect((await held(e)).size).toBe(4)
    expect((await recipients(e, 'release')).size).toBe(6)
    expect((await e.team(0)).required).toBe(4)
    const captain = await member(e, 0, 0)
    expect(captain.personId).toBe((await e.team(0)).captainId)
  })

  it('of a drill never becomes real, nor the other way', async () => {
    const drill = await stage.press({ action: 'preAlert', isDrill: true })
    expect(await turn('countyCommander', drill, { isDrill: false })).toMatchObject({ ...refused('ILLEGAL_TRANSITION'), status: 409 })
    expect(await drill.state()).toBe('preAlert')
  })

  it('is lifted: everyone who was called hears it and is free', async () => {
    const e = await stage.press({ action: 'preAlert', level: 2 })
    await stage.runs('sms-sender')
    const called = await held(e)
    expect(await command('countyDuty', e, 'lift', { reason: '降雨结束' })).toMatchObject({ status: 200 })
    expect(await e.state()).toBe('lifted')
    expect((await held(e)).size).toBe(0)
    expect(new Set([...called].filter(id => !county.grids.some(g => g.chiefId === id)))).toEqual(called)
    expect((await recipients(e, 'lifted')).size).toBe(called.size + 8)
    expect((await e.team(0)).state).toBe('dissolved')
    expect(await turn('countyCommander', e)).toMatchObject({ ...refused('EMERGENCY_CLOSED'), status: 409 })
    expect(await command('countyDuty', e, 'lift', { reason: '再来一次' })).toMatchObject({ ...refused('EMERGENCY_CLOSED'), status: 409 })
  })

  it('is not terminated, revoked or stood down', async () => {
    const e = await stage.press({ action: 'preAlert' })
    expect(await stage.ends(e)).toMatchObject({ ...refused('ILLEGAL_TRANSITION'), status: 409 })
    expect(await stage.ends(e, 'revoke')).toMatchObject({ ...refused('ILLEGAL_TRANSITION'), status: 409 })
    expect(await command('countyCommander', e, 'level', { level: 1, reason: '水位上涨' })).toMatchObject({ ...refused('ILLEGAL_TRANSITION'), status: 409 })
    expect(await command('secretaryOfFirst', e, 'stand-down', { communityId: county.communities[0]?.id })).toMatchObject({ ...refused('ILLEGAL_TRANSITION'), status: 409 })
  })
})

describe('先期处置', () => {
  const initial = (scope = gridScope(0, 1)) => start('secretaryOfFirst', { action: 'initialResponse', scope, name: '沟道涨水' })

  it('calls grid staff alone, in the community\'s own grids', async () => {
    const e = await initial()
    expect(await e.state()).toBe('activated')
    expect(await stage.read(sql`select 1 from vanguard_teams where emergency_id = ${e.id}`)).toEqual([])
    const people = await stage.read<{ audience: string, holds: boolean }>(sql`select audience, holds from participants where emergency_id = ${e.id}`)
    expect(people).toEqual(Array.from({ length: 4 }, () => ({ audience: 'duty', holds: false })))
    expect(await alertsTo(e, county.grids[1]?.chiefId ?? '')).toEqual(['duty'])
    const [said] = await stage.read<{ sms_template: string }>(sql`select sms_template from alerts where emergency_id = ${e.id}`)
    expect(said?.sms_template).toContain('沟道涨水先期处置，请到本网格在岗处置')
    expect((await e.events('emergency.activated'))[0]?.data.header).toMatchObject({ kind: 'initialResponse', level: null, levelAuthority: 'community' })
    expect((await audits('switch.initialResponse')).at(-1)).toMatchObject({ actor_id: county.officers.secretaryOfFirst, subject_id: e.id })
  })

  it('is confirmed by the county on the same row, which calls the units', async () => {
    const e = await initial()
    await stage.runs('sms-sender')
    const chief = await e.member(county.grids[0]?.chiefId ?? '')
    await chief.answers('alreadyThere')
    expect(await turn('countyCommander', e, { scope: gridScope(0, 1, 2), level: 2 })).toMatchObject({ status: 201, body: { emergencyId: e.id } })
    expect((await held(e)).size).toBe(25)
    const headers = (await e.events('emergency.activated')).map(ev => ev.data.header)
    expect(headers).toMatchObject([{ kind: 'initialResponse' }, { kind: 'response', level: 2, no: headers[0].no }])
    expect(await chief.row()).toMatchObject({ audience: 'duty', answer: 'alreadyThere' })
    expect(await alertsTo(e, county.grids[2]?.chiefId ?? '')).toEqual(['duty'])
    // From now on it is the county's to end.
    expect(await command('secretaryOfFirst', e, 'revoke', { reason: '误按' })).toMatchObject({ ...refused('FORBIDDEN'), status: 403 })
  })

  it('is not turned by the community, and has no level to change', async () => {
    const e = await initial()
    expect(await turn('secretaryOfFirst', e, { scope: gridScope(0) })).toMatchObject({ status: 403 })
    expect(await command('countyCommander', e, 'level', { level: 2, reason: '水位上涨' })).toMatchObject({ ...refused('ILLEGAL_TRANSITION'), status: 409 })
  })

  it('is extended by its own community, inside it', async () => {
    const e = await initial(gridScope(0))
    expect((await command('secretaryOfFirst', e, 'scope', { scope: gridScope(2), reason: '下游' })).status).toBe(404)
    expect((await command('secretaryOfSecond', e, 'scope', { scope: gridScope(1), reason: '下游' })).status).toBe(404)
    expect(await command('secretaryOfFirst', e, 'scope', { scope: gridScope(1), reason: '下游' })).toMatchObject({ status: 200 })
    expect(await alertsTo(e, county.grids[1]?.chiefId ?? '')).toEqual(['duty'])
    expect((await held(e)).size).toBe(0)
  })

  it.each(['terminate', 'revoke'] as const)('may be ended by its community or the county (%s), by nobody else', async (how) => {
    const body = { reason: '水退', ...(how === 'terminate' ? { residualMeasures: '巡查' } : {}) }
    const e = await initial()
    expect((await command('secretaryOfSecond', e, how, body)).status).toBe(404)
    expect((await command('townshipSecretary', e, how, body)).status).toBe(403)
    expect(await command('secretaryOfFirst', e, how, body)).toMatchObject({ status: 200 })
    const again = await initial()
    expect(await command('countyCommander', again, how, body)).toMatchObject({ status: 200 })
  })
})

describe('the level', () => {
  it('rises: only the added people are summoned, the others are told', async () => {
    const e = await stage.press({ level: 3 })
    await stage.runs('sms-sender')
    const before = await held(e)
    const going = await member(e, 0, 1)
    await going.answers('going')
    stage.clock.advance(20)
    expect(await command('countyCommander', e, 'level', { level: 2, reason: '水位上涨' })).toMatchObject({ status: 200 })
    const after = await held(e)
    expect([before.size, after.size]).toEqual([12, 30])
    expect(await recipients(e, 'summons')).toEqual(new Set([...after].filter(id => !before.has(id))))
    expect(await recipients(e, 'levelChange')).toEqual(new Set([...before, ...county.grids.map(g => g.chiefId), ...(await stage.read<{ person_id: string }>(sql`select person_id from grid_posts`)).map(r => r.person_id)]))
    expect(await going.row()).toMatchObject({ answer: 'going', call_state: 'answered' })
    expect((await e.team(0)).required).toBe(10)
    expect((await e.events('emergency.levelChanged'))[0]?.data).toMatchObject({ from: 3, to: 2, reason: '水位上涨', header: { level: 2, rallyBy: new Date(stage.clock.now().getTime() + 30 * 60_000).toISOString() } })
    expect((await audits('emergency.adjust')).at(-1)).toMatchObject({ subject_id: e.id, details: { from: 3, to: 2, reason: '水位上涨' } })
  })

  it('rises: larger teams get their second deputy', async () => {
    const e = await stage.press({ level: 4, grids: [0] })
    const posts = async () => (await Promise.all((await e.members(0)).map(m => m.row()))).map(r => r.post).filter(post => post === 'captain' || post === 'deputy')
    const captain = (await e.team(0)).captainId
    expect(await posts()).toEqual(['captain', 'deputy'])
    await command('countyCommander', e, 'level', { level: 2, reason: '水位上涨' })
    expect(await posts()).toEqual(['captain', 'deputy', 'deputy'])
    expect((await e.team(0)).captainId).toBe(captain)
  })

  it('rises from standby: everybody moves now, so everybody is asked', async () => {
    const e = await stage.press({ level: 4 })
    const ready = await member(e, 0, 1)
    await ready.answers('going')
    await command('countyCommander', e, 'level', { level: 3, reason: '水位上涨' })
    expect(await ready.row()).toMatchObject({ call_state: 'pending', answer: null })
    expect(await recipients(e, 'activation')).toEqual(await held(e))
  })

  it('falls: of the surplus who has not answered is let go; who comes or is there stays', async () => {
    const e = await stage.press({ level: 2, grids: [0] })
    await stage.runs('sms-sender')
    const [going, cannot, there] = [(await ofUnit(e, 0))[4], (await ofUnit(e, 0))[3], (await ofUnit(e, 0))[2]]
    await going?.answers('going')
    await cannot?.answers('cannot')
    await there?.checksIn({ at: RALLY })
    expect(await command('countyCommander', e, 'level', { level: 3, reason: '水位回落' })).toMatchObject({ status: 200 })
    expect(await e.team(0)).toMatchObject({ required: 4 })
    expect(await going?.row()).toMatchObject({ member_state: 'active', holds: true })
    expect(await there?.row()).toMatchObject({ member_state: 'active', holds: true })
    // Unit 0 has two posts: taken by those two; unit 1 keeps two of its silent people.
    expect((await ofUnit(e, 0)).map(m => m.personId).toSorted()).toEqual([going?.personId, there?.personId, cannot?.personId].toSorted())
    expect(await ofUnit(e, 1)).toHaveLength(2)
    expect((await recipients(e, 'release')).size).toBe(5)
    expect((await e.team(0)).captainId).not.toBeNull()
    const captain = await e.member((await e.team(0)).captainId ?? '')
    expect(await captain.row()).toMatchObject({ member_state: 'active', post: 'captain' })
    await nobodyTwice()
  })

  it('that falls and rises again calls the released again', async () => {
    const e = await stage.press({ level: 2, grids: [0] })
    await stage.runs('sms-sender')
    const before = await held(e)
    await command('countyCommander', e, 'level', { level: 3, reason: '水位回落' })
    await command('countyCommander', e, 'level', { level: 2, reason: '水位又涨' })
    expect((await held(e)).size).toBe(before.size)
    expect(await held(e)).toEqual(before)
    await stage.runs('sms-sender')
  })

  it('is previewed in people, exactly as it then happens', async () => {
    const e = await stage.press({ level: 3 })
    await stage.runs('sms-sender')
    const preview = async (body: object) => (await stage.as('countyCommander')).post(`${at(e)}/adjustments/preview`, body)
    const before = await held(e)
    const up = await preview({ level: 2 })
    expect(up).toMatchObject({ status: 200, body: { called: 18, released: 0, duty: 0, grids: 0 } })
    expect(await held(e)).toEqual(before)
    await command('countyCommander', e, 'level', { level: 2, reason: '水位上涨' })
    const raised = await held(e)
    expect(raised.size - before.size).toBe(up.body.called)
    expect((await Promise.all(county.grids.map((_, n) => e.team(n)))).reduce((sum, t) => sum + t.required, 0)).toBe(up.body.required)

    await (await member(e, 0, 1)).answers('going')
    const down = await preview({ level: 3 })
    await command('countyCommander', e, 'level', { level: 3, reason: '水位回落' })
    expect(raised.size - (await held(e)).size).toBe(down.body.released)
    expect(down.body.released).toBeGreaterThan(0)
    expect(await preview({ level: 3 })).toMatchObject(refused('LEVEL_UNCHANGED'))
    expect(await preview({ level: 2, scope: COUNTY })).toMatchObject({ status: 400 })
    expect((await (await stage.as('secretaryOfFirst')).post(`${at(e)}/adjustments/preview`, { level: 2 })).status).toBe(403)
    expect((await (await stage.as('countyCommander')).post(`/api/emergencies/${newId()}/adjustments/preview`, { level: 2 })).status).toBe(404)
  })

  it('and an extension of the scope, too', async () => {
    const e = await stage.press({ level: 3, grids: [0] })
    const preview = await (await stage.as('countyCommander')).post(`${at(e)}/adjustments/preview`, { scope: gridScope(0, 1) })
    const before = await held(e)
    await command('countyCommander', e, 'scope', { scope: gridScope(0, 1), reason: '险情扩大' })
    expect(preview).toMatchObject({ status: 200, body: { called: (await held(e)).size - before.size, released: 0, grids: 1 } })
    expect(preview.body.required).toBe((await e.team(0)).required + (await e.team(1)).required)
    expect(preview.body.duty).toBeGreaterThan(0)
  })

  it('is not changed to itself, without a reason, or after the end', async () => {
    const e = await stage.press({ level: 2 })
    expect(await command('countyCommander', e, 'level', { level: 2, reason: '不变' })).toMatchObject({ ...refused('LEVEL_UNCHANGED'), status: 409 })
    expect(await command('countyCommander', e, 'level', { level: 1, reason: ' ' })).toMatchObject({ ...refused('VALIDATION_FAILED'), status: 400 })
    await stage.ends(e)
    expect(await command('countyCommander', e, 'level', { level: 1, reason: '水位上涨' })).toMatchObject({ ...refused('EMERGENCY_CLOSED'), status: 409 })
  })
})

describe('the scope', () => {
  it('grows by new places only, with their teams and staff', async () => {
    const e = await stage.press({ grids: [0] })
    const before = await held(e)
    expect(await command('countyCommander', e, 'scope', { scope: gridScope(0, 1), reason: '下游' })).toMatchObject({ status: 200 })
    const added = new Set([...await held(e)].filter(id => !before.has(id)))
    expect(added.size).toBe(5)
    expect(await recipients(e, 'summons')).toEqual(added)
    expect(await alertsTo(e, county.grids[0]?.chiefId ?? '')).toEqual(['duty'])
    expect(await alertsTo(e, county.grids[1]?.chiefId ?? '')).toEqual(['duty'])
    expect((await e.events('emergency.scopeExtended'))[0]?.data).toMatchObject({ reason: '下游', gridIds: [county.grids[1]?.id] })
    expect(await command('countyCommander', e, 'scope', { scope: gridScope(0, 1), reason: '下游' })).toMatchObject({ ...refused('SCOPE_EMPTY'), status: 400 })
  })

  it('is told to an officer who has a grid in it already', async () => {
    const officer = county.grids[0]?.chiefId ?? ''
    await registry(sql`insert into grid_posts (person_id, grid_id, post, valid_from) values (${officer}, ${county.grids[1]?.id}, 'gridOfficer', '2026-01-01')`, sql`delete from grid_posts where person_id = ${officer} and post = 'gridOfficer'`, async () => {
      const e = await stage.press({ grids: [0] })
      await command('countyCommander', e, 'scope', { scope: gridScope(1), reason: '下游' })
      expect(await alertsTo(e, officer)).toEqual(['duty', 'duty'])
    })
  })

  it('calls who staffs the grid on that day: not who has left, not who is yet to come', async () => {
    const [leaving, coming] = [county.grids[0]?.chiefId ?? '', county.officers.auditor]
    await registry(
      sql`with gone as (update grid_posts set valid_to = '2026-06-30' where person_id = ${leaving}) insert into grid_posts (person_id, grid_id, post, valid_from) values (${coming}, ${county.grids[0]?.id}, 'gridOfficer', '2026-07-09')`,
      sql`with back as (update grid_posts set valid_to = null where person_id = ${leaving}) delete from grid_posts where person_id = ${coming}`,
      async () => {
        expect((await prepare('countyCommander', { scope: gridScope(0) })).body.counts).toMatchObject({ duty: 1 })
        const e = await stage.press({ grids: [0] })
        expect([await alertsTo(e, leaving), await alertsTo(e, coming)]).toEqual([[], []])
      },
    )
  })

  it('of a pre-alert grows at the level it was prepared for', async () => {
    const e = await stage.press({ action: 'preAlert', level: 2, grids: [0] })
    await command('countyCommander', e, 'scope', { scope: gridScope(1), reason: '下游' })
    expect(await e.members(1)).toHaveLength(5)
    expect(await alertsTo(e, (await member(e, 1, 0)).personId)).toEqual(['summons'])
  })
})

describe('a correction', () => {
  it('reaches those who have answered, the silent and the grid staff', async () => {
    const e = await stage.press({ isDrill: true })
    const [answered, silent] = [await member(e, 0, 1), await member(e, 0, 2)]
    await answered.answers('going')
    expect(await command('countyDuty', e, 'corrections', { text: '集结点改到广场' })).toMatchObject({ status: 200 })
    for (const id of [answered.personId, silent.personId, county.grids[0]?.chiefId ?? ''])
      expect((await alertsTo(e, id)).at(-1)).toBe('correction')
    expect(await answered.row()).toMatchObject({ answer: 'going' })
    await stage.runs('sms-sender')
    expect((await answered.inbox()).at(-1)).toMatch(/^【岷县应急】演练：更正：集结点改到广场/)
    expect((await audits('emergency.correct')).at(-1)).toMatchObject({ subject_id: e.id, details: { text: '集结点改到广场' } })
  })

  it('does not call back who was let go, nor whom another emergency has now', async () => {
    const standby = await stage.press({ grids: [0], level: 4, plan: 'snow', name: '降雪' })
    await stage.runs('sms-sender')
    const taken = await member(standby, 0, 0)
    const e = await stage.press({ grids: [0] })
    await stage.runs('sms-sender')
    const released = await member(e, 0, 3)
    await (await stage.as('secretaryOfFirst')).post(`${at(e)}/people/${released.personId}/release`, { reason: '家中受灾' })
    for (const one of [standby, e]) {
      await command('countyDuty', one, 'corrections', { text: '集结点改到广场' })
      await stage.ends(one)
    }
    expect(await alertsTo(standby, taken.personId)).toEqual(['standby', 'preempted'])
    expect(await alertsTo(e, released.personId)).toEqual(['activation', 'release'])
    expect(await alertsTo(e, taken.personId)).toEqual(['activation', 'correction', 'termination'])
  })

  it('too long or empty is a 400; of what is over, a 409', async () => {
    const e = await stage.press({ grids: [0] })
    for (const text of ['', '改'.repeat(301), '改\0正'])
      expect(await command('countyDuty', e, 'corrections', { text })).toMatchObject({ ...refused('VALIDATION_FAILED'), status: 400 })
    await stage.ends(e, 'revoke')
    expect(await command('countyDuty', e, 'corrections', { text: '集结点改到广场' })).toMatchObject({ ...refused('EMERGENCY_CLOSED'), status: 409 })
  })
})

describe('an oral approval', () => {
  it('of Ⅰ and Ⅱ is followed by the written basis, once, even after the end', async () => {
    const e = await start('countyCommander', { level: 1, approvalMode: 'oral', basis: '县长口头批准' })
    await stage.ends(e)
    expect(await command('countyCommander', e, 'basis', { basis: '岷政发〔2026〕7号' })).toMatchObject({ status: 200 })
    expect((await e.events('emergency.basisSupplied'))[0]?.data.header).toMatchObject({ basis: '岷政发〔2026〕7号', approvalMode: 'written' })
    expect(await command('countyCommander', e, 'basis', { basis: '再来一份' })).toMatchObject({ ...refused('ILLEGAL_TRANSITION'), status: 409 })
    expect((await audits('emergency.supplyBasis')).at(-1)).toMatchObject({ subject_id: e.id })
  })
})

describe('误启动撤销', () => {
  it('apologises to everyone alerted, stops what was not sent, and frees everyone', async () => {
    const e = await stage.press()
    const [sent, pending] = [await member(e, 0, 1), await member(e, 0, 2)]
    await stage.runs('sms-sender')
    const going = await held(e)
    await sent.answers('going')
    expect(await stage.ends(e, 'revoke')).toMatchObject({ status: 200 })
    expect(await e.state()).toBe('revoked')
    expect(await recipients(e, 'revocation')).toEqual(new Set([...going, ...(await stage.read<{ person_id: string }>(sql`select person_id from grid_posts`)).map(r => r.person_id)]))
    expect((await held(e)).size).toBe(0)
    expect(await pending.row()).toMatchObject({ member_state: 'released' })
    await stage.runs('sms-sender')
    expect((await sent.inbox()).at(-1)).toContain('误启动撤销')
    expect(await stage.ends(e, 'revoke')).toMatchObject({ ...refused('EMERGENCY_CLOSED'), status: 409 })
    // Everyone is free for the next.
    expect((await prepare('countyCommander')).body.counts).toMatchObject({ available: 30 })
  })

  it('before anything was sent tells nobody, and the calls never go', async () => {
    const e = await stage.press()
    await stage.ends(e, 'revoke')
    expect((await recipients(e, 'revocation')).size).toBe(0)
    await stage.runs('sms-sender')
    expect(await stage.read(sql`select 1 from deliveries d join alerts a on a.id = d.alert_id where a.emergency_id = ${e.id} and d.state not in ('cancelled')`)).toEqual([])
  })
})

describe('the end', () => {
  const bySecretary = (n: 0 | 1, e: Running) => command(n === 0 ? 'secretaryOfFirst' : 'secretaryOfSecond', e, 'stand-down', { communityId: county.communities[n]?.id })

  it('stops the calls and frees who is not on the ground', async () => {
    const e = await stage.press()
    const [there, coming] = [await member(e, 0, 1), await member(e, 0, 2)]
    await there.checksIn({ at: RALLY })
    await coming.answers('going')
    expect(await stage.ends(e)).toMatchObject({ status: 200 })
    expect(await e.state()).toBe('standDown')
    expect(await held(e)).toEqual(new Set([there.personId]))
    expect(await there.row()).toMatchObject({ holds: true, presence: 'checkedIn' })
    expect(await stage.read(sql`select 1 from deliveries d join alerts a on a.id = d.alert_id where a.emergency_id = ${e.id} and a.kind in ('activation', 'duty') and d.channel = 'sms' and d.state <> 'cancelled'`)).toEqual([])
    expect(await recipients(e, 'termination')).toEqual(new Set([there.personId, coming.personId]))
    expect((await e.events('emergency.terminated'))[0]?.data).toMatchObject({ reason: '雨停', residualMeasures: '继续巡查', header: { state: 'standDown' } })
    expect(await stage.ends(e)).toMatchObject({ ...refused('EMERGENCY_CLOSED'), status: 409 })
    expect(await stage.ends(e, 'revoke')).toMatchObject({ ...refused('EMERGENCY_CLOSED'), status: 409 })
  })

  it('is stood down community by community, each one\'s people signed off or listed; the last opens the review', async () => {
    const e = await stage.press()
    const [one, two, other] = [await member(e, 0, 1), await member(e, 0, 2), await member(e, 2, 1)]
    for (const m of [one, two, other])
      await m.checksIn({ at: RALLY })
    await stage.ends(e)
    expect(await bySecretary(0, e)).toMatchObject({ status: 409, body: { error: { code: 'NOT_STOOD_DOWN', details: { people: 2 } } } })
    await one.checksOut()
    expect(await bySecretary(0, e)).toMatchObject({ status: 409, body: { error: { details: { people: 1 } } } })
    expect(await (await stage.as('secretaryOfFirst')).post(`${at(e)}/people/${two.personId}/unsigned`, { reason: '手机没电，电话确认已离开' })).toMatchObject({ status: 200 })
    expect(await bySecretary(0, e)).toMatchObject({ status: 200 })
    expect((await e.events('emergency.communityStoodDown'))[0]?.data).toMatchObject({ communityName: '东城', signedOff: 1, listed: 1 })
    expect(await e.state()).toBe('standDown')
    // Again: nothing happens twice.
    await bySecretary(0, e)
    expect(await e.events('emergency.communityStoodDown')).toHaveLength(1)
    expect(await bySecretary(1, e)).toMatchObject({ ...refused('NOT_STOOD_DOWN') })
    await other.checksOut()
    expect(await bySecretary(1, e)).toMatchObject({ status: 200 })
    expect(await e.state()).toBe('review')
    expect(await e.events('emergency.reviewOpened')).toHaveLength(1)
    expect((await held(e)).size).toBe(0)
    expect((await e.team(0)).state).toBe('dissolved')
    expect(await bySecretary(1, e)).toMatchObject({ ...refused('EMERGENCY_CLOSED'), status: 409 })
  })

  it('of a community is not its neighbour\'s to report, nor one that was never covered', async () => {
    const e = await stage.press({ grids: [0] })
    await stage.ends(e)
    expect((await command('secretaryOfSecond', e, 'stand-down', { communityId: county.communities[0]?.id })).status).toBe(404)
    expect((await command('countyCommander', e, 'stand-down', { communityId: county.communities[1]?.id })).status).toBe(404)
    expect((await command('countyCommander', e, 'stand-down', { communityId: newId() })).status).toBe(404)
    expect(await command('countyCommander', e, 'stand-down', { communityId: county.communities[0]?.id })).toMatchObject({ status: 200 })
    expect(await e.state()).toBe('review')
  })

  it('of the review is the archive, the administrator\'s', async () => {
    const e = await stage.press({ grids: [0] })
    expect(await command('countyAdmin', e, 'archive', { reason: '归档' })).toMatchObject({ ...refused('ILLEGAL_TRANSITION'), status: 409 })
    await stage.ends(e)
    expect(await command('countyAdmin', e, 'archive', { reason: '归档' })).toMatchObject({ ...refused('ILLEGAL_TRANSITION'), status: 409 })
    await bySecretary(0, e)
    expect((await command('countyCommander', e, 'archive', { reason: '归档' })).status).toBe(403)
    expect(await command('countyAdmin', e, 'archive', { reason: '归档' })).toMatchObject({ status: 200 })
    expect(await e.state()).toBe('archived')
    expect(await command('countyAdmin', e, 'archive', { reason: '归档' })).toMatchObject({ ...refused('EMERGENCY_CLOSED'), status: 409 })
    expect((await audits('emergency.archive')).at(-1)).toMatchObject({ subject_id: e.id, details: { reason: '归档' } })
  })

  it.each(['lifted', 'revoked', 'review'] as const)('ends the sessions of its links within a day (%s)', async (state) => {
    const e = await stage.press({ grids: [0], action: state === 'lifted' ? 'preAlert' : 'activate' })
    const someone = await member(e)
    const expiry = async () => new Date((await stage.read<{ expires_at: string }>(sql`select expires_at from sessions where person_id = ${someone.personId} and emergency_id = ${e.id} and kind = 'link'`))[0]?.expires_at ?? 0)
    await someone.answers('going')
    await command('countyDuty', e, 'corrections', { text: '集结点不变' })
    const accounts = () => stage.read(sql`select id, expires_at from sessions where kind = 'account' and person_id in (${county.officers.countyCommander}, ${county.officers.countyDuty}) order by id`)
    const before = await accounts()
    expect((await expiry()).getTime()).toBeGreaterThan(stage.clock.now().getTime() + 6 * 24 * HOUR)
    if (state === 'lifted') {
      await command('countyDuty', e, 'lift', { reason: '降雨结束' })
    }
    else {
      await stage.ends(e, state === 'revoked' ? 'revoke' : 'terminate')
      if (state === 'review')
        await bySecretary(0, e)
    }
    expect(await e.state()).toBe(state)
    expect(await expiry()).toEqual(new Date(stage.clock.now().getTime() + 24 * HOUR))
    expect(await accounts()).toEqual(before)
  })
})

describe('a real response', () => {
  it('ends a drill as a whole; both logs say who and why, and everyone is told', async () => {
    const drill = await stage.press({ grids: [0, 1], isDrill: true, name: '拉动演练' })
    await stage.runs('sms-sender')
    const people = await held(drill)
    const real = await stage.press({ grids: [0], level: 3, name: '短时强降雨' })
    expect(await drill.state()).toBe('standDown')
    expect((await held(drill)).size).toBe(0)
    expect([...await held(real)].every(id => people.has(id))).toBe(true)
    const given = (await drill.events('team.preempted'))[0]
    expect(given).toMatchObject({ actorId: county.officers.countyCommander, data: { fromEmergencyId: drill.id, byEmergencyId: real.id, byName: '短时强降雨', taken: people.size } })
    expect((await real.events('team.preempted'))[0]).toMatchObject({ data: { fromEmergencyId: drill.id, fromName: '拉动演练', byEmergencyId: real.id } })
    expect((await recipients(drill, 'drillAborted')).size).toBe(people.size + 4)
    expect(await drill.events('emergency.terminated')).toHaveLength(1)
    expect((await audits('emergency.preempted')).at(-1)).toMatchObject({ actor_id: county.officers.countyCommander, subject_id: drill.id, details: { by: real.id } })
    await stage.runs('sms-sender')
    const texts = await Promise.all([...people].map(async id => (await (await drill.member(id)).inbox()).filter(text => text.includes('演练中止'))))
    expect(texts.every(t => t.length === 1)).toBe(true)
    await nobodyTwice()
  })

  it('leaves a drill alone that has none of its people', async () => {
    const drill = await stage.press({ grids: [3], isDrill: true })
    await stage.press({ grids: [0] })
    expect(await drill.state()).toBe('activated')
    expect(await drill.events('team.preempted')).toEqual([])
  })

  it('takes a drill\'s people who have checked in, too', async () => {
    const drill = await stage.press({ grids: [1], level: 1, isDrill: true })
    for (const m of await drill.members(1))
      await m.checksIn({ at: RALLY })
    const real = await stage.press({ grids: [1], level: 1 })
    expect((await held(real)).size).toBe(8)
    expect(await drill.state()).toBe('standDown')
    // They answer to the real one now; the drill's secretary need not wait for them.
    expect(await command('secretaryOfFirst', drill, 'stand-down', { communityId: county.communities[0]?.id })).toMatchObject({ status: 200 })
    expect(await drill.state()).toBe('review')
  })

  it('of a higher level takes from standby exactly whom it needs, and leaves the team a captain', async () => {
    const standby = await stage.press({ grids: [0, 1], level: 4, plan: 'snow', name: '降雪' })
    const before = await held(standby)
    const captain = (await standby.team(0)).captainId ?? ''
    await stage.runs('sms-sender')
    const real = await stage.press({ grids: [0], level: 3 })
    await stage.runs('sms-sender')
    expect(await alertsTo(standby, captain)).toEqual(['standby', 'preempted'])
    expect((await (await standby.member(captain)).inbox()).at(-1)).toContain('降雪待命转为短时强降雨')
    const taken = [...before].filter(id => !new Set(county.units[2]?.memberIds).has(id))
    expect([...await held(real)].filter(id => before.has(id)).toSorted()).toEqual(taken.toSorted())
    expect((await held(standby)).size).toBe(1)
    expect(await standby.state()).toBe('activated')
    expect(await (await standby.member(captain)).row()).toMatchObject({ member_state: 'preempted', holds: false })
    expect((await standby.events('team.preempted'))[0]?.data).toMatchObject({ byEmergencyId: real.id, taken: 2 })
    expect((await standby.events('team.captainChanged'))[0]?.data).toMatchObject({ from: captain, to: null })
    await nobodyTwice()
  })

  it('of a higher level says so where another team of the standby, long without a captain, gets one with it', async () => {
    const standby = await stage.press({ action: 'preAlert', level: 3, plan: 'snow', name: '降雪' })
    const [captain, ...others] = await standby.members(3)
    for (const member of [captain, ...others])
      await member?.answers('cannot')
    expect(await command('secretaryOfSecond', standby, `people/${captain?.personId}/release`, { reason: '照顾家人' })).toMatchObject({ status: 200 })
    expect((await standby.team(3)).captainId).toBeNull()
    await others[0]?.answers('going')
    await stage.press({ grids: [0], level: 2 })
    expect((await standby.events('team.captainChanged')).map(ev => ev.data)).toContainEqual(expect.objectContaining({ from: null, to: others[0]?.personId }))
  })

  it('does not take from standby of its own level, from a response that moves, or for a drill', async () => {
    const standby = await stage.press({ grids: [0], level: 4, plan: 'snow', name: '降雪' })
    const moving = await stage.press({ grids: [2], level: 3, plan: 'fire', name: '仓库火灾' })
    const before = [await held(standby), await held(moving)]
    await stage.press({ level: 4 })
    await stage.press({ level: 1, isDrill: true })
    await stage.press({ grids: [2], level: 1, plan: 'earthquake' })
    expect([await held(standby), await held(moving)]).toEqual(before)
    await nobodyTwice()
  })

  it('calls nobody off the ground of a real standby', async () => {
    const standby = await stage.press({ grids: [1], level: 4, plan: 'snow', name: '降雪' })
    const there = await member(standby, 1, 0)
    await there.checksIn({ at: RALLY })
    const real = await stage.press({ grids: [1], level: 1 })
    expect((await held(real)).has(there.personId)).toBe(false)
    expect((await held(real)).size).toBe(8)
    expect(await held(standby)).toEqual(new Set([there.personId]))
  })

  it('that rises takes from a drill that it had left alone', async () => {
    const drill = await stage.press({ grids: [1], level: 1, isDrill: true })
    const real = await stage.press({ grids: [0] })
    await command('countyCommander', real, 'scope', { scope: gridScope(1), reason: '下游' })
    expect(await drill.state()).toBe('standDown')
    expect((await held(real)).size).toBe(15)
    await nobodyTwice()
  })
})

describe('access', () => {
  const COMMANDS: readonly [string, object, readonly Officer[]][] = [
    ['level', { level: 1, reason: '水位上涨' }, ['countyCommander', 'countyAdmin']],
    ['scope', { scope: COUNTY, reason: '下游' }, ['countyCommander', 'countyAdmin']],
    ['revoke', { reason: '误按' }, ['countyCommander', 'countyAdmin']],
    ['terminate', { reason: '雨停', residualMeasures: '巡查' }, ['countyCommander', 'countyAdmin']],
    ['corrections', { text: '集结点改到广场' }, ['countyCommander', 'countyAdmin', 'countyDuty']],
    ['basis', { basis: '岷政发〔2026〕7号' }, ['countyCommander', 'countyAdmin']],
    ['lift', { reason: '降雨结束' }, ['countyCommander', 'countyAdmin', 'countyDuty']],
    ['archive', { reason: '归档' }, ['countyAdmin']],
  ]
  /** Whoever may look at one of its places is told that he may not; to others it does not exist. */
  const LOOKING: readonly Officer[] = ['countyDuty', 'auditor', 'townshipSecretary', 'secretaryOfFirst']
  const STRANGERS: readonly Officer[] = ['secretaryOfSecond', 'secretaryOfUnit2', 'secretaryOfUnit0']

  it.each(COMMANDS)('to %s is the county\'s', async (name, body, allowed) => {
    const e = await stage.press({ grids: [0] })
    const log = await e.events()
    for (const officer of LOOKING.filter(o => !allowed.includes(o)))
      expect((await command(officer, e, name, body)).status, officer).toBe(403)
    for (const officer of STRANGERS)
      expect(await command(officer, e, name, body), officer).toMatchObject({ ...refused('NOT_FOUND'), status: 404 })
    expect((await (await member(e)).post(`${at(e)}/${name}`, body)).status).toBeGreaterThanOrEqual(403)
    expect((await stage.anonymous(`${at(e)}/${name}`, body)).status).toBe(401)
    // Absent looks as forbidden does.
    for (const officer of ['secretaryOfSecond', 'countyCommander'] as const)
      expect(await command(officer, stage.running(newId()), name, body), officer).toMatchObject({ ...refused('NOT_FOUND'), status: 404 })
    expect(await command('countyCommander', { ...e, id: 'none' }, name, body)).toMatchObject({ ...refused('VALIDATION_FAILED'), status: 400 })
    expect(await e.events()).toEqual(log)
    for (const officer of allowed)
      expect([200, 400, 409], officer).toContain((await command(officer, e, name, body)).status)
  })
})
