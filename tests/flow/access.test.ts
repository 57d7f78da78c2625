/** Who may do what, route by route, over the wire: every route × every role, link and stranger, against the access table. */
import type { Me } from '../../src/contract/identity.ts'
import type { Plan } from '../../src/contract/plans.ts'
import type { Action, Target } from '../../src/server/modules/identity/index.ts'
import type { Actor } from '../../src/server/platform/http/index.ts'
import { sql } from 'drizzle-orm'
import { describe, expect, it } from 'vitest'
import { ROLES } from '../../src/contract/vocabulary.ts'
import { allows, POLICY, scopesFor } from '../../src/server/modules/identity/index.ts'
import { newId } from '../../src/server/platform/ids.ts'
import { fingerprint } from '../harness/fingerprint.ts'
import { NOON, openHouse, TODAY } from '../harness/house.ts'

const house = await openHouse()
const { built, community, township, grid, unit, person, tx } = house

interface Reply { status: number, body: any } // eslint-disable-line ts/no-explicit-any -- replies of every shape

async function call(cookie: string | null, method: string, url: string, body?: unknown, headers: Record<string, string> = {}): Promise<Reply> {
  const reply = await built.app.inject({ method: method as 'GET', url, headers: { 'x-requested-with': 'pingji', ...headers, ...(cookie === null ? {} : { cookie }) }, ...(body === undefined ? {} : { payload: body as object }) })
  return { status: reply.statusCode, body: reply.headers['content-type']?.toString().includes('json') === true ? reply.json() : reply.body }
}

const rows = <T extends Record<string, unknown>>(query: ReturnType<typeof sql>) => tx(t => t.execute<T>(query))

// The switch ---------------------------------------------------------------------------------------
interface Place { type: 'community' | 'grid', id: string }
const [flood] = await rows<{ id: string }>(sql`select id from plans where code = 'flood'`)
const planId = flood?.id ?? ''

function wordsFor(scope: Place[], more: object = {}) {
  return {
    action: 'activate',
    level: 1,
    emergencyId: null,
    planId,
    scope,
    isDrill: false,
    name: '短时强降雨',
    levelAuthority: 'county',
    basis: '会商意见',
    approver: '县应急指挥部',
    approvalMode: 'written',
    measures: '转移危险区域群众',
    expectedUntil: new Date(NOON.getTime() + 86_400_000).toISOString(),
    ...more,
  }
}

async function press(scope: Place[]): Promise<string> {
  const cookie = await house.cookieOf('指挥长')
  const prepared = await call(cookie, 'POST', '/api/switch/preparations', wordsFor(scope))
  expect(prepared.status, JSON.stringify(prepared.body)).toBe(200)
  const { preparationId, nonce } = prepared.body
  const pressed = await call(cookie, 'POST', '/api/switch/activations', { preparationId, nonce, heldMs: 3_000 }, { 'idempotency-key': newId() })
  expect(pressed.status, JSON.stringify(pressed.body)).toBe(201)
  return pressed.body.emergencyId
}

async function teamOf(emergencyId: string, gridId: string): Promise<{ id: string, captainId: string | null, members: string[] }> {
  const [team] = await rows<{ id: string, captain_id: string | null }>(sql`select id, captain_id from vanguard_teams where emergency_id = ${emergencyId} and grid_id = ${gridId}`)
  const members = await rows<{ person_id: string }>(sql`select person_id from participants where team_id = ${team?.id ?? null}::uuid and member_state = 'active' order by ordinal`)
  return { id: team?.id ?? '', captainId: team?.captain_id ?? null, members: members.map(m => m.person_id) }
}

const nameOf = (id: string | null | undefined) => Object.keys(person).find(name => person[name] === id) ?? ''

// The router and the table -----------------------------------------------------------------------------
describe('the router\'s own list', () => {
  const inApi = built.routes.filter(r => r.access !== 'public')

  it('names for every route an action of the table, or nobody in particular', () => {
    expect(built.routes.filter(r => r.access !== 'public' && !(r.access in POLICY))).toEqual([])
  })

  it('uses every action of the table', () => {
    const guarded = new Set(inApi.map(r => r.access))
    // Which of these a command asks of its caller depends on what is asked for: a pre-alert, an initial response.
    const inside: Action[] = ['switch.preAlert', 'switch.initialResponse', 'emergency.endInitial']
    expect(Object.keys(POLICY).filter(action => !guarded.has(action)).sort()).toEqual(inside.sort())
  })

  it('lets strangers in nowhere but here', () => {
    expect(built.routes.filter(r => r.access === 'public').map(r => `${r.method} ${r.url}`).sort()).toEqual([
      'GET /api/county',
      'GET /api/demo/accounts',
      'GET /api/docs',
      'GET /api/docs/start.js',
      'GET /api/docs/viewer.js',
      'GET /api/openapi.json',
      'GET /healthz',
      'GET /metrics',
      'GET /readyz',
      'POST /api/links/:code',
      'POST /api/session',
    ])
  })
})

