import { jsonb, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { bytes, moment } from '../db/columns.ts'

/** First replies to requests that must happen once. Written in the business transaction, so that a reply exists exactly when its effect does. */
export const idempotencyKeys = pgTable('idempotency_keys', {
  actorId: uuid('actor_id').notNull(),
  key: text('key').notNull(),
  /** SHA-256 of route and body: the same key with another body is refused. */
  requestHash: bytes('request_hash').notNull(),
  reply: jsonb('reply'),
  createdAt: moment('created_at').notNull().defaultNow(),
}, t => [
  primaryKey({ name: 'idempotency_keys_pk', columns: [t.actorId, t.key] }),
])
