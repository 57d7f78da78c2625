import type { ResponseLevel } from '../../contract/vocabulary.ts'
import type { Skin } from './county.ts'
import { nameOf, text } from './i18n/index.ts'

/** The name of an emergency; a drill says so, once. */
export function titleOf({ name, isDrill }: { name: string, isDrill: boolean }): string {
  return isDrill && !name.includes(text('drill.word')) ? nameOf(name) + text('drill.suffix') : nameOf(name)
}

/** An emergency's number; a drill's begins with the word. */
export const noOf = (no: string): string => no.replace('演练', text('drill.word'))

/** The title of a tab: even among twenty tabs nobody takes a drill for the real thing, or either for a quiet day. */
export function tabTitle(page: string, { skin, level }: { skin: Skin, level: ResponseLevel | null }): string {
  if (skin === 'peacetime')
    return page
  const word = text(skin === 'drill' ? 'drill.word' : `mode.${skin}`)
  return text('tabSign', { words: level === null || skin === 'standby' ? word : `${word} ${text(`level.${level}`)}` }) + page
}
