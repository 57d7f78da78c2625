/** Standing plans (预案) and the pre-formed roster: everything that the key needs is decided in peacetime. */
import type { EventClass, ResponseLevel, RosterReason, ShortfallReason, TeamPost } from '../../../contract/vocabulary.ts'
import { sql } from 'drizzle-orm'
import { bigint, boolean, date, index, integer, jsonb, pgTable, primaryKey, smallint, text, unique, uuid } from 'drizzle-orm/pg-core'
import { EVENT_CLASSES, RESPONSE_LEVELS, TEAM_POSTS } from '../../../contract/vocabulary.ts'
import { id, moment, oneOf } from '../../platform/db/columns.ts'
import { grids, persons, units } from '../registry/registry.tables.ts'

/** One rung of the 叫应 ladder, minutes after the key. */
export interface LadderRung {
  afterMin: number
  /** Used instead of `afterMin` between 22:00 and 06:00 county time. */
  nightAfterMin?: number
  action: 'inappAndSms' | 'voice' | 'secondCall' | 'liaisonList' | 'secretaryAndStandIn' | 'relay' | 'unreachable'
}

/** Texts of a level; variables in braces are filled per recipient when sent. */
export interface MessageTemplates {
  activationSms: string
  standbySms: string
  dutySms: string
  correctionSms: string
  levelChangeSms: string
  urgeSms: string
  releaseSms: string
  terminationSms: string
  revocationSms: string
  liftedSms: string
  activationText: string
}

/** What the key stamps onto the emergency: later edits of the plan never change a running one. */
export interface PlanStamp {
  planId: string
  planVersion: number
  planName: string
  levels: Record<ResponseLevel, {
    generalPct: number
    professionalPct: number
    rallyLimitMin: number | null
    tasks: string
    caution: string
    ladder: LadderRung[]
    templates: MessageTemplates
  }>
}

export const plans = pgTable('plans', {
  id: id(),
  code: text('code').notNull(),
  name: text('name').notNull(),
  eventClass: text('event_class').$type<EventClass>().notNull(),
  /** 社会安全 plans do not mobilise until the owner decides so (domain rule §9). */
  mobilises: boolean('mobilises').notNull().default(true),
  sort: integer('sort').notNull(),
  version: integer('version').notNull().default(1),
  updatedAt: moment('updated_at').notNull().defaultNow(),
}, t => [
  unique('plans_code_key').on(t.code),
  oneOf('plans_event_class_check', t.eventClass, EVENT_CLASSES),
])

export const planLevels = pgTable('plan_levels', {
  planId: uuid('plan_id').notNull().references(() => plans.id),
  level: smallint('level').$type<ResponseLevel>().notNull(),
  /** Whole percent of a unit's members; quotas round up per unit. */
  generalPct: smallint('general_pct').notNull(),
  professionalPct: smallint('professional_pct').notNull(),
  /** Minutes from the key to the rally limit; null = standby (Ⅳ). */
  rallyLimitMin: integer('rally_limit_min'),
  expectedHours: integer('expected_hours').notNull(),
  basis: text('basis').notNull(),
  approver: text('approver').notNull(),
  measures: text('measures').notNull(),
  tasks: text('tasks').notNull(),
  caution: text('caution').notNull(),
  ladder: jsonb('ladder').$type<LadderRung[]>().notNull(),
  templates: jsonb('templates').$type<MessageTemplates>().notNull(),
}, t => [
  primaryKey({ name: 'plan_levels_pk', columns: [t.planId, t.level] }),
  oneOf('plan_levels_level_check', t.level, RESPONSE_LEVELS),
])

/**
 * The standing roster: every candidate of every paired unit in the order in which the key summons them.
 * Level-independent: a level takes the first `quota` of a unit's people who are free. Restricted units
 * and exempt people are absent here and counted in `roster_quotas`.
 */
export const rosterEntries = pgTable('roster_entries', {
  personId: uuid('person_id').primaryKey().references(() => persons.id),
  unitId: uuid('unit_id').notNull().references(() => units.id),
  gridId: uuid('grid_id').notNull().references(() => grids.id),
  /** 1-based within (unit, grid). */
  rank: integer('rank').notNull(),
  /** Post by function; captain and deputies are chosen among those summoned. */
  post: text('post').$type<TeamPost>().notNull(),
  reasons: jsonb('reasons').$type<RosterReason[]>().notNull(),
}, t => [
  // The key reads a unit's candidates in order.
  index('roster_entries_order_idx').on(t.gridId, t.unitId, t.rank),
  oneOf('roster_entries_post_check', t.post, TEAM_POSTS),
])

/** Head-counts of a pairing on which quotas are computed; one row per active (unit, grid). */
export const rosterQuotas = pgTable('roster_quotas', {
  unitId: uuid('unit_id').notNull().references(() => units.id),
  gridId: uuid('grid_id').notNull().references(() => grids.id),
  isLead: boolean('is_lead').notNull(),
  /** In-service members of the unit that this grid's quota is taken from. */
  members: integer('members').notNull(),
  /** Members after exemptions. */
  candidates: integer('candidates').notNull(),
  /** County day for which it was formed: pairings and exemptions begin and end by day. */
  formedOn: date('formed_on').notNull(),
  shortfalls: jsonb('shortfalls').$type<{ reason: ShortfallReason, people: number }[]>().notNull(),
}, t => [
  primaryKey({ name: 'roster_quotas_pk', columns: [t.unitId, t.gridId] }),
  index('roster_quotas_grid_idx').on(t.gridId),
])

/** Grids whose roster no longer matches the registry, marked by triggers; forming the roster empties it. */
export const staleRosters = pgTable('stale_rosters', {
  gridId: uuid('grid_id').notNull().references(() => grids.id),
  /** The marking transaction: nobody waits for another's mark, and a mark made while the roster is being formed outlives that. */
  markedIn: bigint('marked_in', { mode: 'number' }).notNull().default(sql`pg_current_xact_id()::text::bigint`),
}, t => [
  primaryKey({ name: 'stale_rosters_pk', columns: [t.gridId, t.markedIn] }),
])