// The mode -------------------------------------------------------------------------------------------
describe('the community\'s command over unit members', () => {
  it('exists only while an emergency covers the grid', async () => {
    const secretary = await house.cookieOf('西城书记')
    const librarian = person.图书馆01 ?? ''
    const reveals = () => call(secretary, 'POST', `/api/people/${librarian}/phone-reveals`, { reason: '电话叫应' })

    expect((await reveals()).status).toBe(404)

    const emergencyId = await press([{ type: 'grid', id: grid.西大街 }])
    const team = await teamOf(emergencyId, grid.西大街)
    expect(team.members).toContain(librarian)
    const commands: [string, object][] = [
      [`people/${librarian}/answers`, { answerId: newId(), answer: 'going', promisedAt: null, reason: null, note: '' }],
      [`unreachable`, { personIds: [librarian], reason: '关机' }],
      [`urges`, { scope: { type: 'community', id: community.西城 } }],
      [`teams/${team.id}/captain`, { personId: librarian }],
      [`teams/${team.id}/confirm`, {}],
      [`people/${librarian}/release`, { reason: '任务完成' }],
    ]
    const order = (cookie: string, [path, body]: [string, object]) => call(cookie, 'POST', `/api/emergencies/${emergencyId}/${path}`, body)

    // The next community's, whom this emergency does not concern: as if it did not exist.
    const neighbour = await house.cookieOf('东城书记')
    for (const command of commands)
      expect((await order(neighbour, command)).status, `neighbour ${command[0]}`).toBe(404)

    expect((await reveals()).status).toBe(200)
    for (const command of commands)
      expect((await order(secretary, command)).status, command[0]).toBe(200)

    expect((await call(await house.cookieOf('指挥长'), 'POST', `/api/emergencies/${emergencyId}/revoke`, { reason: '误按' })).status).toBe(200)
    const before = await tx(fingerprint)
    expect((await reveals()).status).toBe(404)
    for (const command of commands)
      expect((await order(secretary, command)).status, `after: ${command[0]}`).toBe(403)
    expect(await tx(fingerprint)).toEqual(before)
  })

  it('does not reach into an emergency elsewhere', async () => {
    const secretary = await house.cookieOf('西城书记')
    const before = await tx(fingerprint)
    const at = `/api/emergencies/${here}`
    expect((await call(secretary, 'POST', `${at}/urges`, { scope: { type: 'community', id: community.西城 } })).status).toBe(404)
    expect((await call(secretary, 'POST', `${at}/roll-calls`, { communityId: community.西城, teamId: null })).status).toBe(404)
    expect((await call(secretary, 'POST', `${at}/stand-down`, { communityId: community.西城 })).status).toBe(404)
    expect(await tx(fingerprint)).toEqual(before)
  })
})

// The matrix -----------------------------------------------------------------------------------------
/** An emergency in the first community, another one in the other township. */
const here = await press([{ type: 'community', id: community.东城 }])
const elsewhere = await press([{ type: 'grid', id: grid.茶埠街 }])
const team = await teamOf(here, grid.当归城)
const nextTeam = await teamOf(here, grid.东大街)
const foreignTeam = await teamOf(elsewhere, grid.茶埠街)
const foreigner = foreignTeam.members[0] ?? ''

/** Ordinary members of the team, each for one command, so that the commands do not get into each other's way. */
const extras = team.members.filter(id => id !== team.captainId && /\d\d$/.test(nameOf(id)))
const [plain = '', answering = '', arriving = '', staying = '', moving = '', leaving = '', replaced = '', lent = '', promoted = ''] = extras

interface Somebody { who: string, actor: Actor, cookie: string }

