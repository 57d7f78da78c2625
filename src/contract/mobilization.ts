/** The switch: prepare → press → adjust → end. Facts: domain rules §4.1, Art. 71, 72, 77, 86 of the law. */
import { z } from 'zod'
import { Id, Instant, LongText, Reason, Scope, ShortText } from './common.ts'
import { Level } from './plans.ts'
import { APPROVAL_MODES, LEVEL_AUTHORITIES, SHORTFALL_REASONS, WARNING_COLOURS } from './vocabulary.ts'

/** What the operator asks for; the same words are replayed at the press. */
const Request = {
  planId: Id,
  /** One or more places; the county alone, or townships, communities and grids mixed. */
  scope: z.array(Scope).min(1).max(200),
  isDrill: z.boolean(),
  name: ShortText,
  levelAuthority: z.enum(LEVEL_AUTHORITIES),
  // The four items of Art. 72 are: name and level of the response, expected period, measures.
  basis: LongText,
  approver: ShortText,
  approvalMode: z.enum(APPROVAL_MODES),
  measures: LongText,
  expectedUntil: Instant,
}

/** POST /api/switch/preparations */
export const Prepare = z.discriminatedUnion('action', [
  z.strictObject({ action: z.literal('activate'), level: Level, /** Set when a pre-alert or an initial response is turned into this response. */ emergencyId: Id.nullable(), ...Request }),
  z.strictObject({ action: z.literal('preAlert'), level: Level, warning: z.strictObject({ kind: ShortText, colour: z.enum(WARNING_COLOURS), source: ShortText, area: ShortText }), ...Request }),
  z.strictObject({ action: z.literal('initialResponse'), ...Request }),
])
export type Prepare = z.infer<typeof Prepare>

export const Shortfall = z.strictObject({
  unitId: Id,
  unitName: z.string(),
  gridId: Id,
  gridName: z.string(),
  required: z.number().int(),
  available: z.number().int(),
  reasons: z.array(z.strictObject({ reason: z.enum(SHORTFALL_REASONS), people: z.number().int() })),
})

/** The preview: what pressing the key would do, in numbers. All are people unless named otherwise. */
export const Preparation = z.strictObject({
  preparationId: Id,
  /** Single use, bound to operator, session and request. */
  nonce: z.string(),
  expiresAt: Instant,
  /** The press must be held this long on the operator's screen. */
  holdSec: z.number().int(),
  secondFactorRequired: z.boolean(),
  counts: z.strictObject({
    townships: z.number().int(),
    communities: z.number().int(),
    grids: z.number().int(),
    units: z.number().int(),
    teams: z.number().int(),
    /** 应到. */
    required: z.number().int(),
    /** 可用: how many of the required posts can be filled by people who are free. */
    available: z.number().int(),
    /** Candidates after exemptions, the reserve included. */
    candidates: z.number().int(),
    /** Who gets a call at once. */
    toCall: z.number().int(),
    /** Grid staff and volunteers who get a duty notice. */
    duty: z.number().int(),
    /** SMS messages, after the segment rule (70, then 67 characters). */
    smsSegments: z.number().int(),
  }),
  underStrength: z.array(z.strictObject({ gridId: Id, gridName: z.string(), communityName: z.string(), required: z.number().int(), available: z.number().int() })),
  shortfalls: z.array(Shortfall),
  unreachable: z.array(z.strictObject({ reason: z.enum(SHORTFALL_REASONS), people: z.number().int() })),
  /** Taken from standby or from a drill by this press (invariant 6). */
  preempts: z.array(z.strictObject({ emergencyId: Id, no: z.string(), name: z.string(), isDrill: z.boolean(), people: z.number().int() })),
  overlaps: z.array(z.strictObject({ emergencyId: Id, no: z.string(), name: z.string(), isDrill: z.boolean() })),
  sampleSms: z.string(),
  sampleText: z.string(),
})
export type Preparation = z.infer<typeof Preparation>

/** POST /api/switch/activations, with the header `Idempotency-Key`. */
export const Press = z.strictObject({
  preparationId: Id,
  nonce: z.string().min(16).max(100),
  /** How long the key was held, as the screen measured it. */
  heldMs: z.number().int().min(0).max(600_000),
  secondFactor: z.string().max(20).optional(),
})
export type Press = z.infer<typeof Press>

export const EmergencyRef = z.strictObject({ emergencyId: Id, no: z.string(), replayed: z.boolean(), seq: z.number().int() })
export type EmergencyRef = z.infer<typeof EmergencyRef>

/** Reply of every later command: the log's sequence number that contains it. */
export const SeqReply = z.strictObject({ seq: z.number().int() })
export type SeqReply = z.infer<typeof SeqReply>

/** POST /api/emergencies/:id/level */
export const ChangeLevel = z.strictObject({ level: Level, reason: Reason })
/** POST /api/emergencies/:id/scope */
export const ExtendScope = z.strictObject({ scope: z.array(Scope).min(1).max(200), reason: Reason })
/** POST /api/emergencies/:id/adjustments/preview — of a change of level, or of an extension of the scope. */
export const PreviewAdjustment = z.union([z.strictObject({ level: Level }), z.strictObject({ scope: z.array(Scope).min(1).max(200) })])
/** What the change would do at this moment; all are people but `grids`. */
export const AdjustmentPreview = z.strictObject({
  /** 应到 afterwards, of the whole emergency. */
  required: z.number().int(),
  /** Added, and called at once. */
  called: z.number().int(),
  /** Let go: beyond the posts of a lower level, and not answered yet. */
  released: z.number().int(),
  /** Grid staff who are told besides. */
  duty: z.number().int(),
  /** Places that come in. */
  grids: z.number().int(),
})
export type AdjustmentPreview = z.infer<typeof AdjustmentPreview>
/** POST /api/emergencies/:id/revoke · /lift · /archive */
export const WithReason = z.strictObject({ reason: Reason })
/** POST /api/emergencies/:id/terminate */
export const Terminate = z.strictObject({ reason: Reason, residualMeasures: LongText })
/** POST /api/emergencies/:id/basis — the written basis after an oral approval, due within 2 hours. */
export const SupplyBasis = z.strictObject({ basis: LongText })
/** POST /api/emergencies/:id/corrections — reaches everyone who got the alert, also those who answered. */
export const Correct = z.strictObject({ text: z.string().trim().min(2).max(300) })
/** POST /api/emergencies/:id/stand-down — one community reports: everyone signed off or listed. */
export const StandDown = z.strictObject({ communityId: Id })
