import { index, jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { bytes, id, moment } from '../../platform/db/columns.ts'
import { emergencies } from '../emergencies/emergencies.tables.ts'

/** A prepared press of the key: what the operator saw, bound to him, his session and these words. */
export const switchPreparations = pgTable('switch_preparations', {
  id: id(),
  /** SHA-256 of the single-use nonce. */
  nonceHash: bytes('nonce_hash').notNull(),
  operatorId: uuid('operator_id').notNull(),
  sessionId: uuid('session_id').notNull(),
  /** The request as validated, replayed verbatim at the press. */
  request: jsonb('request').$type<Record<string, unknown>>().notNull(),
  /** Fingerprint of the audience shown; the press refuses another one. */
  audienceHash: text('audience_hash').notNull(),
  expiresAt: moment('expires_at').notNull(),
  usedAt: moment('used_at'),
  emergencyId: uuid('emergency_id').references(() => emergencies.id),
}, t => [
  index('switch_preparations_operator_idx').on(t.operatorId, t.expiresAt),
])
