import { describe, expect, it } from 'vitest'
import { DomainError } from '../../../src/server/platform/errors.ts'
import { createGroupCommit } from '../../../src/server/platform/groupcommit.ts'

/** A store whose commits end when the test says so. */
function store({ refuse = () => null }: { refuse?: (batch: readonly string[]) => Error | null } = {}) {
  const batches: string[][] = []
  const pending: (() => void)[] = []
  let holding = false
  return {
    batches,
    hold: () => {
      holding = true
    },
    release: () => {
      holding = false
      pending.splice(0).forEach(go => go())
    },
    write: async (batch: readonly string[]) => {
      batches.push([...batch])
      if (holding)
        await new Promise<void>(resolve => pending.push(resolve))
      const error = refuse(batch)
      if (error !== null)
        throw error
      return batch.map(item => item.toUpperCase())
    },
  }
}

const isPoison = (item: string) => item.startsWith('poison')
const poisoned = (batch: readonly string[]) => batch.some(isPoison) ? new Error('constraint') : null

describe('group commit', () => {
  it('a lone item is written at once, without a timer', async () => {
    const { write, batches } = store()
    const group = createGroupCommit({ write })
    const done = group.submit('a')
    await Promise.resolve()
    expect(batches).toEqual([['a']])
    expect(await done).toBe('A')
  })

  it('what arrives during a flight is the next batch, and one batch flies at a time', async () => {
    const { write, batches, hold, release } = store()
    const group = createGroupCommit({ write })
    hold()
    const first = group.submit('a')
    await Promise.resolve()
    const rest = ['b', 'c', 'd'].map(group.submit)
    expect([batches.length, group.size()]).toEqual([1, 3])
    release()
    expect(await Promise.all([first, ...rest])).toEqual(['A', 'B', 'C', 'D'])
    expect(batches).toEqual([['a'], ['b', 'c', 'd']])
  })

  it('nobody is answered before the commit', async () => {
    const { write, hold, release } = store()
    const group = createGroupCommit({ write })
    hold()
    let answered = false
    const done = group.submit('a').then(() => {
      answered = true
    })
    await new Promise(resolve => setImmediate(resolve))
    expect(answered).toBe(false)
    release()
    await done
    expect(answered).toBe(true)
  })

  it('batches have a size and keep the order of arrival', async () => {
    const { write, batches } = store()
    const group = createGroupCommit({ write, maxBatch: 3 })
    await Promise.all(['a', 'b', 'c', 'd', 'e', 'f', 'g'].map(group.submit))
    expect(batches.map(batch => batch.join(''))).toEqual(['abc', 'def', 'g'])
  })

  describe('abreast', () => {
    const abreast = { batches: 2, from: 100, keyOf: (item: string) => item.split(':')[0] ?? '' }
    const many = (n: number, prefix = 'k') => Array.from({ length: n }, (_, i) => `${prefix}${i}:1`)

    it('a second batch is written beside the first once enough wait, and no third', async () => {
      const { write, batches, hold, release } = store()
      const group = createGroupCommit({ write, abreast })
      hold()
      const all = [group.submit('first:1')]
      await Promise.resolve()
      all.push(...many(99).map(group.submit))
      await Promise.resolve()
      expect(batches.length).toBe(1)
      all.push(...many(150, 'm').map(group.submit))
      await Promise.resolve()
      expect(batches.map(b => b.length)).toEqual([1, 249])
      all.push(...many(500, 'n').map(group.submit))
      await Promise.resolve()
      expect(batches.length).toBe(2)
      release()
      await Promise.all(all)
      expect(batches.map(b => b.length)).toEqual([1, 249, 500])
    })

    it('of one key there is one item at a time, in order, whatever fails', async () => {
      const flying = new Set<string>()
      const seen = new Map<string, number>()
      const write = async (batch: readonly string[]) => {
        for (const item of batch) {
          expect(flying.has(abreast.keyOf(item)), item).toBe(false)
          flying.add(abreast.keyOf(item))
        }
        await new Promise(resolve => setTimeout(resolve, Math.random() * 4))
        for (const item of batch)
          flying.delete(abreast.keyOf(item))
        if (poisoned(batch))
          throw new Error('constraint')
        for (const item of batch) {
          const [key = '', n] = item.split(':')
          expect(Number(n), item).toBe((seen.get(key) ?? 0) + 1)
          seen.set(key, Number(n))
        }
        return batch
      }
      const group = createGroupCommit({ write, abreast: { ...abreast, batches: 3, from: 30 }, maxBatch: 120 })
      const results: Promise<unknown>[] = []
      for (let n = 1; n <= 12; n++) {
        results.push(...Array.from({ length: 60 }, (_, k) => group.submit(`k${k}:${n}`)), group.submit(`poison${n}:1`))
        if (n % 3 === 0)
          await new Promise(resolve => setImmediate(resolve))
      }
      const settled = await Promise.allSettled(results)
      await group.drain()
      expect(settled.filter(s => s.status === 'rejected')).toHaveLength(12)
      expect([...seen.values()]).toEqual(Array.from({ length: 60 }).fill(12))
      expect(group.size()).toBe(0)
    })
  })

  it('a poisoned item fails alone, its neighbours are kept in order', async () => {
    const committed: string[] = []
    const { write } = store({ refuse: poisoned })
    const group = createGroupCommit({ write: async (batch: readonly string[]) => {
      const results = await write(batch)
      committed.push(...batch)
      return results
    } })
    const items = Array.from({ length: 100 }, (_, i) => i === 17 || i === 80 ? `poison${i}` : `item${i}`)
    const settled = await Promise.allSettled(items.map(group.submit))
    expect(settled.flatMap((s, i) => s.status === 'rejected' ? [i] : [])).toEqual([17, 80])
    expect(committed).toEqual(items.filter(item => !isPoison(item)))
  })

  it('one poisoned item among 2,000 costs a few batches, not 2,000', async () => {
    const { write, batches } = store({ refuse: poisoned })
    const group = createGroupCommit({ write })
    await Promise.allSettled([...Array.from({ length: 1_999 }, (_, i) => `item${i}`), 'poison'].map(group.submit))
    expect(batches.length).toBeLessThan(30)
  })

  it('an item may be refused without failing its batch', async () => {
    const { batches } = store()
    const group = createGroupCommit({ write: async (batch: readonly string[]) => {
      batches.push([...batch])
      return batch.map(item => item === 'late' ? new DomainError('EMERGENCY_CLOSED') : item)
    } })
    const [kept, late] = await Promise.allSettled([group.submit('a'), group.submit('late')])
    expect(kept).toMatchObject({ value: 'a' })
    expect(late).toMatchObject({ reason: { code: 'EMERGENCY_CLOSED' } })
    expect(batches).toHaveLength(1)
  })

  it('a database that is away is asked once, not item by item', async () => {
    const { write, batches } = store({ refuse: () => new DomainError('DB_UNAVAILABLE') })
    const group = createGroupCommit({ write })
    const settled = await Promise.allSettled(['a', 'b', 'c', 'd'].map(group.submit))
    expect(settled.every(s => s.status === 'rejected')).toBe(true)
    expect(batches).toHaveLength(1)
  })

  it('goes on after a failure', async () => {
    const { write } = store({ refuse: poisoned })
    const group = createGroupCommit({ write })
    await expect(group.submit('poison')).rejects.toThrow('constraint')
    expect(await group.submit('a')).toBe('A')
  })

  it('a full queue refuses the next with the time to come back, and takes again once it has room', async () => {
    const { write, hold, release } = store()
    const group = createGroupCommit({ write, queueCap: 2 })
    hold()
    const flying = group.submit('a')
    await Promise.resolve()
    const queued = [group.submit('b'), group.submit('c')]
    await expect(group.submit('d')).rejects.toMatchObject({ code: 'OVERLOADED', status: 503, details: { retryAfterSec: 2 } })
    release()
    expect(await Promise.all([flying, ...queued])).toEqual(['A', 'B', 'C'])
    expect(await group.submit('d')).toBe('D')
  })

  it('drains what is queued and in flight, and is empty at once when idle', async () => {
    const { write, batches, hold, release } = store()
    const group = createGroupCommit({ write })
    await group.drain()
    hold()
    const all = Promise.all(['a', 'b'].map(group.submit))
    await Promise.resolve()
    const late = group.submit('c')
    const drained = group.drain()
    release()
    await drained
    expect([batches.flat(), group.size()]).toEqual([['a', 'b', 'c'], 0])
    await Promise.all([all, late])
  })

  it('a writer that forgets a result fails that item, not the process', async () => {
    const group = createGroupCommit<string, string>({ write: async () => ['only one'] })
    const [first, second] = await Promise.allSettled([group.submit('a'), group.submit('b')])
    expect([first?.status, second?.status]).toEqual(['fulfilled', 'rejected'])
  })
})
