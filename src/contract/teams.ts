import { z } from 'zod'
import { Id, Reason } from './common.ts'
import { ROSTER_REASONS, TEAM_POSTS } from './vocabulary.ts'

/** POST /api/emergencies/:id/people/:personId/move — between grids of one community. */
export const MoveMember = z.strictObject({ toTeamId: Id, reason: Reason })
/** POST /api/emergencies/:id/people/:personId/release */
export const ReleaseMember = z.strictObject({ reason: Reason })
/** POST /api/emergencies/:id/people/:personId/substitute — `standInId` null: the next of the same unit's roster. */
export const SubstituteMember = z.strictObject({ standInId: Id.nullable(), reason: Reason })
/** POST /api/emergencies/:id/teams/:teamId/captain */
export const NameCaptain = z.strictObject({ personId: Id })
/** POST /api/emergencies/:id/reinforcements — 跨社区调度. */
export const Reinforce = z.strictObject({ fromTeamId: Id, toTeamId: Id, personIds: z.array(Id).min(1).max(100), reason: Reason })

/** GET /api/emergencies/:id/teams/:teamId/candidates — who could stand in, in the roster's order. */
export const Candidates = z.strictObject({
  candidates: z.array(z.strictObject({
    personId: Id,
    name: z.string(),
    unitId: Id,
    unitName: z.string(),
    rank: z.number().int(),
    post: z.enum(TEAM_POSTS),
    reasons: z.array(z.enum(ROSTER_REASONS)),
  })),
})
export type Candidates = z.infer<typeof Candidates>
