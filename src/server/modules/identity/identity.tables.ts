/** Who may sign in, and the sessions that say who is at the other end. `person_id` points at the registry (foreign keys in the hand-written migration: identity stands above the registry). */
import { boolean, index, pgTable, text, unique, uuid } from 'drizzle-orm/pg-core'
import { bytes, id, moment, oneOf } from '../../platform/db/columns.ts'

export const SESSION_KINDS = ['account', 'link'] as const
export type SessionKind = typeof SESSION_KINDS[number]

export const accounts = pgTable('accounts', {
  id: id(),
  personId: uuid('person_id').notNull(),
  /** argon2id, PHC string. */
  passwordHash: text('password_hash').notNull(),
  disabled: boolean('disabled').notNull().default(false),
  createdAt: moment('created_at').notNull().defaultNow(),
}, t => [
  unique('accounts_person_key').on(t.personId),
])

/** Opaque sessions: the cookie holds 256 random bits, the row only their SHA-256. */
export const sessions = pgTable('sessions', {
  id: id(),
  tokenHash: bytes('token_hash').notNull(),
  kind: text('kind').$type<SessionKind>().notNull(),
  personId: uuid('person_id').notNull(),
  /** Link sessions answer, check in and out and listen in this one emergency, and do nothing else. */
  emergencyId: uuid('emergency_id'),
  userAgent: text('user_agent').notNull().default(''),
  createdAt: moment('created_at').notNull().defaultNow(),
  lastSeenAt: moment('last_seen_at').notNull().defaultNow(),
  expiresAt: moment('expires_at').notNull(),
  revokedAt: moment('revoked_at'),
}, t => [
  unique('sessions_token_key').on(t.tokenHash),
  index('sessions_person_idx').on(t.personId),
  oneOf('sessions_kind_check', t.kind, SESSION_KINDS),
])
