import type { Socket } from 'socket.io-client'
import type { Ref } from 'vue'
import type { Ack, ClientToServerEvents, ServerToClientEvents } from '../../../contract/realtime.ts'
import { io } from 'socket.io-client'
import { readonly, ref, shallowRef } from 'vue'
import { PROTOCOL_VERSION } from '../../../contract/protocol.ts'
import { api, ApiError, errorOf } from '../api.ts'
import { backoffMs } from '../backoff.ts'
import { setServerTime } from '../clock.ts'

/**
 * - `off`: not started, or stopped. - `connecting` and `waiting` (for the next try): what is shown may be old.
 * - `live`. - `ended`: the session is over. - `outdated`: this page speaks an older protocol than the server.
 */
export type LiveState = 'off' | 'connecting' | 'waiting' | 'live' | 'ended' | 'outdated'

type Commands = ClientToServerEvents
type CommandName = keyof Commands
type BodyOf<C extends CommandName> = Parameters<Commands[C]>[0]
type ReplyOf<C extends CommandName> = NonNullable<Parameters<Commands[C]>[1]> extends Ack<infer Reply> ? Reply : never
type EventName = keyof ServerToClientEvents

export interface Live {
  readonly state: Readonly<Ref<LiveState>>
  /** When the server last said anything (local ms); a board older than ten seconds says so. */
  readonly lastHeardAt: Readonly<Ref<number | null>>
  start: () => void
  stop: () => void
  on: <E extends EventName>(event: E, handler: ServerToClientEvents[E]) => () => void
  /** A mode moved; whoever was alerted at that moment knows it from the alert. */
  onModeMoved: (handler: () => void) => () => void
  /** After every (re)connection and when the page comes back: ask for what was missed. */
  onResync: (handler: () => void) => () => void
  /** Rejects with ApiError: a refusal, or NETWORK/TIMEOUT where the caller may go over HTTP instead. */
  send: <C extends CommandName>(command: C, body: BodyOf<C>, timeoutMs?: number) => Promise<ReplyOf<C>>
}

const BACKOFF = { baseMs: 500, capMs: 15_000 }
/** Coming back from the background twice in a breath is one resync. */
const RESYNC_GAP_MS = 1_000

/** The page's one socket: a live view and a faster way for a few commands. Everything works without it, over HTTP. */
export function createLive(): Live {
  const state = ref<LiveState>('off')
  const lastHeardAt = shallowRef<number | null>(null)
  const resyncs = new Set<() => void>()
  let attempt = 0
  let retry: ReturnType<typeof setTimeout> | null = null
  let resyncedAt = 0

  const socket: Socket<ServerToClientEvents, ClientToServerEvents> = io({
    autoConnect: false,
    // Ours has full jitter and knows when to give up; the library's has neither.
    reconnection: false,
    transports: ['websocket'],
    auth: { protocol: PROTOCOL_VERSION },
    timeout: 10_000,
  })

  function resync(): void {
    if (Date.now() - resyncedAt < RESYNC_GAP_MS)
      return
    resyncedAt = Date.now()
    resyncs.forEach(handler => handler())
  }

  const isOver = (): boolean => state.value === 'off' || state.value === 'ended' || state.value === 'outdated'

  function connect(): void {
    if (retry !== null)
      clearTimeout(retry)
    retry = null
    if (isOver() || socket.connected || state.value === 'connecting')
      return
    state.value = 'connecting'
    socket.connect()
  }

  function connectLater(): void {
    if (isOver() || retry !== null)
      return
    state.value = 'waiting'
    retry = setTimeout(connect, backoffMs(attempt++, BACKOFF))
  }

  /** A browser does not tell why a handshake was refused; the third time in a row, ask. */
  async function askWhy(): Promise<void> {
    try {
      await api('GET /api/me')
    }
    catch (error) {
      if (error instanceof ApiError && error.status === 401)
        finish('ended')
    }
  }

  function finish(as: 'ended' | 'outdated' | 'off'): void {
    state.value = as
    if (retry !== null)
      clearTimeout(retry)
    retry = null
    socket.disconnect()
  }

  const heard = (): void => {
    lastHeardAt.value = Date.now()
  }

  socket.on('connect', () => {
    attempt = 0
    state.value = 'live'
    heard()
    resyncedAt = 0
    resync()
  })
  socket.on('connect_error', (error) => {
    socket.disconnect()
    if (error.message === 'PROTOCOL_VERSION_MISMATCH') {
      finish('outdated')
      return
    }
    if (attempt === 2)
      void askWhy()
    connectLater()
  })
  socket.on('disconnect', () => connectLater())
  socket.onAny(heard)
  socket.on('pulse', ({ now }) => setServerTime(now))
  socket.on('session:ended', () => finish('ended'))

  /** A page that was in the background may have a dead socket that looks alive: it asks over HTTP whatever the socket says. */
  function wake(): void {
    if (isOver() || document.visibilityState !== 'visible')
      return
    attempt = 0
    connect()
    resync()
  }

  /** Out of the browser's cache of whole pages: its socket is gone. */
  function restored(event: PageTransitionEvent): void {
    if (event.persisted)
      wake()
  }

  const on: Live['on'] = (event, handler) => {
    // The library's overloads cannot be seen through a generic event name.
    const listener = handler as (...args: unknown[]) => void
    const untyped = socket as unknown as { on: (name: string, f: typeof listener) => void, off: (name: string, f: typeof listener) => void }
    untyped.on(event, listener)
    return () => untyped.off(event, listener)
  }

  return {
    state: readonly(state),
    lastHeardAt: readonly(lastHeardAt),
    start() {
      if (state.value !== 'off')
        return
      state.value = 'connecting'
      document.addEventListener('visibilitychange', wake)
      window.addEventListener('online', wake)
      window.addEventListener('pageshow', restored)
      socket.connect()
    },
    stop() {
      document.removeEventListener('visibilitychange', wake)
      window.removeEventListener('online', wake)
      window.removeEventListener('pageshow', restored)
      finish('off')
    },
    on,
    onModeMoved(handler) {
      const stops = [on('mode:changed', () => handler()), on('alert', () => handler())]
      return () => stops.forEach(stop => stop())
    },
    onResync(handler) {
      resyncs.add(handler)
      return () => resyncs.delete(handler)
    },
    async send(command, body, timeoutMs = 8_000) {
      if (!socket.connected)
        throw new ApiError({ code: 'NETWORK', message: '', status: 0 })
      const untyped = socket.timeout(timeoutMs) as unknown as { emitWithAck: (name: string, body: unknown) => Promise<{ ok: boolean, data?: unknown }> }
      const reply = await untyped.emitWithAck(command, body).catch(() => {
        throw new ApiError({ code: 'TIMEOUT', message: '', status: 0 })
      })
      if (!reply.ok)
        throw errorOf(reply, 0)
      return reply.data as ReplyOf<typeof command>
    },
  }
}
