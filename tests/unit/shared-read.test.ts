import { describe, expect, it } from 'vitest'
import { sharedRead } from '../../src/server/platform/shared-read.ts'

describe('a shared reading', () => {
  function source() {
    const started: { answer: (value: number) => void, fail: (error: Error) => void }[] = []
    const read = sharedRead(() => new Promise<number>((answer, fail) => started.push({ answer, fail })))
    return { started, read }
  }
  const turn = () => new Promise(resolve => setImmediate(resolve))

  it('answers all who asked before it began, and nobody who asked after', async () => {
    const { started, read } = source()
    const first = [read(), read(), read()]
    await turn()
    expect(started).toHaveLength(1)
    const second = [read(), read()]
    await turn()
    expect(started, 'one at a time').toHaveLength(1)
    started[0]?.answer(1)
    expect(await Promise.all(first)).toEqual([1, 1, 1])
    await turn()
    expect(started).toHaveLength(2)
    started[1]?.answer(2)
    expect(await Promise.all(second)).toEqual([2, 2])
  })

  it('fails for those who shared it, and is tried anew for the next', async () => {
    const { started, read } = source()
    const failing = [read(), read()]
    const outcomes = Promise.allSettled(failing)
    await turn()
    const next = read()
    started[0]?.fail(new Error('away'))
    expect((await outcomes).map(o => o.status)).toEqual(['rejected', 'rejected'])
    await turn()
    started[1]?.answer(3)
    expect(await next).toBe(3)
  })
})
