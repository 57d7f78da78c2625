/**
 * The emergency's event log as both sides read it. An event says what happened in terms of facts
 * before and after, so that a reader needs no memory of single people to keep counts right.
 * Free of zod: the phone and the boards import it.
 */
import type { PersonFacts } from './counting.ts'
import type { AlertKind, Answer, AnswerVia, ApprovalMode, CheckInFlag, CheckInMethod, EmergencyKind, EmergencyState, EventClass, LevelAuthority, ResponseLevel, TeamPost, TeamState, WarningColour } from './vocabulary.ts'

/** Where a person stands: duty people have no team. */
export interface Standing extends PersonFacts {
  teamId: string | null
  gridId: string | null
}

/**
 * One person's facts, before and after; `before` null: new in this emergency. Of somebody known `after` says
 * only what has become different: these events come by the ten thousand. `standingAfter` reads both.
 */
export type PersonChange = {
  personId: string
  name: string
  unitId: string | null
  post: TeamPost | null
} & ({ before: Standing, after: Partial<Standing> } | { before: null, after: Standing })

/** `n` people who moved from the same facts to the same facts at once. */
export interface BulkChange {
  before: Standing | null
  after: Standing
  n: number
}

export interface EmergencyHeader {
  id: string
  /** Human number, e.g. `2026-0007`; a drill's starts with `演练-`. */
  no: string
  kind: EmergencyKind
  eventClass: EventClass
  name: string
  isDrill: boolean
  state: EmergencyState
  /** Null only before activation (invariant 10) and for a community's initial response. */
  level: ResponseLevel | null
  levelAuthority: LevelAuthority
  basis: string
  approver: string
  approvalMode: ApprovalMode
  measures: string
  /** Rally limit; null on standby. */
  rallyBy: string | null
  expectedUntil: string
  activatedAt: string | null
  terminatedAt: string | null
  warning: { kind: string, colour: WarningColour, source: string, area: string } | null
}

export interface TeamTile {
  teamId: string
  gridId: string
  gridName: string
  communityId: string
  communityName: string
  name: string
  state: TeamState
  required: number
  captainId: string | null
  captainName: string | null
  /** The captain does not come from the lead unit, because none of its people was available. */
  captainFlagged: boolean
  rallyPoint: string
}

interface Bulk { changes: BulkChange[] }
interface OnePerson { change: PersonChange }

/** type → data. All are at v1: until the first release a shape may change, and the processes of one database are of one version (docs/operating.md). */
export interface EmergencyEventMap {
  'emergency.preAlerted': { header: EmergencyHeader, teams: TeamTile[], gridIds: string[] } & Bulk
  'emergency.activated': { header: EmergencyHeader, teams: TeamTile[], gridIds: string[] } & Bulk
  'emergency.levelChanged': { header: EmergencyHeader, from: ResponseLevel, to: ResponseLevel, reason: string, teams: TeamTile[] } & Bulk
  'emergency.scopeExtended': { header: EmergencyHeader, reason: string, teams: TeamTile[], gridIds: string[] } & Bulk
  'emergency.lifted': { header: EmergencyHeader, reason: string } & Bulk
  'emergency.revoked': { header: EmergencyHeader, reason: string } & Bulk
  'emergency.terminated': { header: EmergencyHeader, reason: string, residualMeasures: string } & Bulk
  'emergency.communityStoodDown': { communityId: string, communityName: string, signedOff: number, listed: number }
  'emergency.reviewOpened': { header: EmergencyHeader }
  'emergency.archived': { header: EmergencyHeader }
  'emergency.basisSupplied': { header: EmergencyHeader }
  'alert.issued': { alertId: string, kind: AlertKind, text: string, recipients: number }
  'calls.called': Bulk
  'call.answered': { answerId: string, answer: Answer, via: AnswerVia, promisedAt: string | null, reason: string | null, relayedBy: string | null } & OnePerson
  'call.answeredLate': { answerId: string, personId: string, name: string, answer: Answer, via: AnswerVia }
  'call.unreachable': { reason: string, by: 'ladder' | 'officer' } & OnePerson
  'calls.unreachable': { reason: string } & Bulk
  'calls.urged': { alertId: string, recipients: number }
  'presence.checkedIn': { checkInId: string, method: CheckInMethod, flags: CheckInFlag[] } & OnePerson
  'presence.checkedOut': { method: CheckInMethod | 'self' } & OnePerson
  'presence.unsignedListed': { personId: string, name: string, reason: string } & OnePerson
  'presence.rollCallOpened': { rollCallId: string, teamId: string | null, communityId: string, expected: number }
  'presence.rollCallClosed': { rollCallId: string, present: number, missing: string[] }
  'team.confirmed': { team: TeamTile }
  'team.captainChanged': { team: TeamTile, from: string | null, to: string | null }
  'team.memberMoved': { fromTeamId: string, toTeamId: string, reason: string } & OnePerson
  'team.memberReleased': { reason: string } & OnePerson
  'team.memberSubstituted': { outgoing: PersonChange | null, incoming: PersonChange, reason: string }
  'team.reinforced': { fromTeamId: string | null, team: TeamTile, reason: string, people: PersonChange[] }
  /** In both logs: the one that gives people (with the changes) and the one that takes them. */
  'team.preempted': { fromEmergencyId: string, fromName: string, byEmergencyId: string, byName: string, taken: number } & Bulk
  'review.lessonAdded': { lessonId: string, text: string }
}

export type EmergencyEventType = keyof EmergencyEventMap

/** About single people: they come by the thousand and belong to the counts, not to a timeline of milestones. */
export const PERSONAL_EVENTS: readonly EmergencyEventType[] = ['call.answered', 'call.answeredLate', 'call.unreachable', 'presence.checkedIn', 'presence.checkedOut', 'calls.called']

export function isMilestone({ type }: { type: string }): boolean {
  return !(PERSONAL_EVENTS as readonly string[]).includes(type)
}

export interface EventEnvelope<T extends EmergencyEventType = EmergencyEventType> {
  emergencyId: string
  seq: number
  type: T
  v: number
  at: string
  actorId: string | null
  actorName: string | null
  data: EmergencyEventMap[T]
}

/** A closed union that narrows on `type`. */
export type EmergencyEvent = { [T in EmergencyEventType]: EventEnvelope<T> }[EmergencyEventType]
