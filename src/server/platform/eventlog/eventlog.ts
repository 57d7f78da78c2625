import type { Tx } from '../db/index.ts'
import { randomUUID } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { arrayOf, jsonTable } from '../db/index.ts'

export const EVENTS_CHANNEL = 'emergency_events'

/** Tells a process's own notifications from others'. */
export const PROCESS = randomUUID()

export interface NewEvent { type: string, v: number, data: object, actorId: string | null, at: Date }
export interface StoredEvent { emergencyId: string, seq: number, type: string, v: number, at: Date, actorId: string | null, data: unknown }
/** What an append wrote, as a reader of the log would find it once the transaction is committed. */
export interface Appended { emergencyId: string, lastSeq: number, events: StoredEvent[] }

export async function openStream(tx: Tx, id: string): Promise<void> {
  await tx.execute(sql`insert into event_streams (id) values (${id})`)
}

/**
 * Appends events at the very end of a transaction. The stream's row is locked here and no earlier, so
 * the sequence is without gaps and in commit order: a reader that has seen n has seen everything below.
 * NOTIFY carries the stream's id, how far it goes and who wrote, and only says "look".
 */
export async function append(tx: Tx, emergencyId: string, events: readonly NewEvent[]): Promise<Appended> {
  const result = await tx.execute<{ last_seq: number }>(sql`
    with stream as (
      update event_streams set last_seq = last_seq + ${events.length} where id = ${emergencyId} returning last_seq
    ), written as (
      insert into emergency_events (emergency_id, seq, type, v, at, actor_id, data)
      select ${emergencyId}, stream.last_seq - ${events.length} + e.nth, e.type, e.v, e.at, e.actor_id, e.data::json
      from stream, rows from (
        unnest(${arrayOf('text', events.map(e => e.type))}, ${arrayOf('smallint', events.map(e => e.v))}, ${arrayOf('timestamptz', events.map(e => e.at.toISOString()))}, ${arrayOf('uuid', events.map(e => e.actorId))}),
        ${jsonTable(events.map(e => e.data))}
      ) with ordinality as e(type, v, at, actor_id, data, nth)
    )
    select stream.last_seq, pg_notify(${EVENTS_CHANNEL}, concat_ws(' ', ${emergencyId}::text, stream.last_seq, ${PROCESS}::text)) from stream`)
  const lastSeq = result[0]?.last_seq
  if (lastSeq === undefined)
    throw new Error(`no event stream ${emergencyId}`)
  return { emergencyId, lastSeq, events: events.map((e, i) => ({ emergencyId, seq: lastSeq - events.length + 1 + i, ...e })) }
}

export async function readAfter(tx: Tx, emergencyId: string, afterSeq: number, limit: number): Promise<StoredEvent[]> {
  const rows = await tx.execute<{ seq: number, type: string, v: number, at: Date, actor_id: string | null, data: unknown }>(sql`
    select seq, type, v, at, actor_id, data from emergency_events
    where emergency_id = ${emergencyId} and seq > ${afterSeq} order by seq limit ${limit}`)
  return rows.map(r => ({ emergencyId, seq: r.seq, type: r.type, v: r.v, at: new Date(r.at), actorId: r.actor_id, data: r.data }))
}

/** The stream's last sequence number; 0 for an empty stream. */
export async function lastSeqOf(tx: Tx, emergencyId: string): Promise<number> {
  const rows = await tx.execute<{ last_seq: number }>(sql`select last_seq from event_streams where id = ${emergencyId}`)
  return rows[0]?.last_seq ?? 0
}
