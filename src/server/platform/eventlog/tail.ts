import type { Database } from '../db/index.ts'
import type { Logger } from '../logger.ts'
import type { StoredEvent } from './eventlog.ts'
import { sql } from 'drizzle-orm'
import { EVENTS_CHANNEL, readAfter } from './eventlog.ts'

const PAGE = 2_000
const SAFETY_POLL_MS = 3_000

export interface Tail {
  /** A local hint right after a commit; spares the round trip of NOTIFY. */
  wake: (emergencyId: string) => void
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
  const subscribers = new Set<(emergencyId: string, events: StoredEvent[]) => void | Promise<void>>()
  let closed = false

  const streams = () => db.tail.tx(tx => tx.execute<{ id: string, last_seq: number }>(sql`select id, last_seq from event_streams`), { readOnly: true })

  // Whatever stands at start is history; a stream that appears later is read from its first event.
  for (const { id, last_seq } of await streams())
    cursors.set(id, last_seq)

  async function follow(emergencyId: string): Promise<void> {
    for (;;) {
      const after = cursors.get(emergencyId) ?? 0
      const events = await db.tail.tx(tx => readAfter(tx, emergencyId, after, PAGE), { readOnly: true })
      const last = events.at(-1)
      if (last === undefined || closed)
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
      if (events.length < PAGE && !again.delete(emergencyId))
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
      .catch(error => log.warn({ err: error, emergencyId }, 'the event log could not be read; trying again'))
      .finally(() => {
        running.delete(emergencyId)
        if (again.delete(emergencyId))
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

  const listener = db.listen(EVENTS_CHANNEL, wake, () => void lookAtAll())
  const timer = setInterval(() => void lookAtAll(), SAFETY_POLL_MS)
  timer.unref()

  return {
    wake,
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
