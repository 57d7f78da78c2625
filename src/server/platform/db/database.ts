/**
 * The guarded way to the database. postgres.js alone can hang for ever on a half-open link and storm a
 * server that accepts and closes (see docs/adr/0002): so every transaction has a deadline, a probe
 * watches the server, the pools are rebuilt after two missed probes, and while it is down every call
 * fails at once with DB_UNAVAILABLE instead of queueing.
 */
import type { ExtractTablesWithRelations } from 'drizzle-orm'
import type { PgTransaction } from 'drizzle-orm/pg-core'
import type { PostgresJsDatabase, PostgresJsQueryResultHKT } from 'drizzle-orm/postgres-js'
import type { Socket } from 'node:net'
import type { Logger } from '../logger.ts'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { DomainError } from '../errors.ts'
import { isConnectionFault, isRetryable } from './pg-errors.ts'

type NoSchema = Record<string, never>

/** A transaction. Every repository function takes one first: there is no default connection for a query to slip out through. */
export type Tx = PgTransaction<PostgresJsQueryResultHKT, NoSchema, ExtractTablesWithRelations<NoSchema>>

export interface TxOptions {
  isolation?: 'read committed' | 'repeatable read'
  readOnly?: boolean
  /** Milliseconds until the caller gets DB_UNAVAILABLE, whatever the link does. */
  deadlineMs?: number
}

export interface Lane {
  /** Runs `work` in one transaction. Deadlocks and serialization failures are retried up to three times. */
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
  /** Subscribes to a NOTIFY channel; `onListening` runs after every (re)connect, since what was sent meanwhile is lost. */
  listen: (channel: string, onNotify: (payload: string) => void, onListening: () => void) => Promise<{ close: () => Promise<void> }>
  isUp: () => boolean
  close: () => Promise<void>
}

export interface DatabaseOptions {
  url: string
  log: Logger
  /** Role that the connections run as; owner rights are for migrations only. */
  role?: string
  probeEveryMs?: number
  lanes?: Partial<Record<LaneName, { connections: number, deadlineMs: number }>>
}

type LaneName = 'answers' | 'work' | 'read'

const LANES: Record<LaneName, { connections: number, deadlineMs: number }> = {
  answers: { connections: 4, deadlineMs: 3_000 },
  work: { connections: 6, deadlineMs: 10_000 },
  read: { connections: 6, deadlineMs: 15_000 },
}

const MAX_RETRIES = 3

/** postgres.js never sets TCP_NODELAY, which costs small messages 40 ms; keep-alives find dead peers. */
function openSocket(options: { host?: string[], port?: number[], path?: string | null }): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = typeof options.path === 'string' ? connect({ path: options.path }) : connect({ host: options.host?.[0] ?? 'localhost', port: options.port?.[0] ?? 5432, noDelay: true, keepAlive: true, keepAliveInitialDelay: 5_000 })
    const timer = setTimeout(() => socket.destroy(new Error('connect timeout')), 3_000)
    socket.once('connect', () => {
      clearTimeout(timer)
      socket.removeListener('error', reject)
      resolve(socket)
    })
    socket.once('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
  })
}

function openPool(options: DatabaseOptions, name: string, connections: number, statementTimeoutMs: number) {
  return postgres(options.url, {
    max: connections,
    // Typed loosely by the driver's author: `socket` is in its documentation, not in its types.
    ...{ socket: openSocket },
    connect_timeout: 3,
    max_lifetime: 30 * 60,
    idle_timeout: 0,
    backoff: attempt => Math.min(2, 0.1 * 2 ** attempt),
    prepare: true,
    onnotice: () => {},
    types: {
      // int8 counts and sequence numbers stay far below 2^53.
      bigint: { to: 20, from: [20], serialize: (x: number) => String(x), parse: (x: string) => Number(x) },
    },
    connection: {
      application_name: `pingji ${name}`,
      statement_timeout: statementTimeoutMs,
      lock_timeout: Math.min(statementTimeoutMs, 5_000),
      idle_in_transaction_session_timeout: 10_000,
      ...(options.role === undefined ? {} : { role: options.role }),
    },
  })
}

type Pool = ReturnType<typeof openPool>

class GuardedLane implements Lane {
  readonly #guard: Guard
  readonly #name: LaneName

  constructor(guard: Guard, name: LaneName) {
    this.#guard = guard
    this.#name = name
  }

