import type { ResponseLevel } from '../../../contract/vocabulary.ts'
import type { LadderRung } from '../plans/index.ts'
import { MINUTE } from '../../platform/clock.ts'

/** When the ladder ends for people summoned at `from`: from then on a silent person is 未联系上. Null: the ladder has no such rung. */
export function unreachableAt(ladder: readonly LadderRung[], from: Date): Date | null {
  const rung = ladder.find(r => r.action === 'unreachable')
  return rung === undefined ? null : new Date(from.getTime() + rung.afterMin * MINUTE)
}

/** A promise lies within a day from now. One whose time is past has waited in a phone's outbox, unless it is older than the emergency itself. */
export function isPlausiblePromise(promisedAt: Date, since: Date, now: Date): boolean {
  return promisedAt >= since && promisedAt.getTime() - now.getTime() <= 24 * 60 * MINUTE
}

/** Pre-alerts ask at the pace of level Ⅳ. */
export function ladderLevel(level: ResponseLevel | null): ResponseLevel {
  return level ?? 4
}

/** After this many tries nothing more is tried: about eight minutes by the pauses below. */
export const MAX_ATTEMPTS = 8
const PAUSES_SEC = [1, 1, 5, 15, 60, 120, 300]

/** Seconds until the next try; the provider may ask for more. */
export function pauseBeforeRetry(attempt: number, askedSec: number): number {
  return Math.max(askedSec, PAUSES_SEC[attempt - 1] ?? 300)
}

/** What failed together comes back in smaller parts, so that one poisoned message ends up alone and its neighbours go out. */
export function partSize(batchSize: number, attempt: number): number {
  return Math.max(1, Math.floor(batchSize / 25 ** (attempt - 1)))
}

/** Between two urges people are left in peace. */
export const URGE_EVERY_SEC = 180
