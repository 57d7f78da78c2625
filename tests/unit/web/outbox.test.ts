import type { Outbox, OutboxItem, OutboxStore, Outcome, Settled } from '../../../src/web/shared/outbox.ts'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createOutbox } from '../../../src/web/shared/outbox.ts'

const me = 'person-1'

function memoryStore(items: OutboxItem[] = []) {
  const kept = new Map(items.map(item => [item.id, item]))
  return {
    kept,
    all: async () => [...kept.values()],
    put: async (item) => {
      kept.set(item.id, item)
    },
    remove: async (id) => {
      kept.delete(id)
    },
  } satisfies OutboxStore & { kept: Map<string, OutboxItem> }
}

function answer(id: string, emergencyId = 'flood') {
  return ({ id, emergencyId, command: { kind: 'answer', body: { answerId: id, answer: 'going', promisedAt: null, reason: null, note: '' } } }) as const
}

const left = (id: string, createdAt: number, personId = me): OutboxItem => ({ ...answer(id), personId, createdAt })
const accepted: Outcome = { result: 'accepted', reply: null }

/** A server that answers by script, then accepts; it remembers what it was sent. */
function server(...script: (Outcome | Promise<Outcome>)[]) {
  const sent: string[] = []
  return {
    sent,
    send: async (item: OutboxItem): Promise<Outcome> => {
      sent.push(item.id)
      return script.shift() ?? accepted
    },
  }
}

function watch(outbox: Outbox): { id: string, result: Settled['result'] }[] {
  const settled: { id: string, result: Settled['result'] }[] = []
  outbox.onSettled((item, outcome) => settled.push({ id: item.id, result: outcome.result }))
  return settled
}

const settle = () => vi.advanceTimersByTimeAsync(0)

