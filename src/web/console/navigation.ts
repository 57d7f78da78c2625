import type { RouteLocationRaw } from 'vue-router'
import type { KeyOf } from '../shared/i18n/index.ts'
import type { ConsoleCatalogue } from './i18n/zh-CN.ts'

/** Entries of the top bar; those that the reader's roles do not open are left out (route meta `roles`). */
export const NAVIGATION: readonly { label: KeyOf<ConsoleCatalogue>, to: RouteLocationRaw }[] = [
  { label: 'console.nav.home', to: { name: 'home' } },
]
