import type { Socket } from 'socket.io-client'
import type { Actor } from '../../src/server/platform/http/index.ts'
import type { RealtimeOptions } from '../../src/server/platform/realtime/index.ts'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { io as client } from 'socket.io-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { DomainError } from '../../src/server/platform/errors.ts'
import { createHttp } from '../../src/server/platform/http/index.ts'
import { createLogger } from '../../src/server/platform/logger.ts'
import { command, createRealtime, isCongested } from '../../src/server/platform/realtime/index.ts'
import { until } from '../harness/until.ts'

const PROTOCOL = 3
const PUBLIC_URL = 'https://pingji.example'

let logged: string[]
let authenticate: RealtimeOptions['authenticate']
let house: Awaited<ReturnType<typeof open>>
const clients: Socket[] = []

/** `sid=<session>.<person>` is a session of that person. */
function actorOf(cookie: string | undefined): Actor | null {
  const [, sessionId, personId] = /sid=(\w+)\.(\w+)/.exec(cookie ?? '') ?? []
  return sessionId === undefined || personId === undefined ? null : { kind: 'account', sessionId, personId, grants: [], emergencyId: null, expiresAt: new Date('2100-01-01') }
}

async function open(options: Partial<RealtimeOptions> = {}) {
  logged = []
  const log = createLogger('warn', { write: (line: string) => void logged.push(line) })
  const { app } = await createHttp({ config: { publicUrl: PUBLIC_URL, trustProxy: [], tls: null, timeZone: 'Asia/Shanghai' }, log, authenticate: async () => null, notReady: () => null })
  const realtime = createRealtime({ server: app.server, publicUrl: PUBLIC_URL, protocol: PROTOCOL, log, authenticate: request => authenticate(request), ...options })
  app.addHook('preClose', () => realtime.close())
  const serve = async (input: unknown) => {
    if (input === 'refuse')
      throw new DomainError('EMERGENCY_CLOSED')
    if (input === 'break')
      throw new Error('a bug with 13912345678')
    return { echo: input }
  }
  realtime.io.on('connection', (socket) => {
    const untyped = socket as unknown as { on: (event: string, handler: (...args: never[]) => void) => void }
    untyped.on('echo', command(socket, log, serve))
    untyped.on('throwsAtOnce', command(socket, log, () => {
      throw new DomainError('NOT_FOUND')
    }))
  })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return { app, realtime, url }
}

beforeEach(async () => {
  authenticate = async request => actorOf(request.headers.cookie)
  house = await open()
})
afterEach(async () => {
  for (const socket of clients.splice(0))
    socket.disconnect()
  await house.app.close()
})

interface Dialling { cookie?: string, origin?: string, protocol?: unknown, language?: string }

function dial({ cookie = 'sid=s1.p1', origin, protocol = PROTOCOL, language = 'zh-CN' }: Dialling = {}): Socket {
  const socket = client(house.url, {
    transports: ['websocket'],
    reconnection: false,
    forceNew: true,
    auth: { protocol },
    extraHeaders: { cookie, 'accept-language': language, ...(origin === undefined ? {} : { origin }) },
  })
  clients.push(socket)
  return socket
}

async function connected(options?: Dialling): Promise<Socket> {
  const socket = dial(options)
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('connect_error', reject)
  })
  return socket
}

const refusal = (options: Dialling) => connected(options).then(() => 'connected', (error: Error & { data?: { error: { code: string, message: string } } }) => error)
const ended = (socket: Socket) => new Promise<string>(resolve => socket.once('disconnect', resolve))
const ask = (socket: Socket, input: unknown, event = 'echo'): Promise<unknown> => socket.timeout(3_000).emitWithAck(event, input)

describe('handshake', () => {
  it('a session opens a socket that is found by person', async () => {
    await connected()
    await connected({ cookie: 'sid=s2.p1' })
    await connected({ cookie: 'sid=s3.p2' })
    expect([house.realtime.socketsOf('p1').size, house.realtime.socketsOf('p2').size, house.realtime.socketsOf('nobody').size]).toEqual([2, 1, 0])
    expect([...house.realtime.personIds()].sort()).toEqual(['p1', 'p2'])
    expect(house.realtime.size()).toBe(3)
  })

  it.each([
    ['no session', { cookie: 'x=1' }],
    ['another origin', { origin: 'https://evil.example' }],
    ['a sandboxed frame', { origin: 'null' }],
    ['an Origin that is no address', { origin: 'garbage' }],
  ])('%s is refused, and the process stands', async (_, options) => {
    expect(await refusal(options)).toBeInstanceOf(Error)
    expect(house.realtime.size()).toBe(0)
    await connected()
  })

  it.each([['our address', PUBLIC_URL], ['the same server under another name', '']])('a page of %s may', async (_, origin) => {
    await connected({ origin: origin === '' ? house.url : origin })
  })

  it('an old page is told that it is old, in its reader\'s language', async () => {
    const error = await refusal({ protocol: PROTOCOL - 1, language: 'en' })
    expect(error).toMatchObject({ message: 'PROTOCOL_VERSION_MISMATCH', data: { error: { code: 'PROTOCOL_VERSION_MISMATCH', message: 'This page is out of date; please reload' } } })
    expect(await refusal({ protocol: null })).toMatchObject({ message: 'PROTOCOL_VERSION_MISMATCH' })
  })

  it('a database that is away refuses, and opens once it is back', async () => {
    authenticate = async () => {
      throw new DomainError('DB_UNAVAILABLE')
    }
    expect(await refusal({})).toBeInstanceOf(Error)
    authenticate = async request => actorOf(request.headers.cookie)
    await connected()
  })

  it('long polling is not offered', async () => {
    const reply = await fetch(`${house.url}/socket.io/?EIO=4&transport=polling`, { headers: { cookie: 'sid=s1.p1' } })
    expect(reply.status).toBe(400)
  })

  it('more handshakes a second than the process can bear come back later', async () => {
    await house.app.close()
    house = await open({ admitPerSec: 5 })
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => refusal({})))
    expect(outcomes.filter(outcome => outcome === 'connected').length).toBeLessThanOrEqual(10)
    await until(async () => await refusal({}) === 'connected', 'admitted in a later second', 3_000)
  })
})

