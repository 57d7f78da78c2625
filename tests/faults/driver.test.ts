/** What the driver alone does not survive (docs/adr): each query settles, the service recovers, nothing storms. */
import type { SQL } from 'drizzle-orm'
import type { Database } from '../../src/server/platform/db/index.ts'
import type { TcpProxy } from '../harness/tcp-proxy.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LastWrites, openDatabase, uuids, violates } from '../../src/server/platform/db/index.ts'
import { DomainError } from '../../src/server/platform/errors.ts'
import { newId } from '../../src/server/platform/ids.ts'
import { createLogger } from '../../src/server/platform/logger.ts'
import { createTestDatabase } from '../harness/database.ts'
import { openProxy } from '../harness/tcp-proxy.ts'
import { until } from '../harness/until.ts'

const log = createLogger('silent')
const { url } = await createTestDatabase()
const target = { host: '127.0.0.1', port: Number(new URL(url).port) }

let proxy: TcpProxy
let db: Database

beforeEach(async () => {
  proxy = await openProxy(target)
  db = openDatabase({ url: proxy.through(url), log, role: 'pingji_app' })
  expect(await ask('answers')).toBe('ok')
})

afterEach(async () => {
  await db.close()
  await proxy.close()
})

type LaneName = 'answers' | 'work' | 'read' | 'tail'

/** 'ok', or the refusal's code. */
async function ask(lane: LaneName, query = 'select 1'): Promise<string> {
  try {
    await db[lane].tx(tx => tx.execute(sql.raw(query)))
    return 'ok'
  }
  catch (error) {
    if (error instanceof DomainError)
      return error.code
    throw error
  }
}

/** Every call of a lively service while the line is broken: all must settle as refusals. */
async function clamour(callers: number, rounds: number): Promise<Map<string, number>> {
  const outcomes = new Map<string, number>()
  await Promise.all(Array.from({ length: callers }, async (_, i) => {
    for (let round = 0; round < rounds; round++) {
      const outcome = await ask((['answers', 'work', 'read', 'tail'] as const)[i % 4] ?? 'work')
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      await sleep(50)
    }
  }))
  return outcomes
}

const recovers = () => until(async () => db.isUp() && await ask('answers') === 'ok' && await ask('read') === 'ok', 'the database is used again')

describe.each(['fin', 'rst', 'blackhole'] as const)('a line that %s', (mode) => {
  it('lets every call settle, opens no storm of connections, and is taken up again', async () => {
    const before = proxy.accepted()
    proxy.set(mode)
    const from = performance.now()
    const outcomes = await clamour(24, 20)
    const tookMs = performance.now() - from
    expect([...outcomes.keys()]).toEqual(['DB_UNAVAILABLE'])
    expect(outcomes.get('DB_UNAVAILABLE')).toBe(24 * 20)
    expect(db.isUp()).toBe(false)
    // Twenty connections may each try a few times until the breaker opens; then one probe at a time.
    expect(proxy.accepted() - before).toBeLessThan(150)
    // 20 rounds of 50 ms, and one wait for the breaker (about 3 s; generous for a busy machine).
    expect(tookMs).toBeLessThan(10_000)
    proxy.set('pass')
    await recovers()
  })
})

it('replaces connections that are dead while the server is well', async () => {
  // Connections that stand go dead (a firewall forgot them), new ones are fine.
  await Promise.all(Array.from({ length: 8 }, () => ask('answers', 'select pg_sleep(0.05)')))
  proxy.set('blackhole')
  proxy.set('pass', { keepStanding: true })
  expect(await ask('answers')).toBe('DB_UNAVAILABLE')
  // One caller pays for the discovery, not one for each dead connection.
  expect(await ask('answers')).toBe('ok')
  await recovers()
})

it('gives up at the deadline, and what was refused is not done afterwards', async () => {
  await db.work.tx(tx => tx.execute(sql`insert into event_streams (id) values ('00000000-0000-7000-8000-000000000001')`))
  const late = db.work.tx(async (tx) => {
    await tx.execute(sql`update event_streams set last_seq = 99`)
    await sleep(400)
  }, { deadlineMs: 200 })
  await expect(late).rejects.toMatchObject({ code: 'DB_UNAVAILABLE' })
  await sleep(400)
  const rows = await db.read.tx(tx => tx.execute(sql`select last_seq from event_streams`))
  expect(rows[0]?.last_seq).toBe(0)
  expect(db.isUp()).toBe(true)
})

