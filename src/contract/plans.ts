import { z } from 'zod'
import { Id, LongText, ShortText } from './common.ts'
import { EVENT_CLASSES, RESPONSE_LEVELS, ROSTER_REASONS, SHORTFALL_REASONS, TEAM_POSTS } from './vocabulary.ts'

export const Level = z.literal(RESPONSE_LEVELS)

export const LadderRungSchema = z.strictObject({
  afterMin: z.number().int().min(0).max(1440),
  nightAfterMin: z.number().int().min(0).max(1440).optional(),
  action: z.enum(['inappAndSms', 'voice', 'secondCall', 'liaisonList', 'secretaryAndStandIn', 'relay', 'unreachable']),
})

export const TemplatesSchema = z.strictObject({
  activationSms: LongText,
  standbySms: LongText,
  dutySms: LongText,
  correctionSms: LongText,
  levelChangeSms: LongText,
  urgeSms: LongText,
  releaseSms: LongText,
  terminationSms: LongText,
  revocationSms: LongText,
  liftedSms: LongText,
  activationText: LongText,
})

export const PlanLevel = z.strictObject({
  level: Level,
  generalPct: z.number().int().min(0).max(100),
  professionalPct: z.number().int().min(0).max(100),
  /** Minutes; null = standby, nobody moves yet. */
  rallyLimitMin: z.number().int().min(5).max(1440).nullable(),
  expectedHours: z.number().int().min(1).max(720),
  basis: ShortText,
  approver: ShortText,
  measures: LongText,
  tasks: LongText,
  caution: LongText,
  ladder: z.array(LadderRungSchema).min(1).max(20),
  templates: TemplatesSchema,
})
export type PlanLevel = z.infer<typeof PlanLevel>

export const Plan = z.strictObject({
  id: Id,
  code: z.string(),
  name: z.string(),
  eventClass: z.enum(EVENT_CLASSES),
  mobilises: z.boolean(),
  version: z.number().int(),
  levels: z.array(PlanLevel),
})
export type Plan = z.infer<typeof Plan>
export const PlanList = z.strictObject({ plans: z.array(Plan) })

/** PUT /api/plans/:planId/levels/:level — `version` is the one that the editor saw. */
export const EditPlanLevel = z.strictObject({ version: z.number().int(), level: PlanLevel })

/** GET /api/plans/rosters/:gridId — the standing roster with the reason of every choice and shortfall. */
export const StandingRoster = z.strictObject({
  gridId: Id,
  gridName: z.string(),
  units: z.array(z.strictObject({
    unitId: Id,
    unitName: z.string(),
    isLead: z.boolean(),
    members: z.number().int(),
    candidates: z.number().int(),
    quotas: z.array(z.strictObject({ level: Level, quota: z.number().int() })),
    shortfalls: z.array(z.strictObject({ reason: z.enum(SHORTFALL_REASONS), people: z.number().int() })),
    people: z.array(z.strictObject({
      personId: Id,
      name: z.string(),
      rank: z.number().int(),
      post: z.enum(TEAM_POSTS),
      reasons: z.array(z.enum(ROSTER_REASONS)),
    })),
  })),
})
export type StandingRoster = z.infer<typeof StandingRoster>
