/**
 * The closed sets of the domain, one const array each: the same array feeds the zod schema, the
 * database CHECK and the message catalogue, so that a new word must be met everywhere.
 * Free of zod: the phone imports it.
 */

/** Categories of events, Art. 2 and 3 of the Emergency Response Law (2024). */
export const EVENT_CLASSES = ['naturalDisaster', 'accidentDisaster', 'publicHealth', 'socialSecurity'] as const
export type EventClass = typeof EVENT_CLASSES[number]

/** Response levels, Ⅰ (highest) to Ⅳ, Art. 71. Not a warning colour (Art. 63). */
export const RESPONSE_LEVELS = [1, 2, 3, 4] as const
export type ResponseLevel = typeof RESPONSE_LEVELS[number]

/** A number that may be a level: as a row or a route holds it. */
export const levelOf = (level: unknown): ResponseLevel | null => RESPONSE_LEVELS.find(one => one === level) ?? null

/** Levels of authority; several may run a response of their own at the same time. */
export const LEVEL_AUTHORITIES = ['county', 'city', 'province', 'nation', 'community'] as const
export type LevelAuthority = typeof LEVEL_AUTHORITIES[number]

/**
 * - `response`: the county's response; unit members form vanguard teams.
 * - `initialResponse`: 先期处置 by one community in its own grids (Art. 77); grid staff and volunteers only.
 */
export const EMERGENCY_KINDS = ['response', 'initialResponse'] as const
export type EmergencyKind = typeof EMERGENCY_KINDS[number]

/**
 * - `preAlert`: 预警待命, teams on standby.
 * - `activated`: 急时, calls run and people move.
 * - `standDown`: terminated; people are signed off.
 * - `review`: everyone signed off or listed; lessons are written.
 * - `archived`: closed for good.
 * - `lifted`: a pre-alert that ended without activation (Art. 70).
 * - `revoked`: 误启动撤销, pressed by mistake.
 */
export const EMERGENCY_STATES = ['preAlert', 'activated', 'standDown', 'review', 'archived', 'lifted', 'revoked'] as const
export type EmergencyState = typeof EMERGENCY_STATES[number]

/** States in which an emergency holds its people and takes answers and check-ins. */
export const OPEN_STATES = ['preAlert', 'activated', 'standDown'] as const satisfies readonly EmergencyState[]

/** What a grid (or the county) is in; derived from the emergencies that cover it, never stored. */
export const MODES = ['peacetime', 'standby', 'emergency'] as const
export type Mode = typeof MODES[number]

export const APPROVAL_MODES = ['written', 'oral'] as const
export type ApprovalMode = typeof APPROVAL_MODES[number]

export const WARNING_COLOURS = ['red', 'orange', 'yellow', 'blue'] as const
export type WarningColour = typeof WARNING_COLOURS[number]

export const ROLES = [
  'countyAdmin',
  'countyDuty',
  'countyCommander',
  'townshipSecretary',
  'communitySecretary',
  'communityCadre',
  'gridChief',
  'gridOfficer',
  'gridAssistant',
  'unitSecretary',
  'unitLiaison',
  'unitMember',
  'auditor',
  'systemAdmin',
  'securityAdmin',
] as const
export type Role = typeof ROLES[number]

export const SCOPE_TYPES = ['county', 'township', 'community', 'grid', 'unit'] as const
export type ScopeType = typeof SCOPE_TYPES[number]

export const PLACE_TYPES = ['commercial', 'oldCompound', 'standaloneBlocks', 'backStreets', 'newCompound', 'resettlement', 'suburb'] as const
export type PlaceType = typeof PLACE_TYPES[number]

export const PARTY_ORG_KINDS = [
  'townshipCommittee',
  'communityGeneralBranch',
  'communityBranch',
  'gridBranch',
  'gridGroup',
  'unitCommittee',
  'unitGeneralBranch',
  'unitBranch',
  'temporaryBranch',
] as const
export type PartyOrgKind = typeof PARTY_ORG_KINDS[number]

export const MEMBERSHIP_KINDS = ['inService', 'resident', 'commercial', 'floating', 'probationary'] as const
export type MembershipKind = typeof MEMBERSHIP_KINDS[number]

export const POLITICAL_STATUSES = ['partyMember', 'probationaryMember', 'leagueMember', 'masses'] as const
export type PoliticalStatus = typeof POLITICAL_STATUSES[number]

export const UNIT_CATEGORIES = ['party', 'government', 'judicial', 'institution', 'medical', 'school', 'vertical', 'finance', 'utility'] as const
export type UnitCategory = typeof UNIT_CATEGORIES[number]

/** How much of a unit may be summoned: `professional` forces keep their own duty first, `restricted` units are never summoned. */
export const MOBILISATION_CLASSES = ['general', 'professional', 'restricted'] as const
export type MobilisationClass = typeof MOBILISATION_CLASSES[number]

export const GRID_POSTS = ['gridChief', 'gridOfficer', 'gridAssistant'] as const satisfies readonly Role[]
export type GridPost = typeof GRID_POSTS[number]

