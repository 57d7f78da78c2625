import type { Server as HttpServer, IncomingMessage } from 'node:http'
import type { DefaultEventsMap, Socket } from 'socket.io'
import type { Language } from '../../../contract/errors.ts'
import type { ClientToServerEvents, ServerToClientEvents } from '../../../contract/realtime.ts'
import type { Actor } from '../http/index.ts'
import type { Logger } from '../logger.ts'
import { randomUUID } from 'node:crypto'
import { Server } from 'socket.io'
import { DomainError, renderError } from '../errors.ts'
import { isForeignOrigin, languageOf } from '../http/index.ts'

export interface SocketData {
  actor: Actor
  language: Language
  /** Commands still allowed in this second. */
  tokens: number
  refilledAt: number
  /** Id of the last answer or check-in that came through this socket: its effect is no news here. */
  lastCommandId: string | null
}

export type RealtimeSocket = Socket<ClientToServerEvents, ServerToClientEvents, DefaultEventsMap, SocketData>

type Io = Server<ClientToServerEvents, ServerToClientEvents, DefaultEventsMap, SocketData>

export interface Realtime {
  io: Io
  /** This process's sockets of a person. */
  socketsOf: (personId: string) => ReadonlySet<RealtimeSocket>
  personIds: () => Iterable<string>
  /** All sockets of these people as one address, for one packet that is encoded once; null where none is connected here. */
  toPeople: (personIds: Iterable<string>) => ReturnType<Io['to']> | null
  sessionIds: () => Iterable<string>
  /** Tells every socket of a session that it is over, and cuts it. */
  endSession: (sessionId: string, reason: 'revoked' | 'expired' | 'signedOut') => void
  /** Rights changed while the socket stood. */
  renewGrants: (sessionId: string, grants: Actor['grants']) => void
  size: () => number
  close: () => Promise<void>
}

export interface RealtimeOptions {
  server: HttpServer
  publicUrl: string
  protocol: number
  log: Logger
  authenticate: (request: IncomingMessage) => Promise<Actor | null>
  /** Handshakes per second that this process admits; the rest come back with jitter. */
  admitPerSec?: number
}

const COMMANDS_PER_SEC = 20

interface HandshakeRequest extends IncomingMessage { actor?: Actor }

/**
 * The socket is a live view and a faster way for a few commands, never the alarm itself. Websocket only
 * (no stickiness needed), no state recovery: a client that was away asks again over HTTP.
 */
export function createRealtime(options: RealtimeOptions): Realtime {
  const { log } = options
  const people = new Map<string, Set<RealtimeSocket>>()
  const sessions = new Map<string, Set<RealtimeSocket>>()
  const nobody: ReadonlySet<RealtimeSocket> = new Set()
  const admitPerSec = options.admitPerSec ?? 1_500
  let admitted = 0
  const refill = setInterval(() => {
    admitted = 0
  }, 1_000)
  refill.unref()

  const io = new Server<ClientToServerEvents, ServerToClientEvents, DefaultEventsMap, SocketData>(options.server, {
    transports: ['websocket'],
    perMessageDeflate: false,
    httpCompression: false,
    serveClient: false,
    maxHttpBufferSize: 64 * 1024,
    pingInterval: 25_000,
    pingTimeout: 20_000,
    connectTimeout: 15_000,
    allowRequest: (request: HandshakeRequest, decide) => {
      // A page elsewhere must not open a socket with our cookie.
      if (isForeignOrigin(request.headers, options.publicUrl)) {
        decide('ORIGIN_REFUSED', false)
        return
      }
      if (++admitted > admitPerSec) {
        decide('OVERLOADED', false)
        return
      }
      options.authenticate(request).then((actor) => {
        if (actor === null) {
          decide('UNAUTHENTICATED', false)
          return
        }
        request.actor = actor
        decide(null, true)
      }, () => decide('DB_UNAVAILABLE', false))
    },
  })

  io.use((socket, next) => {
    const request: HandshakeRequest = socket.request
    const language = languageOf(request.headers)
    if (request.actor === undefined) {
      next(new Error('UNAUTHENTICATED'))
      return
    }
    if ((socket.handshake.auth as { protocol?: unknown }).protocol !== options.protocol) {
      const { body } = renderError(new DomainError('PROTOCOL_VERSION_MISMATCH', { protocol: options.protocol }), language, randomUUID())
      next(Object.assign(new Error('PROTOCOL_VERSION_MISMATCH'), { data: body }))
      return
    }
    socket.data = { actor: request.actor, language, tokens: COMMANDS_PER_SEC, refilledAt: performance.now(), lastCommandId: null }
    next()
  })

  io.on('connection', (socket) => {
    const { personId, sessionId } = socket.data.actor
    add(people, personId, socket)
    add(sessions, sessionId, socket)
    socket.on('disconnect', () => {
      remove(people, personId, socket)
      remove(sessions, sessionId, socket)
    })
  })

  return {
    io,
    socketsOf: personId => people.get(personId) ?? nobody,
    personIds: () => people.keys(),
    toPeople(personIds) {
      const ids: string[] = []
      for (const personId of personIds) {
        for (const socket of people.get(personId) ?? [])
          ids.push(socket.id)
      }
      return ids.length === 0 ? null : io.to(ids)
    },
    sessionIds: () => sessions.keys(),
    endSession(sessionId, reason) {
      for (const socket of [...sessions.get(sessionId) ?? []]) {
        socket.emit('session:ended', { reason })
        socket.disconnect(true)
      }
    },
    renewGrants(sessionId, grants) {
      for (const { data } of sessions.get(sessionId) ?? [])
        data.actor = { ...data.actor, grants }
    },
    size: () => io.engine.clientsCount,
    async close() {
      clearInterval(refill)
      await io.close()
      log.debug('sockets closed')
    },
  }
}

