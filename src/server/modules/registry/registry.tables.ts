/** The county as it is: places, party tree, units, people and how they belong together. Validity dates are county days; `validTo` is the last day, null while it lasts. */
import type { AssistantSource, ExemptionReason, GridPost, MembershipKind, MobilisationClass, PartyOrgKind, PlaceType, PoliticalStatus, Role, RosterTier, ScopeType, Skill, UnitCategory } from '../../../contract/vocabulary.ts'
import { sql } from 'drizzle-orm'
import { boolean, date, doublePrecision, foreignKey, index, integer, pgTable, primaryKey, smallint, text, unique, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { ASSISTANT_SOURCES, EXEMPTION_REASONS, GRID_POSTS, MEMBERSHIP_KINDS, MOBILISATION_CLASSES, PARTY_ORG_KINDS, PLACE_TYPES, POLITICAL_STATUSES, ROLES, ROSTER_TIERS, SCOPE_TYPES, SKILLS, UNIT_CATEGORIES } from '../../../contract/vocabulary.ts'
import { bytes, id, moment, oneOf } from '../../platform/db/columns.ts'

export const townships = pgTable('townships', {
  id: id(),
  /** 9-digit statistical code. */
  code: text('code').notNull(),
  name: text('name').notNull(),
}, t => [
  unique('townships_code_key').on(t.code),
  unique('townships_name_key').on(t.name),
])

export const communities = pgTable('communities', {
  id: id(),
  townshipId: uuid('township_id').notNull().references(() => townships.id),
  /** 12-digit statistical code. */
  code: text('code').notNull(),
  name: text('name').notNull(),
  /** Duty phone of the community, shown to its teams. */
  dutyPhone: text('duty_phone'),
}, t => [
  unique('communities_code_key').on(t.code),
  unique('communities_name_key').on(t.name),
  index('communities_township_idx').on(t.townshipId),
])

export const grids = pgTable('grids', {
  id: id(),
  communityId: uuid('community_id').notNull().references(() => communities.id),
  /** Community code + 3 digits. */
  code: text('code').notNull(),
  name: text('name').notNull(),
  placeType: text('place_type').$type<PlaceType>().notNull(),
}, t => [
  unique('grids_code_key').on(t.code),
  unique('grids_community_name_key').on(t.communityId, t.name),
  oneOf('grids_place_type_check', t.placeType, PLACE_TYPES),
])

/** Where a grid's team gathers. */
export const rallyPoints = pgTable('rally_points', {
  gridId: uuid('grid_id').primaryKey().references(() => grids.id),
  name: text('name').notNull(),
  address: text('address').notNull(),
  /** WGS-84 degrees; null where nobody has measured it: check-in by position is then flagged, not refused. */
  latitude: doublePrecision('latitude'),
  longitude: doublePrecision('longitude'),
  /** Fence radius in metres. */
  fenceM: integer('fence_m').notNull().default(300),
})

export const units = pgTable('units', {
  id: id(),
  name: text('name').notNull(),
  category: text('category').$type<UnitCategory>().notNull(),
  mobilisationClass: text('mobilisation_class').$type<MobilisationClass>().notNull(),
  validFrom: date('valid_from').notNull(),
  validTo: date('valid_to'),
}, t => [
  unique('units_name_key').on(t.name),
  oneOf('units_category_check', t.category, UNIT_CATEGORIES),
  oneOf('units_mobilisation_class_check', t.mobilisationClass, MOBILISATION_CLASSES),
])

export const partyOrgs = pgTable('party_orgs', {
  id: id(),
  kind: text('kind').$type<PartyOrgKind>().notNull(),
  name: text('name').notNull(),
  parentId: uuid('parent_id'),
  townshipId: uuid('township_id').references(() => townships.id),
  communityId: uuid('community_id').references(() => communities.id),
  gridId: uuid('grid_id').references(() => grids.id),
  unitId: uuid('unit_id').references(() => units.id),
  secretaryId: uuid('secretary_id').references(() => persons.id),
  validFrom: date('valid_from').notNull(),
  dissolvedOn: date('dissolved_on'),
}, t => [
  foreignKey({ name: 'party_orgs_parent_fk', columns: [t.parentId], foreignColumns: [t.id] }),
  unique('party_orgs_name_key').on(t.name),
  // Exactly one living party unit per grid (R9).
  uniqueIndex('party_orgs_grid_key').on(t.gridId).where(sql`dissolved_on is null and grid_id is not null`),
  oneOf('party_orgs_kind_check', t.kind, PARTY_ORG_KINDS),
])

export const persons = pgTable('persons', {
  id: id(),
  name: text('name').notNull(),
  /** AES-256-GCM: nonce, tag, ciphertext. The key lives outside the database. */
  phoneCipher: bytes('phone_cipher').notNull(),
  /** Keyed hash of the normalised number, for look-up. */
  phoneHash: bytes('phone_hash').notNull(),
  birthYear: smallint('birth_year'),
  politicalStatus: text('political_status').$type<PoliticalStatus>().notNull(),
  createdAt: moment('created_at').notNull().defaultNow(),
}, t => [
  unique('persons_phone_key').on(t.phoneHash),
  oneOf('persons_political_status_check', t.politicalStatus, POLITICAL_STATUSES),
])

export const memberships = pgTable('memberships', {
  personId: uuid('person_id').notNull().references(() => persons.id),
  partyOrgId: uuid('party_org_id').notNull().references(() => partyOrgs.id),
  kind: text('kind').$type<MembershipKind>().notNull(),
  validFrom: date('valid_from').notNull(),
  validTo: date('valid_to'),
}, t => [
  primaryKey({ name: 'memberships_pk', columns: [t.personId, t.partyOrgId, t.validFrom] }),
  // A person belongs to one organisation at a time.
  uniqueIndex('memberships_current_key').on(t.personId).where(sql`valid_to is null`),
  index('memberships_org_idx').on(t.partyOrgId),
  oneOf('memberships_kind_check', t.kind, MEMBERSHIP_KINDS),
])

export const employments = pgTable('employments', {
  personId: uuid('person_id').notNull().references(() => persons.id),
  unitId: uuid('unit_id').notNull().references(() => units.id),
  post: text('post').notNull().default(''),
  /** 梯队: pre-registered order of call; null = not registered. */
  tier: smallint('tier').$type<RosterTier>(),
  validFrom: date('valid_from').notNull(),
  validTo: date('valid_to'),
}, t => [
  primaryKey({ name: 'employments_pk', columns: [t.personId, t.unitId, t.validFrom] }),
  uniqueIndex('employments_current_key').on(t.personId).where(sql`valid_to is null`),
  index('employments_unit_idx').on(t.unitId),
  oneOf('employments_tier_check', t.tier, ROSTER_TIERS),
])

/** 一长一员一团队: who staffs a grid. A full-time officer has a row per grid that he covers. */
export const gridPosts = pgTable('grid_posts', {
  personId: uuid('person_id').notNull().references(() => persons.id),
  gridId: uuid('grid_id').notNull().references(() => grids.id),
  post: text('post').$type<GridPost>().notNull(),
  /** Part-timers only. */
  source: text('source').$type<AssistantSource>(),
  /** Recruited as a full-time community worker (R11). */
  recruited: boolean('recruited').notNull().default(false),
  validFrom: date('valid_from').notNull(),
  validTo: date('valid_to'),
}, t => [
  primaryKey({ name: 'grid_posts_pk', columns: [t.personId, t.gridId, t.post, t.validFrom] }),
  uniqueIndex('grid_posts_chief_key').on(t.gridId).where(sql`post = 'gridChief' and valid_to is null`),
  index('grid_posts_grid_idx').on(t.gridId),
  oneOf('grid_posts_post_check', t.post, GRID_POSTS),
  oneOf('grid_posts_source_check', t.source, ASSISTANT_SOURCES),
])

/** 双报到: the community where a person lives and has registered. */
export const residences = pgTable('residences', {
  personId: uuid('person_id').primaryKey().references(() => persons.id),
  communityId: uuid('community_id').notNull().references(() => communities.id),
})

export const personSkills = pgTable('person_skills', {
  personId: uuid('person_id').notNull().references(() => persons.id),
  skill: text('skill').$type<Skill>().notNull(),
}, t => [
  primaryKey({ name: 'person_skills_pk', columns: [t.personId, t.skill] }),
  oneOf('person_skills_skill_check', t.skill, SKILLS),
])

export const exemptions = pgTable('exemptions', {
  id: id(),
  personId: uuid('person_id').notNull().references(() => persons.id),
  reason: text('reason').$type<ExemptionReason>().notNull(),
  note: text('note').notNull().default(''),
  validFrom: date('valid_from').notNull(),
  validTo: date('valid_to'),
}, t => [
  unique('exemptions_person_from_key').on(t.personId, t.reason, t.validFrom),
  oneOf('exemptions_reason_check', t.reason, EXEMPTION_REASONS),
])

/** Authority granted by name. Roles that follow from a registry row (grid posts, employment) are not repeated here: see `roles_on`. */
export const roleGrants = pgTable('role_grants', {
  id: id(),
  personId: uuid('person_id').notNull().references(() => persons.id),
  role: text('role').$type<Role>().notNull(),
  scopeType: text('scope_type').$type<ScopeType>().notNull(),
  /** Null for the county. */
  scopeId: uuid('scope_id'),
  validFrom: date('valid_from').notNull(),
  validTo: date('valid_to'),
}, t => [
  unique('role_grants_key').on(t.personId, t.role, t.scopeType, t.scopeId, t.validFrom).nullsNotDistinct(),
  index('role_grants_scope_idx').on(t.scopeType, t.scopeId),
  oneOf('role_grants_role_check', t.role, ROLES),
  oneOf('role_grants_scope_type_check', t.scopeType, SCOPE_TYPES),
])

/** 结对共建. The mode (1+1, N+1) is derived from the number of active rows of a grid. */
export const pairings = pgTable('pairings', {
  id: id(),
  unitId: uuid('unit_id').notNull().references(() => units.id),
  gridId: uuid('grid_id').notNull().references(() => grids.id),
  isLead: boolean('is_lead').notNull(),
  validFrom: date('valid_from').notNull(),
  validTo: date('valid_to'),
}, t => [
  // Invariant 5 for open-ended rows; the exclusion constraint `pairings_no_overlap` (hand-written migration) holds it for dated ones.
  uniqueIndex('pairings_current_key').on(t.unitId, t.gridId).where(sql`valid_to is null`),
  uniqueIndex('pairings_lead_key').on(t.gridId).where(sql`is_lead and valid_to is null`),
  index('pairings_grid_idx').on(t.gridId),
])
