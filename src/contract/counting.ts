/**
 * The one counting rule (domain rule, invariant 9). Every number about people on every screen, in
 * every export and in the review is made here, from the same few facts per person.
 */
import type { Answer, Audience, CallState, MemberState, Presence } from './vocabulary.ts'

/** The facts of one person in one emergency that decide how he is counted. */
export interface PersonFacts {
  audience: Audience
  memberState: MemberState
  callState: CallState
  answer: Answer | null
  presence: Presence
}

/** What a person is, for counting and for the glyph on the board; each person is exactly one of these. */
export const PERSON_STATUSES = ['pending', 'silent', 'going', 'later', 'cannot', 'unreachable', 'onSite', 'left', 'released'] as const
export type PersonStatus = typeof PERSON_STATUSES[number]

/**
 * Presence outranks every answer, a refusal outranks the release that follows it, and 未联系上 stays
 * visible after a stand-in took the post, so that the numbers keep telling what happened.
 */
export function personStatus(facts: PersonFacts): PersonStatus {
  if (facts.presence === 'checkedIn')
    return 'onSite'
  if (facts.presence === 'checkedOut')
    return 'left'
  if (facts.callState === 'answered' && facts.answer === 'cannot')
    return 'cannot'
  if (facts.callState === 'unreachable')
    return 'unreachable'
  if (facts.memberState !== 'active')
    return 'released'
  if (facts.callState === 'pending')
    return 'pending'
  if (facts.callState === 'called')
    return 'silent'
  return facts.answer === 'later' ? 'later' : 'going'
}

/** People by status (a partition: they add up to `toCall`), and how many of them have answered in any way. */
export interface Counts extends Record<PersonStatus, number> {
  answered: number
}

export function emptyCounts(): Counts {
  return { pending: 0, silent: 0, going: 0, later: 0, cannot: 0, unreachable: 0, onSite: 0, left: 0, released: 0, answered: 0 }
}

/** Adds `n` people with these facts to `counts`, in place; a negative `n` takes them away. */
export function tally(counts: Counts, facts: PersonFacts, n: number): void {
  counts[personStatus(facts)] += n
  if (facts.callState === 'answered')
    counts.answered += n
}

export function addCounts(into: Counts, other: Counts): void {
  for (const status of PERSON_STATUSES)
    into[status] += other[status]
  into.answered += other.answered
}

/** 应叫应: distinct people ever called in this emergency. */
export function toCall(counts: Counts): number {
  return PERSON_STATUSES.reduce((sum, status) => sum + counts[status], 0)
}

/** People who have checked in, whether or not they have left again. */
export function arrived(counts: Counts): number {
  return counts.onSite + counts.left
}

/** What a board shows for one team, one community or the county. All are people or posts. */
export interface Funnel {
  /** 应到: posts to fill. */
  required: number
  /** 应叫应. */
  toCall: number
  /** 已叫应: people with an answer of any kind. */
  answered: number
  /** 在途: going, later or already there by their word, not checked in yet. */
  coming: number
  cannot: number
  /** 未叫应: called, no answer. */
  silent: number
  /** Not handed to any channel yet. */
  pending: number
  /** 未联系上. */
  unreachable: number
  /** 到岗: posts filled by people who checked in, never above `required`. */
  arrivedPosts: number
  /** Arrivals above the posts, shown apart. */
  surplus: number
  onSite: number
  left: number
  released: number
}

/**
 * Folds teams (each with its own posts) into one funnel. Posts are capped per team, because a surplus
 * in one grid fills no post in another.
 */
export function funnel(teams: Iterable<{ required: number, counts: Counts }>): Funnel {
  const sum: Funnel = { required: 0, toCall: 0, answered: 0, coming: 0, cannot: 0, silent: 0, pending: 0, unreachable: 0, arrivedPosts: 0, surplus: 0, onSite: 0, left: 0, released: 0 }
  for (const { required, counts } of teams) {
    const here = arrived(counts)
    sum.required += required
    sum.toCall += toCall(counts)
    sum.answered += counts.answered
    sum.coming += counts.going + counts.later
    sum.cannot += counts.cannot
    sum.silent += counts.silent
    sum.pending += counts.pending
    sum.unreachable += counts.unreachable
    sum.arrivedPosts += Math.min(here, required)
    sum.surplus += Math.max(0, here - required)
    sum.onSite += counts.onSite
    sum.left += counts.left
    sum.released += counts.released
  }
  return sum
}

/** Called, and let go before they had answered: by the end of the response, or by a lower level. */
export function letGo({ toCall, answered, pending, silent, unreachable }: Funnel): number {
  return toCall - answered - pending - silent - unreachable
}
