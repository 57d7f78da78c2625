import type { Ref, ShallowRef } from 'vue'
import type { EmergencyEvent } from '../../../contract/events.ts'
import type { BoardScope } from '../../../contract/reducer.ts'
import type { LiveBoard } from '../live-board.ts'
import type { Live } from '../realtime/index.ts'
import { computed, onScopeDispose, readonly, ref, shallowRef, watch } from 'vue'
import { api } from '../api.ts'
import { useLiveBoard } from '../live-board.ts'

const PAGE = 100
const KEPT = 400
/** Above every sequence number: the newest page. */
const NEWEST = 2_147_483_647

export interface BoardAndTimeline extends Pick<LiveBoard, 'board' | 'failure' | 'load'> {
  /** Milestones, newest first; null until they were read. */
  timeline: Readonly<ShallowRef<readonly EmergencyEvent[] | null>>
  timelineFailure: Readonly<Ref<unknown>>
  /** When the picture was last known to be right (local ms), for `useStaleness`: by the socket, or by a poll in its place. */
  lastHeardAt: Readonly<Ref<number | null>>
}

/** A live board with the timeline beside it. */
export function useBoard(live: Live, emergencyId: string, scope: BoardScope): BoardAndTimeline {
  const { board, failure, load, onDelta } = useLiveBoard(live, emergencyId, scope)
  const timeline = shallowRef<readonly EmergencyEvent[] | null>(null)
  const timelineFailure = ref<unknown>(null)
  const loadedAt = ref<number | null>(null)
  let isOver = false

  function add(events: readonly EmergencyEvent[]): void {
    const known = new Set(timeline.value?.map(event => event.seq))
    const fresh = events.filter(event => !known.has(event.seq))
    if (fresh.length > 0 || timeline.value === null)
      timeline.value = [...fresh, ...timeline.value ?? []].sort((a, b) => b.seq - a.seq).slice(0, KEPT)
  }

  async function readTimeline(): Promise<void> {
    try {
      const { events } = await api('GET /api/emergencies/:id/events', { params: { id: emergencyId }, query: { milestones: 'true', before: NEWEST, limit: PAGE } })
      if (!isOver)
        add(events)
      timelineFailure.value = null
    }
    catch (error) {
      timelineFailure.value = error
    }
  }

  onDelta((events, people) => {
    // A fresh board instead of a delta: what happened in between is in the log.
    if (events.length === 0 && people === 'all')
      void readTimeline()
    else
      add(events)
  })
  watch(board, () => {
    loadedAt.value = Date.now()
  })
  onScopeDispose(() => {
    isOver = true
  })

  const lastHeardAt = computed(() => live.state.value === 'live' ? Math.max(live.lastHeardAt.value ?? 0, loadedAt.value ?? 0) || null : loadedAt.value)
  return { board, failure, load, timeline, timelineFailure: readonly(timelineFailure), lastHeardAt }
}
