/**
 * The guarded way to the database: every transaction has a deadline, a probe watches the server, and
 * after two missed probes every call fails at once with DB_UNAVAILABLE instead of queueing, until a probe
 * is answered again. Why the driver needs this stands in link.ts.
 */
import type { Logger } from '../logger.ts'
import type { Lane, LaneSettings } from './lane.ts'
import type { Listener } from './listener.ts'
import { GuardedLane } from './lane.ts'
import { Link, Route } from './link.ts'
import { listen } from './listener.ts'
import { within } from './within.ts'

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
  /**
   * Rows have come by the ten thousand: plans that were kept from before them would compare everything with
   * everything, and are made anew.
   */
  replan: () => void
  isUp: () => boolean
  close: () => Promise<void>
}

type LaneName = 'answers' | 'work' | 'read' | 'tail'

export interface DatabaseOptions {
  url: string
  log: Logger
  /** Role that the connections run as; owner rights are for migrations only. */
  role?: string
  probeEveryMs?: number
  lanes?: Partial<Record<LaneName, LaneSettings>>
}

const LANES: Record<LaneName, LaneSettings> = {
  // Three batches of answers, one of receipts and one of arrivals may all wait while a command holds their emergency: one is left for sessions.
  answers: { connections: 6, deadlineMs: 3_000, hot: true },
  work: { connections: 6, deadlineMs: 10_000 },
  read: { connections: 6, deadlineMs: 15_000 },
  tail: { connections: 2, deadlineMs: 5_000, hot: true },
}

const PROBE_TIMEOUT_MS = 1_000

class Guard {
  readonly lanes: Record<LaneName, GuardedLane>
  readonly #options: DatabaseOptions
  readonly #probeEveryMs: number
  readonly #route = new Route()
  #probe: Link
  #up = true
  #missed = 0
  #closed = false
  #timer: NodeJS.Timeout | undefined
  #beating: Promise<void> | null = null

  constructor(options: DatabaseOptions) {
    this.#options = options
    this.#probeEveryMs = options.probeEveryMs ?? 1_000
    this.#probe = this.#openProbe()
    const lane = (name: LaneName): GuardedLane => {
      const settings = options.lanes?.[name] ?? LANES[name]
      return new GuardedLane({
        name,
        settings,
        log: options.log,
        openLink: () => this.#openLink(name, settings),
        suspect: () => this.#suspect(),
      })
    }
    this.lanes = { answers: lane('answers'), work: lane('work'), read: lane('read'), tail: lane('tail') }
    this.#beatIn(this.#probeEveryMs)
  }

  get up(): boolean {
    return this.#up
  }

  #openLink(name: string, { deadlineMs, hot = false }: LaneSettings): Link {
    const { url, role } = this.#options
    return new Link({ url, role, route: this.#route, name, statementTimeoutMs: deadlineMs, hot })
  }

  #openProbe(): Link {
    const { url, role } = this.#options
    return new Link({ url, role, route: this.#route, name: 'probe', statementTimeoutMs: 2 * PROBE_TIMEOUT_MS, isProbe: true })
  }

  listen(channel: string, onNotify: (payload: string) => void, onListening: () => void): Listener {
    const { url, role, log } = this.#options
    return listen({ url, role, route: this.#route }, log, channel, onNotify, onListening)
  }

  /** A transaction met a broken link: look now instead of at the next beat. */
  #suspect(): void {
    if (!this.#closed && this.#up && this.#beating === null)
      this.#beatIn(0)
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await Promise.all(Object.values(this.lanes).map(lane => lane.close()))
    await this.#probe.end()
    await this.#beating
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
    if (this.#probe.isLost)
      this.#probe = this.#openProbe()
    const probe = this.#probe
    // A standby answers too, but it is not the database that commands need: another host may be.
    const alive = await within(PROBE_TIMEOUT_MS, probe.race(probe.sql<{ standby: boolean }[]>`select pg_is_in_recovery() as standby`.execute()))
      .then(rows => rows[0]?.standby === false ? true : 'standby', () => false)
    if (this.#closed)
      return
    if (alive === true) {
      this.#route.proven()
      if (this.#missed > 0) {
        for (const lane of Object.values(this.lanes))
          lane.refresh()
      }
      this.#missed = 0
      if (!this.#up) {
        this.#up = true
        for (const lane of Object.values(this.lanes))
          lane.up()
        this.#options.log.info('database is back')
      }
      return
    }
    if (alive === 'standby')
      this.#route.nextHost()
    this.#missed++
    // The probe's own link may be the broken thing: the next beat gets a new one.
    probe.destroy()
    if (this.#missed === 2 && this.#up) {
      this.#up = false
      this.#options.log.warn('database does not answer: refusing until it is back')
      for (const lane of Object.values(this.lanes))
        lane.down()
    }
  }
}

export function openDatabase(options: DatabaseOptions): Database {
  const guard = new Guard(options)
  return {
    ...guard.lanes,
    listen: (channel, onNotify, onListening) => guard.listen(channel, onNotify, onListening),
    replan: () => Object.values(guard.lanes).forEach(lane => lane.replan()),
    isUp: () => guard.up,
    close: () => guard.close(),
  }
}
