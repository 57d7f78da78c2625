/**
 * Boards that somebody is watching right now. Each is read once from the tables and then kept by folding
 * the event log; watchers get one small delta four times a second in a storm, never one packet per answer.
 * Who watches is what the socket library's room says: a board lives as long as its room.
 */
import type { EmergencyEvent } from '../../../contract/events.ts'
import type { Board, BoardDelta, BoardScope } from '../../../contract/reducer.ts'
import type { Actor } from '../../platform/http/index.ts'
import type { Logger } from '../../platform/logger.ts'
import type { Realtime, RealtimeSocket } from '../../platform/realtime/index.ts'
import type { TimelineView } from './timeline.rules.ts'
import { isMilestone } from '../../../contract/events.ts'
import { emptyDelta, fold, merge } from '../../../contract/reducer.ts'
import { DomainError } from '../../platform/errors.ts'
import { isCongested } from '../../platform/realtime/index.ts'
import { timelineOf } from './timeline.rules.ts'

/** A change is shown this soon, */
const QUIET_MS = 20
/** in a storm of changes together with the others of a quarter of a second, */
const FLUSH_MS = 250
/** and never sooner than this after the last packet. */
const SPACE_MS = 100
const PULSE_MS = 5_000
/** Milestones that ride along with one delta. */
const TIMELINE = 50
/** Boards that one socket may watch; a screen shows one or two. */
const WATCHES = 12
const ROOM = 'board:'

interface Live {
  watchId: string
  emergencyId: string
  view: TimelineView
  /** As of the last flush: what a new watcher gets, so that the next delta continues it. */
  board: Board
  pending: BoardDelta | null
  /** Milestones for the next packet's timeline. */
  heard: EmergencyEvent[]
}

export interface LiveBoards {
  watch: (socket: RealtimeSocket, emergencyId: string, scope: BoardScope) => Promise<{ watchId: string, board: Board }>
  unwatch: (socket: RealtimeSocket, watchId: string) => Promise<void>
  hear: (emergencyId: string, events: readonly EmergencyEvent[]) => void
  /** Sends away who may no longer see what he watches: rights and places change while a screen stands. */
  recheck: () => void
  /** Sessions that watch something now. */
  watchers: () => Set<string>
  size: () => number
  close: () => void
}

export interface LiveBoardsDeps {
  io: Realtime['io']
  log: Logger
  read: (emergencyId: string, scope: BoardScope) => Promise<Board>
  viewOf: (scope: BoardScope) => TimelineView
  /** Throws where the actor may not see the scope's board. */
  requireBoard: (actor: Actor, scope: BoardScope) => void
}

