import { watch } from 'vue'
import { loadCounty } from '../shared/county.ts'
import { createLive } from '../shared/realtime/index.ts'
import { reloadOnce } from '../shared/reload.ts'
import { isSignedIn } from '../shared/session.ts'

/** The console's one socket; it lives while somebody is signed in. */
export const live = createLive()

export function followCounty(): void {
  live.onResync(() => void loadCounty())
  live.onModeMoved(() => void loadCounty())
  live.on('emergency:changed', () => void loadCounty())
  watch(live.state, (state) => {
    if (state === 'outdated')
      reloadOnce()
  })
  watch(isSignedIn, (isIn) => {
    live.stop()
    if (isIn)
      live.start()
  }, { immediate: true })
}
