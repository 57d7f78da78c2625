/** What an answer does, decided from what is locked; writes nothing. */
import type { z } from 'zod'
import type { AnswerReply, GiveAnswer } from '../../../contract/calls.ts'
import type { AnswerVia } from '../../../contract/vocabulary.ts'
import type { NewEvent } from '../../platform/eventlog/index.ts'
import type { SharedEmergency } from '../emergencies/index.ts'
import type { Answerer } from '../participants/index.ts'
import type { AnswerRow, GivenAnswer } from './answers.repo.ts'
import { DomainError } from '../../platform/errors.ts'
import { countsAnswers, event } from '../emergencies/index.ts'
import { changeOf } from '../participants/index.ts'
import { isPlausiblePromise } from './calls.rules.ts'

/** How answers travel. */
export interface AnswerPace {
  /** Answers in one transaction at most: enough to share its trips and its commit, few enough that service and database are both always at work. */
  batch: number
  /** Transactions at once: one is worked out here, one is in the database, and one lies ready for whichever is free. */
  batches: number
  /** So many must wait before another transaction begins beside those. */
  from: number
}

export const ANSWER_PACE: AnswerPace = { batch: 1_000, batches: 3, from: 100 }

export interface Answering {
  emergencyId: string
  personId: string
  actorId: string
  answer: GiveAnswer
  via: AnswerVia
  relayedBy: string | null
}

export interface Known {
  emergencies: ReadonlyMap<string, SharedEmergency>
  /** By person: nobody answers twice in one batch. */
  people: ReadonlyMap<string, Answerer>
  /** Answers that are kept already under the ids that are given now, by person. */
  given: ReadonlyMap<string, GivenAnswer>
}

export interface Decided {
  /** One per answer, in order. */
  replies: (z.output<typeof AnswerReply> | DomainError)[]
  rows: AnswerRow[]
  /** People as their answers leave them. */
  changed: Answerer[]
  /** By emergency. */
  events: Map<string, NewEvent[]>
}

/** Each answer is kept; what comes after the end, or from somebody who was let go, is late: told, not counted. */
export function decideAnswers(batch: readonly Answering[], { emergencies, people, given }: Known, now: Date): Decided {
  const decided: Decided = { replies: [], rows: [], changed: [], events: new Map() }
  const at = now.toISOString()
  for (const a of batch) {
    const { answerId, reason, note } = a.answer
    const e = emergencies.get(a.emergencyId)
    const before = people.get(a.personId)
    const first = given.get(a.personId)
    const promisedAt = a.answer.promisedAt === null ? null : new Date(a.answer.promisedAt)
    if (e === undefined || before === undefined || before.emergencyId !== e.id) {
      decided.replies.push(new DomainError('NOT_FOUND'))
      continue
    }
    if (first !== undefined) {
      decided.replies.push({ answerId, answer: first.answer, at: first.at.toISOString(), isLate: first.isLate, replayed: true })
      continue
    }
    if (promisedAt !== null && !isPlausiblePromise(promisedAt, e.createdAt, now)) {
      decided.replies.push(new DomainError('PROMISED_AT_INVALID', { field: 'promisedAt' }))
      continue
    }
    const isLate = !countsAnswers(e.state) || before.memberState !== 'active'
    // The promise waited in the phone's outbox until its time had come: by now he is on his way.
    const answer = promisedAt !== null && promisedAt <= now ? 'going' : a.answer.answer
    const log = decided.events.get(e.id) ?? []
    decided.events.set(e.id, log)
    decided.rows.push({ answerId, emergencyId: e.id, personId: a.personId, answer, via: a.via, promisedAt, reason, note, relayedBy: a.relayedBy, isLate })
    decided.replies.push({ answerId, answer, at, isLate, replayed: false })
    if (isLate) {
      log.push(event(a.actorId, now, 'call.answeredLate', { answerId, personId: a.personId, name: before.name, answer, via: a.via }))
    }
    else {
      const after: Answerer = { ...before, callState: 'answered', answer }
      decided.changed.push(after)
      log.push(event(a.actorId, now, 'call.answered', { answerId, answer, via: a.via, promisedAt: a.answer.promisedAt, reason, relayedBy: a.relayedBy, change: changeOf(before, after) }))
    }
  }
  return decided
}
