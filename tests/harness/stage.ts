/**
 * The whole service on a small county, with the clock, the jobs and the log in the test's hands. After
 * every command the law of the event log is checked: old board + events = fresh board, and empty board +
 * all events = fresh board.
 */
import type { Answer, CallState, EmergencyState, MemberState, Presence, TeamPost } from '../../src/contract/vocabulary.ts'
import type { ChannelSender } from '../../src/server/modules/calls/index.ts'
import type { Caller } from '../../src/server/platform/http/index.ts'
import type { Scheduler } from '../../src/server/platform/scheduler.ts'
import type { Key, Reply } from './key.ts'
import type { Officer, SmallCounty } from './small-county.ts'
import { randomBytes } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { afterAll, afterEach, expect } from 'vitest'
import { buildApp } from '../../src/server/app.ts'
import { ANSWER_PACE, createCalls } from '../../src/server/modules/calls/index.ts'
import { linkCode } from '../../src/server/modules/identity/index.ts'
import { insertSession } from '../../src/server/modules/identity/sessions.repo.ts'
import { createPhoneVault } from '../../src/server/modules/registry/index.ts'
import { readConfig } from '../../src/server/platform/config.ts'
import { readAfter } from '../../src/server/platform/eventlog/index.ts'
import { newId } from '../../src/server/platform/ids.ts'
import { createLogger } from '../../src/server/platform/logger.ts'
import { Secret } from '../../src/server/platform/secrets.ts'
import { openTestDatabase } from './database.ts'
import { pressKey } from './key.ts'
import { createLaw } from './law.ts'
import { seedSmallCounty } from './small-county.ts'

export type { Reply }

export interface Person {
  personId: string
  post: (url: string, body?: object, headers?: Record<string, string>) => Promise<Reply>
  get: (url: string) => Promise<Reply>
}

export interface Member extends Person {
  answers: (answer: Answer, more?: { answerId?: string, promisedAt?: string, reason?: string, note?: string }) => Promise<Reply>
  checksIn: (how: { code: string } | { at: { latitude: number, longitude: number, accuracyM?: number, coordinateSystem?: 'WGS84' | 'GCJ02' } }, checkInId?: string) => Promise<Reply>
  checksOut: (checkInId?: string) => Promise<Reply>
  row: () => Promise<ParticipantFacts>
  inbox: () => Promise<string[]>
}

export interface ParticipantFacts {
  [column: string]: unknown
  person_id: string
  team_id: string | null
  unit_id: string | null
  post: TeamPost | null
  member_state: MemberState
  stand_in_for: string | null
  call_state: CallState
  answer: Answer | null
  answer_via: string | null
  unreachable_reason: string | null
  presence: Presence
  check_in_method: string | null
  check_in_flags: string[]
  holds: boolean
}

export interface Running {
  id: string
  /** Team of the grid with this number. */
  team: (grid: number) => Promise<{ id: string, captainId: string | null, state: string, required: number }>
  /** Active members of a grid's team, captain first, then in the order in which they were summoned. */
  members: (grid: number) => Promise<Member[]>
  member: (personId: string) => Promise<Member>
  events: (type?: string) => Promise<{ seq: number, type: string, actorId: string | null, data: any }[]> // eslint-disable-line ts/no-explicit-any -- as Reply
  state: () => Promise<EmergencyState>
}

/** As the console shows it; the reply of a refused request. */
export const refused = (code: string) => ({ status: expect.any(Number), body: { error: expect.objectContaining({ code }) } })