describe('commands', () => {
  it('are answered, refusals included, in the reader\'s language', async () => {
    const socket = await connected({ language: 'en' })
    expect(await ask(socket, { a: 1 })).toEqual({ ok: true, data: { echo: { a: 1 } } })
    expect(await ask(socket, 'refuse')).toMatchObject({ ok: false, error: { code: 'EMERGENCY_CLOSED', message: expect.stringContaining('has ended'), requestId: expect.any(String) } })
    expect(logged).toEqual([])
  })

  it('a bug is logged without its secrets and shown without itself', async () => {
    const reply = JSON.stringify(await ask(await connected(), 'break'))
    expect(reply).toContain('INTERNAL')
    expect(reply).not.toContain('a bug')
    expect(logged).toHaveLength(1)
    expect(logged[0]).not.toContain('13912345678')
  })

  it('a client that wants no answer, or sends rubbish, ends nothing', async () => {
    const socket = await connected()
    socket.emit('echo', 'refuse')
    socket.emit('echo')
    socket.emit('echo', 'x', 'not a function')
    socket.emit('throwsAtOnce')
    expect(await ask(socket, null, 'throwsAtOnce')).toMatchObject({ ok: false, error: { code: 'NOT_FOUND' } })
    expect(await ask(socket, 'still here')).toMatchObject({ ok: true })
  })

  it('one socket cannot flood the process; another is not slowed by it', async () => {
    const [loud, quiet] = await Promise.all([connected(), connected({ cookie: 'sid=s2.p2' })])
    const replies = await Promise.all(Array.from({ length: 60 }, () => ask(loud, 1))) as { ok: boolean, error?: { code: string } }[]
    expect(replies.filter(reply => reply.ok).length).toBeGreaterThanOrEqual(20)
    expect(replies.filter(reply => reply.error?.code === 'RATE_LIMITED').length).toBeGreaterThanOrEqual(30)
    expect(await ask(quiet, 1)).toMatchObject({ ok: true })
    await until(async () => (await ask(loud, 1) as { ok: boolean }).ok, 'served again', 3_000)
  })

  it('a packet past the limit costs its sender the socket', async () => {
    const socket = await connected()
    const gone = ended(socket)
    socket.emit('echo', 'x'.repeat(70_000))
    await gone
    await connected()
  })
})

describe('the end of a session', () => {
  it('cuts its sockets at once, after telling why, and no other\'s', async () => {
    const [one, two, other] = await Promise.all([connected(), connected(), connected({ cookie: 'sid=s2.p1' })])
    const told = new Promise(resolve => one.once('session:ended', resolve))
    const gone = Promise.all([ended(one), ended(two)])
    house.realtime.endSession('s1', 'revoked')
    expect(await told).toEqual({ reason: 'revoked' })
    await gone
    expect(await ask(other, 1)).toMatchObject({ ok: true })
    await until(() => house.realtime.socketsOf('p1').size === 1, 'the index forgot them')
  })
})

describe('slow readers', () => {
  it('are known by what waits for them', async () => {
    const { port } = new URL(house.url)
    const socket = connect(Number(port), '127.0.0.1')
    socket.write(`GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nCookie: sid=s9.p9\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${'A'.repeat(22)}==\r\n\r\n`)
    await new Promise(resolve => socket.once('data', resolve))
    // "40{...}": the client's hello, masked with zeros.
    const hello = `40${JSON.stringify({ protocol: PROTOCOL })}`
    socket.write(new Uint8Array([0x81, 0x80 | hello.length, 0, 0, 0, 0, ...new TextEncoder().encode(hello)]))
    await until(() => house.realtime.socketsOf('p9').size === 1, 'connected')
    const [peer] = house.realtime.socketsOf('p9')
    if (peer === undefined)
      throw new Error('no socket')
    expect(isCongested(peer)).toBe(false)
    socket.pause()
    const packet = 'x'.repeat(200_000)
    await until(() => {
      for (let i = 0; i < 20; i++)
        peer.emit('pulse', { now: packet })
      return isCongested(peer)
    }, 'what waits is seen')
    socket.destroy()
  })
})

describe('closing', () => {
  it('never hangs on open sockets, and tells them', async () => {
    const socket = await connected()
    const gone = ended(socket)
    const raw = new WebSocket(`${house.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`, { headers: { cookie: 'sid=s1.p1' } })
    raw.on('error', () => {})
    await new Promise(resolve => raw.once('open', resolve))
    const closing = house.app.close()
    expect(await Promise.race([closing.then(() => 'closed'), sleep(4_000, 'hangs')])).toBe('closed')
    await gone
  })
})
