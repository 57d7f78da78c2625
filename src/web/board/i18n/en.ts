import type { BoardCatalogue } from './zh-CN.ts'
import { en as shared } from '../../shared/i18n/en.ts'

export const en: BoardCatalogue = {
  ...shared,
  board: {
    title: 'Wall',
    peace: 'The county is in peacetime',
    peaceHint: 'No response or drill is open',
    signInFirst: 'Sign in at the command centre first, then open the wall',
  },
}
