/**
 * postgres.js with its sockets in our hands. The driver never sets TCP_NODELAY, reconnects without a
 * pause to a server that accepts and closes, loses a connection's slot when its socket cannot be
 * made, and cannot cut a half-open link: all four are cured here, where the sockets are made.
 */
import type { Sql } from 'postgres'
import { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'

export interface PoolOptions {
  url: string
  /** As `application_name` shows it. */
  name: string
  connections: number
  /** 0: none. */
  statementTimeoutMs: number
  /** Role that the connections run as; the login's own rights are for migrations only. */
  role?: string | undefined
  /** Shared by all pools of one database, so that one finding of a dead host serves them all. */
  hosts?: HostChoice
  onNotify?: (channel: string, payload: string) => void
  onClose?: () => void
}

export interface Pool {
  sql: Sql<{ bigint: number }>
  /** Lets running work finish for `graceMs`, then cuts. */
  end: (graceMs: number) => Promise<void>
  /** Cuts every link at once; whatever waits on them is rejected. */
  destroy: () => void
}

/** Which of several hosts in the connection string is being used. */
export interface HostChoice { index: number }

/** A link that did not live this long was no success: the next one waits, longer each time. */
const SHORT_LIFE_MS = 1_000
const LONGEST_PAUSE_MS = 2_000
const CONNECT_TIMEOUT_SEC = 2

interface Target { host: string[], port: number[], path: string | false }

class Sockets {
  readonly #hosts: HostChoice
  readonly #open = new Set<Socket>()
  #strikes = 0
  #closed = false

  constructor(hosts: HostChoice) {
    this.#hosts = hosts
  }

  /** Called by the driver for each connection it makes; never rejects, because the driver would lose the slot. */
  async make({ host, port, path }: Target): Promise<Socket> {
    if (this.#strikes > 0)
      await sleep(Math.min(LONGEST_PAUSE_MS, 25 * 2 ** this.#strikes) * (0.5 + Math.random() / 2), undefined, { ref: false })
    const socket = new Socket()
    // Remembered by the socket until it is connected.
    socket.setNoDelay(true).setKeepAlive(true, 5_000)
    if (this.#closed) {
      // One turn later, when the driver listens.
      setImmediate(() => socket.destroy())
      return socket
    }
    this.#watch(socket)
    if (typeof path === 'string')
      return socket.connect({ path })
    const at = this.#hosts.index % host.length
    // `host` is read by the driver to check a certificate's name.
    return Object.assign(socket.connect({ host: host[at] ?? 'localhost', port: port[at] ?? 5432 }), { host: host[at] })
  }

  #watch(socket: Socket): void {
    this.#open.add(socket)
    const proven = setTimeout(() => {
      this.#strikes = 0
    }, SHORT_LIFE_MS)
    proven.unref()
    const born = performance.now()
    socket.once('connect', () => proven.refresh())
    socket.once('close', () => {
      clearTimeout(proven)
      this.#open.delete(socket)
      if (!this.#closed && (socket.connecting || performance.now() - born < SHORT_LIFE_MS || socket.bytesRead === 0)) {
        this.#strikes = Math.min(this.#strikes + 1, 10)
        this.#hosts.index++
      }
    })
  }

  destroy(): void {
    this.#closed = true
    for (const socket of this.#open)
      socket.destroy()
  }
}

export function openPool(options: PoolOptions): Pool {
  const sockets = new Sockets(options.hosts ?? { index: 0 })
  const isListener = options.onNotify !== undefined
  const sql = postgres(options.url, {
    max: options.connections,
    connect_timeout: CONNECT_TIMEOUT_SEC,
    idle_timeout: 0,
    // A listener that the driver replaces silently would hear nothing more.
    max_lifetime: isListener ? null : Math.round(60 * (20 + Math.random() * 20)),
    fetch_types: !isListener,
    onnotice: () => {},
    // Typed loosely by the driver's author: these are in its code, not in its types.
    ...{ socket: (target: Target) => sockets.make(target), onnotify: options.onNotify, onclose: () => options.onClose?.() },
    types: {
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
    },
  })

  const destroy = (): void => {
    sockets.destroy()
    void sql.end({ timeout: 0 }).catch(() => {})
  }
  return {
    sql,
    destroy,
    async end(graceMs) {
      await sql.end({ timeout: graceMs / 1_000 }).catch(() => {})
      sockets.destroy()
    },
  }
}
