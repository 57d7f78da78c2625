import type { Translate } from '../../../shared/i18n/index.ts'
import type { ConsoleCatalogue } from '../../i18n/zh-CN.ts'

const CHECKS = ['calledBoardVsPeople', 'calledBoardVsDatabase', 'calledBoardVsLog', 'answeredBoardVsPeople', 'answeredBoardVsDatabase', 'answeredBoardVsLog', 'arrivedBoardVsPeople', 'arrivedBoardVsDatabase', 'arrivedBoardVsLog', 'statesBoardVsPeople', 'statesBoardVsLog', 'arrivedBoardVsCheckIns'] as const

/** A check of the review in the reader's words. */
export function checkWords(check: string, t: Translate<ConsoleCatalogue>): string {
  const known = CHECKS.find(one => one === check)
  return known === undefined ? check : t(`console.review.checks.${known}`)
}