/** `processes`: how many services share the database; requests go to them in turn. `pace`: so that few answers make many batches. */
export async function openStage({ processes = 1, pace = ANSWER_PACE } = {}) {
  const db = await openTestDatabase()
  let now = new Date('2026-07-01T02:00:00Z')
  const clock = { now: () => new Date(now) }
  const errors: string[] = []
  const log = createLogger('warn', {
    write(line: string) {
      if ((JSON.parse(line) as { level: number }).level >= 50)
        errors.push(line)
    },
  })
  const key = () => new Secret(randomBytes(32))
  const secrets = { phoneKey: key(), phoneHashKey: key(), linkKey: key(), checkInKey: key(), auditKey: key() }
  const vault = createPhoneVault(secrets)
  const county: SmallCounty = await db.work.tx(tx => seedSmallCounty(tx, vault, '2026-07-01'), { deadlineMs: 30_000 })
  const config = readConfig({ MODE: 'demo', PUBLIC_URL: 'http://localhost:4700', PORT: '4700' })
  const build = () => buildApp({ config, secrets, db, log, clock, demoAccounts: [], jobs: false, webRoot: null, pace })
  const built = await build()
  const services = [built, ...await Promise.all(Array.from({ length: processes - 1 }, build))]
  await Promise.all(services.map(({ app }) => app.ready()))
  afterAll(() => Promise.all(services.map(({ app }) => app.close())))
  let turn = 0
  afterEach(() => {
    expect(errors.splice(0), 'error-level log lines').toEqual([])
  })

  const jobs = new Map<string, () => Promise<void>>()
  const byHand: Scheduler = {
    cron: (name, _, job) => void jobs.set(name, job),
    loop: (name, _, job) => void jobs.set(name, () => job(() => true)),
    every: (name, _, job) => {
      jobs.set(name, job)
      return { wake: () => {} }
    },
    stop: async () => {},
  }
  built.services.calls.startJobs(byHand)
  /** Runs the sender once with this channel in the sandbox's place. */
  async function sendsBy(sms: ChannelSender): Promise<void> {
    let job = async () => {}
    createCalls({ db, clock, log, countyName: config.countyName, publicUrl: config.publicUrl, linkKey: secrets.linkKey, vault, grids: built.grids, identity: { openLinkSession: () => Promise.reject(new Error('no links here')) }, tail: { wake: () => {}, hand: () => {} }, sms, pace })
      .startJobs({ ...byHand, loop: () => {}, every: (_, __, run) => {
        job = run
        return { wake: () => {} }
      } })
    await job()
    if (lawOn)
      await checkLaw()
  }
  async function runs(job: 'sms-sender' | 'ladder-end' | 'team-leads'): Promise<void> {
    await jobs.get(job)?.()
    await checkLaw()
  }

  const read = <T extends Record<string, unknown>>(query: ReturnType<typeof sql>) => db.read.tx(tx => tx.execute<T>(query), { readOnly: true })

  // The law ------------------------------------------------------------------------------------------
  const law = createLaw(db, built.grids)
  const checkLaw = law.check
  let lastMessage = 0
  let lawOn = true

  // People -------------------------------------------------------------------------------------------
  async function request(cookie: string | null, method: 'GET' | 'POST', url: string, body?: object, headers: Record<string, string> = {}): Promise<Reply> {
    const { app } = services[turn++ % services.length] ?? built
    const reply = await app.inject({ method, url, headers: { 'x-requested-with': 'pingji', ...headers, ...(cookie === null ? {} : { cookie }) }, ...(body === undefined ? {} : { payload: body }) })
    if (method === 'POST' && lawOn)
      await checkLaw()
    return { status: reply.statusCode, body: reply.body === '' ? null : reply.json() }
  }

  const cookies = new Map<string, string>()
  async function cookieOf(personId: string, emergencyId: string | null): Promise<string> {
    // An account that rests for an hour is signed out; tests that move the clock sign in again.
    const name = `${personId} ${emergencyId ?? Math.floor(now.getTime() / 1_800_000)}`
    const known = cookies.get(name)
    if (known !== undefined)
      return known
    const { token } = await db.work.tx(async (tx) => {
      if (emergencyId === null)
        await tx.execute(sql`insert into accounts (id, person_id, password_hash) values (${newId()}, ${personId}, 'none') on conflict do nothing`)
      return insertSession(tx, { kind: emergencyId === null ? 'account' : 'link', personId, emergencyId, userAgent: 'test', now: clock.now(), expiresAt: new Date(now.getTime() + 7 * 86_400_000) })
    })
    cookies.set(name, `sid=${token}`)
    return `sid=${token}`
  }

  async function person(personId: string, emergencyId: string | null = null): Promise<Person> {
    const cookie = await cookieOf(personId, emergencyId)
    return {
      personId,
      post: (url, body = {}, headers) => request(cookie, 'POST', url, body, headers),
      get: url => request(cookie, 'GET', url),
    }
  }

  const as = (officer: Officer) => person(county.officers[officer])

  async function member(emergencyId: string, personId: string): Promise<Member> {
    const me = await person(personId, emergencyId)
    const at = `/api/emergencies/${emergencyId}`
    return {
      ...me,
      answers: (answer, { answerId = newId(), promisedAt = answer === 'later' ? new Date(now.getTime() + 20 * 60_000).toISOString() : undefined, reason = answer === 'cannot' ? 'ill' : undefined, note = '' } = {}) =>
        me.post(`${at}/answers`, { answerId, answer, promisedAt: promisedAt ?? null, reason: reason ?? null, note }),
      checksIn: (how, checkInId = newId()) => me.post(`${at}/check-ins`, 'code' in how
        ? { method: 'code', checkInId, code: how.code }
        : { method: 'position', checkInId, position: { accuracyM: 20, coordinateSystem: 'WGS84', ...how.at } }),
      checksOut: (checkInId = newId()) => me.post(`${at}/check-outs`, { checkInId }),
      row: async () => {
        const [row] = await read<ParticipantFacts>(sql`select * from participants where emergency_id = ${emergencyId} and person_id = ${personId}`)
        if (row === undefined)
          throw new Error('not in this emergency')
        return row
      },
      inbox: async () => (await read<{ text: string }>(sql`select text from sandbox_messages where person_id = ${personId} and id > ${lastMessage} order by id`)).map(m => m.text),
    }
  }

  // The key ------------------------------------------------------------------------------------------
  async function press(key: Key = {}): Promise<Running> {
    const { post } = await as('countyCommander')
    return running((await pressKey({ db, county, now, post }, key)).id)
  }

  function running(id: string): Running {
    return {
      id,
      team: async (grid) => {
        const [team] = await read<{ id: string, captain_id: string | null, state: string, required: number }>(sql`select id, captain_id, state, required from vanguard_teams where emergency_id = ${id} and grid_id = ${county.grids[grid]?.id ?? null}::uuid`)
        if (team === undefined)
          throw new Error('no such team')
        return { id: team.id, captainId: team.captain_id, state: team.state, required: team.required }
      },
      members: async (grid) => {
        const rows = await read<{ person_id: string }>(sql`
          select p.person_id from participants p join vanguard_teams t on t.id = p.team_id
          where p.emergency_id = ${id} and p.grid_id = ${county.grids[grid]?.id ?? null}::uuid and p.member_state = 'active'
          order by (p.person_id is not distinct from t.captain_id) desc, p.ordinal`)
        return Promise.all(rows.map(r => member(id, r.person_id)))
      },
      member: personId => member(id, personId),
      events: async type => (await db.read.tx(tx => readAfter(tx, id, 0, 100_000), { readOnly: true })).filter(e => type === undefined || e.type === type),
      state: async () => (await read<{ state: EmergencyState }>(sql`select state from emergencies where id = ${id}`))[0]?.state ?? 'archived',
    }
  }

  async function ends(emergency: Running, how: 'terminate' | 'revoke' = 'terminate'): Promise<Reply> {
    const commander = await as('countyCommander')
    return commander.post(`/api/emergencies/${emergency.id}/${how}`, { reason: '雨停', ...(how === 'terminate' ? { residualMeasures: '继续巡查' } : {}) })
  }

  /** Ends everything that is open, so that the next test finds everybody free. */
  async function peace(): Promise<void> {
    await db.work.tx(async (tx) => {
      await tx.execute(sql`update emergencies set state = 'lifted', terminated_at = ${now.toISOString()} where state = 'preAlert'`)
      await tx.execute(sql`update emergencies set state = 'revoked', terminated_at = ${now.toISOString()} where state = 'activated'`)
      await tx.execute(sql`update emergencies set state = 'review' where state = 'standDown'`)
      await tx.execute(sql`update participants set holds = false where holds`)
      await tx.execute(sql`update deliveries set state = 'cancelled' where state in ('pending', 'sending', 'failedTemp')`)
    })
    for (const { id } of await read<{ id: string }>(sql`select id from emergencies`))
      law.exempt(id)
    lastMessage = (await read<{ id: number }>(sql`select coalesce(max(id), 0)::int as id from sandbox_messages`))[0]?.id ?? 0
  }

  return {
    db,
    county,
    secrets,
    vault,
    app: built.app,
    routes: built.routes,
    services: built.services,
    clock: { now: clock.now, advance: (minutes: number) => void (now = new Date(now.getTime() + minutes * 60_000)) },
    as,
    person,
    press,
    running,
    ends,
    peace,
    runs,
    sendsBy,
    read,
    checkLaw,
    /** For storms: the law is checked once at their end instead of after each of their requests. */
    async storm<T>(work: () => Promise<T>): Promise<T> {
      lawOn = false
      try {
        return await work()
      }
      finally {
        lawOn = true
        await checkLaw()
      }
    },
    linkOf: (serial: number, ordinal: number) => linkCode(secrets.linkKey, serial, ordinal),
    anonymous: (url: string, body: object = {}) => request(null, 'POST', url, body),
    callerOf: async (personId: string, emergencyId: string | null): Promise<Caller> => ({
      actor: { kind: emergencyId === null ? 'account' : 'link', sessionId: newId(), personId, grants: [], emergencyId, expiresAt: new Date(now.getTime() + 86_400_000) },
      requestId: newId(),
      language: 'zh-CN',
    }),
  }
}

export type Stage = Awaited<ReturnType<typeof openStage>>
