import type { ApprovalMode, EmergencyState, ResponseLevel, ShortfallReason } from '../../../contract/vocabulary.ts'

export interface Claimant { isDrill: boolean, state: EmergencyState, level: ResponseLevel | null }

/**
 * May `taker` end `holder`'s claim on its people (invariant 6)? A real response takes from any drill; a
 * higher level takes from standby (a pre-alert, or level Ⅳ) of a lower one. A pre-alert takes from drills only.
 */
export function mayPreempt(taker: Claimant, holder: Claimant): boolean {
  if (taker.isDrill)
    return false
  if (holder.isDrill)
    return true
  if (taker.state !== 'activated' || taker.level === null)
    return false
  return isStandby(holder) && taker.level < (holder.level ?? 5)
}

/** People wait at home: a pre-alert, or level Ⅳ, which has no rally limit. */
export function isStandby({ state, level }: Pick<Claimant, 'state' | 'level'>): boolean {
  return state === 'preAlert' || level === 4
}

/** The press must be held this long. */
export const HOLD_SEC = 3
/** A preview older than this is not what the operator sees any more. */
export const PREPARATION_TTL_SEC = 120

/** Ⅰ and Ⅱ may start on a word; the paper follows. */
export function isApprovalEnough(level: ResponseLevel, mode: ApprovalMode): boolean {
  return mode === 'written' || level <= 2
}

interface Strength {
  required: number
  available: number
  candidates: number
  shortfalls: readonly { reason: ShortfallReason, people: number }[]
}

/**
 * Why a unit cannot fill its posts (domain rule §4.2): what the roster says of its own people, then those
 * who serve elsewhere; a unit that simply has too few says so. Empty where nothing is short.
 */
export function shortfallReasons({ required, available, candidates, shortfalls }: Strength): { reason: ShortfallReason, people: number }[] {
  if (available >= required)
    return []
  const missing = Math.max(0, required - candidates)
  const elsewhere = Math.min(required, candidates) - available
  return [
    ...(missing > 0 ? shortfalls : []),
    ...(missing > 0 && shortfalls.length === 0 ? [{ reason: 'tooFewMembers' as const, people: missing }] : []),
    ...(elsewhere > 0 ? [{ reason: 'inOtherEmergency' as const, people: elsewhere }] : []),
  ]
}
