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
  /** Above this many waiting items new ones are refused with OVERLOADED. */
  queueCap?: number
}

interface Waiting<Item, Result> { item: Item, resolve: (result: Result) => void, reject: (error: unknown) => void }

/**
 * Group commit without a timer: what arrives while a batch is being written is the next batch. A lone
 * item waits for nothing; under load batches grow by themselves. A batch that fails is halved until the
 * poisoned item fails alone, so that its neighbours are not lost with it.
 */
export function createGroupCommit<Item, Result>({ write, maxBatch = 2_000, queueCap = 50_000 }: GroupCommitOptions<Item, Result>): GroupCommit<Item, Result> {
  let queue: Waiting<Item, Result>[] = []
  let flight: Promise<void> | null = null

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

  async function run(): Promise<void> {
    while (queue.length > 0) {
      const batch = queue.slice(0, maxBatch)
      queue = queue.slice(maxBatch)
      await flush(batch)
    }
    flight = null
  }

  return {
    submit(item) {
      if (queue.length >= queueCap)
        return Promise.reject(new DomainError('OVERLOADED', { retryAfterSec: 2 }))
      return new Promise((resolve, reject) => {
        queue.push({ item, resolve, reject })
        // A microtask later, so that what arrived in the same tick shares the first batch.
        flight ??= Promise.resolve().then(run)
      })
    },
    async drain() {
      while (flight !== null)
        await flight
    },
    size: () => queue.length,
  }
}