export const ASSISTANT_SOURCES = ['partyBackbone', 'residentRepresentative', 'volunteer'] as const
export type AssistantSource = typeof ASSISTANT_SOURCES[number]

export const ROSTER_TIERS = [1, 2, 3] as const
export type RosterTier = typeof ROSTER_TIERS[number]

export const SKILLS = ['medical', 'plumbingElectric', 'driving', 'radio', 'foreignLanguage', 'counselling', 'legal', 'machinery', 'firstAid', 'logistics'] as const
export type Skill = typeof SKILLS[number]

export const EXEMPTION_REASONS = ['ill', 'maternity', 'caring', 'away', 'essentialDuty', 'familyAffected', 'other'] as const
export type ExemptionReason = typeof EXEMPTION_REASONS[number]

/** Posts by function inside a team; `captain` and `deputy` lead it. */
export const TEAM_POSTS = ['captain', 'deputy', 'coordination', 'evacuation', 'guard', 'patrol', 'supplies', 'medical', 'publicity'] as const
export type TeamPost = typeof TEAM_POSTS[number]

/** - `provisional`: formed by the key. - `confirmed`: 确认编队 by the community. - `dissolved`: after the end. */
export const TEAM_STATES = ['provisional', 'confirmed', 'dissolved'] as const
export type TeamState = typeof TEAM_STATES[number]

/**
 * A person's place in the emergency.
 * - `active`: fills a post. - `substituted`: a stand-in took the post over. - `released`: let go.
 * - `preempted`: taken by an emergency that comes first (invariant 6).
 */
export const MEMBER_STATES = ['active', 'substituted', 'released', 'preempted'] as const
export type MemberState = typeof MEMBER_STATES[number]

/** `team`: unit members, inside 应叫应. `duty`: grid staff and volunteers, told and asked, but counted apart (invariant 9). */
export const AUDIENCES = ['team', 'duty'] as const
export type Audience = typeof AUDIENCES[number]

/**
 * - `pending`: nothing has been accepted by any channel yet. - `called`: at least one channel took the message.
 * - `answered`: the person (or someone in his name) answered. - `unreachable`: 未联系上, the ladder ended or an officer says so.
 */
export const CALL_STATES = ['pending', 'called', 'answered', 'unreachable'] as const
export type CallState = typeof CALL_STATES[number]

/** `later` and `alreadyThere` count as going. */
export const ANSWERS = ['going', 'later', 'cannot', 'alreadyThere'] as const
export type Answer = typeof ANSWERS[number]

export const CANNOT_REASONS = ['away', 'onDuty', 'ill', 'caring', 'familyAffected', 'other'] as const
export type CannotReason = typeof CANNOT_REASONS[number]

export const ANSWER_VIAS = ['app', 'link', 'sms', 'voice', 'wecom', 'relay', 'officer', 'checkIn'] as const
export type AnswerVia = typeof ANSWER_VIAS[number]

export const PRESENCES = ['none', 'checkedIn', 'checkedOut'] as const
export type Presence = typeof PRESENCES[number]

export const CHECK_IN_METHODS = ['code', 'position', 'captain', 'gridChief', 'officer'] as const
export type CheckInMethod = typeof CHECK_IN_METHODS[number]

/** Why a check-in is marked 待核; it is never refused for these. */
export const CHECK_IN_FLAGS = ['outOfFence', 'lowAccuracy', 'noRallyPosition', 'afterLimit'] as const
export type CheckInFlag = typeof CHECK_IN_FLAGS[number]

export const CHANNELS = ['inapp', 'sms'] as const
export type Channel = typeof CHANNELS[number]

/**
 * One lattice for all channels; a state only moves up it.
 * - `sending`: claimed by a sender, has a deadline. - `accepted`: the provider took it. - `unknown`: the sender died after handing over.
 */
export const DELIVERY_STATES = ['pending', 'sending', 'accepted', 'delivered', 'read', 'failedTemp', 'failedPerm', 'unknown', 'cancelled'] as const
export type DeliveryState = typeof DELIVERY_STATES[number]

export const ALERT_KINDS = ['standby', 'activation', 'duty', 'summons', 'correction', 'levelChange', 'urge', 'release', 'preempted', 'drillAborted', 'revocation', 'termination', 'lifted'] as const
export type AlertKind = typeof ALERT_KINDS[number]

/** Why a person stands where he stands in a roster, or why a post stays empty. */
export const ROSTER_REASONS = ['tier1', 'tier2', 'tier3', 'untiered', 'skillMatch', 'livesThere', 'leastHours', 'stableOrder'] as const
export type RosterReason = typeof ROSTER_REASONS[number]

export const SHORTFALL_REASONS = ['exempt', 'inOtherEmergency', 'restrictedUnit', 'tooFewMembers'] as const
export type ShortfallReason = typeof SHORTFALL_REASONS[number]

/** A team below this many people counts as short (domain rule §4.2.2). */
export const UNDER_STRENGTH_BELOW = 8

/** Required at the end of an otherwise exhaustive switch: a new word of a closed set fails the type check there. */
export function assertNever(value: never): never {
  throw new Error(`unexpected value: ${String(value)}`)
}
