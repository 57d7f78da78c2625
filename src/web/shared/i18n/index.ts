import type { ComputedRef } from 'vue'
import type { Language } from '../../../contract/errors.ts'
import type { Values } from './message.ts'
import type { SharedCatalogue } from './zh-CN.ts'
import { computed, shallowRef } from 'vue'
import { language, number } from './format.ts'
import { keepLanguage, readLanguage } from './language.ts'
import { flatten, say } from './message.ts'

export { clockTime, dateTime, day, duration, durationOf, number, percent, setTimeZone, timeOfDay } from './format.ts'
export { LANGUAGE_NAMES } from './language.ts'
export type { SharedCatalogue } from './zh-CN.ts'

/** Every path to a sentence: `answer.going`. A key that no catalogue has is a type error. */
export type KeyOf<Catalogue> = { [K in keyof Catalogue & (string | number)]: Catalogue[K] extends string ? `${K}` : `${K}.${KeyOf<Catalogue[K]>}` }[keyof Catalogue & (string | number)]
export type Translate<Catalogue> = (key: KeyOf<Catalogue>, values?: Values) => string

const sentences = shallowRef<Readonly<Record<string, string>>>({})
const loaded = new Map<Language, Readonly<Record<string, string>>>()
let load: (language: Language) => Promise<object> = () => Promise.resolve({})

/**
 * Chinese comes with the entry, so that most people wait for nothing; English is fetched when asked for.
 * Mount the app only after the promise: no screen shows one language before the other.
 */
export async function setUpI18n<Catalogue extends object>(zhCN: Catalogue, loadEn: () => Promise<Catalogue>): Promise<void> {
  load = async which => which === 'en' ? await loadEn() : zhCN
  // Without a network the entry's own language is better than nothing.
  await show(readLanguage()).catch(() => show('zh-CN'))
}

async function show(next: Language): Promise<void> {
  const catalogue = loaded.get(next) ?? flatten(await load(next))
  loaded.set(next, catalogue)
  // Both at once: a render never sees the sentences of one language and the formats of the other.
  sentences.value = catalogue
  language.value = next
  document.documentElement.lang = next
}

/** One tap: the other language, kept for next time and for the server's sentences. */
export async function setLanguage(next: Language): Promise<void> {
  await show(next)
  keepLanguage(next)
}

/** A sentence in the reader's language; follows the language where it is rendered. */
export function text<Catalogue = SharedCatalogue>(key: KeyOf<Catalogue>, values: Values = {}): string {
  return say(sentences.value[key] ?? key, values, number)
}

/**
 * A plan's or an emergency's name as the reader says it. Names are the county's words: only those that the
 * product itself offered have others in another language. An initial response is named after its community.
 */
export function nameOf(name: string): string {
  const [, place = '', offered = ''] = /^(.*社区)?(.*)$/.exec(name) ?? []
  const known = sentences.value[`offeredName.${offered}`]
  return known === undefined ? name : `${place}${place === '' ? '' : ' '}${known}`
}

/** The language of words that come from the county's records, for readers aloud; undefined: that of the page. */
export const langOf = (words: string): 'zh-CN' | undefined => /[\u4E00-\u9FFF]/.test(words) ? 'zh-CN' : undefined

/** `t` for the sentences of `Catalogue`; shared parts use the default, each app has a `useText` of its own. */
export function useText<Catalogue = SharedCatalogue>(): { t: Translate<Catalogue>, language: ComputedRef<Language> } {
  return { t: (key, values) => text<Catalogue>(key, values), language: computed(() => language.value) }
}
