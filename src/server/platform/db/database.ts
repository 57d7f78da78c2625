/**
 * The guarded way to the database. postgres.js alone can hang for ever on a half-open link and storm a
 * server that accepts and closes: so every transaction has a deadline, a probe watches the server, the
 * pools are rebuilt after two missed probes, and while it is down every call fails at once with
 * DB_UNAVAILABLE instead of queueing.
 */
import type { ExtractTablesWithRelations } from 'drizzle-orm'
import type { PgTransaction, PgTransactionConfig } from 'drizzle-orm/pg-core'
import type { PostgresJsDatabase, PostgresJsQueryResultHKT } from 'drizzle-orm/postgres-js'
import type { Logger } from '../logger.ts'
import type { Listener } from './listener.ts'
import type { HostChoice, Pool } from './pool.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/postgres-js'
import { DomainError } from '../errors.ts'
import { listen } from './listener.ts'
import { isConnectionFault, isReadOnlyServer, isRetryable, isShortage, isWaitOver } from './pg-errors.ts'
import { openPool } from './pool.ts'
import { TookTooLong, within } from './within.ts'

type NoSchema = Record<string, never>

/** A transaction. Every repository function takes one first: there is no default connection for a query to slip out through. */
export type Tx = PgTransaction<PostgresJsQueryResultHKT, NoSchema, ExtractTablesWithRelations<NoSchema>>

export interface TxOptions {
  isolation?: 'read committed' | 'repeatable read'
  readOnly?: boolean
  /** Milliseconds until the caller is answered, whatever the link does; retries included. */
  deadlineMs?: number
}

export interface Lane {
  /**
   * Runs `work` in one transaction. Deadlocks and serialization failures are retried up to three times.
   * DB_UNAVAILABLE says that the outcome is unknown if the link broke at the commit: commands are
   * idempotent and are sent again. OVERLOADED says that nothing was done.
   */
  tx: <T>(work: (tx: Tx) => Promise<T>, options?: TxOptions) => Promise<T>
}

/** Small pools of their own, so that a slow report cannot starve an answer. */
export interface Database {
  /** Answers, receipts and check-ins. */
  answers: Lane
  /** Commands and senders. */
  work: Lane
  /** Boards, lists and reports. */
  read: Lane
  /** The event log's follower alone, so that no report delays the alarm. */
  tail: Lane
  /** Subscribes to a NOTIFY channel; `onListening` runs after every (re)connect, since what was sent meanwhile is lost. */
  listen: (channel: string, onNotify: (payload: string) => void, onListening: () => void) => Listener
  isUp: () => boolean
  close: () => Promise<void>
}

type LaneName = 'answers' | 'work' | 'read' | 'tail'

interface LaneSettings { connections: number, deadlineMs: number }

export interface DatabaseOptions {
  url: string
  log: Logger
  /** Role that the connections run as; owner rights are for migrations only. */
  role?: string
  probeEveryMs?: number
  lanes?: Partial<Record<LaneName, LaneSettings>>
}

const LANES: Record<LaneName, LaneSettings> = {
  answers: { connections: 4, deadlineMs: 3_000 },
  work: { connections: 6, deadlineMs: 10_000 },
  read: { connections: 6, deadlineMs: 15_000 },
  tail: { connections: 2, deadlineMs: 5_000 },
}

const NAMES = ['answers', 'work', 'read', 'tail'] as const satisfies readonly LaneName[]

const MAX_RETRIES = 3
/** More than this waiting for one lane only makes all of them late. */
const QUEUE_CAP = 2_000
/** How long after its deadline a transaction may still end by itself before its link is taken for dead. */
const GRACE_MS = 1_000
const PROBE_TIMEOUT_MS = 1_000
const RETRY_AFTER_SEC = 3

const unavailable = () => new DomainError('DB_UNAVAILABLE', { retryAfterSec: RETRY_AFTER_SEC })
const overloaded = () => new DomainError('OVERLOADED', { retryAfterSec: RETRY_AFTER_SEC })

interface Link { pool: Pool, db: PostgresJsDatabase<NoSchema> }

class GuardedLane implements Lane {
  readonly #name: LaneName
  readonly #settings: LaneSettings
  readonly #guard: Guard
  #link: Link | null
  /** Callers not answered yet, and among them those whose transaction has a connection. */
  #waiting = 0
  #running = 0

  constructor(name: LaneName, settings: LaneSettings, guard: Guard) {
    this.#name = name
    this.#settings = settings
    this.#guard = guard
    this.#link = this.#open()
  }

