import { readonly, ref } from 'vue'
import { loadCounty } from '../shared/county.ts'
import { createLive } from '../shared/realtime/index.ts'
import { loadMe } from '../shared/session.ts'
import { loadEmergencies } from './leading.ts'

/** The wall's one socket. */
export const live = createLive()

/** Since when the picture on the wall is right, told by the board that is shown. */
export const pictureHeardAt = ref<number | null>(null)

const ready = ref(false)
/** Whether it is known if somebody is signed in. */
export const isReady = readonly(ready)

/** A wall runs for days: what opens or ends is also asked for now and then. */
const ASK_MS = 30_000

function ask(): void {
  void loadCounty()
  void loadEmergencies()
}

/** A wall is signed in by whoever opened it at the console. */
export async function followCounty(): Promise<void> {
  live.onResync(ask)
  live.onModeMoved(ask)
  live.on('emergency:changed', ask)
  const who = await loadMe().catch(() => null)
  ready.value = true
  if (who === null)
    return
  await loadEmergencies()
  live.start()
  setInterval(ask, ASK_MS)
}