async function somebody(name: string, emergencyId: string | null = null): Promise<Somebody> {
  const cookie = await house.cookieOf(name, emergencyId === null ? undefined : { emergencyId })
  const { body: me } = await call(cookie, 'GET', '/api/me') as { body: Me }
  // What a link shows of a person is less than what he may do by it.
  const { body: { grants } } = await call(await house.cookieOf(name), 'GET', '/api/me') as { body: Me }
  return {
    who: emergencyId === null ? name : `${name} by a link ${emergencyId === here ? 'of this' : 'of another'} emergency`,
    cookie,
    actor: { kind: me.sessionKind, sessionId: '', personId: me.personId, emergencyId: me.emergencyId, expiresAt: new Date(me.expiresAt), grants: grants.map(g => ({ role: g.role, scopeType: g.scope.type, scopeId: g.scope.id })) },
  }
}

const OFFICERS = ['管理员', '值班员', '指挥长', '审计员', '系统员', '安全员', '岷阳书记', '东城书记', '西城书记', '东城干部', '当归城网格长', '当归城网格员', '当归城兼职', '茶埠街网格长', '商务局书记', '商务局联络员', '财政局书记']
const people = [
  ...await Promise.all(OFFICERS.map(name => somebody(name))),
  await somebody(nameOf(plain)),
  await somebody(nameOf(plain), here),
  await somebody(nameOf(plain), elsewhere),
  await somebody(nameOf(team.captainId), here),
  await somebody(nameOf(team.captainId), elsewhere),
  await somebody('当归城网格长', here),
  await somebody('当归城网格长', elsewhere),
  await somebody('指挥长', here),
]

{
  // Somebody on the ground, for those who sign off and call the roll.
  const chief = await somebody('当归城网格长')
  expect((await call(chief.cookie, 'POST', `/api/emergencies/${here}/people/${staying}/check-ins`, { checkInId: newId() })).status).toBe(200)
}
const rollCall = (await call((await somebody('东城书记')).cookie, 'POST', `/api/emergencies/${here}/roll-calls`, { communityId: community.东城, teamId: team.id })).body.id as string
const [alert] = await rows<{ id: string }>(sql`select id from alerts where emergency_id = ${here} and audience = 'team' limit 1`)
const [foreignAlert] = await rows<{ id: string }>(sql`select id from alerts where emergency_id = ${elsewhere} and audience = 'team' limit 1`)
const [lastPairing] = await rows<{ id: string }>(sql`select id from pairings where grid_id = ${grid.西大街}`)

const inGrid: Target = { gridId: grid.当归城, communityId: community.东城, townshipId: township.岷阳 }
const inNextGrid: Target = { ...inGrid, gridId: grid.东大街 }
const running = { emergencyId: here, mode: 'emergency' } as const

async function ofTeam(): Promise<Target> {
  return { ...inGrid, ...running, captainId: (await teamOf(here, grid.当归城)).captainId }
}

async function ofPerson(id: string): Promise<Target> {
  const [p] = await rows<{ grid_id: string, unit_id: string, captain_id: string | null }>(sql`
    select p.grid_id, p.unit_id, t.captain_id from participants p left join vanguard_teams t on t.id = p.team_id where p.emergency_id = ${here} and p.person_id = ${id}`)
  return { ...(p?.grid_id === grid.东大街 ? inNextGrid : inGrid), ...running, personId: id, unitId: p?.unit_id ?? '', captainId: p?.captain_id ?? null }
}

interface Route {
  action: Action
  /**
   * - `list`: whoever has a scope for it anywhere, cut to it; `at` says what must lie in it, if anything.
   * - `self`: one's own matters; absent where there are none.
   * - `county`: over the whole emergency.
   * - else over `at`.
   */
  over?: 'list' | 'self' | 'county'
  at?: () => Target | Target[] | Promise<Target>
  /** To whoever may do this, the refusal says "not allowed"; to everyone else "not found". Left out: always "not allowed". `hidden`: always "not found". */
  see?: Action | 'hidden'
  /** Where he must see it; left out: `at`. */
  seeAt?: Target[]
  /** A link's holder knows of the emergency; he is told that he may not. */
  tellsLinks?: true
  person?: string
  query?: string
  body?: (by: Somebody) => unknown
  /** Why nobody succeeds here in this state of things. */
  refuses?: string
}

