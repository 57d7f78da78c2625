import { DomainError } from './errors.ts'

export interface GroupCommit<Item, Result> {
  /** Resolves with the item's result after the commit that contains it. */
  submit: (item: Item) => Promise<Result>
  /** Waits until nothing is queued or in flight. */
  drain: () => Promise<void>
  size: () => number
}

export interface GroupCommitOptions<Item, Result> {
  /** Writes a batch in one transaction; one result per item, in order. Throwing rolls the batch back. */
  write: (items: readonly Item[]) => Promise<readonly (Result | Error)[]>
  maxBatch?: number
  /**
   * So many batches may be written at once: while one is worked out here others are in the database. A batch beside
   * another is worth its own transaction from so many waiting items on. Of one key
   * there is one item in them at most: such items keep their order, and none depends on another of its batch.
   */
  abreast?: { batches: number, from: number, keyOf: (item: Item) => string }
  /** Above this many waiting items new ones are refused with OVERLOADED. */
  queueCap?: number
}

interface Waiting<Item, Result> { item: Item, resolve: (result: Result) => void, reject: (error: unknown) => void }

/**
 * Group commit without a timer: what arrives while a batch is being written is the next batch. A lone
 * item waits for nothing; under load batches grow by themselves. A batch that fails is halved until the
 * poisoned item fails alone, so that its neighbours are not lost with it.
 */
export function createGroupCommit<Item, Result>({ write, maxBatch = 2_000, abreast, queueCap = 50_000 }: GroupCommitOptions<Item, Result>): GroupCommit<Item, Result> {
  let queue: Waiting<Item, Result>[] = []
  const flights = new Set<Promise<void>>()
  const keysInFlight = new Set<string>()
  let takingOff: Promise<void> | null = null

  async function flush(batch: Waiting<Item, Result>[]): Promise<void> {
    let results: readonly (Result | Error)[]
    try {
      results = await write(batch.map(w => w.item))
    }
    catch (error) {
      if (batch.length === 1 || (error instanceof DomainError && error.status === 503)) {
        for (const { reject } of batch)
          reject(error)
        return
      }
      const middle = batch.length >> 1
      await flush(batch.slice(0, middle))
      await flush(batch.slice(middle))
      return
    }
    for (const [i, { resolve, reject }] of batch.entries()) {
      const result = results[i]
      if (result instanceof Error || result === undefined)
        reject(result ?? new Error('group commit: no result for an item'))
      else
        resolve(result)
    }
  }

  /** The next batch: in order, without those whose predecessor is being written. */
  function take(): { batch: Waiting<Item, Result>[], keys: string[] } {
    const batch: Waiting<Item, Result>[] = []
    const keys: string[] = []
    const left: Waiting<Item, Result>[] = []
    for (const waiting of queue) {
      const key = abreast?.keyOf(waiting.item)
      if (batch.length === maxBatch || (key !== undefined && keysInFlight.has(key))) {
        left.push(waiting)
        continue
      }
      batch.push(waiting)
      if (key !== undefined) {
        keys.push(key)
        keysInFlight.add(key)
      }
    }
    queue = left
    return { batch, keys }
  }

  function takeOff(): void {
    takingOff = null
    while (queue.length > 0 && (flights.size === 0 || (abreast !== undefined && flights.size < abreast.batches && queue.length >= abreast.from))) {
      const { batch, keys } = take()
      if (batch.length === 0)
        return
      const flight = flush(batch).then(() => {
        keys.forEach(key => keysInFlight.delete(key))
        flights.delete(flight)
        takeOff()
      })
      flights.add(flight)
    }
  }

  return {
    submit(item) {
      if (queue.length >= queueCap)
        return Promise.reject(new DomainError('OVERLOADED', { retryAfterSec: 2 }))
      return new Promise((resolve, reject) => {
        queue.push({ item, resolve, reject })
        // A microtask later, so that what arrived in the same tick shares the first batch.
        takingOff ??= Promise.resolve().then(takeOff)
      })
    },
    async drain() {
      while (takingOff !== null || flights.size > 0)
        await (takingOff ?? Promise.race(flights))
    },
    size: () => queue.length,
  }
}