function add<K, V>(index: Map<K, Set<V>>, key: K, value: V): void {
  const set = index.get(key)
  if (set === undefined)
    index.set(key, new Set([value]))
  else
    set.add(value)
}

function remove<K, V>(index: Map<K, Set<V>>, key: K, value: V): void {
  const set = index.get(key)
  set?.delete(value)
  if (set?.size === 0)
    index.delete(key)
}

const CONGESTED_PACKETS = 64
/** Above a whole board, or a slow line would be sent snapshot after snapshot. */
const CONGESTED_BYTES = 2 * 1024 * 1024

/**
 * True when the peer reads too slowly to be sent more: the caller drops the delta and asks for a resync.
 * What waits lies in two places, packets in engine.io and bytes in ws; both are private in the library's
 * types, so the versions are pinned and a test holds this reading.
 */
export function isCongested(socket: { conn: object }): boolean {
  const packets: unknown = Reflect.get(socket.conn, 'writeBuffer')
  const transport: unknown = Reflect.get(socket.conn, 'transport')
  const line: unknown = typeof transport === 'object' && transport !== null ? Reflect.get(transport, 'socket') : null
  const bytes: unknown = typeof line === 'object' && line !== null ? Reflect.get(line, 'bufferedAmount') : null
  return (Array.isArray(packets) && packets.length > CONGESTED_PACKETS) || (typeof bytes === 'number' && bytes > CONGESTED_BYTES)
}

/**
 * Turns a service function into a socket handler: a refusal becomes the ack's error body, a missing ack
 * is tolerated, nothing is ever thrown into the socket library, and one socket cannot flood the process.
 */
export function command<Command, Reply>(socket: { data: SocketData }, log: Logger, serve: (command: Command, caller: { actor: Actor, language: Language, requestId: string }) => Promise<Reply>) {
  return (input: Command, ack?: (reply: { ok: true, data: Reply } | ({ ok: false } & ReturnType<typeof renderError>['body'])) => void): void => {
    const { data } = socket
    const requestId = randomUUID()
    const answer = typeof ack === 'function' ? ack : () => {}
    const now = performance.now()
    data.tokens = Math.min(COMMANDS_PER_SEC, data.tokens + (now - data.refilledAt) / 1_000 * COMMANDS_PER_SEC)
    data.refilledAt = now
    // A refused command costs nothing: who asks too often is slowed, not locked out.
    const allowed = data.tokens >= 1
    if (allowed)
      data.tokens--
    // Async, because a refusal thrown before the first await would otherwise end the process.
    const work = (async () => {
      if (!allowed)
        throw new DomainError('RATE_LIMITED', { retryAfterSec: 1 })
      return serve(input, { actor: data.actor, language: data.language, requestId })
    })()
    work.then(
      reply => answer({ ok: true, data: reply }),
      (error: unknown) => {
        if (!(error instanceof DomainError))
          log.error({ err: error, requestId }, 'socket command failed')
        answer({ ok: false, ...renderError(error, data.language, requestId).body })
      },
    )
  }
}
