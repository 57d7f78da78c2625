import { text } from './i18n/index.ts'

/** The name of an emergency; a drill says so, once. */
export const titleOf = ({ name, isDrill }: { name: string, isDrill: boolean }): string =>
  isDrill && !name.includes(text('drill.word')) ? name + text('drill.suffix') : name
