import type { RouteLocationRaw } from 'vue-router'
import type { KeyOf } from '../shared/i18n/index.ts'
import type { ConsoleCatalogue } from './i18n/zh-CN.ts'

export interface NavigationEntry {
  label: KeyOf<ConsoleCatalogue>
  to: RouteLocationRaw
  /** Only where the data are invented. */
  isDemoOnly?: true
}

/** Entries of the top bar; those that the reader's roles do not open are left out (route meta `roles`). */
export const NAVIGATION: readonly NavigationEntry[] = [
  { label: 'console.nav.home', to: { name: 'home' } },
  { label: 'console.nav.community', to: { name: 'community' } },
  { label: 'console.nav.unit', to: { name: 'unit' } },
  { label: 'console.nav.switch', to: { name: 'switch' } },
  { label: 'console.nav.emergencies', to: { name: 'emergencies' } },
  { label: 'console.nav.sandbox', to: { name: 'sandbox' }, isDemoOnly: true },
]
