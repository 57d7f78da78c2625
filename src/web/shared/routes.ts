/**
 * Every address that the web client asks, with what goes in and what comes out. Types only: the phone
 * loads nothing of it.
 */
import type { z } from 'zod'
import type * as boards from '../../contract/boards.ts'
import type * as calls from '../../contract/calls.ts'
import type { EmergencyEvent } from '../../contract/events.ts'
import type * as identity from '../../contract/identity.ts'
import type * as mobilization from '../../contract/mobilization.ts'
import type * as plans from '../../contract/plans.ts'
import type * as presence from '../../contract/presence.ts'
import type { Board } from '../../contract/reducer.ts'
import type * as registry from '../../contract/registry.ts'
import type * as review from '../../contract/review.ts'
import type * as teams from '../../contract/teams.ts'

interface Routes {
  'GET /api/county': { reply: identity.CountyInfo }
  'GET /api/demo/accounts': { reply: identity.DemoAccounts }
  'POST /api/session': { body: identity.SignIn, reply: identity.Me }
  'DELETE /api/session': { reply: undefined }
  'GET /api/me': { reply: identity.Me }

  'POST /api/links/:code': { body: Record<string, never>, reply: identity.Me }

  'GET /api/home': { reply: boards.Home }
  'GET /api/mine': { reply: boards.Mine }
  'GET /api/registry/tree': { reply: registry.PlaceTree }
  'GET /api/registry/units': { reply: z.infer<typeof registry.UnitList> }
  'GET /api/registry/people': { query: z.input<typeof registry.PeopleQuery>, reply: registry.PeoplePage }
  'POST /api/registry/people': { body: registry.NewPerson, reply: z.infer<typeof registry.IdReply> }
  'POST /api/registry/exemptions': { body: registry.NewExemption, reply: z.infer<typeof registry.IdReply> }
  'POST /api/registry/pairings': { body: registry.NewPairing, reply: z.infer<typeof registry.IdReply> }
  'POST /api/registry/pairings/:pairingId/end': { body: z.infer<typeof registry.EndPairing>, reply: undefined }
  'POST /api/people/:personId/phone-reveals': { body: z.infer<typeof registry.RevealPhone>, reply: z.infer<typeof registry.RevealedPhone> }

  'GET /api/plans': { reply: z.infer<typeof plans.PlanList> }
  'GET /api/plans/:planId': { reply: plans.Plan }
  'PUT /api/plans/:planId/levels/:level': { body: z.infer<typeof plans.EditPlanLevel>, reply: plans.Plan }
  'GET /api/plans/rosters/:gridId': { reply: plans.StandingRoster }

  'POST /api/switch/preparations': { body: mobilization.Prepare, reply: mobilization.Preparation }
  'POST /api/switch/activations': { body: mobilization.Press, reply: mobilization.EmergencyRef }
  'POST /api/emergencies/:id/level': { body: z.infer<typeof mobilization.ChangeLevel>, reply: mobilization.SeqReply }
  'POST /api/emergencies/:id/adjustments/preview': { body: z.infer<typeof mobilization.PreviewAdjustment>, reply: mobilization.AdjustmentPreview }
  'POST /api/emergencies/:id/scope': { body: z.infer<typeof mobilization.ExtendScope>, reply: mobilization.SeqReply }
  'POST /api/emergencies/:id/revoke': { body: z.infer<typeof mobilization.WithReason>, reply: mobilization.SeqReply }
  'POST /api/emergencies/:id/lift': { body: z.infer<typeof mobilization.WithReason>, reply: mobilization.SeqReply }
  'POST /api/emergencies/:id/archive': { body: z.infer<typeof mobilization.WithReason>, reply: mobilization.SeqReply }
  'POST /api/emergencies/:id/terminate': { body: z.infer<typeof mobilization.Terminate>, reply: mobilization.SeqReply }
  'POST /api/emergencies/:id/basis': { body: z.infer<typeof mobilization.SupplyBasis>, reply: mobilization.SeqReply }
  'POST /api/emergencies/:id/corrections': { body: z.infer<typeof mobilization.Correct>, reply: mobilization.SeqReply }
  'POST /api/emergencies/:id/stand-down': { body: z.infer<typeof mobilization.StandDown>, reply: mobilization.SeqReply }

