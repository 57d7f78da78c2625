import { z } from 'zod'
import { Id, Instant, Reason } from './common.ts'
import { CHECK_IN_FLAGS } from './vocabulary.ts'

/** One position, given once, by consent of the tap. Never refused for being far or vague: flagged 待核. */
export const Position = z.strictObject({
  latitude: z.number().min(-90).max(90),
  longitude: z.number().min(-180).max(180),
  accuracyM: z.number().min(0).max(100_000),
  coordinateSystem: z.enum(['WGS84', 'GCJ02']),
})

/** POST /api/emergencies/:id/check-ins, and the socket event `presence:checkIn`. */
export const CheckIn = z.discriminatedUnion('method', [
  z.strictObject({ method: z.literal('code'), checkInId: Id, code: z.string().min(4).max(200) }),
  z.strictObject({ method: z.literal('position'), checkInId: Id, position: Position }),
])
export type CheckIn = z.infer<typeof CheckIn>

/** POST /api/emergencies/:id/people/:personId/check-ins — captain, grid chief or officer signs in his name. */
export const CheckInFor = z.strictObject({ checkInId: Id })
export const CheckInReply = z.strictObject({
  checkInId: Id,
  at: Instant,
  flags: z.array(z.enum(CHECK_IN_FLAGS)),
  distanceM: z.number().int().nullable(),
  replayed: z.boolean(),
})
export type CheckInReply = z.infer<typeof CheckInReply>

/** POST /api/emergencies/:id/check-outs · /people/:personId/check-outs */
export const CheckOut = z.strictObject({ checkInId: Id })
export const CheckOutReply = z.strictObject({ checkInId: Id, at: Instant, replayed: z.boolean() })
/** POST /api/emergencies/:id/people/:personId/unsigned — 未签离, with a reason. */
export const ListUnsigned = z.strictObject({ reason: Reason })

/** GET /api/emergencies/:id/teams/:teamId/check-in-code — for the captain's or grid chief's screen. */
export const CheckInCode = z.strictObject({
  code: z.string(),
  /** A link that any scanner opens. */
  url: z.string(),
  expiresAt: Instant,
  refreshInSec: z.number().int(),
})
export type CheckInCode = z.infer<typeof CheckInCode>

/** POST /api/emergencies/:id/roll-calls */
export const OpenRollCall = z.strictObject({ communityId: Id, teamId: Id.nullable() })
/** POST /api/roll-calls/:id/marks */
export const MarkRollCall = z.strictObject({ marks: z.array(z.strictObject({ personId: Id, present: z.boolean() })).min(1).max(500) })
export const RollCall = z.strictObject({
  id: Id,
  emergencyId: Id,
  communityId: Id,
  teamId: Id.nullable(),
  openedAt: Instant,
  closedAt: Instant.nullable(),
  people: z.array(z.strictObject({ personId: Id, name: z.string(), teamId: Id, teamName: z.string(), present: z.boolean().nullable() })),
})
export type RollCall = z.infer<typeof RollCall>