const reason = '按照指挥部要求'
const answer = () => ({ answerId: newId(), answer: 'going', promisedAt: null, reason: null, note: '' })
const seen = { see: 'board.view', tellsLinks: true } as const
const overTeam = { at: ofTeam, ...seen } as const
const rollCalled = { action: 'presence.rollCall', ...overTeam } as const
const ofUnits: Target[] = [inGrid, { unitId: unit.商务局 }, { unitId: unit.财政局 }]

/** Every route that wants a session; in this order they are called, what ends things last. */
const ROUTES: Record<string, Route> = {
  'GET /api/me': { action: 'session.own', over: 'self' },
  'DELETE /api/session': { action: 'session.own', over: 'self' },
  'GET /api/registry/tree': { action: 'registry.view', over: 'list' },
  'GET /api/registry/units': { action: 'registry.view', over: 'list' },
  'GET /api/registry/people': { action: 'registry.view', over: 'list' },
  'GET /api/plans': { action: 'plan.view', over: 'list' },
  'GET /api/plans/:planId': { action: 'plan.view', over: 'list' },
  'GET /api/plans/rosters/:gridId': { action: 'roster.view', over: 'list', at: () => ofUnits },
  'GET /api/home': { action: 'home.view', over: 'list' },
  'GET /api/emergencies': { action: 'emergency.list', over: 'list' },
  'GET /api/sandbox/messages': { action: 'sandbox.view', over: 'list' },
  'GET /api/emergencies/:emergencyId/board': { action: 'board.view', at: () => inGrid, see: 'hidden', query: `?scope=grid&scopeId=${grid.当归城}` },
  'GET /api/emergencies/:emergencyId/people': { action: 'board.view', at: () => inGrid, see: 'hidden', query: `?scope=grid&scopeId=${grid.当归城}` },
  'GET /api/emergencies/:emergencyId/events': { action: 'board.view', over: 'list', at: () => ofUnits },
  'GET /api/emergencies/:emergencyId/review': { action: 'review.view', at: () => inGrid, see: 'hidden' },
  'GET /api/emergencies/:emergencyId/review.csv': { action: 'review.export', at: () => ({}), see: 'review.view' },
  'GET /api/emergencies/:emergencyId/review.json': { action: 'review.export', at: () => ({}), see: 'review.view' },
  'GET /api/emergencies/:emergencyId/teams/:teamId/members': { action: 'presence.showCode', ...overTeam },
  'GET /api/emergencies/:emergencyId/teams/:teamId/check-in-code': { action: 'presence.showCode', ...overTeam },
  'GET /api/emergencies/:emergencyId/teams/:teamId/candidates': { action: 'team.substitute', at: () => ofUnits.map(at => ({ ...at, ...running })), see: 'board.view', seeAt: [inGrid] },
  'GET /api/mine': { action: 'mine.view', over: 'self' },
  'GET /api/emergencies/:emergencyId/mine': { action: 'mine.view', over: 'self' },
  'POST /api/emergencies/:emergencyId/captain-calls': { action: 'mine.view', over: 'self', body: () => ({}) },
  'POST /api/emergencies/:emergencyId/receipts': { action: 'call.answerOwn', over: 'self', body: () => ({ alertId: alert?.id, read: true }) },
  'POST /api/emergencies/:emergencyId/answers': { action: 'call.answerOwn', over: 'self', body: answer },
  'POST /api/emergencies/:emergencyId/check-ins': { action: 'presence.own', over: 'self', body: () => ({ method: 'position', checkInId: newId(), position: { latitude: 34.4, longitude: 104, accuracyM: 10, coordinateSystem: 'WGS84' } }) },
  'POST /api/emergencies/:emergencyId/check-outs': { action: 'presence.own', over: 'self', body: () => ({ checkInId: newId() }) },
  'POST /api/people/:personId/phone-reveals': { action: 'person.revealPhone', person: answering, at: () => ofPerson(answering), see: 'registry.view', body: () => ({ reason }) },
  'POST /api/registry/people': { action: 'registry.editPeople', at: () => ({ unitId: unit.商务局 }), see: 'registry.view', body: by => ({ name: '新人', phone: `1541111${String(people.indexOf(by)).padStart(4, '0')}`, birthYear: 1990, politicalStatus: 'masses', unitId: unit.商务局, tier: null }) },
  'POST /api/registry/exemptions': { action: 'registry.editPeople', at: () => ({ unitId: unit.商务局 }), see: 'registry.view', body: () => ({ personId: person.商务局联络员, reason: 'away', note: '', validFrom: TODAY, validTo: null }) },
  'POST /api/registry/pairings': { action: 'registry.editPairings', at: () => ({}), body: () => ({ unitId: unit.财政局, gridId: grid.西大街, isLead: false, validFrom: TODAY }) },
  'POST /api/registry/pairings/:pairingId/end': { action: 'registry.editPairings', at: () => ({}), body: () => ({ lastDay: TODAY }) },
  'PUT /api/plans/:planId/levels/:level': { action: 'plan.edit', at: () => ({}), body: () => currentLevel() },
  'POST /api/emergencies/:emergencyId/people/:personId/answers': { action: 'call.answerFor', person: answering, at: () => ofPerson(answering), ...seen, body: answer },
  'POST /api/emergencies/:emergencyId/unreachable': { action: 'call.markUnreachable', at: () => ofPerson(promoted), ...seen, body: () => ({ personIds: [promoted], reason }) },
  'POST /api/emergencies/:emergencyId/urges': { action: 'call.urge', at: () => ({ ...inGrid, gridId: '', ...running }), ...seen, body: () => ({ scope: { type: 'community', id: community.东城 } }) },
  'POST /api/emergencies/:emergencyId/people/:personId/check-ins': { action: 'presence.signFor', person: arriving, at: () => ofPerson(arriving), ...seen, body: () => ({ checkInId: newId() }) },
  'POST /api/emergencies/:emergencyId/people/:personId/check-outs': { action: 'presence.signFor', person: arriving, at: () => ofPerson(arriving), ...seen, body: () => ({ checkInId: newId() }) },
  'POST /api/emergencies/:emergencyId/people/:personId/unsigned': { action: 'presence.listUnsigned', person: staying, at: () => ofPerson(staying), see: 'board.view', body: () => ({ reason }) },
  'POST /api/emergencies/:emergencyId/roll-calls': { ...rollCalled, body: () => ({ communityId: community.东城, teamId: team.id }) },
  'GET /api/roll-calls/:rollCallId': rollCalled,
  'POST /api/roll-calls/:rollCallId/marks': { ...rollCalled, body: () => ({ marks: [{ personId: staying, present: true }] }) },
  'POST /api/roll-calls/:rollCallId/close': { ...rollCalled, body: () => ({}) },
  'POST /api/emergencies/:emergencyId/teams/:teamId/confirm': { action: 'team.command', at: ofTeam, see: 'board.view', body: () => ({}) },
  'POST /api/emergencies/:emergencyId/people/:personId/move': { action: 'team.command', person: moving, at: () => ofPerson(moving), see: 'board.view', body: () => ({ toTeamId: nextTeam.id, reason }) },
  'POST /api/emergencies/:emergencyId/people/:personId/release': { action: 'team.command', person: leaving, at: () => ofPerson(leaving), see: 'board.view', body: () => ({ reason }) },
  'POST /api/emergencies/:emergencyId/people/:personId/substitute': { action: 'team.substitute', person: replaced, at: () => ofPerson(replaced), see: 'board.view', body: () => ({ standInId: null, reason }) },
  'POST /api/emergencies/:emergencyId/reinforcements': { action: 'team.reinforce', at: ofTeam, see: 'board.view', body: () => ({ fromTeamId: team.id, toTeamId: nextTeam.id, personIds: [lent], reason }) },
  'POST /api/emergencies/:emergencyId/teams/:teamId/captain': { action: 'team.command', at: ofTeam, see: 'board.view', body: () => ({ personId: promoted }) },
  'POST /api/switch/preparations': { action: 'switch.prepare', at: () => ({}), body: by => drillFor(by) },
  'POST /api/switch/activations': { action: 'switch.activate', at: () => ({}), see: 'switch.prepare', body: by => preparedBy(by) },
  'POST /api/emergencies/:emergencyId/corrections': { action: 'emergency.correct', over: 'county', body: () => ({ text: '集结点改到县政府广场' }) },
  'POST /api/emergencies/:emergencyId/level': { action: 'emergency.adjust', over: 'county', body: () => ({ level: 2, reason }) },
  'POST /api/emergencies/:emergencyId/adjustments/preview': { action: 'emergency.adjust', over: 'county', body: () => ({ level: 1 }) },
  'POST /api/emergencies/:emergencyId/scope': { action: 'emergency.adjust', over: 'county', body: by => ({ scope: [{ type: 'grid', id: by.who === '管理员' ? grid.西大街 : grid.茶埠街 }], reason }) },
  'POST /api/emergencies/:emergencyId/basis': { action: 'emergency.adjust', over: 'county', body: () => ({ basis: '书面批复' }), refuses: 'its basis is a written one' },
  'POST /api/emergencies/:emergencyId/lift': { action: 'emergency.lift', over: 'county', body: () => ({ reason }), refuses: 'it is no pre-alert' },
  'POST /api/emergencies/:emergencyId/archive': { action: 'emergency.archive', over: 'county', body: () => ({ reason }), refuses: 'it has not been reviewed' },
  'POST /api/emergencies/:emergencyId/terminate': { action: 'emergency.end', over: 'county', body: () => ({ reason, residualMeasures: '继续巡查' }) },
  'POST /api/emergencies/:emergencyId/revoke': { action: 'emergency.end', over: 'county', body: () => ({ reason }), refuses: 'it has been terminated' },
  'POST /api/emergencies/:emergencyId/lessons': { action: 'review.addLesson', at: () => inGrid, see: 'hidden', body: () => ({ text: '集结点标识要更醒目' }) },
  'POST /api/emergencies/:emergencyId/stand-down': { action: 'emergency.standDown', at: () => ({ communityId: community.东城, townshipId: township.岷阳 }), see: 'board.view', body: () => ({ communityId: community.东城 }) },
}

