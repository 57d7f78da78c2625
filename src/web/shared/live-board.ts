import type { EmergencyEvent } from '../../contract/events.ts'
import type { Board, BoardScope } from '../../contract/reducer.ts'
import type { Live } from './realtime/index.ts'
import { onScopeDispose, ref, shallowRef } from 'vue'
import { merge } from '../../contract/reducer.ts'
import { api } from './api.ts'

const POLL_MS = 5_000

export interface LiveBoard {
  board: Readonly<ReturnType<typeof shallowRef<Board | null>>>
  failure: Readonly<ReturnType<typeof ref<unknown>>>
  /** Asks for a fresh board. */
  load: () => Promise<void>
  /** Called with what happened since the last delta; people whose rows changed, or `all`. */
  onDelta: (hear: (timeline: readonly EmergencyEvent[], people: readonly string[] | 'all') => void) => void
}

/**
 * A board kept live: watched over the socket and merged delta by delta; after a gap it is asked for
 * again, and while the socket is away it is polled.
 */
export function useLiveBoard(live: Live, emergencyId: string, scope: BoardScope): LiveBoard {
  const board = shallowRef<Board | null>(null)
  const failure = ref<unknown>(null)
  const hearers = new Set<(timeline: readonly EmergencyEvent[], people: readonly string[] | 'all') => void>()
  let watchId: string | null = null

  async function load(): Promise<void> {
    try {
      const watched = live.state.value === 'live' ? await live.send('board:watch', { emergencyId, scope }).catch(() => null) : null
      if (watched !== null) {
        watchId = watched.watchId
        board.value = watched.board
      }
      else {
        // Without a socket, or past one that is dead without knowing it.
        board.value = await api('GET /api/emergencies/:id/board', { params: { id: emergencyId }, query: { scope: scope.type, ...(scope.id !== null && { scopeId: scope.id }) } })
      }
      failure.value = null
      hearers.forEach(hear => hear([], 'all'))
    }
    catch (error) {
      // What is on the screen stays; the stale banner says how old it is.
      if (board.value === null)
        failure.value = error
    }
  }

  const stops = [
    live.onResync(load),
    live.on('board:delta', ({ watchId: id, delta, timeline }) => {
      if (id !== watchId || board.value === null)
        return
      const merged = merge(board.value, delta)
      if (merged === null) {
        void load()
        return
      }
      board.value = merged
      hearers.forEach(hear => hear(timeline, delta.people))
    }),
    live.on('board:resync', ({ watchId: id }) => {
      if (id === watchId)
        void load()
    }),
  ]
  const poll = setInterval(() => {
    if (live.state.value !== 'live')
      void load()
  }, POLL_MS)
  void load()
  onScopeDispose(() => {
    stops.forEach(stop => stop())
    clearInterval(poll)
    if (watchId !== null)
      live.send('board:unwatch', { watchId }).catch(() => {})
  })
  return { board, failure, load, onDelta: hear => void hearers.add(hear) }
}
