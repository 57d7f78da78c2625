/** The event log's order: what a reader's cursor has passed, nothing can appear behind. */
import type { Database } from '../../src/server/platform/db/index.ts'
import type { NewEvent, StoredEvent, Tail } from '../../src/server/platform/eventlog/index.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { openDatabase } from '../../src/server/platform/db/index.ts'
import { append, createTail, lastSeqOf, openStream, readAfter } from '../../src/server/platform/eventlog/index.ts'
import { newId } from '../../src/server/platform/ids.ts'
import { createLogger } from '../../src/server/platform/logger.ts'
import { openTestDatabase } from '../harness/database.ts'
import { openProxy } from '../harness/tcp-proxy.ts'
import { until } from '../harness/until.ts'

const log = createLogger('silent')
const db = await openTestDatabase()

const happening = (data: object = {}): NewEvent => ({ type: 'test.happened', v: 1, data, actorId: null, at: new Date() })
const happenings = (count: number): NewEvent[] => Array.from({ length: count }, (_, i) => happening({ i }))

async function stream(): Promise<string> {
  const id = newId()
  await db.work.tx(tx => openStream(tx, id))
  return id
}

const write = (id: string, events: NewEvent[], on: Database = db) => on.work.tx(tx => append(tx, id, events))
const upTo = (last: number): number[] => Array.from({ length: last }, (_, i) => i + 1)

/** Hears as the gateway does. */
function hearing(tail: Tail, id: string): number[] {
  const heard: number[] = []
  tail.subscribe((emergencyId, events) => {
    if (emergencyId === id)
      heard.push(...events.map(e => e.seq))
  })
  return heard
}

it('numbers without gaps in commit order, and a cursor never skips, though one writer is slow to commit', async () => {
  const id = await stream()
  const ranges: [number, number][] = []
  let writing = true
  const seen: number[] = []
  const reader = (async () => {
    for (;;) {
      const wasWriting = writing
      const events = await db.read.tx(tx => readAfter(tx, id, seen.at(-1) ?? 0, 100))
      seen.push(...events.map(e => e.seq))
      if (!wasWriting && events.length === 0)
        return
    }
  })()
  const writer = async (slow: boolean) => {
    for (let i = 0; i < 25; i++) {
      await db.work.tx(async (tx) => {
        if (slow)
          await sleep(3)
        const { lastSeq, events } = await append(tx, id, happenings(1 + i % 4))
        if (slow)
          await sleep(8)
        ranges.push([events[0]?.seq ?? 0, lastSeq])
      })
    }
  }
  await Promise.all([writer(true), writer(false), writer(false)])
  writing = false
  await reader
  const last = await db.read.tx(tx => lastSeqOf(tx, id))
  expect(seen).toEqual(upTo(last))
  expect(ranges.sort(([a], [b]) => a - b).flatMap(([first, end]) => upTo(end).slice(first - 1))).toEqual(upTo(last))
})

it('keeps an event as it was given, and leaves none behind when its transaction fails', async () => {
  const id = await stream()
  const actorId = newId()
  const at = new Date('2026-07-21T03:04:05.678Z')
  const data = { name: '防汛Ⅱ级', nested: { none: null, list: [1, 2] }, text: '汛'.repeat(5_000) }
  await write(id, [{ type: 'test.happened', v: 2, data, actorId, at }])
  await expect(db.work.tx(async (tx) => {
    await append(tx, id, happenings(3))
    throw new Error('changed my mind')
  })).rejects.toThrow('changed my mind')
  await write(id, [happening()])
  const events = await db.read.tx(tx => readAfter(tx, id, 0, 10))
  expect(events.map(e => e.seq)).toEqual([1, 2])
  expect(events[0]).toEqual({ emergencyId: id, seq: 1, type: 'test.happened', v: 2, data, actorId, at } satisfies StoredEvent)
  await expect(write(newId(), [happening()])).rejects.toThrow(/no event stream/)
})

it('is heard by every process in order, once, from its first event, whatever a subscriber does', async () => {
  const elsewhere = openDatabase({ url: db.url, log, role: 'pingji_app' })
  const before = await stream()
  await write(before, happenings(5))
  const [here, there] = await Promise.all([createTail(db, log), createTail(elsewhere, log)])
  here.subscribe(() => {
    throw new Error('a subscriber with a fault')
  })
  const after = await stream()
  const heard = [hearing(here, after), hearing(there, after)]
  const old = hearing(here, before)
  await Promise.all(Array.from({ length: 20 }, async (_, i) => {
    await write(after, happenings(i % 2 === 0 ? 1 : 30), i % 3 === 0 ? elsewhere : db)
    here.wake(after)
  }))
  // More than the follower reads at once.
  const { lastSeq } = await write(after, happenings(4_500))
  await write(before, happenings(2))
  await until(() => heard.every(h => h.at(-1) === lastSeq), 'all is heard on both sides')
  await until(() => old.length === 2, 'history stays history')
  for (const h of heard)
    expect(h).toEqual(upTo(lastSeq))
  expect(old).toEqual([6, 7])
  await Promise.all([here.close(), there.close()])
  await elsewhere.close()
})

it('takes what was handed over only where it continues what was heard, as the table tells it', async () => {
  const tail = await createTail(db, log)
  const id = await stream()
  const told: StoredEvent[] = []
  tail.subscribe((emergencyId, events) => void (emergencyId === id && told.push(...events)))
  const write = (n: number) => db.work.tx(tx => append(tx, id, happenings(n)))
  const [first, gap, third, fourth] = [await write(2), await write(3), await write(1), await write(2)]
  // In the wrong order, one of them never and one of them twice.
  for (const appended of [fourth, first, third, first])
    tail.hand(appended)
  await until(() => told.at(-1)?.seq === fourth.lastSeq, 'all is heard')
  expect(gap.lastSeq).toBe(5)
  expect(told).toEqual(await db.read.tx(tx => readAfter(tx, id, 0, 100)))
  await tail.close()
})

it('misses nothing while its line to the database is broken', async () => {
  const proxy = await openProxy({ host: '127.0.0.1', port: Number(new URL(db.url).port) })
  const far = openDatabase({ url: proxy.through(db.url), log, role: 'pingji_app' })
  const tail = await createTail(far, log)
  const id = await stream()
  const heard = hearing(tail, id)
  for (const fault of ['rst', 'blackhole', 'fin'] as const) {
    await write(id, happenings(3))
    proxy.set(fault)
    const { lastSeq } = await write(id, happenings(3))
    await sleep(200)
    proxy.set('pass')
    await until(() => heard.at(-1) === lastSeq, `caught up after ${fault}`, 20_000)
    expect(heard).toEqual(upTo(lastSeq))
  }
  await tail.close()
  await far.close()
  await proxy.close()
})
