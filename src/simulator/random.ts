/** Deterministic randomness, so that the same seed plays the same people. mulberry32. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** Uniform in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6D2B79F5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  chance(share: number): boolean {
    return this.next() < share
  }

  pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.next() * items.length)]
    if (item === undefined)
      throw new RangeError('pick from an empty list')
    return item
  }

  /** A key, with the probability of its weight. */
  weighted<K extends string>(weights: Record<K, number>): K {
    const entries = Object.entries(weights) as [K, number][]
    const total = entries.reduce((sum, [, w]) => sum + w, 0)
    let left = this.next() * total
    for (const [key, weight] of entries) {
      left -= weight
      if (left < 0)
        return key
    }
    const last = entries.at(-1)
    if (last === undefined)
      throw new RangeError('no weights')
    return last[0]
  }

  /** Log-normal with the given median. */
  logNormal(median: number, spread: number): number {
    const u = Math.max(this.next(), Number.EPSILON)
    const gauss = Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * this.next())
    return median * Math.exp(spread * gauss)
  }
}

/** The minute at which a person with this uniform draw answers, or null for never. Linear between the points. */
export function answerMinute(points: readonly [number, number][], draw: number): number | null {
  let [fromMinute, fromShare] = points[0] ?? [0, 0]
  for (const [minute, share] of points.slice(1)) {
    if (draw < share) {
      return fromMinute + (minute - fromMinute) * ((draw - fromShare) / (share - fromShare))
    }
    fromMinute = minute
    fromShare = share
  }
  return null
}
