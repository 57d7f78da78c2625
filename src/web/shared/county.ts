import type { Ref } from 'vue'
import type { CountyInfo } from '../../contract/identity.ts'
import type { ResponseLevel } from '../../contract/vocabulary.ts'
import { computed, readonly, shallowRef, watchEffect } from 'vue'
import { levelOf } from '../../contract/vocabulary.ts'
import { api } from './api.ts'
import { setServerTime } from './clock.ts'
import { setTimeZone } from './i18n/index.ts'

const info = shallowRef<CountyInfo | null>(null)

/** Name, deployment and mode of the county; every screen needs them before anyone signs in. */
export const county = readonly(info)

export async function loadCounty(): Promise<void> {
  try {
    const loaded = await api('GET /api/county')
    setTimeZone(loaded.timeZone)
    setServerTime(loaded.now)
    info.value = loaded
  }
  catch {
    // What is known stays on the screen; the next resync asks again.
  }
}

export type Skin = 'peacetime' | 'standby' | 'emergency' | 'drill'
type Open = CountyInfo['open'][number]

/** In the order in which the screen speaks of them: the real before the drill, the running before the standby, the gravest level first. */
export const openFirst = computed<Open[]>(() => {
  const rank = ({ isDrill, state, level }: Open): number => (isDrill ? 100 : 0) + (state === 'preAlert' ? 10 : 0) + (level ?? 5)
  return [...info.value?.open ?? []].sort((a, b) => rank(a) - rank(b))
})
export const leading = computed<Open | null>(() => openFirst.value[0] ?? null)

export const leadingLevel = computed<ResponseLevel | null>(() => levelOf(leading.value?.level))

/** A drill changes nothing about the county's mode, but every screen wears it while nothing real is open. */
export const skin = computed<Skin>(() => {
  if (leading.value === null)
    return 'peacetime'
  if (leading.value.isDrill)
    return 'drill'
  return leading.value.state === 'preAlert' ? 'standby' : 'emergency'
})

const ICONS: Readonly<Record<Skin, string>> = {
  peacetime: '/icons/mark.svg',
  standby: '/icons/mark-standby.svg',
  emergency: '/icons/mark-emergency.svg',
  drill: '/icons/mark-drill.svg',
}

/** Top bar, tab icon, the phone's status bar: half a second tells which of the two the county is in. */
export function wearSkin(worn: Readonly<Ref<Skin>> = skin): void {
  watchEffect(() => {
    const root = document.documentElement
    root.dataset.skin = worn.value
    document.querySelector('link[rel="icon"]')?.setAttribute('href', ICONS[worn.value])
    document.querySelector('meta[name="theme-color"]')?.setAttribute('content', getComputedStyle(root).getPropertyValue('--c-bar').trim())
  })
}
