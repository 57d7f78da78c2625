import type { Tx } from '../db/index.ts'
import { sql } from 'drizzle-orm'

export const EVENTS_CHANNEL = 'emergency_events'

export interface NewEvent { type: string, v: number, data: object, actorId: string | null, at: Date }
export interface StoredEvent { emergencyId: string, seq: number, type: string, v: number, at: Date, actorId: string | null, data: unknown }
export interface Appended { firstSeq: number, lastSeq: number }

export async function openStream(tx: Tx, id: string): Promise<void> {
  await tx.execute(sql`insert into event_streams (id) values (${id})`)
}

/**
 * Appends events at the very end of a transaction. The stream's row is locked here and no earlier, so
 * the sequence is without gaps and in commit order: a reader that has seen n has seen everything below.
 * NOTIFY carries the stream's id alone and only says "look".
 */
export async function append(tx: Tx, emergencyId: string, events: readonly NewEvent[]): Promise<Appended> {
  const rows = JSON.stringify(events.map((e, i) => ({ i: i + 1, type: e.type, v: e.v, at: e.at.toISOString(), actor_id: e.actorId, data: e.data })))
  const result = await tx.execute<{ last_seq: number }>(sql`
    with stream as (
      update event_streams set last_seq = last_seq + ${events.length} where id = ${emergencyId} returning last_seq
    ), written as (
      insert into emergency_events (emergency_id, seq, type, v, at, actor_id, data)
      select ${emergencyId}, stream.last_seq - ${events.length} + e.i, e.type, e.v, e.at, e.actor_id, e.data
      from stream, jsonb_to_recordset(${rows}::jsonb) as e(i int, type text, v smallint, at timestamptz, actor_id uuid, data jsonb)
    )
    select stream.last_seq, pg_notify(${EVENTS_CHANNEL}, ${emergencyId}) from stream`)
  const lastSeq = result[0]?.last_seq
  if (lastSeq === undefined)
    throw new Error(`no event stream ${emergencyId}`)
  return { firstSeq: lastSeq - events.length + 1, lastSeq }
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
