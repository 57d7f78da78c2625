import type { Database } from '../../src/server/platform/db/index.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { afterEach, describe, expect, it } from 'vitest'
import { createLogger } from '../../src/server/platform/logger.ts'
import { createScheduler } from '../../src/server/platform/scheduler.ts'
import { asOwner, openTestDatabase } from '../harness/database.ts'
import { until } from '../harness/until.ts'

const db = await openTestDatabase()
const open = new Set<ReturnType<typeof createScheduler>>()
afterEach(async () => {
  await Promise.all([...open].map(scheduler => scheduler.stop()))
  open.clear()
})

/** One process's scheduler. */
function process(database: Database = db, level = 'error') {
  const scheduler = createScheduler(database, createLogger(level), 'Asia/Shanghai')
  open.add(scheduler)
  return scheduler
}

describe('wall-clock slots', () => {
  it('each slot is run once, whichever of five processes wins it', async () => {
    const runs: number[] = []
    for (let i = 0; i < 5; i++) {
      process().cron('every-slot', '* * * * * *', async () => {
        runs.push(i)
      })
    }
    // Slots are minutes; the five wake every second.
    await until(() => runs.length > 0, 'a slot was won')
    await sleep(1_200)
    const slots = await db.read.tx(tx => tx.execute(sql`select slot from cron_fires where name = 'every-slot'`))
    expect(runs).toHaveLength(slots.length)
    expect(slots.length).toBeLessThanOrEqual(2)
  })
})

describe('loops', () => {
  it('only one process runs, never two at once, and the other takes over at once when it stops', async () => {
    let inside = 0
    let most = 0
    const turns: string[] = []
    const loop = (scheduler: ReturnType<typeof createScheduler>, who: string) => scheduler.loop('steady', 20, async (stillLeader) => {
      most = Math.max(most, ++inside)
      expect(stillLeader()).toBe(true)
      await sleep(5)
      turns.push(who)
      inside--
    })
    const [a, b] = [process(), process()]
    loop(a, 'a')
    await until(() => turns.length >= 3, 'a runs')
    loop(b, 'b')
    await sleep(150)
    expect(new Set(turns)).toEqual(new Set(['a']))
    await a.stop()
    await until(() => turns.includes('b'), 'b took over', 3_000)
    expect(most).toBe(1)
  })

  it('a dead holder is followed when its lease is over, with a higher generation', async () => {
    await asOwner(db.url, owner => owner`insert into leases (name, holder, generation, until) values ('orphan', 'dead', 7, clock_timestamp() + interval '1 second')`)
    let ran = false
    const startedAt = performance.now()
    process().loop('orphan', 50, async () => {
      ran = true
    })
    await until(() => ran, 'somebody took over')
    expect(performance.now() - startedAt).toBeGreaterThan(800)
    const [lease] = await db.read.tx(tx => tx.execute<{ generation: number, holder: string }>(sql`select generation, holder from leases where name = 'orphan'`))
    expect(lease?.generation).toBe(8)
  })

  it('a holder whose lease was taken knows it at its next beat', async () => {
    let lost = false
    let started = false
    process().loop('taken', 50, async (stillLeader) => {
      started = true
      await until(() => !stillLeader(), 'the lease is lost', 4_000)
      lost = true
    })
    await until(() => started, 'the loop runs')
    await asOwner(db.url, owner => owner`update leases set holder = 'other', generation = generation + 1, until = clock_timestamp() + interval '5 seconds' where name = 'taken'`)
    await until(() => lost, 'it noticed', 5_000)
  })

  it('a slow pace is kept, though the lease beats faster', async () => {
    let runs = 0
    process().loop('hourly', 3_600_000, async () => {
      runs++
    })
    await until(() => runs === 1, 'it ran at once')
    await sleep(2_300)
    expect(runs).toBe(1)
  })

  it('a job that throws runs again', async () => {
    let runs = 0
    process(db, 'silent').loop('shaky', 20, async () => {
      if (++runs === 1)
        throw new Error('once')
    })
    await until(() => runs > 2, 'it ran again')
  })
})

describe('work that every process does', () => {
  it('wakes at once, never runs twice at a time, and a wake during a run is not lost', async () => {
    let runs = 0
    let inside = 0
    let most = 0
    const worker = process().every('worker', 3_600_000, async () => {
      most = Math.max(most, ++inside)
      await sleep(20)
      runs++
      inside--
    })
    await until(() => runs === 1, 'the first run')
    worker.wake()
    await sleep(5)
    worker.wake()
    worker.wake()
    await until(() => runs === 3, 'one run for the wake, one for those during it')
    await sleep(60)
    expect([runs, most]).toEqual([3, 1])
  })

  it('stop waits for the run under way and starts no other', async () => {
    const scheduler = process()
    let finished = 0
    const worker = scheduler.every('leaving', 10, async () => {
      await sleep(50)
      finished++
    })
    await sleep(10)
    await scheduler.stop()
    const after = finished
    worker.wake()
    await sleep(80)
    expect([after, finished]).toEqual([1, 1])
  })
})
