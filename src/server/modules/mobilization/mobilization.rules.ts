import type { EmergencyState, ResponseLevel } from '../../../contract/vocabulary.ts'

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
  const onStandby = holder.state === 'preAlert' || holder.level === 4
  return onStandby && taker.level < (holder.level ?? 5)
}

/** The press must be held this long. */
export const HOLD_SEC = 3
/** A preview older than this is not what the operator sees any more. */
export const PREPARATION_TTL_SEC = 120
/** Ⅰ and Ⅱ may start on an oral approval; the written basis follows within this time. */
export const WRITTEN_BASIS_WITHIN_MIN = 120
