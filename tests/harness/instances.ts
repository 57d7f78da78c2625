/**
 * Several processes of one deployment, as far as one test process can play them: each has its own guarded
 * way to the one database, its own tail and its own sockets, and listens on a port of its own.
 */
import type { AddressInfo } from 'node:net'
import type { Socket } from 'socket.io-client'
import type { GiveAnswer } from '../../src/contract/calls.ts'
import type { ClientToServerEvents, ServerToClientEvents } from '../../src/contract/realtime.ts'
import type { Board, BoardScope } from '../../src/contract/reducer.ts'
import type { BuiltApp } from '../../src/server/app.ts'
import type { Database } from '../../src/server/platform/db/index.ts'
import type { Key, Reply } from './key.ts'
import { randomBytes } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { io } from 'socket.io-client'
import { afterAll, afterEach, expect } from 'vitest'
import { PROTOCOL_VERSION } from '../../src/contract/protocol.ts'
import { merge } from '../../src/contract/reducer.ts'
import { buildApp } from '../../src/server/app.ts'
import { insertSession } from '../../src/server/modules/identity/sessions.repo.ts'
import { createPhoneVault } from '../../src/server/modules/registry/index.ts'
import { readConfig } from '../../src/server/platform/config.ts'
import { openDatabase } from '../../src/server/platform/db/index.ts'
import { newId } from '../../src/server/platform/ids.ts'
import { createLogger } from '../../src/server/platform/logger.ts'
import { Secret } from '../../src/server/platform/secrets.ts'
import { createTestDatabase } from './database.ts'
import { pressKey } from './key.ts'
import { createLaw } from './law.ts'
import { seedSmallCounty } from './small-county.ts'
import { until } from './until.ts'

export type Client = Socket<ServerToClientEvents, ClientToServerEvents>

export interface Instance {
  built: BuiltApp
  url: string
  /** While true, reading the tables fails as if the database had gone away; the log's tail goes on. */
  readsFail: { now: boolean, times: number }
}

export type Outcome<T> = { ok: true, data: T } | { ok: false, error: { code: string } }

/** A request over a socket; the reply as the client gets it. */
export function ask<C extends keyof ClientToServerEvents>(client: Client, command: C, body: unknown): Promise<Outcome<any>> { // eslint-disable-line ts/no-explicit-any -- as Reply
  return (client as unknown as { timeout: (ms: number) => { emitWithAck: (name: string, body: unknown) => Promise<Outcome<unknown>> } }).timeout(10_000).emitWithAck(command, body)
}

/** What a board screen does: watches, merges what comes, asks again when told to or when it lost the thread. */
export async function watchBoard(client: Client, emergencyId: string, scope: BoardScope) {
  const state = { board: null as Board | null, watchId: '', deltas: 0, resyncs: 0, refused: null as string | null, timeline: [] as { type: string, seq: number, data: unknown }[] }
  async function ask_(): Promise<void> {
    const reply = await ask(client, 'board:watch', { emergencyId, scope })
    if (reply.ok)
      Object.assign(state, { board: reply.data.board, watchId: reply.data.watchId })
    else
      Object.assign(state, { board: null, refused: reply.error.code })
  }
  client.on('board:delta', ({ watchId, delta, timeline }) => {
    if (watchId !== state.watchId || state.board === null)
      return
    state.deltas++
    state.timeline.push(...timeline)
    const next = merge(state.board, delta)
    if (next === null)
      throw new Error(`a gap: board at ${state.board.seq}, delta from ${delta.fromSeq}`)
    state.board = next
  })
  client.on('board:resync', ({ watchId }) => {
    if (watchId !== state.watchId)
      return
    state.resyncs++
    void ask_()
  })
  await ask_()
  return state
}