  async tx<T>(work: (tx: Tx) => Promise<T>, options: TxOptions = {}): Promise<T> {
    const deadlineMs = options.deadlineMs ?? this.#guard.laneSettings(this.#name).deadlineMs
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#once(work, options, deadlineMs)
      }
      catch (error) {
        if (isRetryable(error) && attempt < MAX_RETRIES) {
          await sleep(Math.random() * 20 * 2 ** attempt)
          continue
        }
        if (isConnectionFault(error)) {
          this.#guard.suspect()
          throw new DomainError('DB_UNAVAILABLE', { retryAfterSec: 3 })
        }
        throw error
      }
    }
  }

  async #once<T>(work: (tx: Tx) => Promise<T>, options: TxOptions, deadlineMs: number): Promise<T> {
    const db = this.#guard.drizzleOf(this.#name)
    let timer: NodeJS.Timeout | undefined
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.#guard.suspect()
        reject(new DomainError('DB_UNAVAILABLE', { retryAfterSec: 3 }))
      }, deadlineMs)
    })
    const run = db.transaction(tx => work(tx), {
      isolationLevel: options.isolation ?? 'read committed',
      ...(options.readOnly === true ? { accessMode: 'read only' as const } : {}),
    })
    // The loser of the race settles unheard: its connection is cut when the pools are rebuilt.
    run.catch(() => {})
    try {
      return await Promise.race([run, deadline])
    }
    finally {
      clearTimeout(timer)
    }
  }
}

/** Watches the server and owns the pools' lives. */
class Guard {
  readonly #options: DatabaseOptions
  readonly #pools = new Map<LaneName, { pool: Pool, db: PostgresJsDatabase<NoSchema> }>()
  #probe: Pool
  #up = true
  #missed = 0
  #closed = false
  #timer: NodeJS.Timeout | undefined
  #probing: Promise<void> | null = null

  constructor(options: DatabaseOptions) {
    this.#options = options
    this.#probe = openPool(options, 'probe', 1, 2_000)
    this.#openPools()
    this.#schedule(options.probeEveryMs ?? 1_000)
  }

  get up(): boolean {
    return this.#up
  }

  laneSettings(name: LaneName): { connections: number, deadlineMs: number } {
    return this.#options.lanes?.[name] ?? LANES[name]
  }

  drizzleOf(name: LaneName): PostgresJsDatabase<NoSchema> {
    const lane = this.#pools.get(name)
    if (!this.#up || this.#closed || lane === undefined)
      throw new DomainError('DB_UNAVAILABLE', { retryAfterSec: 3 })
    return lane.db
  }

  /** A transaction met a broken link: look at once instead of at the next beat. */
  suspect(): void {
    if (this.#closed)
      return
    clearTimeout(this.#timer)
    this.#schedule(0)
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#probing
    await Promise.all([...this.#pools.values()].map(({ pool }) => pool.end({ timeout: 3 })))
    await this.#probe.end({ timeout: 1 })
  }

  #openPools(): void {
    for (const name of ['answers', 'work', 'read'] as const) {
      const { connections, deadlineMs } = this.laneSettings(name)
      const pool = openPool(this.#options, name, connections, deadlineMs)
      this.#pools.set(name, { pool, db: drizzle(pool) })
    }
  }

  #schedule(delayMs: number): void {
    this.#timer = setTimeout(() => {
      this.#probing ??= this.#beat().finally(() => {
        this.#probing = null
        if (!this.#closed)
          this.#schedule(this.#up ? this.#options.probeEveryMs ?? 1_000 : Math.min(2_000, 250 * 2 ** Math.min(this.#missed, 3)))
      })
    }, delayMs)
    this.#timer.unref()
  }

  async #beat(): Promise<void> {
    const alive = await Promise.race([
      this.#probe`select 1`.then(() => true, () => false),
      sleep(1_500, false, { ref: false }),
    ])
    if (this.#closed)
      return
    if (alive) {
      this.#missed = 0
      if (!this.#up) {
        this.#openPools()
        this.#up = true
        this.#options.log.info('database is back')
      }
      return
    }
    this.#missed++
    // The probe's own link may be the broken thing: each beat gets a new one.
    void this.#probe.end({ timeout: 0 }).catch(() => {})
    this.#probe = openPool(this.#options, 'probe', 1, 2_000)
    if (this.#missed >= 2 && this.#up) {
      this.#up = false
      this.#options.log.warn('database does not answer: refusing until it is back')
      for (const { pool } of this.#pools.values())
        void pool.end({ timeout: 0 }).catch(() => {})
      this.#pools.clear()
    }
  }
}

export function openDatabase(options: DatabaseOptions): Database {
  const guard = new Guard(options)
  return {
    answers: new GuardedLane(guard, 'answers'),
    work: new GuardedLane(guard, 'work'),
    read: new GuardedLane(guard, 'read'),
    isUp: () => guard.up,
    listen: (channel, onNotify, onListening) => listen(options, channel, onNotify, onListening),
    close: () => guard.close(),
  }
}

/** postgres.js re-listens by itself after a lost connection and calls `onlisten` again. */
async function listen(options: DatabaseOptions, channel: string, onNotify: (payload: string) => void, onListening: () => void): Promise<{ close: () => Promise<void> }> {
  const pool = openPool(options, 'listen', 1, 0)
  await pool.listen(channel, onNotify, onListening)
  return { close: () => pool.end({ timeout: 1 }) }
}
