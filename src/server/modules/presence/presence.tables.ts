import type { CheckInFlag, CheckInMethod } from '../../../contract/vocabulary.ts'
import { sql } from 'drizzle-orm'
import { boolean, doublePrecision, index, integer, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { CHECK_IN_METHODS } from '../../../contract/vocabulary.ts'
import { id, moment, oneOf } from '../../platform/db/columns.ts'
import { emergencies } from '../emergencies/emergencies.tables.ts'

/** Every check-in and check-out as it happened. Positions are one-shot and have a purge date; there are no tracks. */
export const checkIns = pgTable('check_ins', {
  /** Made by the phone: the same id again is a replay. */
  checkInId: uuid('check_in_id').primaryKey(),
  emergencyId: uuid('emergency_id').notNull().references(() => emergencies.id),
  personId: uuid('person_id').notNull(),
  direction: text('direction').$type<'in' | 'out'>().notNull(),
  method: text('method').$type<CheckInMethod | 'self'>().notNull(),
  /** Captain, grid chief or officer who signed in his name; both names are kept. */
  byPersonId: uuid('by_person_id'),
  latitude: doublePrecision('latitude'),
  longitude: doublePrecision('longitude'),
  coordinateSystem: text('coordinate_system').$type<'WGS84' | 'GCJ02'>(),
  accuracyM: integer('accuracy_m'),
  distanceM: integer('distance_m'),
  flags: text('flags').$type<CheckInFlag[]>().array().notNull().default(sql`'{}'`),
  at: moment('at').notNull(),
}, t => [
  index('check_ins_person_idx').on(t.emergencyId, t.personId, t.at),
  oneOf('check_ins_direction_check', t.direction, ['in', 'out']),
  oneOf('check_ins_method_check', t.method, [...CHECK_IN_METHODS, 'self']),
])

/** 点名: a head count of one team or of a community's teams. */
export const rollCalls = pgTable('roll_calls', {
  id: id(),
  emergencyId: uuid('emergency_id').notNull().references(() => emergencies.id),
  communityId: uuid('community_id').notNull(),
  teamId: uuid('team_id'),
  openedBy: uuid('opened_by').notNull(),
  openedAt: moment('opened_at').notNull(),
  closedAt: moment('closed_at'),
}, t => [
  index('roll_calls_emergency_idx').on(t.emergencyId, t.communityId),
])

export const rollCallEntries = pgTable('roll_call_entries', {
  rollCallId: uuid('roll_call_id').notNull().references(() => rollCalls.id),
  personId: uuid('person_id').notNull(),
  present: boolean('present').notNull(),
  markedBy: uuid('marked_by').notNull(),
  at: moment('at').notNull(),
}, t => [
  primaryKey({ name: 'roll_call_entries_pk', columns: [t.rollCallId, t.personId] }),
])