export async function openInstances(count = 2) {
  const database = await createTestDatabase()
  const errors: string[] = []
  const log = createLogger('warn', {
    write(line: string) {
      if ((JSON.parse(line) as { level: number }).level >= 50)
        errors.push(line)
    },
  })
  const key = () => new Secret(randomBytes(32))
  const secrets = { phoneKey: key(), phoneHashKey: key(), linkKey: key(), checkInKey: key(), auditKey: key() }
  const clock = { now: () => new Date() }
  const today = new Date().toISOString().slice(0, 10)

  const open = () => openDatabase({ url: database.url, log, role: 'pingji_app' })
  const dbs: Database[] = []
  const instances: Instance[] = []
  const clients: Client[] = []
  const first = open()
  dbs.push(first)
  const county = await first.work.tx(tx => seedSmallCounty(tx, createPhoneVault(secrets), today), { deadlineMs: 30_000 })
  for (let i = 0; i < count; i++) {
    const db = i === 0 ? first : open()
    if (i > 0)
      dbs.push(db)
    const readsFail = { now: false, times: 0 }
    const shaky: Database = { ...db, read: { ...db.read, tx: (work, options) => {
      if (!readsFail.now)
        return db.read.tx(work, options)
      readsFail.times++
      return Promise.reject(new Error('the database is away'))
    } } }
    const config = readConfig({ MODE: 'demo', PUBLIC_URL: 'http://localhost:4800', PORT: '4800' })
    const built = await buildApp({ config, secrets, db: shaky, log, clock, demoAccounts: [], jobs: false, webRoot: null })
    await built.app.listen({ host: '127.0.0.1', port: 0 })
    instances.push({ built, url: `http://127.0.0.1:${(built.app.server.address() as AddressInfo).port}`, readsFail })
  }
  const law = createLaw(first, at(0).built.grids)
  afterEach(async () => {
    for (const client of clients.splice(0))
      client.disconnect()
    await law.check()
    expect(errors.splice(0), 'error-level log lines').toEqual([])
  })
  afterAll(async () => {
    await Promise.all(instances.map(({ built }) => built.app.close()))
    await Promise.all(dbs.map(db => db.close()))
  })

  const read = <T extends Record<string, unknown>>(query: ReturnType<typeof sql>) => first.read.tx(tx => tx.execute<T>(query), { readOnly: true })
  const write = (query: ReturnType<typeof sql>) => first.work.tx(async tx => void await tx.execute(query))

  const cookies = new Map<string, string>()
  async function cookieOf(personId: string, emergencyId: string | null = null): Promise<string> {
    const known = cookies.get(`${personId} ${emergencyId}`)
    if (known !== undefined)
      return known
    const { token } = await first.work.tx(tx => insertSession(tx, { kind: emergencyId === null ? 'account' : 'link', personId, emergencyId, userAgent: 'test', now: new Date(), expiresAt: new Date(Date.now() + 3_600_000) }))
    cookies.set(`${personId} ${emergencyId}`, `sid=${token}`)
    return `sid=${token}`
  }

  function at(instance: number): Instance {
    const found = instances[instance]
    if (found === undefined)
      throw new Error(`no instance ${instance}`)
    return found
  }

  /** A socket of this person; resolves when it stands. */
  async function connect(personId: string, instance = 0, { emergencyId = null, headers = {}, protocol = PROTOCOL_VERSION, cookie }: { emergencyId?: string | null, headers?: Record<string, string>, protocol?: number, cookie?: string | null } = {}): Promise<Client> {
    const own = cookie === undefined ? await cookieOf(personId, emergencyId) : cookie
    const client: Client = io(at(instance).url, { transports: ['websocket'], reconnection: false, forceNew: true, auth: { protocol }, extraHeaders: { ...headers, ...(own === null ? {} : { cookie: own }) } })
    clients.push(client)
    await new Promise<void>((resolve, reject) => {
      client.once('connect', resolve)
      client.once('connect_error', reject)
    })
    return client
  }

  async function request(personId: string, method: 'GET' | 'POST', url: string, { body, instance = 0, emergencyId = null, headers = {} }: { body?: object, instance?: number, emergencyId?: string | null, headers?: Record<string, string> } = {}): Promise<Reply> {
    const reply = await at(instance).built.app.inject({ method, url, headers: { 'x-requested-with': 'pingji', 'cookie': await cookieOf(personId, emergencyId), ...headers }, ...(body === undefined ? {} : { payload: body }) })
    return { status: reply.statusCode, body: reply.headers['content-type']?.toString().includes('json') === true ? reply.json() : reply.body }
  }

  /** The key, pressed on an instance. */
  function press({ level = 1, instance = 0, ...key }: Key & { instance?: number } = {}): Promise<{ id: string, pressedAt: number }> {
    const post = (url: string, body: object, headers: Record<string, string> = {}) => request(county.officers.countyCommander, 'POST', url, { instance, body, headers })
    return pressKey({ db: first, county, now: new Date(), post }, { level, ...key })
  }

  async function revoke(emergencyId: string): Promise<void> {
    const reply = await request(county.officers.countyCommander, 'POST', `/api/emergencies/${emergencyId}/revoke`, { body: { reason: '误按' } })
    expect(reply.status, JSON.stringify(reply.body)).toBe(200)
  }

  /** Who was summoned into the team of this grid. */
  async function membersOf(emergencyId: string, grid?: number): Promise<string[]> {
    const rows = await read<{ person_id: string }>(sql`
      select person_id from participants where emergency_id = ${emergencyId} and audience = 'team' and member_state = 'active'
        and (${grid === undefined} or grid_id = ${grid === undefined ? null : county.grids[grid]?.id ?? null}::uuid) order by ordinal`)
    return rows.map(r => r.person_id)
  }

  /** A fresh board over HTTP, without what differs by the moment of asking. */
  async function fresh(emergencyId: string, scope: BoardScope = { type: 'county', id: null }, personId: string = county.officers.countyCommander, instance = 0): Promise<Board> {
    const reply = await request(personId, 'GET', `/api/emergencies/${emergencyId}/board?scope=${scope.type}${scope.id === null ? '' : `&scopeId=${scope.id}`}`, { instance })
    expect(reply.status, JSON.stringify(reply.body)).toBe(200)
    return reply.body as Board
  }

  return {
    county,
    at,
    read,
    write,
    connect,
    request,
    press,
    revoke,
    membersOf,
    fresh,
    errors,
    cookieOf,
    answer: (answer: 'going' | 'cannot' = 'going'): GiveAnswer => ({ answerId: newId(), answer, promisedAt: null, reason: answer === 'cannot' ? 'ill' : null, note: '' }),
    /** The watched board has caught up with the log. */
    settled: (state: { board: Board | null }, emergencyId: string) => until(async () => {
      const [row] = await read<{ last_seq: number }>(sql`select last_seq from event_streams where id = ${emergencyId}`)
      return state.board?.seq === row?.last_seq
    }, 'the watched board reaches the end of the log'),
  }
}

export type Instances = Awaited<ReturnType<typeof openInstances>>