  #open(): Link {
    const pool = this.#guard.openPool(this.#name, this.#settings.connections, this.#settings.deadlineMs)
    return { pool, db: drizzle(pool.sql) }
  }

  async tx<T>(work: (tx: Tx) => Promise<T>, options: TxOptions = {}): Promise<T> {
    if (this.#waiting >= QUEUE_CAP)
      throw overloaded()
    this.#waiting++
    try {
      return await this.#retrying(work, options)
    }
    finally {
      this.#waiting--
    }
  }

  async #retrying<T>(work: (tx: Tx) => Promise<T>, options: TxOptions): Promise<T> {
    const until = performance.now() + (options.deadlineMs ?? this.#settings.deadlineMs)
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once(work, options, until - performance.now())
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
    if (isConnectionFault(error) || (isReadOnlyServer(error) && options.readOnly !== true)) {
      this.#guard.suspect()
      return unavailable()
    }
    if (isShortage(error)) {
      this.#guard.log.error({ err: error, lane: this.#name }, 'the database lacks room')
      return unavailable()
    }
    if (isWaitOver(error) || isRetryable(error)) {
      this.#guard.log.warn({ err: error, lane: this.#name }, 'a transaction waited too long')
      return overloaded()
    }
    return error
  }

  async #once<T>(work: (tx: Tx) => Promise<T>, options: TxOptions, leftMs: number): Promise<T> {
    const link = this.#link
    if (link === null)
      throw unavailable()
    let expired = false
    let started = false
    let settled = false
    const run = link.db.transaction(async (tx) => {
      // Whoever asked has been refused: what is begun now must not be done.
      if (expired)
        throw new TookTooLong(leftMs)
      started = true
      this.#running++
      try {
        if (options.deadlineMs !== undefined)
          await tx.execute(sql.raw(`set local statement_timeout = ${Math.ceil(leftMs)}`))
        const result = await work(tx)
        if (expired)
          throw new TookTooLong(leftMs)
        return result
      }
      finally {
        this.#running--
      }
    }, configOf(options)).finally(() => {
      settled = true
    })
    try {
      return await within(leftMs, run)
    }
    catch (error) {
      if (!(error instanceof TookTooLong))
        throw error
      expired = true
      run.catch(() => {})
      // All connections taken by others: the lane is too slow for what is asked of it.
      if (!started && this.#running >= this.#settings.connections)
        throw overloaded()
      this.#guard.suspect()
      setTimeout(() => {
        if (!settled)
          this.#replace(link)
      }, GRACE_MS).unref()
      throw unavailable()
    }
  }

  /** The probe may be well while one link of this lane is half-open: new links for all, an end for the old. */
  #replace(link: Link): void {
    if (this.#link !== link)
      return
    this.#guard.log.warn({ lane: this.#name }, 'a transaction never ended: opening new connections')
    this.#link = this.#open()
    void link.pool.end(GRACE_MS)
  }

  up(): void {
    this.#link ??= this.#open()
  }

  down(): void {
    this.#link?.pool.destroy()
    this.#link = null
  }

  async close(): Promise<void> {
    const link = this.#link
    this.#link = null
    await link?.pool.end(3_000)
  }
}

/** Undefined spares a round trip: read committed, read write is what a plain `begin` gives. */
function configOf({ isolation, readOnly }: TxOptions): PgTransactionConfig | undefined {
  if (isolation !== 'repeatable read' && readOnly !== true)
    return undefined
  return { isolationLevel: isolation ?? 'read committed', accessMode: readOnly === true ? 'read only' : 'read write' }
}

/** Watches the server: two missed probes take all lanes down, one answered probe brings them back. */
class Guard {
  readonly log: Logger
  readonly #options: DatabaseOptions
  readonly #probeEveryMs: number
  readonly #hosts: HostChoice = { index: 0 }
  readonly lanes: Record<LaneName, GuardedLane>
  #probe: Pool
  #up = true
  #missed = 0
  #closed = false
  #timer: NodeJS.Timeout | undefined
  #beating: Promise<void> | null = null

  constructor(options: DatabaseOptions) {
    this.log = options.log
    this.#options = options
    this.#probeEveryMs = options.probeEveryMs ?? 1_000
    this.#probe = this.#openProbe()
    const lane = (name: LaneName) => new GuardedLane(name, options.lanes?.[name] ?? LANES[name], this)
    this.lanes = { answers: lane('answers'), work: lane('work'), read: lane('read'), tail: lane('tail') }
    this.#beatIn(this.#probeEveryMs)
  }

  get up(): boolean {
    return this.#up
  }

  openPool(name: string, connections: number, statementTimeoutMs: number): Pool {
    return openPool({ url: this.#options.url, role: this.#options.role, hosts: this.#hosts, name, connections, statementTimeoutMs })
  }

  #openProbe(): Pool {
    return this.openPool('probe', 1, 2 * PROBE_TIMEOUT_MS)
  }

  listen(channel: string, onNotify: (payload: string) => void, onListening: () => void): Listener {
    return listen({ url: this.#options.url, role: this.#options.role, hosts: this.#hosts }, this.log, channel, onNotify, onListening)
  }

  /** A transaction met a broken link: look at once instead of at the next beat. */
  suspect(): void {
    if (!this.#closed && this.#up && this.#beating === null)
      this.#beatIn(0)
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#probe.destroy()
    await this.#beating
    await Promise.all(NAMES.map(name => this.lanes[name].close()))
  }

  #beatIn(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#beating = this.#beat().finally(() => {
        this.#beating = null
        if (!this.#closed)
          this.#beatIn(this.#missed === 0 ? this.#probeEveryMs : this.#missed === 1 ? 50 : Math.min(2_000, 100 * 2 ** this.#missed))
      })
    }, ms)
    this.#timer.unref()
  }

  async #beat(): Promise<void> {
    // A standby answers too, but it is not the database that commands need.
    const alive = await within(PROBE_TIMEOUT_MS, this.#probe.sql<{ standby: boolean }[]>`select pg_is_in_recovery() as standby`)
      .then(rows => rows[0]?.standby === false, () => false)
    if (this.#closed)
      return
    if (alive) {
      this.#missed = 0
      if (!this.#up) {
        this.#up = true
        for (const name of NAMES)
          this.lanes[name].up()
        this.log.info('database is back')
      }
      return
    }
    this.#missed++
    // The probe's own link may be the broken thing: each beat after a miss gets a new one.
    this.#probe.destroy()
    this.#probe = this.#openProbe()
    if (this.#missed === 2 && this.#up) {
      this.#up = false
      this.log.warn('database does not answer: refusing until it is back')
      for (const name of NAMES)
        this.lanes[name].down()
    }
  }
}

export function openDatabase(options: DatabaseOptions): Database {
  const guard = new Guard(options)
  return {
    ...guard.lanes,
    listen: (channel, onNotify, onListening) => guard.listen(channel, onNotify, onListening),
    isUp: () => guard.up,
    close: () => guard.close(),
  }
}
