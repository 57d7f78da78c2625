/**
 * Boards that somebody is watching right now. Each is read once from the tables and then kept by folding
 * the event log; watchers get one small delta at most four times a second, never one packet per answer.
 */
import type { EmergencyEvent } from '../../../contract/events.ts'
import type { Board, BoardDelta, BoardScope, GridFilter } from '../../../contract/reducer.ts'
import type { Logger } from '../../platform/logger.ts'
import type { Realtime, RealtimeSocket } from '../../platform/realtime/index.ts'
import { emptyDelta, fold, merge } from '../../../contract/reducer.ts'
import { isCongested } from '../../platform/realtime/index.ts'

const FLUSH_MS = 250
const PULSE_MS = 5_000
/** Newest timeline entries that ride along with one delta. */
const TIMELINE = 50

interface Live {
  watchId: string
  room: string
  sees: GridFilter
  board: Board
  pending: BoardDelta | null
  timeline: EmergencyEvent[]
  watchers: Set<string>
  /** Watchers that were too slow and must ask again. */
  behind: Set<string>
}

export interface LiveBoards {
  watch: (socket: RealtimeSocket, emergencyId: string, scope: BoardScope) => Promise<{ watchId: string, board: Board }>
  unwatch: (socket: RealtimeSocket, watchId: string) => void
  hear: (emergencyId: string, events: readonly EmergencyEvent[]) => void
  size: () => number
  close: () => void
}

export interface LiveBoardsDeps {
  io: Realtime['io']
  log: Logger
  read: (emergencyId: string, scope: BoardScope) => Promise<Board>
  sees: (scope: BoardScope) => GridFilter
}

export function createLiveBoards({ io, log, read, sees }: LiveBoardsDeps): LiveBoards {
  const boards = new Map<string, Live>()
  /** Boards being read, with what was heard meanwhile. */
  const loading = new Map<string, { promise: Promise<Live>, emergencyId: string, heard: EmergencyEvent[] }>()
  let timer: NodeJS.Timeout | undefined

  const idOf = (emergencyId: string, scope: BoardScope) => `${emergencyId}:${scope.type}:${scope.id ?? ''}`

  function apply(live: Live, events: readonly EmergencyEvent[]): void {
    for (const event of events) {
      const at = live.pending?.toSeq ?? live.board.seq
      if (event.seq <= at)
        continue
      live.pending ??= emptyDelta(live.board.emergencyId, live.board.seq, live.board.asOf)
      fold(live.pending, event, live.sees)
      live.timeline.push(event)
    }
    if (live.timeline.length > TIMELINE)
      live.timeline = live.timeline.slice(-TIMELINE)
    if (live.pending !== null)
      timer ??= setTimeout(flush, FLUSH_MS)
  }

  function flush(): void {
    timer = undefined
    for (const live of boards.values()) {
      const delta = live.pending
      if (delta === null)
        continue
      const merged = merge(live.board, delta)
      if (merged === null) {
        log.error({ emergencyId: live.board.emergencyId, from: delta.fromSeq, at: live.board.seq }, 'a live board lost the thread; its watchers ask again')
        io.to(live.room).emit('board:resync', { watchId: live.watchId })
        boards.delete(live.watchId)
        continue
      }
      live.board = merged
      live.pending = null
      const packet = { watchId: live.watchId, delta, timeline: live.timeline }
      live.timeline = []
      send(live, packet)
    }
  }

  /** One encoded packet for the room; who reads too slowly is left out and told to ask again. */
  function send(live: Live, packet: { watchId: string, delta: BoardDelta, timeline: EmergencyEvent[] }): void {
    for (const id of live.watchers) {
      const socket = io.sockets.sockets.get(id)
      if (socket === undefined) {
        live.watchers.delete(id)
        continue
      }
      if (isCongested(socket)) {
        live.behind.add(id)
        void socket.leave(live.room)
      }
      else if (live.behind.delete(id)) {
        socket.emit('board:resync', { watchId: live.watchId })
        live.watchers.delete(id)
      }
    }
    if (live.watchers.size === 0)
      boards.delete(live.watchId)
    else
      io.to(live.room).emit('board:delta', packet)
  }

  async function load(emergencyId: string, scope: BoardScope): Promise<Live> {
    const watchId = idOf(emergencyId, scope)
    const entry = { emergencyId, heard: [] as EmergencyEvent[], promise: Promise.resolve(null as unknown as Live) }
    loading.set(watchId, entry)
    entry.promise = read(emergencyId, scope).then((board) => {
      const live: Live = { watchId, room: `board:${watchId}`, sees: sees(scope), board, pending: null, timeline: [], watchers: new Set(), behind: new Set() }
      boards.set(watchId, live)
      apply(live, entry.heard)
      return live
    }).finally(() => loading.delete(watchId))
    return entry.promise
  }

  const pulse = setInterval(() => {
    for (const live of boards.values())
      io.to(live.room).emit('pulse', { now: new Date().toISOString() })
  }, PULSE_MS)
  pulse.unref()

  return {
    async watch(socket, emergencyId, scope) {
      const watchId = idOf(emergencyId, scope)
      const live = boards.get(watchId) ?? await (loading.get(watchId)?.promise ?? load(emergencyId, scope))
      if (socket.connected) {
        live.watchers.add(socket.id)
        live.behind.delete(socket.id)
        await socket.join(live.room)
      }
      // The board as of the last flush: the next delta continues exactly here.
      return { watchId, board: live.board }
    },
    unwatch(socket, watchId) {
      const live = boards.get(watchId)
      if (live === undefined)
        return
      live.watchers.delete(socket.id)
      void socket.leave(live.room)
      if (live.watchers.size === 0)
        boards.delete(watchId)
    },
    hear(emergencyId, events) {
      for (const live of boards.values()) {
        if (live.board.emergencyId === emergencyId)
          apply(live, events)
      }
      for (const entry of loading.values()) {
        if (entry.emergencyId === emergencyId)
          entry.heard.push(...events)
      }
    },
    size: () => boards.size,
    close() {
      clearInterval(pulse)
      clearTimeout(timer)
    },
  }
}
