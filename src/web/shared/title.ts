import { text } from './i18n/index.ts'

/** The name of an emergency; a drill says so, once. */
export function titleOf({ name, isDrill }: { name: string, isDrill: boolean }): string {
  return isDrill && !name.includes(text('drill.word')) ? name + text('drill.suffix') : name
}
