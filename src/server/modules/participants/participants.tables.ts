import type { Answer, AnswerVia, Audience, CallState, CannotReason, CheckInFlag, CheckInMethod, MemberState, Presence, TeamPost } from '../../../contract/vocabulary.ts'
import { sql } from 'drizzle-orm'
import { boolean, index, integer, pgTable, primaryKey, text, unique, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { ANSWER_VIAS, ANSWERS, AUDIENCES, CALL_STATES, CHECK_IN_METHODS, MEMBER_STATES, PRESENCES, TEAM_POSTS } from '../../../contract/vocabulary.ts'
import { moment, oneOf } from '../../platform/db/columns.ts'

/**
 * One row per person per emergency: everything that decides how he is counted (invariant 9), so that
 * every total is a GROUP BY over this one table. A snapshot: later registry edits never change it (invariant 7).
 * What it refers to is checked once per statement, not row by row (drizzle/0004_bulk.sql): the key writes it by the ten thousand.
 */
export const participants = pgTable('participants', {
  emergencyId: uuid('emergency_id').notNull(),
  personId: uuid('person_id').notNull(),
  /** 1, 2, 3 … within the emergency; the second half of a link code. */
  ordinal: integer('ordinal').notNull(),
  audience: text('audience').$type<Audience>().notNull(),
  /** Null for duty people. */
  teamId: uuid('team_id'),
  gridId: uuid('grid_id').notNull(),
  unitId: uuid('unit_id'),
  post: text('post').$type<TeamPost>(),
  memberState: text('member_state').$type<MemberState>().notNull(),
  standInFor: uuid('stand_in_for'),
  callState: text('call_state').$type<CallState>().notNull(),
  calledAt: moment('called_at'),
  answer: text('answer').$type<Answer>(),
  answerVia: text('answer_via').$type<AnswerVia>(),
  promisedAt: moment('promised_at'),
  cannotReason: text('cannot_reason').$type<CannotReason>(),
  /** First answer; later changes of mind keep it. */
  answeredAt: moment('answered_at'),
  unreachableReason: text('unreachable_reason'),
  presence: text('presence').$type<Presence>().notNull(),
  checkedInAt: moment('checked_in_at'),
  checkInMethod: text('check_in_method').$type<CheckInMethod>(),
  checkInFlags: text('check_in_flags').$type<CheckInFlag[]>().array().notNull().default(sql`'{}'`),
  checkedOutAt: moment('checked_out_at'),
  /** 未签离: why a person could not be signed off. */
  unsignedReason: text('unsigned_reason'),
  /** True while this emergency has a claim on the person as a team member (invariant 6). */
  holds: boolean('holds').notNull(),
  joinedAt: moment('joined_at').notNull(),
}, t => [
  primaryKey({ name: 'participants_pk', columns: [t.emergencyId, t.personId] }),
  unique('participants_ordinal_key').on(t.emergencyId, t.ordinal),
  // Invariant 6: nobody is in two teams, whatever emergencies overlap.
  uniqueIndex('participants_holds_key').on(t.personId).where(sql`holds`),
  // Boards and rosters of one team, one unit.
  index('participants_team_idx').on(t.teamId),
  index('participants_unit_idx').on(t.emergencyId, t.unitId),
  oneOf('participants_audience_check', t.audience, AUDIENCES),
  oneOf('participants_post_check', t.post, TEAM_POSTS),
  oneOf('participants_member_state_check', t.memberState, MEMBER_STATES),
  oneOf('participants_call_state_check', t.callState, CALL_STATES),
  oneOf('participants_answer_check', t.answer, ANSWERS),
  oneOf('participants_answer_via_check', t.answerVia, ANSWER_VIAS),
  oneOf('participants_presence_check', t.presence, PRESENCES),
  oneOf('participants_check_in_method_check', t.checkInMethod, CHECK_IN_METHODS),
])