describe('a transaction that fails', () => {
  const last = () => db.read.tx(tx => tx.execute<{ n: number }>(sql`select count(*)::int as n from event_streams where id::text like '00000000-0000-7000-8000-0000000000e%'`)).then(rows => rows[0]?.n)
  const insert = (nth: number) => sql`insert into event_streams (id) values (${`00000000-0000-7000-8000-0000000000e${nth}`})`

  it('is not called committed because somebody swallowed the error', async () => {
    const swallowed = db.work.tx(async (tx) => {
      await tx.execute(insert(1))
      await tx.execute(sql`select 1 / 0`).catch(() => {})
      return 'kept'
    })
    await expect(swallowed).rejects.toThrow('was not committed')
    expect(await last()).toBe(0)
  })

  it('lets none of its branches write behind the rollback', async () => {
    let stray: unknown = null
    const torn = db.work.tx(tx => Promise.all([
      tx.execute(sql`select 1 / 0`),
      sleep(100).then(() => tx.execute(insert(2))).catch((error: unknown) => {
        stray = error
      }),
    ]))
    await expect(torn).rejects.toThrow()
    await sleep(200)
    expect(stray).not.toBeNull()
    expect(await last()).toBe(0)
  })

  it('by its last writes is undone, and says why', async () => {
    const undone = (writes: SQL[]) => db.answers.tx<string>(async (tx) => {
      await tx.execute(sql`select 1`)
      return new LastWrites(Promise.all(writes.map(write => tx.execute(write))).then(() => 'kept'))
    })
    expect(await undone([insert(3), insert(4)])).toBe('kept')
    const error = await undone([insert(5), insert(3), insert(6)]).catch((e: unknown) => e)
    expect(violates(error, 'event_streams_pkey')).toBe(true)
    expect(await last()).toBe(2)
    // Given up at the deadline while its writes are still to fail: nobody waits for them, and nothing may end the process.
    const late = db.answers.tx<string>(async () => {
      await sleep(300)
      return new LastWrites(sleep(100).then(() => Promise.reject(new Error('the write failed'))))
    }, { deadlineMs: 150 })
    await expect(late).rejects.toMatchObject({ code: 'DB_UNAVAILABLE' })
    await sleep(500)
    expect(await ask('answers')).toBe('ok')
  })
})

it('survives a stalled event loop without taking the database for dead', async () => {
  for (let i = 0; i < 3; i++) {
    const asked = ask('answers')
    const until = performance.now() + 1_600
    while (performance.now() < until);
    expect(await asked).toBe('ok')
    await sleep(50)
  }
  expect(db.isUp()).toBe(true)
})

it('reads and writes arrays without having asked the server for their types', async () => {
  const texts = ['a', 'b,c', '"', '汛']
  const ids = ['00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000002']
  const rows = await db.read.tx(tx => tx.execute(sql`
    select ${sql.param(texts)}::text[] as texts, ${sql.param(ids)}::uuid[] as ids, array[1, null, 3]::int[] as numbers, array[5]::bigint[] as big, array[true] as flags, 7::bigint as count
    where 'b,c' = any (${sql.param(texts)}::text[])`))
  expect(rows[0]).toEqual({ texts, ids, numbers: [1, null, 3], big: [5], flags: [true], count: 7 })
})

it('names the violated constraint and passes it through', async () => {
  const twice = db.work.tx(async (tx) => {
    for (let i = 0; i < 2; i++)
      await tx.execute(sql`insert into event_streams (id) values ('00000000-0000-7000-8000-0000000000ff')`)
  }).catch((error: unknown) => error)
  expect(violates(await twice, 'event_streams_pkey')).toBe(true)
  expect(violates(await twice, 'event_streams_other')).toBe(false)
})

it('never lets a broken transaction write into the next one', async () => {
  await db.work.tx(tx => tx.execute(sql`insert into event_streams (id) values ('00000000-0000-7000-8000-0000000000d0')`))
  const count = async () => Number((await db.read.tx(tx => tx.execute(sql`select last_seq from event_streams where id = '00000000-0000-7000-8000-0000000000d0'`)))[0]?.last_seq)
  // One after the other breaks in the middle and, not knowing, goes on; others take its place at once.
  const broken = Array.from({ length: 12 }, () => db.work.tx(async (tx) => {
    await tx.execute(sql`select 1`)
    await sleep(150)
    await tx.execute(sql`update event_streams set last_seq = last_seq + 1000 where id = '00000000-0000-7000-8000-0000000000d0'`).catch(() => {})
    await sleep(20)
    throw new Error('and fails')
  }).catch((error: unknown) => error))
  await sleep(50)
  proxy.set('rst')
  proxy.set('pass')
  let done = 0
  for (let i = 0; i < 60; i++) {
    done += await db.work.tx(async (tx) => {
      await tx.execute(sql`update event_streams set last_seq = last_seq + 1 where id = '00000000-0000-7000-8000-0000000000d0'`)
      await sleep(5)
      await tx.execute(sql`update event_streams set last_seq = last_seq + 1 where id = '00000000-0000-7000-8000-0000000000d0'`)
    }).then(() => 1, () => 0)
  }
  await Promise.all(broken)
  await recovers()
  expect(done).toBeGreaterThan(30)
  expect(await count()).toBe(2 * done)
})

