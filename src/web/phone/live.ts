import type { AlertKind } from '../../contract/vocabulary.ts'
import type { Outbox } from '../shared/outbox.ts'
import { computed, shallowRef, watch } from 'vue'
import { primeAlarmOnFirstTap, ring } from '../shared/alarm.ts'
import { loadCounty } from '../shared/county.ts'
import { createOutboxSender } from '../shared/outbox-sender.ts'
import { openOutboxStore } from '../shared/outbox-store.ts'
import { createOutbox } from '../shared/outbox.ts'
import { createLive } from '../shared/realtime/index.ts'
import { reloadOnce } from '../shared/reload.ts'
import { isKnown, loadMe, me } from '../shared/session.ts'

/** The phone's one socket. */
export const live = createLive()
/** What this person said and the server does not have yet; null until it is known whose phone this is. */
export const outbox = shallowRef<Outbox | null>(null)

/** What asks for an answer; everything else tells about an emergency that one knows. */
const CALLS: ReadonlySet<AlertKind> = new Set<AlertKind>(['standby', 'activation', 'summons', 'duty', 'urge'])

/**
 * A call takes the screen, wherever the person is in the app: it rings and asks. It does not take it from what
 * is graver: a drill's call from a real emergency, or any other notice (a drill's abort comes with the real
 * call that ended it) from a call.
 */
export function showAlerts(open: (emergencyId: string) => void, /** The emergency on the screen. */ onScreen: () => { isDrill: boolean } | null): void {
  primeAlarmOnFirstTap()
  live.on('alert', ({ emergencyId, kind, header }) => {
    const isCall = CALLS.has(kind)
    if (isCall)
      ring()
    const shown = onScreen()
    if (shown === null || (isCall && (!header.isDrill || shown.isDrill)))
      open(emergencyId)
  })
}

/** Every phone of the county hears of a new mode at once; they need not all ask in the same second. */
const SPREAD_MS = 3_000

function askSoon(): void {
  setTimeout(() => void loadCounty(), Math.random() * SPREAD_MS)
}

/** Socket and outbox belong to the person who is signed in; they change with him. */
export function followPerson(): void {
  live.onResync(() => {
    outbox.value?.kick()
    void loadCounty()
  })
  live.onModeMoved(askSoon)
  watch(live.state, (state) => {
    if (state === 'outdated')
      reloadOnce()
  })
  // Without a network nobody says who sits here. What the phone's last user says now must not be lost for that.
  const personId = computed(() => isKnown.value ? me.value?.personId : lastPerson())
  watch(personId, async (id) => {
    outbox.value?.stop()
    outbox.value = null
    live.stop()
    if (isKnown.value)
      remember(id)
    if (id === undefined)
      return
    live.start()
    const next = createOutbox({ personId: id, store: await openOutboxStore(), send: createOutboxSender(live) })
    if (personId.value !== id)
      return
    outbox.value = next
    await next.start()
  }, { immediate: true })
  window.addEventListener('online', () => {
    outbox.value?.kick()
    if (!isKnown.value)
      void loadMe().catch(() => {})
  })
}

/** The guard of a page could not ask who sits here: asked again until it is known. */
export function askAgain(afterMs = 2_000): void {
  setTimeout(() => {
    if (!isKnown.value)
      void loadMe().catch(() => askAgain(Math.min(2 * afterMs, 30_000)))
  }, afterMs)
}

const LAST_PERSON = 'pingji.person'

function lastPerson(): string | undefined {
  try {
    return localStorage.getItem(LAST_PERSON) ?? undefined
  }
  catch {
    return undefined
  }
}

function remember(personId: string | undefined): void {
  try {
    if (personId === undefined)
      localStorage.removeItem(LAST_PERSON)
    else
      localStorage.setItem(LAST_PERSON, personId)
  }
  catch {
    // Private windows have no storage; the page lives without it.
  }
}
