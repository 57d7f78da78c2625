import type { MyEmergency } from '../../contract/boards.ts'
import type { GiveAnswer } from '../../contract/calls.ts'
import type { CheckIn } from '../../contract/presence.ts'
import type { Entry, Outbox, OutboxCommand } from '../shared/outbox.ts'
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
  /** Said, and not written down yet. */
  const saying = shallowRef<readonly OutboxCommand[]>([])

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

  /** What the server has just accepted holds at once: on a slow network the whole picture takes seconds more. */
  function take(command: OutboxCommand, reply: unknown): void {
    const now = mine.value
    if (now === null || command.kind === 'receipt')
      return
    const { at, isLate } = reply as { at: string, isLate?: boolean }
    wasLate.value = isLate === true
    if (isLate === true)
      return
    const told = command.kind === 'answer'
      ? { callState: 'answered', answer: command.body.answer, promisedAt: command.body.promisedAt, reason: command.body.reason, answeredAt: at }
      : command.kind === 'checkIn' ? { presence: 'checkedIn', checkedInAt: at } : { presence: 'checkedOut', checkedOutAt: at }
    mine.value = { ...now, me: { ...now.me, ...told } }
    keep(mine.value)
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
        else
          take(item.command, outcome.reply)
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
    const command: OutboxCommand = kind === 'answer'
      ? { kind, body: { ...body as Omit<GiveAnswer, 'answerId'>, answerId: id } }
      : kind === 'checkIn' ? { kind, body: body as CheckIn } : { kind, body: { checkInId: id } }
    saying.value = [...saying.value, command]
    try {
      await (await whenReady()).add({ id, emergencyId, command })
    }
    finally {
      saying.value = saying.value.filter(one => one !== command)
    }
  }

  async function receive(alertId: string): Promise<void> {
    await (await whenReady()).add({ id: `receipt ${alertId}`, emergencyId, command: { kind: 'receipt', body: { alertId, read: true } } })
  }

  /** Until it is known whose phone this is nothing can be written down, and nothing that was said is dropped. */
  function whenReady(): Promise<Outbox> {
    return new Promise((resolve) => {
      const stop = watch(outbox, (box) => {
        if (box !== null) {
          resolve(box)
          queueMicrotask(() => stop())
        }
      }, { immediate: true })
    })
  }

  /** The answer on its way, if any: shown as kept, never as received. */
  const pending = computed((): readonly OutboxCommand[] => [...waiting.value.map(({ command }) => command), ...saying.value])
  const pendingAnswer = computed(() => {
    const last = [...pending.value].reverse().find(({ kind }) => kind === 'answer')
    return last?.kind === 'answer' ? last.body : null
  })
  /** He has checked in or out, and the server does not know it yet. */
  const pendingMove = computed(() => [...pending.value].reverse().find(({ kind }) => kind === 'checkIn' || kind === 'checkOut')?.kind ?? null)

  return { mine, failure, refusal, wasLate, pendingAnswer, pendingMove, load, say, receive }
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
