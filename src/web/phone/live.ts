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

/** An alert takes the screen, wherever the person is in the app: it rings and asks. */
export function showAlerts(open: (emergencyId: string) => void): void {
  primeAlarmOnFirstTap()
  live.on('alert', ({ emergencyId, kind }) => {
    if (kind === 'standby' || kind === 'activation' || kind === 'summons' || kind === 'duty' || kind === 'urge')
      ring()
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
