import { bigint, index, jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { bytes, moment } from '../../platform/db/columns.ts'

/** Who did what, when, to what, with which result. Append-only by privilege and trigger. */
export const auditLog = pgTable('audit_log', {
  id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  at: moment('at').notNull().defaultNow(),
  /** Null: the system itself or a command at the machine. */
  actorId: uuid('actor_id'),
  action: text('action').notNull(),
  subjectType: text('subject_type').notNull(),
  subjectId: uuid('subject_id'),
  requestId: text('request_id'),
  details: jsonb('details').$type<Record<string, unknown>>().notNull(),
}, t => [
  index('audit_log_subject_idx').on(t.subjectType, t.subjectId),
  index('audit_log_actor_idx').on(t.actorId, t.at),
])

/** The chain over the trail, sealed a second later; see seals.rules.ts. Append-only likewise. */
export const auditSeals = pgTable('audit_seals', {
  /** 1, 2, 3 … without gaps: the order of sealing, which is not that of the entries' ids. */
  position: bigint('position', { mode: 'number' }).primaryKey(),
  entryId: bigint('entry_id', { mode: 'number' }).notNull().unique('audit_seals_entry_key'),
  hash: bytes('hash').notNull(),
  sealedAt: moment('sealed_at').notNull().defaultNow(),
})