async function currentLevel() {
  const { body } = await call((await somebody('管理员')).cookie, 'GET', `/api/plans/${planId}`)
  const plan = body as Plan
  return { version: plan.version, level: plan.levels.find(l => l.level === 1) }
}

/** One's own drill somewhere else, so that nobody finds another's already open. */
const drillFor = (by: Somebody) => wordsFor([{ type: 'grid', id: grid.西大街 }, ...by.who === '管理员' ? [{ type: 'grid' as const, id: grid.茶埠街 }] : []], { isDrill: true, name: `演练 ${by.who}` })

async function preparedBy(by: Somebody) {
  const { status, body } = await call(by.cookie, 'POST', '/api/switch/preparations', drillFor(by))
  return status === 200 ? { preparationId: body.preparationId, nonce: body.nonce, heldMs: 3_000 } : { preparationId: newId(), nonce: 'x'.repeat(32), heldMs: 3_000 }
}

const IDS: Record<string, string> = { emergencyId: here, teamId: team.id, planId, gridId: grid.当归城, pairingId: lastPairing?.id ?? '', rollCallId: rollCall, level: '1' }

function send(name: string, cookie: string | null, body: unknown, ids: Record<string, string> = {}): Promise<Reply> {
  const [method = '', pattern = ''] = name.split(' ')
  const route = ROUTES[name]
  const all = { ...IDS, personId: route?.person ?? '', ...ids }
  const url = pattern.replace(/:(\w+)/g, (_, key: keyof typeof all) => all[key] ?? '')
  return call(cookie, method, url + (route?.query ?? ''), body, { 'idempotency-key': newId() })
}

