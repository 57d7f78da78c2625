import type { AlertKind, Answer, AnswerVia, Audience, CannotReason, Channel, DeliveryState } from '../../../contract/vocabulary.ts'
import { sql } from 'drizzle-orm'
import { boolean, index, integer, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { ALERT_KINDS, ANSWER_VIAS, ANSWERS, AUDIENCES, CHANNELS, DELIVERY_STATES } from '../../../contract/vocabulary.ts'
import { id, moment, oneOf } from '../../platform/db/columns.ts'
import { emergencies } from '../emergencies/emergencies.tables.ts'

/** One message to many people. The text holds variables; each person's words are made when sent. */
export const alerts = pgTable('alerts', {
  id: id(),
  emergencyId: uuid('emergency_id').notNull().references(() => emergencies.id),
  kind: text('kind').$type<AlertKind>().notNull(),
  audience: text('audience').$type<Audience>().notNull(),
  smsTemplate: text('sms_template').notNull(),
  /** Shown in the app; for corrections the operator's words. */
  text: text('text').notNull(),
  issuedBy: uuid('issued_by'),
  issuedAt: moment('issued_at').notNull(),
}, t => [
  index('alerts_emergency_idx').on(t.emergencyId, t.issuedAt),
  oneOf('alerts_kind_check', t.kind, ALERT_KINDS),
  oneOf('alerts_audience_check', t.audience, AUDIENCES),
])

/** What became of one alert on one channel to one person. A failed delivery never hides another's success. */
export const deliveries = pgTable('deliveries', {
  alertId: uuid('alert_id').notNull(),
  personId: uuid('person_id').notNull(),
  channel: text('channel').$type<Channel>().notNull(),
  state: text('state').$type<DeliveryState>().notNull(),
  attempts: integer('attempts').notNull().default(0),
  /** While `sending`: another sender may take over after this. */
  leaseUntil: moment('lease_until'),
  notBefore: moment('not_before'),
  providerId: text('provider_id'),
  failure: text('failure'),
  updatedAt: moment('updated_at').notNull(),
}, t => [
  primaryKey({ name: 'deliveries_pk', columns: [t.alertId, t.personId, t.channel] }),
  // The sender's queue: what is still to hand over, oldest first (v7 alert ids sort by time).
  index('deliveries_queue_idx').on(t.channel, t.alertId).where(sql`state in ('pending', 'sending', 'failedTemp')`),
  oneOf('deliveries_channel_check', t.channel, CHANNELS),
  oneOf('deliveries_state_check', t.state, DELIVERY_STATES),
])

/** Every answer ever given, in order; the truth is the latest by server time (invariant 8). */
export const callAnswers = pgTable('call_answers', {
  /** Made by the phone: the same id again from the same person is a replay. */
  answerId: uuid('answer_id').notNull(),
  emergencyId: uuid('emergency_id').notNull(),
  personId: uuid('person_id').notNull(),
  answer: text('answer').$type<Answer>().notNull(),
  via: text('via').$type<AnswerVia>().notNull(),
  promisedAt: moment('promised_at'),
  reason: text('reason').$type<CannotReason>(),
  note: text('note').notNull().default(''),
  /** Who answered in the person's name, if not himself. */
  relayedBy: uuid('relayed_by'),
  /** Came after the response had been terminated or revoked: kept, told, not counted. */
  isLate: boolean('is_late').notNull(),
  at: moment('at').notNull(),
}, t => [
  // Ids of one person alone are compared: beside his other answers they are found without a search through everybody's.
  primaryKey({ name: 'call_answers_pk', columns: [t.emergencyId, t.personId, t.answerId] }),
  oneOf('call_answers_answer_check', t.answer, ANSWERS),
  oneOf('call_answers_via_check', t.via, ANSWER_VIAS),
])
