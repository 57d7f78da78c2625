import type { MyEmergency } from '../../contract/boards.ts'
import type { GiveAnswer } from '../../contract/calls.ts'
import type { CheckIn } from '../../contract/presence.ts'
import type { Entry } from '../shared/outbox.ts'
import { computed, onScopeDispose, ref, shallowRef, watch } from 'vue'
import { api, ApiError } from '../shared/api.ts'
import { newId } from '../shared/ids.ts'
import { live, outbox } from './live.ts'

const KEPT = 'pingji.emergency.'

/** The last view of an emergency, kept on the phone: it opens without a network, too. */
function recall(id: string): MyEmergency | null {
  try {
    return JSON.parse(localStorage.getItem(KEPT + id) ?? 'null') as MyEmergency | null
  }
  catch {
    return null
  }
}

function keep(mine: MyEmergency): void {
  try {
    localStorage.setItem(KEPT + mine.emergencyId, JSON.stringify(mine))
  }
  catch {
    // Private windows have no storage; the page lives without it.
  }
}

/**
 * One emergency on the member's phone: what the server last said, and what the person has said and the
 * server does not have yet. Nothing here calls an answer received before the server did.
 */
export function useEmergency(emergencyId: string) {
  const mine = shallowRef<MyEmergency | null>(recall(emergencyId))
  const failure = ref<unknown>(null)
  const refusal = shallowRef<Error | null>(null)
  const waiting = shallowRef<readonly Entry[]>([])
  const wasLate = ref(false)

  async function load(): Promise<void> {
    try {
      mine.value = await api('GET /api/emergencies/:id/mine', { params: { id: emergencyId } })
      keep(mine.value)
      failure.value = null
    }
    catch (error) {
      // What is on the screen is worth more than an error page.
      if (mine.value === null || (error instanceof ApiError && error.status === 404))
        failure.value = error
    }
  }

  const look = () => {
    waiting.value = outbox.value?.entries().filter(e => e.emergencyId === emergencyId && e.command.kind !== 'receipt') ?? []
  }

  let stopOutbox: (() => void)[] = []
  const stopWatching = watch(outbox, (box) => {
    stopOutbox.forEach(stop => stop())
    stopOutbox = []
    look()
    if (box === null)
      return
    stopOutbox = [
      box.onChange(look),
      box.onSettled((item, outcome) => {
        if (item.emergencyId !== emergencyId || item.command.kind === 'receipt')
          return
        if (outcome.result === 'refused')
          refusal.value = outcome.error
        else if (item.command.kind === 'answer')
          wasLate.value = (outcome.reply as { isLate?: boolean }).isLate === true
        void load()
      }),
    ]
  }, { immediate: true })

  const concerns = ({ emergencyId: id }: { emergencyId: string }) => {
    if (id === emergencyId)
      void load()
  }
  const stops = [
    live.onResync(load),
    live.on('alert', concerns),
    live.on('me:changed', concerns),
    live.on('emergency:changed', ({ header }) => concerns({ emergencyId: header.id })),
  ]
  onScopeDispose(() => {
    stopWatching()
    stopOutbox.forEach(stop => stop())
    stops.forEach(stop => stop())
  })

  function say(kind: 'answer', body: Omit<GiveAnswer, 'answerId'>): Promise<void>
  function say(kind: 'checkIn', body: CheckIn): Promise<void>
  function say(kind: 'checkOut'): Promise<void>
  async function say(kind: 'answer' | 'checkIn' | 'checkOut', body?: object): Promise<void> {
    refusal.value = null
    wasLate.value = false
    const id = newId()
    if (kind === 'answer')
      await outbox.value?.add({ id, emergencyId, command: { kind, body: { ...body as Omit<GiveAnswer, 'answerId'>, answerId: id } } })
    else if (kind === 'checkIn')
      await outbox.value?.add({ id, emergencyId, command: { kind, body: body as CheckIn } })
    else
      await outbox.value?.add({ id, emergencyId, command: { kind, body: { checkInId: id } } })
  }

  async function receive(alertId: string): Promise<void> {
    await outbox.value?.add({ id: `receipt ${alertId}`, emergencyId, command: { kind: 'receipt', body: { alertId, read: true } } })
  }

  /** The answer on its way, if any: shown as kept, never as received. */
  const pendingAnswer = computed(() => {
    const entry = [...waiting.value].reverse().find(e => e.command.kind === 'answer')
    return entry?.command.kind === 'answer' ? entry.command.body : null
  })

  return { mine, failure, refusal, waiting, wasLate, pendingAnswer, load, say, receive }
}

/** One position, asked once by the tap. Null: refused, switched off or not found in time. */
export function currentPosition(): Promise<{ latitude: number, longitude: number, accuracyM: number, coordinateSystem: 'WGS84' } | null> {
  return new Promise((resolve) => {
    if (!('geolocation' in navigator)) {
      resolve(null)
      return
    }
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => resolve({ latitude: coords.latitude, longitude: coords.longitude, accuracyM: Math.min(100_000, coords.accuracy), coordinateSystem: 'WGS84' }),
      () => resolve(null),
      { enableHighAccuracy: true, timeout: 15_000, maximumAge: 30_000 },
    )
  })
}