/** What the table says: 200 for "goes ahead", else the refusal's status. */
async function verdict({ actor }: Somebody, { action, over, at, see, seeAt, tellsLinks }: Route): Promise<200 | 403 | 404> {
  const found = await at?.()
  const targets = found === undefined ? [] : [found].flat()
  const may = (what: Action, where: Target[]) => where.some(target => allows(actor, what, target))
  switch (over) {
    case 'self': {
      const needsEmergency = actor.kind === 'link' && actor.emergencyId !== here
      return needsEmergency ? 403 : 200
    }
    case 'list':
      if (scopesFor(actor, action).length === 0)
        return 403
      return targets.length === 0 || may(action, targets) ? 200 : 404
    case 'county':
      if (may(action, [{}]))
        return 200
      return may('board.view', [inGrid, inNextGrid]) ? 403 : 404
    default:
      if (may(action, targets))
        return 200
      if (see === 'hidden')
        return 404
      return see === undefined || (actor.kind === 'link' && tellsLinks === true) || may(see, seeAt ?? targets) ? 403 : 404
  }
}

describe('every route, by everyone', () => {
  const names = Object.keys(ROUTES)
  /** A link of another emergency serves these, which name none. */
  const ownAnywhere = new Set(['GET /api/me', 'GET /api/mine', 'DELETE /api/session'])
  const verdictOf = (by: Somebody, name: string) => ownAnywhere.has(name) ? Promise.resolve(200 as const) : verdict(by, ROUTES[name] ?? { action: 'session.own' })

  it('is all routes and all roles', () => {
    expect(names.sort()).toEqual(built.routes.filter(r => r.access !== 'public').map(r => `${r.method} ${r.url}`).sort())
    expect(built.routes.filter(r => r.access !== 'public' && ROUTES[`${r.method} ${r.url}`]?.action !== r.access)).toEqual([])
    expect([...new Set(people.flatMap(p => p.actor.grants.map(g => g.role)))].sort()).toEqual([...ROLES].sort())
    expect(new Set([plain, answering, arriving, staying, moving, leaving, replaced, lent, promoted]).size).toBe(9)
  })

  it('refuses whom the table refuses, and leaves all as it was', async () => {
    const before = await tx(fingerprint)
    const wrong: string[] = []
    for (const name of names) {
      const anonymous = await send(name, null, await ROUTES[name]?.body?.(people[0] as Somebody))
      if (anonymous.status !== 401 || anonymous.body.error.code !== 'UNAUTHENTICATED')
        wrong.push(`${name} nobody: ${anonymous.status}`)
      for (const by of people) {
        const expected = await verdictOf(by, name)
        if (expected === 200)
          continue
        const { status, body } = await send(name, by.cookie, await ROUTES[name]?.body?.(by))
        if (status !== expected || body.error.code !== (expected === 403 ? 'FORBIDDEN' : 'NOT_FOUND'))
          wrong.push(`${name} ${by.who}: ${status} ${JSON.stringify(body).slice(0, 120)}, not ${expected}`)
      }
    }
    expect(wrong).toEqual([])
    expect(await tx(fingerprint)).toEqual(before)
  }, 120_000)

  it('finds nothing under an id that is foreign, unknown or none', async () => {
    const before = await tx(fingerprint)
    const member = await somebody(nameOf(plain))
    const wrong: string[] = []
    const foreign: Record<string, string> = { emergencyId: elsewhere, teamId: foreignTeam.id, personId: foreigner }
    for (const name of names) {
      const route = ROUTES[name]
      const params = [...name.matchAll(/:(\w+)/g)].map(m => m[1] ?? '')
      if (route === undefined || params.length === 0)
        continue
      const verdicts = await Promise.all(people.map(async by => ({ by, ok: by.actor.kind === 'account' && await verdictOf(by, name) === 200 })))
      const by = route.over === 'self' ? member : verdicts.find(v => v.ok)?.by
      if (by === undefined) {
        wrong.push(`${name}: nobody may`)
        continue
      }
      for (const param of params) {
        const other = params.length === 2 && param in foreign ? foreign[param] : undefined
        const isLevel = param === 'level'
        for (const [kind, id, expected] of [['unknown', isLevel ? '7' : crypto.randomUUID(), isLevel ? 400 : 404], ['none', '1;drop', 400], ['empty', '%20', 400], ...other === undefined ? [] : [['foreign', other, 404] as const]] as const) {
          const { status, body } = await send(name, by.cookie, await route.body?.(by), { [param]: id })
          if (status !== expected || typeof body?.error?.message !== 'string')
            wrong.push(`${name} ${param} ${kind} by ${by.who}: ${status} ${JSON.stringify(body).slice(0, 160)}`)
        }
      }
    }
    expect(wrong).toEqual([])
    expect(await tx(fingerprint)).toEqual(before)
  }, 60_000)

  it('finds nothing under a foreign or unknown id in a body', async () => {
    const before = await tx(fingerprint)
    const unknown = crypto.randomUUID()
    const inHere = (path: string) => `/api/emergencies/${here}/${path}`
    const secretary = '东城书记'
    const cases: [string, string, object, number?][] = [
      [secretary, inHere(`people/${moving}/move`), { toTeamId: foreignTeam.id, reason }],
      [secretary, inHere(`people/${moving}/move`), { toTeamId: unknown, reason }],
      [secretary, inHere(`people/${replaced}/substitute`), { standInId: unknown, reason }],
      [secretary, inHere(`people/${replaced}/substitute`), { standInId: foreigner, reason }],
      [secretary, inHere(`teams/${team.id}/captain`), { personId: unknown }],
      [secretary, inHere(`teams/${team.id}/captain`), { personId: foreigner }],
      [secretary, inHere('unreachable'), { personIds: [promoted, foreigner], reason }],
      [secretary, inHere('roll-calls'), { communityId: community.西城, teamId: null }],
      [secretary, inHere('roll-calls'), { communityId: community.东城, teamId: foreignTeam.id }],
      [secretary, inHere('stand-down'), { communityId: community.西城 }],
      [secretary, `/api/roll-calls/${rollCall}/marks`, { marks: [{ personId: foreigner, present: true }] }],
      [secretary, inHere('urges'), { scope: { type: 'grid', id: unknown } }],
      ['指挥长', inHere('reinforcements'), { fromTeamId: team.id, toTeamId: foreignTeam.id, personIds: [lent], reason }],
      ['指挥长', inHere('reinforcements'), { fromTeamId: team.id, toTeamId: nextTeam.id, personIds: [foreigner], reason }],
      ['指挥长', inHere('urges'), { scope: { type: 'community', id: unknown } }],
      ['指挥长', inHere('roll-calls'), { communityId: community.东城, teamId: null }, 403],
      ['指挥长', '/api/switch/preparations', wordsFor([{ type: 'grid', id: grid.西大街 }], { planId: unknown })],
      ['指挥长', '/api/switch/preparations', wordsFor([{ type: 'grid', id: grid.西大街 }], { emergencyId: unknown })],
      ['指挥长', '/api/switch/preparations', wordsFor([{ type: 'grid', id: unknown }]), 400],
      ['管理员', '/api/registry/pairings', { unitId: unknown, gridId: grid.西大街, isLead: false, validFrom: TODAY }],
      ['管理员', '/api/registry/pairings', { unitId: unit.财政局, gridId: unknown, isLead: false, validFrom: TODAY }],
      ['商务局书记', '/api/registry/people', { name: '新人', phone: '15412345678', birthYear: null, politicalStatus: 'masses', unitId: unknown, tier: null }],
      ['商务局书记', '/api/registry/people', { name: '新人', phone: '15412345678', birthYear: null, politicalStatus: 'masses', unitId: unit.图书馆, tier: null }],
      ['商务局书记', '/api/registry/exemptions', { personId: unknown, reason: 'ill', note: '', validFrom: TODAY, validTo: null }],
      ['商务局书记', '/api/registry/exemptions', { personId: foreigner, reason: 'ill', note: '', validFrom: TODAY, validTo: null }],
      [nameOf(plain), inHere('receipts'), { alertId: foreignAlert?.id, read: true }],
      [nameOf(plain), inHere('receipts'), { alertId: unknown, read: true }],
    ]
    const wrong: string[] = []
    for (const [name, url, body, expected = 404] of cases) {
      const reply = await call((await somebody(name)).cookie, 'POST', url, body)
      if (reply.status !== expected)
        wrong.push(`${name} ${url} ${JSON.stringify(body)}: ${reply.status} ${JSON.stringify(reply.body).slice(0, 160)}`)
    }
    expect(wrong).toEqual([])
    expect(await tx(fingerprint)).toEqual(before)
  }, 60_000)

  it('lets those go ahead whom the table lets', async () => {
    const wrong: string[] = []
    for (const name of Object.keys(ROUTES)) {
      const route = ROUTES[name] as Route
      let succeeded = 0
      for (const by of people) {
        if (await verdictOf(by, name) !== 200)
          continue
        const cookie = name === 'DELETE /api/session' ? await house.cookieOf(nameOf(by.actor.personId), by.actor.emergencyId === null ? undefined : { emergencyId: by.actor.emergencyId }) : by.cookie
        const { status, body } = await send(name, cookie, await route.body?.(by))
        if (status < 300)
          succeeded++
        // Who has no part in it has nothing of his own there.
        else if (!(status === 409 || status === 429 || (route.over === 'self' && status === 404)))
          wrong.push(`${name} ${by.who}: ${status} ${JSON.stringify(body).slice(0, 160)}`)
      }
      if ((succeeded > 0) !== (route.refuses === undefined))
        wrong.push(`${name}: ${succeeded} succeeded`)
    }
    expect(wrong).toEqual([])
  }, 120_000)
})

it('logs no error', () => {
  expect(house.errors).toEqual([])
})