export function createLiveBoards({ io, log, read, viewOf, requireBoard }: LiveBoardsDeps): LiveBoards {
  const boards = new Map<string, Live>()
  /** Boards being read, with what was heard meanwhile. */
  const loading = new Map<string, { promise: Promise<Live>, emergencyId: string, heard: EmergencyEvent[] }>()
  const { adapter } = io.of('/')
  let timer: NodeJS.Timeout | undefined
  let pendingSince: number | null = null
  let flushedAt = 0
  let closed = false

  const idOf = (emergencyId: string, scope: BoardScope) => `${emergencyId}:${scope.type}:${scope.id ?? ''}`
  const roomOf = (watchId: string) => `${ROOM}${watchId}`

  /** The last watcher left or lost his connection. */
  adapter.on('delete-room', (room: string) => {
    if (room.startsWith(ROOM))
      boards.delete(room.slice(ROOM.length))
  })

  function* socketsIn(watchId: string): Generator<RealtimeSocket> {
    for (const id of [...adapter.rooms.get(roomOf(watchId)) ?? []]) {
      const socket = io.sockets.sockets.get(id)
      if (socket !== undefined)
        yield socket
    }
  }

  /** One last word to a watcher; what he does with it is to ask for the board again. */
  function sendAway(socket: RealtimeSocket, watchId: string): void {
    socket.emit('board:resync', { watchId })
    void socket.leave(roomOf(watchId))
  }

  function drop(live: Live): void {
    boards.delete(live.watchId)
    io.to(roomOf(live.watchId)).emit('board:resync', { watchId: live.watchId })
    io.in(roomOf(live.watchId)).socketsLeave(roomOf(live.watchId))
  }

  function apply(live: Live, events: readonly EmergencyEvent[]): void {
    for (const event of events) {
      const at = live.pending?.toSeq ?? live.board.seq
      if (event.seq <= at)
        continue
      if (event.seq > at + 1) {
        log.error({ emergencyId: live.emergencyId, at, seq: event.seq }, 'a live board missed events; its watchers ask again')
        drop(live)
        return
      }
      live.pending ??= emptyDelta(live.emergencyId, live.board.seq, live.board.asOf)
      fold(live.pending, event, live.view.sees, live.view.unitId)
      if (isMilestone(event))
        live.heard.push(event)
    }
    if (live.pending !== null)
      flushSoon()
  }

  /** When the log falls silent for a moment the picture is whole: nobody waits for a clock to strike. */
  function flushSoon(): void {
    if (closed)
      return
    const now = performance.now()
    pendingSince ??= now
    clearTimeout(timer)
    timer = setTimeout(flush, Math.max(0, flushedAt + SPACE_MS - now, Math.min(QUIET_MS, pendingSince + FLUSH_MS - now)))
  }

  function flush(): void {
    pendingSince = null
    flushedAt = performance.now()
    for (const live of boards.values()) {
      const delta = live.pending
      if (delta === null)
        continue
      const merged = merge(live.board, delta)
      if (merged === null) {
        log.error({ emergencyId: live.emergencyId, from: delta.fromSeq, at: live.board.seq }, 'a live board lost the thread; its watchers ask again')
        drop(live)
        continue
      }
      const { watchId } = live
      const timeline = timelineOf(live.heard, live.view, TIMELINE)
      Object.assign(live, { board: merged, pending: null, heard: [] })
      // Who reads too slowly would only fall further behind.
      for (const socket of socketsIn(watchId)) {
        if (isCongested(socket))
          sendAway(socket, watchId)
      }
      io.to(roomOf(watchId)).emit('board:delta', { watchId, delta, timeline })
    }
  }

  function load(watchId: string, emergencyId: string, scope: BoardScope): Promise<Live> {
    const heard: EmergencyEvent[] = []
    const promise = read(emergencyId, scope).then((board) => {
      const live: Live = { watchId, emergencyId, view: viewOf(scope), board, pending: null, heard: [] }
      boards.set(watchId, live)
      apply(live, heard)
      return live
    }).finally(() => loading.delete(watchId))
    loading.set(watchId, { promise, emergencyId, heard })
    return promise
  }

  const pulse = setInterval(() => {
    for (const { watchId } of boards.values())
      io.to(roomOf(watchId)).emit('pulse', { now: new Date().toISOString() })
  }, PULSE_MS)
  pulse.unref()

  return {
    async watch(socket, emergencyId, scope) {
      const watchId = idOf(emergencyId, scope)
      const watched = [...socket.rooms].filter(room => room.startsWith(ROOM))
      if (watched.length >= WATCHES && !watched.includes(roomOf(watchId)))
        throw new DomainError('RATE_LIMITED', { retryAfterSec: 1 })
      const live = boards.get(watchId) ?? await (loading.get(watchId)?.promise ?? load(watchId, emergencyId, scope))
      // Between the reading and now the last other watcher may have left, and the board with him.
      boards.set(watchId, live)
      if (socket.connected)
        void socket.join(roomOf(watchId))
      if (!adapter.rooms.has(roomOf(watchId)))
        boards.delete(watchId)
      return { watchId, board: live.board }
    },
    async unwatch(socket, watchId) {
      await socket.leave(roomOf(watchId))
    },
    hear(emergencyId, events) {
      for (const live of boards.values()) {
        if (live.emergencyId === emergencyId)
          apply(live, events)
      }
      for (const entry of loading.values()) {
        if (entry.emergencyId === emergencyId)
          entry.heard.push(...events)
      }
    },
    recheck() {
      for (const { watchId, board } of boards.values()) {
        for (const socket of socketsIn(watchId)) {
          try {
            requireBoard(socket.data.actor, board.scope)
          }
          catch {
            sendAway(socket, watchId)
          }
        }
      }
    },
    watchers() {
      const sessions = new Set<string>()
      for (const watchId of boards.keys()) {
        for (const socket of socketsIn(watchId))
          sessions.add(socket.data.actor.sessionId)
      }
      return sessions
    },
    size: () => boards.size,
    close() {
      closed = true
      clearInterval(pulse)
      clearTimeout(timer)
    },
  }
}
