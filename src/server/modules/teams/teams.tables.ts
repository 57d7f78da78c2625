import type { TeamState } from '../../../contract/vocabulary.ts'
import { boolean, index, integer, pgTable, text, unique, uuid } from 'drizzle-orm/pg-core'
import { TEAM_STATES } from '../../../contract/vocabulary.ts'
import { id, moment, oneOf } from '../../platform/db/columns.ts'
import { emergencies } from '../emergencies/emergencies.tables.ts'
import { grids, persons, units } from '../registry/registry.tables.ts'

/** 党员先锋队: one per grid and emergency. Names and places are copied: a snapshot (invariant 7). */
export const vanguardTeams = pgTable('vanguard_teams', {
  id: id(),
  emergencyId: uuid('emergency_id').notNull().references(() => emergencies.id),
  gridId: uuid('grid_id').notNull().references(() => grids.id),
  communityId: uuid('community_id').notNull(),
  name: text('name').notNull(),
  gridName: text('grid_name').notNull(),
  communityName: text('community_name').notNull(),
  rallyPoint: text('rally_point').notNull(),
  leadUnitId: uuid('lead_unit_id').references(() => units.id),
  state: text('state').$type<TeamState>().notNull(),
  /** 应到: posts to fill; changes only with level and scope. */
  required: integer('required').notNull(),
  captainId: uuid('captain_id').references(() => persons.id),
  captainFlagged: boolean('captain_flagged').notNull().default(false),
  confirmedBy: uuid('confirmed_by'),
  confirmedAt: moment('confirmed_at'),
  createdAt: moment('created_at').notNull(),
}, t => [
  unique('vanguard_teams_grid_key').on(t.emergencyId, t.gridId),
  index('vanguard_teams_community_idx').on(t.emergencyId, t.communityId),
  oneOf('vanguard_teams_state_check', t.state, TEAM_STATES),
])
