import type { Database } from '../db/index.ts'
import type { Logger } from '../logger.ts'
import type { Appended, StoredEvent } from './eventlog.ts'
import { sql } from 'drizzle-orm'
import { EVENTS_CHANNEL, PROCESS, readAfter } from './eventlog.ts'

const PAGE = 2_000
const SAFETY_POLL_MS = 3_000
/** After a commit its writer wakes the tail himself. Only if the word of the commit was lost does its notification matter. */
const OWN_PAUSE_MS = 100

export interface Tail {
  /** A local hint right after a commit; spares the round trip of NOTIFY. */
  wake: (emergencyId: string) => void
  /** As `wake`, with what was committed: where it continues what was heard last it need not be read back. */
  hand: (appended: Appended) => void
  /** Hears every event of every stream in order, once. Batches of one stream never overlap. */
  subscribe: (hear: (emergencyId: string, events: StoredEvent[]) => void | Promise<void>) => () => void
  close: () => Promise<void>
}

/**
 * Follows the event log from now on. NOTIFY, re-listening and a slow poll only say "look": the table is
 * the truth, so a lost notification costs at most three seconds and never an event.
 */
export async function createTail(db: Database, log: Logger): Promise<Tail> {
  const cursors = new Map<string, number>()
  const running = new Map<string, Promise<void>>()
  const again = new Set<string>()
  const handed = new Map<string, Appended[]>()
  const subscribers = new Set<(emergencyId: string, events: StoredEvent[]) => void | Promise<void>>()
  let closed = false

  const streams = () => db.tail.tx(tx => tx.execute<{ id: string, last_seq: number }>(sql`select id, last_seq from event_streams`), { readOnly: true })

  // Whatever stands at start is history; a stream that appears later is read from its first event.
  for (const { id, last_seq } of await streams())
    cursors.set(id, last_seq)

  /** What was handed over and continues the cursor; what the cursor has passed is forgotten, what lies beyond waits for the gap to be read. */
  function takeHanded(emergencyId: string, after: number): StoredEvent[] {
    const [first, ...later] = (handed.get(emergencyId) ?? []).filter(({ lastSeq }) => lastSeq > after).sort((a, b) => a.lastSeq - b.lastSeq)
    const continues = first !== undefined && first.lastSeq - first.events.length <= after
    const left = first === undefined || continues ? later : [first, ...later]
    if (left.length === 0)
      handed.delete(emergencyId)
    else
      handed.set(emergencyId, left)
    return continues ? first.events.filter(({ seq }) => seq > after) : []
  }

  async function follow(emergencyId: string): Promise<void> {
    for (;;) {
      const after = cursors.get(emergencyId) ?? 0
      const own = takeHanded(emergencyId, after)
      const beyond = handed.get(emergencyId)
      const events = own.length > 0 ? own : await db.tail.tx(tx => readAfter(tx, emergencyId, after, PAGE), { readOnly: true })
      const last = events.at(-1)
      if (last === undefined) {
        // What lies beyond a gap that the table does not know (a failover lost it) is no part of the log.
        if (handed.get(emergencyId) === beyond)
          handed.delete(emergencyId)
        return
      }
      if (closed)
        return
      cursors.set(emergencyId, last.seq)
      for (const hear of subscribers) {
        try {
          await hear(emergencyId, events)
        }
        catch (error) {
          log.error({ err: error, emergencyId, seq: last.seq }, 'a subscriber of the event log failed')
        }
      }
      const isMore = own.length > 0 ? handed.has(emergencyId) : events.length === PAGE
      if (!isMore && !again.delete(emergencyId))
        return
    }
  }

  function wake(emergencyId: string): void {
    if (closed)
      return
    if (running.has(emergencyId)) {
      again.add(emergencyId)
      return
    }
    const run = follow(emergencyId)
      .then(() => handed.has(emergencyId), (error: unknown) => {
        log.warn({ err: error, emergencyId }, 'the event log could not be read; trying again')
        return false
      })
      .then((isMore) => {
        running.delete(emergencyId)
        if (again.delete(emergencyId) || isMore)
          wake(emergencyId)
      })
    running.set(emergencyId, run)
  }

  async function lookAtAll(): Promise<void> {
    try {
      for (const { id, last_seq } of await streams()) {
        if (last_seq > (cursors.get(id) ?? 0))
          wake(id)
      }
    }
    catch {
      // The guard has said why; the next look comes by itself.
    }
  }

  /** A process is told of its own commits too, and mostly knows of them by then. */
  function notified(payload: string): void {
    const [emergencyId = '', lastSeq, writer] = payload.split(' ')
    const look = () => (cursors.get(emergencyId) ?? 0) < Number(lastSeq ?? Infinity) && wake(emergencyId)
    if (writer === PROCESS)
      setTimeout(look, OWN_PAUSE_MS).unref()
    else
      look()
  }

  const listener = db.listen(EVENTS_CHANNEL, notified, () => void lookAtAll())
  const timer = setInterval(() => void lookAtAll(), SAFETY_POLL_MS)
  timer.unref()

  return {
    wake,
    hand(appended) {
      const { emergencyId } = appended
      handed.set(emergencyId, [...handed.get(emergencyId) ?? [], appended])
      // Whoever is following it now looks at what was handed before he stops; replies go out first.
      if (!running.has(emergencyId))
        setImmediate(wake, emergencyId)
    },
    subscribe(hear) {
      subscribers.add(hear)
      return () => subscribers.delete(hear)
    },
    async close() {
      closed = true
      clearInterval(timer)
      await listener.close()
      await Promise.all(running.values())
    },
  }
}
