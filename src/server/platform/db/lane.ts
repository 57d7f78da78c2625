import type { Logger } from '../logger.ts'
import type { Link } from './link.ts'
import type { LastWrites, Tx } from './tx.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { DomainError } from '../errors.ts'
import { isConnectionFault, isReadOnlyServer, isRetryable, isShortage, isWaitOver } from './pg-errors.ts'
import { TookTooLong, within } from './within.ts'

export interface TxOptions {
  isolation?: 'read committed' | 'repeatable read'
  readOnly?: boolean
  /** Milliseconds until the caller is answered, whatever the link does; waiting and retries included. */
  deadlineMs?: number
}

export interface Lane {
  /**
   * Runs `work` in one transaction. Deadlocks and serialization failures are retried up to three times.
   * DB_UNAVAILABLE says that the outcome is unknown if the link broke at the commit: commands are
   * idempotent and are sent again. OVERLOADED says that nothing was done.
   */
  tx: <T>(work: (tx: Tx) => Promise<T | LastWrites<T>>, options?: TxOptions) => Promise<T>
}

export interface LaneSettings {
  connections: number
  deadlineMs: number
  /** As `LinkOptions.hot`. */
  hot?: boolean
}

export interface LaneDeps {
  name: string
  settings: LaneSettings
  log: Logger
  openLink: () => Link
  /** Something is wrong with the server or the way to it: look at once. */
  suspect: () => void
}

const MAX_RETRIES = 3
/** More than this waiting for one lane only makes all of them late. */
const QUEUE_CAP = 2_000
/** How long after its deadline a transaction may still end by itself before its link is taken for dead. */
const GRACE_MS = 1_000
/** Old backends grow; a link is replaced between two transactions. */
const LIFETIME_MS = 30 * 60_000
const RETRY_AFTER_SEC = 3

const unavailable = () => new DomainError('DB_UNAVAILABLE', { retryAfterSec: RETRY_AFTER_SEC })
const overloaded = () => new DomainError('OVERLOADED', { retryAfterSec: RETRY_AFTER_SEC })

interface Waiter { take: (link: Link) => void, refuse: (error: DomainError) => void }

/** A few links of its own, a queue before them, and a deadline on everything. */
export class GuardedLane implements Lane {
  readonly #deps: LaneDeps
  readonly #links = new Set<Link>()
  readonly #running = new Set<Promise<unknown>>()
  readonly #queue = new Set<Waiter>()
  #idle: Link[] = []
  #isUp = true

  constructor(deps: LaneDeps) {
    this.#deps = deps
  }

  async tx<T>(work: (tx: Tx) => Promise<T | LastWrites<T>>, options: TxOptions = {}): Promise<T> {
    const until = performance.now() + (options.deadlineMs ?? this.#deps.settings.deadlineMs)
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once(work, options, until)
      }
      catch (error) {
        if (isRetryable(error) && attempt <= MAX_RETRIES && performance.now() < until) {
          await sleep(Math.random() * 20 * 2 ** attempt)
          continue
        }
        throw this.#translate(error, options)
      }
    }
  }

  #translate(error: unknown, options: TxOptions): unknown {
    const { log, name, suspect } = this.#deps
    if (isConnectionFault(error) || (isReadOnlyServer(error) && options.readOnly !== true)) {
      suspect()
      return unavailable()
    }
    if (isShortage(error)) {
      log.error({ err: error, lane: name }, 'the database lacks room')
      return unavailable()
    }
    if (isWaitOver(error) || isRetryable(error)) {
      log.warn({ err: error, lane: name }, 'a transaction waited too long')
      return overloaded()
    }
    return error
  }

  async #once<T>(work: (tx: Tx) => Promise<T | LastWrites<T>>, options: TxOptions, until: number): Promise<T> {
    const link = await this.#acquire(until)
    const leftMs = Math.max(1, until - performance.now())
    let expired = false
    const inTime = <R>(result: R): R => {
      // Whoever asked has been refused: what is not committed by now must not be.
      if (expired)
        throw new TookTooLong(leftMs)
      return result
    }
    const run = link.race(link.transaction(beginOf(options), async (tx) => {
      if (options.deadlineMs !== undefined)
        await tx.execute(sql.raw(`set local statement_timeout = ${Math.ceil(leftMs)}`))
      return inTime(await work(tx))
    }))
    this.#running.add(run)
    const settled = () => {
      this.#running.delete(run)
      this.#release(link)
    }
    run.then(settled, settled)
    try {
      return await within(leftMs, run)
    }
    catch (error) {
      if (!(error instanceof TookTooLong))
        throw error
      expired = true
      this.#deps.suspect()
      this.refresh()
      // A living server has cancelled the statement by then; a half-open link never ends by itself.
      setTimeout(() => {
        if (this.#running.has(run))
          link.destroy()
      }, GRACE_MS).unref()
      throw unavailable()
    }
  }

  #acquire(until: number): Promise<Link> | Link {
    if (!this.#isUp)
      throw unavailable()
    const link = this.#idle.pop() ?? (this.#links.size < this.#deps.settings.connections ? this.#open() : null)
    if (link !== null)
      return link
    if (this.#queue.size >= QUEUE_CAP)
      throw overloaded()
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined
      const waiter: Waiter = {
        take: (link) => {
          clearTimeout(timer)
          this.#queue.delete(waiter)
          resolve(link)
        },
        refuse: (error) => {
          clearTimeout(timer)
          this.#queue.delete(waiter)
          reject(error)
        },
      }
      timer = setTimeout(() => waiter.refuse(overloaded()), until - performance.now())
      this.#queue.add(waiter)
    })
  }

  #open(): Link {
    const link = this.#deps.openLink()
    this.#links.add(link)
    link.onLost(() => {
      this.#links.delete(link)
      this.#idle = this.#idle.filter(other => other !== link)
      // Its place is free for the next in the queue.
      if (this.#isUp)
        this.#first()?.take(this.#open())
    })
    return link
  }

  #release(link: Link): void {
    if (link.isLost)
      return
    if (performance.now() - link.bornAt > LIFETIME_MS) {
      void link.end()
      return
    }
    const next = this.#first()
    if (next === undefined)
      this.#idle.push(link)
    else
      next.take(link)
  }

  #first(): Waiter | undefined {
    return this.#queue.values().next().value
  }

  /** What silenced one link has perhaps silenced its neighbours: those at rest cost nothing to replace. */
  refresh(): void {
    for (const idle of [...this.#idle])
      idle.destroy()
  }

  replan(): void {
    for (const link of this.#links)
      link.replan()
  }

  up(): void {
    this.#isUp = true
  }

  down(): void {
    this.#isUp = false
    for (const waiter of this.#queue)
      waiter.refuse(unavailable())
    for (const link of this.#links)
      link.destroy()
  }

  /** Refuses what waits, lets what runs finish for a moment, and says goodbye. */
  async close(): Promise<void> {
    this.#isUp = false
    for (const waiter of this.#queue)
      waiter.refuse(unavailable())
    await Promise.race([Promise.allSettled(this.#running), sleep(3_000, undefined, { ref: false })])
    await Promise.all([...this.#links].map(link => link.end()))
  }
}

function beginOf({ isolation = 'read committed', readOnly = false }: TxOptions): string {
  return `begin isolation level ${isolation} read ${readOnly ? 'only' : 'write'}`
}
