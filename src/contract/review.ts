import type { Funnel } from './counting.ts'
import type { EmergencyHeader } from './events.ts'
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
  silent: { personId: string, name: string, unitName: string | null, gridName: string, status: string, tried: string[], reason: string | null }[]
  unsigned: { personId: string, name: string, gridName: string, reason: string }[]
  lessons: { id: string, authorName: string, text: string, at: string }[]
  /** Every check that the numbers add up; a review that does not reconcile says so itself. */
  reconciliation: { check: string, left: number, right: number, holds: boolean }[]
}
