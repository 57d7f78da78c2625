import { loadCounty } from '../shared/county.ts'
import { createLive } from '../shared/realtime/index.ts'
import { loadMe } from '../shared/session.ts'

/** The wall's one socket. */
export const live = createLive()

/** A wall is signed in by whoever opened it at the console; without a session it still tells the county's mode. */
export async function followCounty(): Promise<void> {
  live.onResync(() => void loadCounty())
  live.on('mode:changed', () => void loadCounty())
  live.on('emergency:changed', () => void loadCounty())
  if (await loadMe().catch(() => null) !== null)
    live.start()
}
