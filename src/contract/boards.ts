/** Read models. The board itself is typed in `reducer.ts`; here are the lists beside it. */
import type { Board, BoardPerson } from './reducer.ts'
import { z } from 'zod'
import { Id, Instant } from './common.ts'
import { ALERT_KINDS, EMERGENCY_KINDS, EMERGENCY_STATES, EVENT_CLASSES, MODES, SCOPE_TYPES } from './vocabulary.ts'

export const BoardQuery = z.strictObject({ scope: z.enum(SCOPE_TYPES).default('county'), scopeId: Id.optional() })

/** GET /api/emergencies — open first, then recent, cut to the reader's scope. */
export const EmergencyRow = z.strictObject({
  id: Id,
  no: z.string(),
  kind: z.enum(EMERGENCY_KINDS),
  eventClass: z.enum(EVENT_CLASSES),
  name: z.string(),
  isDrill: z.boolean(),
  state: z.enum(EMERGENCY_STATES),
  level: z.number().int().nullable(),
  activatedAt: Instant.nullable(),
  terminatedAt: Instant.nullable(),
  grids: z.number().int(),
})
export type EmergencyRow = z.infer<typeof EmergencyRow>
export const EmergencyList = z.strictObject({ emergencies: z.array(EmergencyRow) })

/** GET /api/emergencies/:id/board?scope=&scopeId= — a fresh snapshot. */
export type BoardReply = Board
const UUID = '[\\da-f]{8}(?:-[\\da-f]{4}){3}-[\\da-f]{12}'

/** GET /api/emergencies/:id/people?scope=&scopeId=&ids= */
export interface BoardPeopleReply { seq: number, people: BoardPerson[], next: string | null }
export const BoardPeopleQuery = z.strictObject({
  scope: z.enum(SCOPE_TYPES),
  scopeId: Id.optional(),
  /** Only these (comma separated, at most 200), after a delta named them. */
  ids: z.string().max(8000).regex(new RegExp(`^${UUID}(,${UUID}){0,199}$`, 'i')).optional(),
  /** The last page's `next`. */
  after: z.string().regex(/^\d{1,9}$/).optional(),
  limit: z.coerce.number().int().min(1).max(2000).default(1000),
})

/** GET /api/emergencies/:id/events?after=&limit=&wait= — the log; `wait` seconds of long poll where sockets are blocked. */
export const EventsQuery = z.strictObject({
  after: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(1000).default(500),
  wait: z.coerce.number().int().min(0).max(25).default(0),
  /** Newest first, for the timeline's first page; `before` pages back. */
  before: z.coerce.number().int().min(1).optional(),
  /** Leaves out the per-person events. */
  milestones: z.enum(['true', 'false']).default('false'),
})

/** GET /api/home — the peacetime home of the console. */
export const Home = z.strictObject({
  mode: z.enum(MODES),
  communities: z.number().int(),
  grids: z.number().int(),
  units: z.number().int(),
  pairedGrids: z.number().int(),
  pairedUnits: z.number().int(),
  members: z.number().int(),
  candidates: z.number().int(),
  gridStaff: z.number().int(),
  /** Grids that would stand below 8 at level Ⅲ. */
  underStrengthAtIII: z.number().int(),
  readyGrids: z.number().int(),
  lastDrill: z.strictObject({ id: Id, name: z.string(), at: Instant }).nullable(),
  gridStates: z.array(z.strictObject({ gridId: Id, mode: z.enum(MODES), ready: z.boolean(), missing: z.array(z.string()) })),
})
export type Home = z.infer<typeof Home>

/** GET /api/emergencies/:id/mine — everything the member's phone shows about one emergency. */
export const MyEmergency = z.strictObject({
  emergencyId: Id,
  no: z.string(),
  name: z.string(),
  kind: z.enum(EMERGENCY_KINDS),
  eventClass: z.enum(EVENT_CLASSES),
  isDrill: z.boolean(),
  state: z.enum(EMERGENCY_STATES),
  level: z.number().int().nullable(),
  basis: z.string(),
  issuer: z.string(),
  measures: z.string(),
  tasks: z.string(),
  caution: z.string(),
  rallyBy: Instant.nullable(),
  expectedUntil: Instant,
  activatedAt: Instant.nullable(),
  terminatedAt: Instant.nullable(),
  seq: z.number().int(),
  alert: z.strictObject({ id: Id, kind: z.enum(ALERT_KINDS), text: z.string(), issuedAt: Instant }).nullable(),
  /** Corrections and level changes since, newest first. */
  notices: z.array(z.strictObject({ id: Id, kind: z.enum(ALERT_KINDS), text: z.string(), issuedAt: Instant })),
  me: z.strictObject({
    personId: Id,
    name: z.string(),
    audience: z.enum(['team', 'duty']),
    memberState: z.string(),
    post: z.string().nullable(),
    callState: z.string(),
    answer: z.string().nullable(),
    promisedAt: Instant.nullable(),
    reason: z.string().nullable(),
    answeredAt: Instant.nullable(),
    presence: z.string(),
    checkedInAt: Instant.nullable(),
    checkInFlags: z.array(z.string()),
    checkedOutAt: Instant.nullable(),
    /** May show the check-in code and sign others in. */
    maySignOthersIn: z.boolean(),
  }),
  team: z.strictObject({
    teamId: Id,
    name: z.string(),
    gridName: z.string(),
    communityId: Id,
    communityName: z.string(),
    captain: z.strictObject({ personId: Id, name: z.string() }).nullable(),
    communityPhone: z.string().nullable(),
    rallyPoint: z.strictObject({ name: z.string(), address: z.string(), latitude: z.number().nullable(), longitude: z.number().nullable() }),
    required: z.number().int(),
    going: z.number().int(),
    onSite: z.number().int(),
  }).nullable(),
})
export type MyEmergency = z.infer<typeof MyEmergency>
/** GET /api/mine — the open emergencies that call this person, newest first; empty in peacetime. */
export const Mine = z.strictObject({ mode: z.enum(MODES), emergencies: z.array(MyEmergency) })
export type Mine = z.infer<typeof Mine>
