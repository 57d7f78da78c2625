/**
 * One connection, and the cure of what postgres.js does when a connection breaks. The driver reuses the
 * connection object of a broken transaction for the next one while the broken one may still write to it
 * (a stale ROLLBACK or statement lands in a stranger's transaction, or the process dies of a TypeError),
 * reconnects without a pause to a server that accepts and closes, cannot cut a half-open link and never
 * sets TCP_NODELAY. So each link is a driver of its own with one connection, whose socket is made and
 * watched here, and which is thrown away when that socket dies.
 */
import type { PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import type { Sql } from 'postgres'
import type { Tx } from './tx.ts'
import { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { arrayTypes } from './array-types.ts'
import { LastWrites } from './tx.ts'

export interface LinkOptions {
  url: string
  /** As `application_name` shows it. */
  name: string
  /** 0: none. */
  statementTimeoutMs: number
  /** Role that the connection runs as; the login's own rights are for migrations only. */
  role?: string | undefined
  route: Route
  /** Connects without the pause that follows failures: for the probe, which has a rhythm of its own. */
  isProbe?: boolean
  onNotify?: (payload: string) => void
  /**
   * The same few statements come again and again, and each transaction begins with a read: statements stay
   * prepared, and BEGIN is on its way together with that read.
   */
  hot?: boolean
}

const YOUNG_MS = 1_000
const LONGEST_PAUSE_MS = 2_000
const CONNECT_TIMEOUT_SEC = 2

/** The way to one database, shared by all its links: which of its hosts, and how much patience. */
export class Route {
  #host = 0
  #strikes = 0

  /** After links that died young the next one waits, longer each time. */
  async pause(): Promise<void> {
    if (this.#strikes > 0)
      await sleep(Math.min(LONGEST_PAUSE_MS, 25 * 2 ** this.#strikes) * (0.5 + Math.random() / 2), undefined, { ref: false })
  }

  pick<T>(hosts: readonly T[]): number {
    return this.#host % hosts.length
  }

  diedYoung(): void {
    this.#strikes = Math.min(this.#strikes + 1, 10)
    this.nextHost()
  }

  nextHost(): void {
    this.#host++
  }

  proven(): void {
    this.#strikes = 0
  }
}

/** Says that it dies before anyone else hears of it. */
class WatchedSocket extends Socket {
  readonly #onDeath: () => void

  constructor(onDeath: () => void) {
    super()
    this.#onDeath = onDeath
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#onDeath()
    super._destroy(error, callback)
  }
}

/** Code as the driver's own, so that one list of connection faults covers both. */
class LinkLost extends Error {
  readonly code = 'CONNECTION_CLOSED'

  constructor() {
    super('the connection to the database is lost')
    this.name = 'LinkLost'
  }
}

interface Target { host: string[], port: number[], path: string | false }

export class Link {
  readonly sql: Sql<{ bigint: number }>
  readonly db: PostgresJsDatabase<Record<string, never>>
  readonly bornAt = performance.now()
  readonly #route: Route
  readonly #isProbe: boolean
  readonly #isHot: boolean
  #begin = 'begin'
  #plansAreOld = false
  #socket: WatchedSocket | null = null
  #isLost = false
  #isEnded = false
  readonly #onLost = new Set<() => void>()

  constructor(options: LinkOptions) {
    this.#route = options.route
    this.#isProbe = options.isProbe ?? false
    this.#isHot = options.hot ?? false
    this.sql = postgres(options.url, {
      max: 1,
      connect_timeout: CONNECT_TIMEOUT_SEC,
      idle_timeout: 0,
      max_lifetime: null,
      fetch_types: false,
      onnotice: () => {},
      // Typed loosely by the driver's author: these are in its code, not in its types.
      ...{
        socket: (target: Target) => this.#open(target),
        onclose: () => this.#lose(),
        onnotify: (_: string, payload: string) => options.onNotify?.(payload),
      },
      types: {
        ...arrayTypes,
        // int8 counts and sequence numbers stay far below 2^53.
        bigint: { to: 20, from: [20], serialize: (x: number) => String(x), parse: (x: string) => Number(x) },
      },
      connection: {
        application_name: `pingji ${options.name}`,
        statement_timeout: options.statementTimeoutMs,
        lock_timeout: Math.min(options.statementTimeoutMs, 5_000),
        idle_in_transaction_session_timeout: 10_000,
        // A peer that died without a word gives its locks back within 15 s.
        tcp_keepalives_idle: 5,
        tcp_keepalives_interval: 2,
        tcp_keepalives_count: 3,
        tcp_user_timeout: 8_000,
        ...(options.role === undefined ? {} : { role: options.role }),
        // Kept plans are for keys. They still outlive the small tables that they were made for: see `replan`.
        ...(this.#isHot ? { plan_cache_mode: 'force_generic_plan', enable_seqscan: 'off' } : {}),
      },
    })
    Object.assign(this.sql, { begin: (run: (tx: Pick<Sql, 'unsafe'>) => Promise<unknown>) => this.#transact(run) })
    this.db = drizzle(this.sql)
  }

  /** Runs `work` in a transaction that begins with these words. One at a time: a link is one connection. */
  transaction<T>(begin: string, work: (tx: Tx) => Promise<T | LastWrites<T>>): Promise<T> {
    // After BEGIN, whose isolation nothing may come before.
    this.#begin = this.#plansAreOld ? `${begin}; discard plans` : begin
    this.#plansAreOld = false
    // Resolved by `#transact`, which stands behind drizzle's `transaction`.
    return this.db.transaction(work) as Promise<T>
  }

  /** The next transaction plans its prepared statements anew. */
  replan(): void {
    this.#plansAreOld = this.#isHot
  }

  get isLost(): boolean {
    return this.#isLost
  }

  onLost(hear: () => void): void {
    if (this.#isLost)
      hear()
    else
      this.#onLost.add(hear)
  }

  /** The outcome of work on this link; rejects as soon as the link is lost, whatever the driver makes of it. */
  race<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const lose = () => reject(new LinkLost())
      this.onLost(lose)
      work.then(resolve, reject).finally(() => this.#onLost.delete(lose))
    })
  }

  /** Says goodbye to the server. For a link that nobody uses. */
  async end(): Promise<void> {
    this.#isEnded = true
    await this.sql.end({ timeout: 1 }).catch(() => {})
    this.destroy()
  }

  /** Cuts at once; whatever waits on the link is rejected. */
  destroy(): void {
    this.#isEnded = true
    this.#socket?.destroy()
    this.#lose()
  }

  #lose(): void {
    if (this.#isLost)
      return
    this.#isLost = true
    for (const hear of this.#onLost)
      hear()
    this.#onLost.clear()
    void this.sql.end({ timeout: 0 }).catch(() => {})
  }

  /** Called by the driver. Never rejects, because the driver would lose its slot; a second socket is never given. */
  async #open({ host, port, path }: Target): Promise<Socket> {
    const isFirst = this.#socket === null
    if (isFirst && !this.#isProbe)
      await this.#route.pause()
    if (!isFirst || this.#isLost)
      return new Promise(() => {})
    const at = this.#route.pick(host)
    const madeAt = performance.now()
    const socket = new WatchedSocket(() => {
      if (!this.#isEnded && performance.now() - madeAt < YOUNG_MS)
        this.#route.diedYoung()
      // The driver hears of the death in a moment, and must find the link marked by then.
      this.#lose()
    })
    this.#socket = socket
    setTimeout(() => {
      if (!this.#isLost && socket.bytesRead > 0)
        this.#route.proven()
    }, YOUNG_MS).unref()
    // Kept by the socket until it is connected.
    socket.setNoDelay(true).setKeepAlive(true, 5_000)
    if (typeof path === 'string')
      return socket.connect({ path })
    // `host` is read by the driver to check a certificate's name.
    return Object.assign(socket.connect({ host: host[at] ?? 'localhost', port: port[at] ?? 5432 }), { host: host[at] })
  }

  /**
   * Stands in for the driver's own `begin`, which must not learn of a lost link: it would answer with a
   * ROLLBACK on a connection that is no longer there.
   */
  async #transact<T>(run: (tx: Pick<Sql, 'unsafe'>) => Promise<T | LastWrites<T>>): Promise<T> {
    let isOpen = true
    const begun = this.#say(this.#begin).catch((error: unknown) => {
      isOpen = false
      throw error
    })
    const unsafe: Sql['unsafe'] = (text, params = [], options) => {
      // Outside of its transaction nothing may be written.
      if (this.#isLost || !isOpen)
        throw new LinkLost()
      return this.sql.unsafe(text, params, this.#isHot && params.length > 0 ? { ...options, prepare: true } : options)
    }
    try {
      if (!this.#isHot)
        await begun
      const [result] = await Promise.all([run({ unsafe }), begun])
      isOpen = false
      const committed = this.#commit()
      if (!(result instanceof LastWrites)) {
        await committed
        return result
      }
      const [done, outcome] = await Promise.allSettled([result.done, committed])
      // Why it failed is said by the write, not by the COMMIT that follows from it.
      if (done.status === 'rejected')
        throw done.reason
      if (outcome.status === 'rejected')
        throw outcome.reason
      return done.value
    }
    catch (error) {
      const wasOpen = isOpen
      isOpen = false
      if (wasOpen && !this.#isLost)
        await this.#say('rollback').catch(() => this.destroy())
      throw error
    }
  }

  /** The server answers the COMMIT of a transaction in which a statement has failed with a ROLLBACK, and without an error. */
  async #commit(): Promise<void> {
    if (await this.#say('commit') !== 'COMMIT')
      throw new Error('a failed transaction was not committed')
  }

  async #say(words: string): Promise<string> {
    if (this.#isLost)
      throw new LinkLost()
    return (await this.sql.unsafe(words)).command
  }
}
