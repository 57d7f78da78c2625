import { RateLimiterMemory } from 'rate-limiter-flexible'
import { DomainError } from '../errors.ts'

export interface RateLimit {
  /** Takes a point of the key, or throws RATE_LIMITED with the seconds to wait. Slows, never locks. */
  take: (key: string) => Promise<void>
  /** Gives the key all its points back, after a success. */
  forgive: (key: string) => Promise<void>
  /** Gives one point back: this take was none of what the limit is against. */
  giveBack: (key: string) => Promise<void>
}

/** Per process: with several processes an attacker gets as many times the limit, which still slows him. */
export function createRateLimit(points: number, perSec: number): RateLimit {
  const limiter = new RateLimiterMemory({ points, duration: perSec })
  return {
    async take(key) {
      try {
        await limiter.consume(key)
      }
      catch (refused) {
        const ms = (refused as { msBeforeNext?: number }).msBeforeNext ?? perSec * 1000
        throw new DomainError('RATE_LIMITED', { retryAfterSec: Math.max(1, Math.ceil(ms / 1000)) })
      }
    },
    forgive: async (key) => {
      await limiter.delete(key)
    },
    giveBack: async (key) => {
      await limiter.reward(key)
    },
  }
}
