import type { ApprovalMode, EmergencyKind, EmergencyState, EventClass, LevelAuthority, ResponseLevel, WarningColour } from '../../../contract/vocabulary.ts'
import type { PlanStamp } from '../plans/plans.tables.ts'
import { boolean, index, integer, jsonb, pgTable, primaryKey, smallint, text, unique, uuid } from 'drizzle-orm/pg-core'
import { APPROVAL_MODES, EMERGENCY_KINDS, EMERGENCY_STATES, EVENT_CLASSES, LEVEL_AUTHORITIES, RESPONSE_LEVELS } from '../../../contract/vocabulary.ts'
import { id, moment, oneOf } from '../../platform/db/columns.ts'
import { grids, persons } from '../registry/registry.tables.ts'

export const emergencies = pgTable('emergencies', {
  id: id(),
  /** Short number inside link codes. */
  serial: integer('serial').notNull().generatedAlwaysAsIdentity(),
  no: text('no').notNull(),
  kind: text('kind').$type<EmergencyKind>().notNull(),
  eventClass: text('event_class').$type<EventClass>().notNull(),
  name: text('name').notNull(),
  /** Immutable, held by a trigger. */
  isDrill: boolean('is_drill').notNull(),
  state: text('state').$type<EmergencyState>().notNull(),
  /** Null only before activation and for an initial response (invariant 10). */
  level: smallint('level').$type<ResponseLevel>(),
  levelAuthority: text('level_authority').$type<LevelAuthority>().notNull(),
  basis: text('basis').notNull(),
  approver: text('approver').notNull(),
  approvalMode: text('approval_mode').$type<ApprovalMode>().notNull(),
  /** When the written basis of an oral approval came; due within 2 h. */
  basisSuppliedAt: moment('basis_supplied_at'),
  measures: text('measures').notNull(),
  rallyBy: moment('rally_by'),
  expectedUntil: moment('expected_until').notNull(),
  warning: jsonb('warning').$type<{ kind: string, colour: WarningColour, source: string, area: string } | null>(),
  plan: jsonb('plan').$type<PlanStamp>().notNull(),
  initiatorId: uuid('initiator_id').notNull().references(() => persons.id),
  createdAt: moment('created_at').notNull(),
  activatedAt: moment('activated_at'),
  terminatedAt: moment('terminated_at'),
  reviewOpenedAt: moment('review_opened_at'),
  archivedAt: moment('archived_at'),
  endReason: text('end_reason'),
  residualMeasures: text('residual_measures'),
}, t => [
  unique('emergencies_no_key').on(t.no),
  unique('emergencies_serial_key').on(t.serial),
  index('emergencies_state_idx').on(t.state),
  oneOf('emergencies_kind_check', t.kind, EMERGENCY_KINDS),
  oneOf('emergencies_event_class_check', t.eventClass, EVENT_CLASSES),
  oneOf('emergencies_state_check', t.state, EMERGENCY_STATES),
  oneOf('emergencies_level_check', t.level, RESPONSE_LEVELS),
  oneOf('emergencies_level_authority_check', t.levelAuthority, LEVEL_AUTHORITIES),
  oneOf('emergencies_approval_mode_check', t.approvalMode, APPROVAL_MODES),
])

/** The grids that an emergency covers, and since when. */
export const emergencyGrids = pgTable('emergency_grids', {
  emergencyId: uuid('emergency_id').notNull().references(() => emergencies.id),
  gridId: uuid('grid_id').notNull().references(() => grids.id),
  addedAt: moment('added_at').notNull(),
  /** When the community reported its stand-down for this grid. */
  stoodDownAt: moment('stood_down_at'),
}, t => [
  primaryKey({ name: 'emergency_grids_pk', columns: [t.emergencyId, t.gridId] }),
  // "Which mode is this grid in?"
  index('emergency_grids_grid_idx').on(t.gridId),
])
