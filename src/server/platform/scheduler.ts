import type { Database } from './db/index.ts'
import type { Logger } from './logger.ts'
import { randomUUID } from 'node:crypto'
import { sql } from 'drizzle-orm'
import cron from 'node-cron'
import { DomainError } from './errors.ts'

const LEASE_SEC = 8
const BEAT_MS = 2_000

export interface Scheduler {
  /** Runs `job` once per wall-clock slot of the county's zone, whichever process wins it. */
  cron: (name: string, expression: string, job: () => Promise<void>) => void
  /**
   * Runs `job` again and again in exactly one process: the holder of the lease. `stillLeader` is false
   * once the lease may have passed on; long jobs ask it between steps.
   */
  loop: (name: string, everyMs: number, job: (stillLeader: () => boolean) => Promise<void>) => void
  /** Runs `job` again and again in every process; for work that is claimed row by row. Returns a way to wake it at once. */
  every: (name: string, everyMs: number, job: () => Promise<void>) => { wake: () => void }
  stop: () => Promise<void>
}

/**
 * Cron only wakes: a slot is won by inserting its row, a loop by a lease row with a generation number,
 * both by the database's clock. A missed tick costs lateness, never work, because every job finds its
 * work by query.
 */
export function createScheduler(db: Database, log: Logger, timeZone: string): Scheduler {
  const holder = randomUUID()
  const tasks: { stop: () => void | Promise<void> }[] = []
  const timers = new Set<NodeJS.Timeout>()
  const running = new Set<Promise<void>>()
  let stopped = false

  function run(name: string, job: () => Promise<void>): Promise<void> {
    const promise = job().catch((error: unknown) => {
      // A database that is away has already been reported, once.
      const level = error instanceof DomainError && error.status === 503 ? 'debug' : 'warn'
      log[level]({ err: error, job: name }, 'a scheduled job failed; it runs again at its next turn')
    }).finally(() => running.delete(promise))
    running.add(promise)
    return promise
  }

  function repeat(everyMs: number, job: () => Promise<void>): { wake: () => void } {
    let timer: NodeJS.Timeout | undefined
    let busy = false
    let again = false
    const turn = async () => {
      if (stopped)
        return
      if (busy) {
        again = true
        return
      }
      busy = true
      if (timer !== undefined)
        timers.delete(timer)
      clearTimeout(timer)
      do {
        again = false
        await job()
      } while (again && !stopped)
      busy = false
      if (!stopped) {
        timer = setTimeout(() => void turn(), everyMs)
        timer.unref()
        timers.add(timer)
      }
    }
    void turn()
    return { wake: () => void turn() }
  }

  async function hold(name: string): Promise<number | null> {
    const rows = await db.work.tx(tx => tx.execute<{ generation: number }>(sql`
      insert into leases (name, holder, generation, until) values (${name}, ${holder}, 1, clock_timestamp() + make_interval(secs => ${LEASE_SEC}))
      on conflict (name) do update set
        holder = excluded.holder, until = excluded.until,
        generation = leases.generation + case when leases.holder = excluded.holder then 0 else 1 end
      where leases.holder = excluded.holder or leases.until < clock_timestamp()
      returning generation`))
    return rows[0]?.generation ?? null
  }

  return {
    cron(name, expression, job) {
      tasks.push(cron.schedule(expression, (context) => {
        const slot = context.date.toISOString().slice(0, 16)
        return run(name, async () => {
          const won = await db.work.tx(tx => tx.execute(sql`insert into cron_fires (name, slot) values (${name}, ${slot}) on conflict do nothing returning name`))
          if (won.length > 0)
            await job()
        })
      }, { timezone: timeZone, name }))
    },
    loop(name, everyMs, job) {
      let heldUntil = 0
      let dueAt = 0
      repeat(Math.min(everyMs, BEAT_MS), () => run(name, async () => {
        const askedAt = performance.now()
        // The lease is renewed at every beat, the job runs at its own pace.
        if (await hold(name) === null || askedAt < dueAt)
          return
        dueAt = askedAt + everyMs
        heldUntil = askedAt + LEASE_SEC * 1_000
        const beat = setInterval(() => {
          const at = performance.now()
          hold(name).then((generation) => {
            heldUntil = generation === null ? 0 : at + LEASE_SEC * 1_000
          }, () => {})
        }, BEAT_MS)
        try {
          await job(() => performance.now() < heldUntil)
        }
        finally {
          clearInterval(beat)
        }
      }))
    },
    every: (name, everyMs, job) => repeat(everyMs, () => run(name, job)),
    async stop() {
      stopped = true
      for (const timer of timers)
        clearTimeout(timer)
      await Promise.all(tasks.map(async task => task.stop()))
      await Promise.all(running)
      // Lets a waiting process take over at once instead of after the lease.
      await db.work.tx(tx => tx.execute(sql`update leases set until = clock_timestamp() where holder = ${holder}`)).catch(() => {})
    },
  }
}
