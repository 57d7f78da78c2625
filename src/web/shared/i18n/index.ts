import type { ComputedRef, Plugin } from 'vue'
import type { Language } from '../../../contract/errors.ts'
import type { SharedCatalogue } from './zh-CN.ts'
import { computed } from 'vue'
import { createI18n, useI18n } from 'vue-i18n'
import { compileMessage } from './compile.ts'
import { language } from './format.ts'
import { keepLanguage, readLanguage } from './language.ts'

export { clockTime, dateTime, day, duration, language, number, percent, setTimeZone, timeOfDay } from './format.ts'
export { LANGUAGE_NAMES, LANGUAGES } from './language.ts'
export type { SharedCatalogue } from './zh-CN.ts'

/** Every path to a sentence: `answer.going`. A key that no catalogue has is a type error. */
export type KeyOf<T> = { [K in keyof T & string]: T[K] extends string ? K : `${K}.${KeyOf<T[K]>}` }[keyof T & string]
export type Values = Readonly<Record<string, string | number>>
export type Translate<Catalogue> = (key: KeyOf<Catalogue>, values?: Values) => string

interface CatalogueNode { [key: string]: string | CatalogueNode }

const i18n = createI18n<false>({
  legacy: false,
  locale: 'zh-CN',
  fallbackLocale: 'zh-CN',
  messages: {},
  messageCompiler: compileMessage,
  messageResolver: (flat, key) => (flat as Record<string, string>)[key] ?? null,
})

/** One level of `path.to.sentence`: looked up without parsing, and event types keep their dots. */
function flatten(node: CatalogueNode, prefix = ''): Record<string, string> {
  return Object.assign({}, ...Object.entries(node).map(([key, value]) =>
    typeof value === 'string' ? { [prefix + key]: value } : flatten(value, `${prefix}${key}.`)))
}

let load: ((language: Language) => Promise<CatalogueNode>) | null = null
const loaded = new Set<Language>()

/**
 * Chinese comes with the entry, so that most people wait for nothing; English is fetched when asked for.
 * Mount the app only after the promise: no screen shows one language before the other.
 */
export async function setUpI18n<Catalogue extends object>(zhCN: Catalogue, loadEn: () => Promise<Catalogue>): Promise<Plugin> {
  load = async which => (which === 'en' ? await loadEn() : zhCN) as CatalogueNode
  await show(readLanguage())
  return i18n
}

async function show(next: Language): Promise<void> {
  if (!loaded.has(next) && load !== null) {
    i18n.global.setLocaleMessage(next, flatten(await load(next)))
    loaded.add(next)
  }
  i18n.global.locale.value = next
  language.value = next
  document.documentElement.lang = next
}

/** One tap: the other language, kept for next time and for the server's sentences. */
export async function setLanguage(next: Language): Promise<void> {
  await show(next)
  keepLanguage(next)
}

/** `t` for the sentences of `Catalogue`; shared parts use the default, each app a `useText` of its own. */
export function useText<Catalogue = SharedCatalogue>(): { t: Translate<Catalogue>, language: ComputedRef<Language> } {
  const { t } = useI18n({ useScope: 'global' })
  return { t: (key, values = {}) => t(key, values), language: computed(() => language.value) }
}

/** Outside components: titles, notifications. */
export function text<Catalogue = SharedCatalogue>(key: KeyOf<Catalogue>, values: Values = {}): string {
  return i18n.global.t(key, values)
}