  'GET /api/emergencies': { reply: z.infer<typeof boards.EmergencyList> }
  'GET /api/emergencies/:id/board': { query: z.input<typeof boards.BoardQuery>, reply: Board }
  'GET /api/emergencies/:id/people': { query: z.input<typeof boards.BoardPeopleQuery>, reply: boards.BoardPeopleReply }
  'GET /api/emergencies/:id/events': { query: z.input<typeof boards.EventsQuery>, reply: { events: EmergencyEvent[] } }
  'GET /api/emergencies/:id/mine': { reply: boards.MyEmergency }

  'POST /api/emergencies/:id/captain-calls': { body: Record<string, never>, reply: z.infer<typeof registry.RevealedPhone> }
  'POST /api/emergencies/:id/answers': { body: calls.GiveAnswer, reply: calls.AnswerReply }
  'POST /api/emergencies/:id/people/:personId/answers': { body: calls.GiveAnswer, reply: calls.AnswerReply }
  'POST /api/emergencies/:id/receipts': { body: calls.GiveReceipt, reply: z.infer<typeof calls.ReceiptReply> }
  'POST /api/emergencies/:id/unreachable': { body: z.infer<typeof calls.MarkUnreachable>, reply: mobilization.SeqReply }
  'POST /api/emergencies/:id/urges': { body: z.infer<typeof calls.Urge>, reply: z.infer<typeof calls.UrgeReply> }
  'GET /api/sandbox/messages': { query: z.input<typeof calls.SandboxQuery>, reply: calls.SandboxMessages }

  'POST /api/emergencies/:id/people/:personId/move': { body: z.infer<typeof teams.MoveMember>, reply: mobilization.SeqReply }
  'POST /api/emergencies/:id/people/:personId/release': { body: z.infer<typeof teams.ReleaseMember>, reply: mobilization.SeqReply }
  'POST /api/emergencies/:id/people/:personId/substitute': { body: z.infer<typeof teams.SubstituteMember>, reply: mobilization.SeqReply }
  'POST /api/emergencies/:id/teams/:teamId/confirm': { body: Record<string, never>, reply: mobilization.SeqReply }
  'GET /api/emergencies/:id/teams/:teamId/members': { reply: boards.BoardPeopleReply }
  'POST /api/emergencies/:id/teams/:teamId/captain': { body: z.infer<typeof teams.NameCaptain>, reply: mobilization.SeqReply }
  'GET /api/emergencies/:id/teams/:teamId/candidates': { reply: teams.Candidates }
  'POST /api/emergencies/:id/reinforcements': { body: z.infer<typeof teams.Reinforce>, reply: mobilization.SeqReply }

  'POST /api/emergencies/:id/check-ins': { body: presence.CheckIn, reply: presence.CheckInReply }
  'POST /api/emergencies/:id/people/:personId/check-ins': { body: z.infer<typeof presence.CheckInFor>, reply: presence.CheckInReply }
  'POST /api/emergencies/:id/check-outs': { body: z.infer<typeof presence.CheckOut>, reply: z.infer<typeof presence.CheckOutReply> }
  'POST /api/emergencies/:id/people/:personId/check-outs': { body: z.infer<typeof presence.CheckOut>, reply: z.infer<typeof presence.CheckOutReply> }
  'POST /api/emergencies/:id/people/:personId/unsigned': { body: z.infer<typeof presence.ListUnsigned>, reply: mobilization.SeqReply }
  'GET /api/emergencies/:id/teams/:teamId/check-in-code': { reply: presence.CheckInCode }
  'POST /api/emergencies/:id/roll-calls': { body: z.infer<typeof presence.OpenRollCall>, reply: z.infer<typeof presence.RollCall> }
  'GET /api/roll-calls/:id': { reply: z.infer<typeof presence.RollCall> }
  'POST /api/roll-calls/:id/close': { body: Record<string, never>, reply: z.infer<typeof presence.RollCall> }
  'POST /api/roll-calls/:id/marks': { body: z.infer<typeof presence.MarkRollCall>, reply: z.infer<typeof presence.RollCall> }

  'GET /api/emergencies/:id/review': { reply: review.Review }
  'POST /api/emergencies/:id/lessons': { body: z.infer<typeof review.AddLesson>, reply: mobilization.SeqReply }
}

export type Route = keyof Routes

type Names<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}` ? Name | Names<Rest> : Path extends `${string}:${infer Name}` ? Name : never
export type ParamsOf<R extends Route> = [Names<R>] extends [never] ? never : Record<Names<R>, string | number>
export type BodyOf<R extends Route> = Routes[R] extends { body: infer Body } ? Body : undefined
export type QueryOf<R extends Route> = Routes[R] extends { query: infer Query } ? Query : Record<string, never>
export type ReplyOf<R extends Route> = Routes[R]['reply']