it('refuses a statement that takes too long, and the lane goes on', async () => {
  const slow = db.read.tx(tx => tx.execute(sql`select pg_sleep(20)`), { deadlineMs: 500 })
  await expect(slow).rejects.toMatchObject({ code: expect.stringMatching(/^(?:OVERLOADED|DB_UNAVAILABLE)$/) })
  expect(await ask('read')).toBe('ok')
  expect(db.isUp()).toBe(true)
})

it('refuses at the deadline what found no free connection', async () => {
  const narrow = openDatabase({ url, log, role: 'pingji_app', lanes: { read: { connections: 1, deadlineMs: 600 } } })
  const held = narrow.read.tx(tx => tx.execute(sql`select pg_sleep(0.9)`), { deadlineMs: 2_000 })
  await sleep(100)
  await expect(narrow.read.tx(tx => tx.execute(sql`select 1`))).rejects.toMatchObject({ code: 'OVERLOADED' })
  await held
  await narrow.close()
})

it('keeps a slow report from delaying an answer', async () => {
  const reports = Array.from({ length: 50 }, () => ask('read', 'select pg_sleep(0.3)'))
  const from = performance.now()
  for (let i = 0; i < 20; i++)
    expect(await ask('answers')).toBe('ok')
  expect(performance.now() - from).toBeLessThan(2_000)
  expect(new Set(await Promise.all(reports))).toEqual(new Set(['ok']))
})

it('hears notifications again after the listener was lost in any way', async () => {
  const heard: string[] = []
  let listening = 0
  const listener = db.listen('test_channel', payload => heard.push(payload), () => listening++)
  await until(() => listening === 1, 'listening')
  const tell = (word: string) => db.work.tx(tx => tx.execute(sql`select pg_notify('test_channel', ${word})`))
  await tell('one')
  await until(() => heard.includes('one'), 'one is heard')
  proxy.set('rst')
  await sleep(100)
  proxy.set('pass')
  await until(() => listening === 2, 'listening again after a reset')
  proxy.set('blackhole')
  proxy.set('pass', { keepStanding: true })
  await until(() => listening === 3, 'listening again after silence', 20_000)
  await recovers()
  await tell('two')
  await until(() => heard.includes('two'), 'two is heard')
  await listener.close()
})

it('runs deadlocked transactions again until both are done', async () => {
  const a = '00000000-0000-7000-8000-00000000000a'
  const b = '00000000-0000-7000-8000-00000000000b'
  await db.work.tx(tx => tx.execute(sql`insert into event_streams (id) values (${a}), (${b})`))
  const crossing = (first: string, second: string) => db.work.tx(async (tx) => {
    await tx.execute(sql`update event_streams set last_seq = last_seq + 1 where id = ${first}`)
    await sleep(5)
    await tx.execute(sql`update event_streams set last_seq = last_seq + 1 where id = ${second}`)
  })
  for (let i = 0; i < 2; i++)
    await Promise.all([crossing(a, b), crossing(b, a)])
  const rows = await db.read.tx(tx => tx.execute(sql`select last_seq from event_streams where id in (${a}, ${b})`))
  expect(rows.map(r => r.last_seq)).toEqual([4, 4])
})

describe('plans of the hot lanes', () => {
  it('are kept, and made anew once rows have come by the ten thousand', async () => {
    const ids = Array.from({ length: 5_000 }, newId)
    /** How many rows the database looks at to find two of them. */
    const rowsLookedAt = () => db.answers.tx(async (tx) => {
      const soFar = async () => (await tx.execute<{ n: number }>(sql`select (seq_tup_read + idx_tup_fetch)::int as n from pg_stat_xact_user_tables where relname = 'event_streams'`))[0]?.n ?? 0
      const before = await soFar()
      await tx.execute(sql`select s.last_seq from event_streams s where s.id in (select * from unnest(${uuids(ids.slice(0, 2))}))`)
      return await soFar() - before
    })
    const owner = openDatabase({ url, log })
    await owner.work.tx(async (tx) => {
      await tx.execute(sql`insert into event_streams (id) values (${newId()})`)
      await tx.execute(sql`alter table event_streams set (autovacuum_enabled = off)`)
      await tx.execute(sql`analyze event_streams`)
    })
    await owner.close()
    expect(await rowsLookedAt()).toBeLessThan(50)
    await db.work.tx(tx => tx.execute(sql`insert into event_streams (id) select * from unnest(${uuids(ids)})`))
    // Planned for a table of a few rows: this is what the new plan is for.
    expect(await rowsLookedAt()).toBeGreaterThanOrEqual(5_000)
    db.replan()
    expect(await rowsLookedAt()).toBe(2)
    expect(await rowsLookedAt()).toBe(2)
    // Whatever the transaction is.
    for (const options of [{ isolation: 'repeatable read' }, { readOnly: true }] as const) {
      db.replan()
      await db.answers.tx(tx => tx.execute(sql`select 1 from event_streams where id = any(${uuids(ids.slice(0, 2))})`), options)
    }
  })
})
