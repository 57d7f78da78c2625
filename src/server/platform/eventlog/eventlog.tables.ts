import { bigint, json, pgTable, primaryKey, smallint, text, uuid } from 'drizzle-orm/pg-core'
import { moment } from '../db/columns.ts'

/** One row per stream (an emergency); locking it last hands out sequence numbers in commit order. */
export const eventStreams = pgTable('event_streams', {
  id: uuid('id').primaryKey(),
  lastSeq: bigint('last_seq', { mode: 'number' }).notNull().default(0),
})

/** Realtime feed, timeline and evidence at once. Append-only by privilege and trigger. */
export const emergencyEvents = pgTable('emergency_events', {
  emergencyId: uuid('emergency_id').notNull(),
  /** 1, 2, 3 … without gaps, in commit order. */
  seq: bigint('seq', { mode: 'number' }).notNull(),
  type: text('type').notNull(),
  /** Version of the type's shape. */
  v: smallint('v').notNull(),
  at: moment('at').notNull(),
  actorId: uuid('actor_id'),
  /** As it was written, to the letter. */
  data: json('data').notNull(),
}, t => [
  primaryKey({ name: 'emergency_events_pk', columns: [t.emergencyId, t.seq] }),
])
