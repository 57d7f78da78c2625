import type { Funnel, PersonStatus } from './counting.ts'
import type { EmergencyHeader } from './events.ts'
import type { Channel, DeliveryState } from './vocabulary.ts'
import { z } from 'zod'
import { LongText } from './common.ts'

/** POST /api/emergencies/:id/lessons */
export const AddLesson = z.strictObject({ text: LongText })

export interface Curve { minute: number, called: number, answered: number, going: number, arrived: number }
export interface ReviewRow {
  id: string
  name: string
  funnel: Funnel
  /** Seconds after activation; null: nobody. */
  firstAnswerSec: number | null
  medianAnswerSec: number | null
  firstArrivalSec: number | null
  medianArrivalSec: number | null
}

/** GET /api/emergencies/:id/review. Every rate is given as numerator and denominator. */
export interface Review {
  header: EmergencyHeader
  drillOrReal: 'drill' | 'real'
  funnel: Funnel
  duty: Funnel
  rates: { code: 'reach' | 'ack' | 'turnout' | 'arrival' | 'unreachable', num: number, den: number }[]
  ackAt: { minute: 5 | 15 | 30, num: number, den: number }[]
  milestones: { code: 'firstAnswer' | 'halfAnswered' | 'firstArrival' | 'halfArrived' | 'allArrived' | 'teamsConfirmed', at: string | null, seconds: number | null }[]
  curve: Curve[]
  communities: ReviewRow[]
  grids: ReviewRow[]
  units: ReviewRow[]
  /** Who was not reached, with what was tried, and why (a code of the ladder's end, or an officer's words). */
  silent: { personId: string, name: string, unitName: string | null, gridName: string, status: PersonStatus, tried: { channel: Channel, state: DeliveryState, times: number }[], reason: string | null }[]
  /** Once it is over: who came and has not signed off. With the reason that was written down, or null: still there, as far as anybody knows. */
  unsigned: { personId: string, name: string, gridName: string, reason: string | null }[]
  lessons: { id: string, authorName: string, text: string, at: string }[]
  /** Every check that the numbers add up; a review that does not reconcile says so itself. */
  reconciliation: { check: ReconciliationCheck, left: number, right: number, holds: boolean }[]
}

/**
 * Four sources that know nothing of each other: the board (grouped counts), the people one by one, a
 * count in the database, and the event log folded from its first entry.
 */
export const RECONCILIATION_CHECKS = [
  'calledBoardVsPeople',
  'calledBoardVsDatabase',
  'calledBoardVsLog',
  'answeredBoardVsPeople',
  'answeredBoardVsDatabase',
  'answeredBoardVsLog',
  'arrivedBoardVsPeople',
  'arrivedBoardVsDatabase',
  'arrivedBoardVsLog',
  // People whom two sources count in different states; none, if all is well.
  'statesBoardVsPeople',
  'statesBoardVsLog',
  // Arrivals counted from the check-ins themselves.
  'arrivedBoardVsCheckIns',
] as const
export type ReconciliationCheck = typeof RECONCILIATION_CHECKS[number]

/** GET /api/emergencies/:id/review.json: marked with who took it out, when, and what it is not. */
export interface ReviewExport extends Review {
  watermark: { exportedBy: string, exportedAt: string, notes: string[] }
}