describe('outbox', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: new Date('2024-07-22T06:00:00Z') })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('writes down before it sends', async () => {
    const store = memoryStore()
    const order: string[] = []
    const outbox = createOutbox({
      personId: me,
      store: {
        ...store,
        put: async (item) => {
          order.push('kept')
          await store.put(item)
        },
      },
      send: async () => {
        order.push('sent')
        return accepted
      },
    })
    await outbox.add(answer('a'))
    await settle()
    expect(order).toEqual(['kept', 'sent'])
    expect(store.kept.size).toBe(0)
  })

  it('sends nothing that it could not write down, and says so', async () => {
    const { send, sent } = server()
    const outbox = createOutbox({ personId: me, store: { ...memoryStore(), put: () => Promise.reject(new Error('quota')) }, send })
    await expect(outbox.add(answer('a'))).rejects.toThrow('quota')
    await settle()
    expect(sent).toEqual([])
    expect(outbox.entries()).toEqual([])
  })

  it('says "received" only after the server did', async () => {
    let reply: (outcome: Outcome) => void = () => {}
    const { send } = server(new Promise<Outcome>((resolve) => {
      reply = resolve
    }))
    const outbox = createOutbox({ personId: me, store: memoryStore(), send })
    const settled = watch(outbox)
    await outbox.add(answer('a'))
    await settle()
    expect(outbox.entries()[0]?.phase).toBe('sending')
    expect(settled).toEqual([])
    reply(accepted)
    await settle()
    expect(settled).toEqual([{ id: 'a', result: 'accepted' }])
    expect(outbox.entries()).toEqual([])
  })

  it('tries again by itself, later and later, until the server has it', async () => {
    const { send, sent } = server({ result: 'retry' }, { result: 'retry' }, { result: 'retry' })
    const outbox = createOutbox({ personId: me, store: memoryStore(), send, random: () => 1 })
    await outbox.add(answer('a'))
    await settle()
    expect(outbox.entries()[0]?.phase).toBe('waiting')
    await vi.advanceTimersByTimeAsync(2_000)
    expect(sent).toHaveLength(2)
    await vi.advanceTimersByTimeAsync(3_999)
    expect(sent).toHaveLength(2)
    await vi.advanceTimersByTimeAsync(1)
    expect(sent).toHaveLength(3)
    await vi.advanceTimersByTimeAsync(8_000)
    expect(sent).toHaveLength(4)
    expect(outbox.entries()).toEqual([])
  })

  it('takes a sender that throws for a lost network', async () => {
    let tries = 0
    const outbox = createOutbox({
      personId: me,
      store: memoryStore(),
      send: async () => {
        if (++tries === 1)
          throw new TypeError('Failed to fetch')
        return accepted
      },
      random: () => 0,
    })
    await outbox.add(answer('a'))
    await vi.advanceTimersByTimeAsync(1)
    expect(tries).toBe(2)
  })

  it('waits as long as the server asks', async () => {
    const { send, sent } = server({ result: 'retry', afterMs: 20_000 })
    const outbox = createOutbox({ personId: me, store: memoryStore(), send, random: () => 0 })
    await outbox.add(answer('a'))
    await vi.advanceTimersByTimeAsync(19_999)
    expect(sent).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(sent).toHaveLength(2)
  })

  it('tries at once when the network is back', async () => {
    const { send, sent } = server({ result: 'retry', afterMs: 600_000 })
    const outbox = createOutbox({ personId: me, store: memoryStore(), send })
    await outbox.add(answer('a'))
    await settle()
    outbox.kick()
    await settle()
    expect(sent).toEqual(['a', 'a'])
  })

  it('keeps the order within one emergency; another emergency does not wait', async () => {
    const { send, sent } = server({ result: 'retry' })
    const outbox = createOutbox({ personId: me, store: memoryStore(), send, random: () => 1 })
    await Promise.all([outbox.add(answer('a1', 'a')), outbox.add(answer('a2', 'a'))])
    await outbox.add(answer('b1', 'b'))
    await settle()
    expect(sent).toEqual(['a1', 'b1'])
    await vi.advanceTimersByTimeAsync(2_000)
    expect(sent).toEqual(['a1', 'b1', 'a1', 'a2'])
  })

  it('sends one id once, however often it is added', async () => {
    const { send, sent } = server(new Promise<Outcome>(() => {}))
    const outbox = createOutbox({ personId: me, store: memoryStore(), send })
    await Promise.all([outbox.add(answer('a')), outbox.add(answer('a'))])
    await outbox.add(answer('a'))
    await settle()
    expect(sent).toEqual(['a'])
    expect(outbox.entries()).toHaveLength(1)
  })

  it('tells a refusal once and goes on with the next', async () => {
    const { send, sent } = server({ result: 'refused', error: new Error('EMERGENCY_CLOSED') })
    const store = memoryStore()
    const outbox = createOutbox({ personId: me, store, send })
    const settled = watch(outbox)
    await outbox.add(answer('a'))
    await outbox.add(answer('b'))
    await settle()
    expect(sent).toEqual(['a', 'b'])
    expect(settled).toEqual([{ id: 'a', result: 'refused' }, { id: 'b', result: 'accepted' }])
    expect(store.kept.size).toBe(0)
  })

  it('goes on with what an earlier page left, oldest first', async () => {
    const { send, sent } = server()
    const now = Date.now()
    const outbox = createOutbox({ personId: me, store: memoryStore([left('second', now - 1), left('first', now - 2)]), send })
    await outbox.start()
    await settle()
    expect(sent).toEqual(['first', 'second'])
  })

  it('sends nothing in another person\'s name and leaves it in the store', async () => {
    const { send, sent } = server()
    const store = memoryStore([left('his', Date.now() - 1, 'person-2')])
    const outbox = createOutbox({ personId: me, store, send })
    await outbox.start()
    await settle()
    expect(sent).toEqual([])
    expect(store.kept.size).toBe(1)
  })

  it('forgets what is a week old', async () => {
    const { send, sent } = server()
    const store = memoryStore([left('old', Date.now() - 8 * 86_400_000)])
    const outbox = createOutbox({ personId: me, store, send })
    await outbox.start()
    await settle()
    expect(sent).toEqual([])
    expect(store.kept.size).toBe(0)
  })

  it('survives a store that cannot forget', async () => {
    const { send, sent } = server()
    const outbox = createOutbox({ personId: me, store: { ...memoryStore(), remove: () => Promise.reject(new Error('broken')) }, send })
    const settled = watch(outbox)
    await outbox.add(answer('a'))
    await settle()
    expect(sent).toEqual(['a'])
    expect(settled).toEqual([{ id: 'a', result: 'accepted' }])
  })

  it('leaves no timer behind', async () => {
    const { send } = server({ result: 'retry' })
    const outbox = createOutbox({ personId: me, store: memoryStore(), send })
    await outbox.add(answer('a'))
    await settle()
    outbox.stop()
    expect(vi.getTimerCount()).toBe(0)
  })
})
