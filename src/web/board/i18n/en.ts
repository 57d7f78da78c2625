import type { BoardCatalogue } from './zh-CN.ts'
import { liveWords } from '../../shared/board/en.ts'
import { en as shared } from '../../shared/i18n/en.ts'

export const en: BoardCatalogue = {
  ...shared,
  ...liveWords,
  board: {
    title: 'Wall',
    peace: 'The county is in peacetime',
    peaceHint: 'No response or drill is open',
    signInFirst: 'Sign in at the command centre first, then open the wall',
    signIn: 'Sign in',
    readyGrids: 'Ready grids',
    units: 'Paired units',
    members: 'Members',
    candidates: 'Can be called',
    gridStaff: 'Grid staff',
    communities: 'Communities',
    others: 'Also open: {names}',
    timeline: 'Progress',
    timelineNone: 'Nothing yet',
    rallyBy: 'Gather by {time}',
  },
}
