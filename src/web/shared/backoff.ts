/**
 * Full jitter: anywhere between nothing and the doubled step, so that ten thousand phones that lost the
 * server in one second do not come back in one second.
 */
export function backoffMs(attempt: number, { baseMs, capMs, random = Math.random }: { baseMs: number, capMs: number, random?: () => number }): number {
  return random() * Math.min(capMs, baseMs * 2 ** Math.min(attempt, 20))
}
