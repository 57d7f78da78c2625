import type { AlertKind } from '../../contract/vocabulary.ts'
import type { Outbox } from '../shared/outbox.ts'
import { shallowRef, watch } from 'vue'
import { primeAlarmOnFirstTap, ring } from '../shared/alarm.ts'
import { loadCounty } from '../shared/county.ts'
import { createOutboxSender } from '../shared/outbox-sender.ts'
import { openOutboxStore } from '../shared/outbox-store.ts'
import { createOutbox } from '../shared/outbox.ts'
import { createLive } from '../shared/realtime/index.ts'
import { reloadOnce } from '../shared/reload.ts'
import { me } from '../shared/session.ts'

/** The phone's one socket. */
export const live = createLive()
/** What this person said and the server does not have yet; null until someone is signed in. */
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
  watch(() => me.value?.personId, async (personId) => {
    outbox.value?.stop()
    outbox.value = null
    live.stop()
    if (personId === undefined)
      return
    live.start()
    const next = createOutbox({ personId, store: await openOutboxStore(), send: createOutboxSender(live) })
    if (me.value?.personId !== personId)
      return
    outbox.value = next
    await next.start()
  }, { immediate: true })
}
