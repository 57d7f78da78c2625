import type { z } from 'zod'
import type { AnswerReply, GiveAnswer, GiveReceipt, MarkUnreachable, Urge } from '../../../contract/calls.ts'
import type { Scope } from '../../../contract/common.ts'
import type { AnswerVia, Channel } from '../../../contract/vocabulary.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Database, Tx } from '../../platform/db/index.ts'
import type { NewEvent, Tail } from '../../platform/eventlog/index.ts'
import type { Actor, Caller } from '../../platform/http/index.ts'
import type { Logger } from '../../platform/logger.ts'
import type { Scheduler } from '../../platform/scheduler.ts'
import type { Secret } from '../../platform/secrets.ts'
import type { EmergencyRow } from '../emergencies/index.ts'
import type { Action, Identity, Target } from '../identity/index.ts'
import type { ParticipantRow } from '../participants/index.ts'
import type { GridIndex, PhoneVault } from '../registry/index.ts'
import type { AnswerRow } from './answers.repo.ts'
import type { DeliveryOutcome } from './deliveries.repo.ts'
import type { ChannelSender } from './ports.ts'
import { sql } from 'drizzle-orm'
import { HOUR } from '../../platform/clock.ts'
import { DomainError } from '../../platform/errors.ts'
import { append } from '../../platform/eventlog/index.ts'
import { createGroupCommit } from '../../platform/groupcommit.ts'
import { createRateLimit } from '../../platform/http/index.ts'
import { audit } from '../audit/index.ts'
import { countsAnswers, event, getEmergency, isOpen, lockEmergency, modeOf, openEmergencies, shareEmergencies } from '../emergencies/index.ts'
import { linkCode, readLinkCode, requireAccess } from '../identity/index.ts'
import { bulkChange, changeOf, findByOrdinal, findParticipant, lockPeople, saveParticipants } from '../participants/index.ts'
import { isWithin, placeOfScope } from '../registry/index.ts'
import { issueAlert } from './alerts.repo.ts'
import { findAnswers, insertAnswers } from './answers.repo.ts'
import { isPlausiblePromise, ladderLevel, unreachableAt } from './calls.rules.ts'
import { claimDeliveries, recordOutcomes, recordReceipt } from './deliveries.repo.ts'
import { appText, fillTemplate, LEVEL_WORDS, smsText } from './texts.rules.ts'

export interface CallsDeps {
  db: Database
  clock: Clock
  log: Logger
  countyName: string
  publicUrl: string
  linkKey: Secret
  vault: PhoneVault
  grids: GridIndex
  identity: Pick<Identity, 'openLinkSession'>
  tail: Pick<Tail, 'wake'>
  /** Null where the deployment has no SMS channel yet: deliveries wait. */
  sms: ChannelSender | null
}

export type Calls = ReturnType<typeof createCalls>

interface Answering {
  emergencyId: string
  personId: string
  actorId: string
  answer: GiveAnswer
  via: AnswerVia
  relayedBy: string | null
}

const SEND_BATCH = 500
const URGE_EVERY_SEC = 180
/** A link still opens the page for a day after the end: people sign off and see that it is over. */
const LINK_GRACE_MS = 24 * HOUR

/** Where a person stands, for the access table. */
export function targetOf(grids: GridIndex, e: EmergencyRow, p: Pick<ParticipantRow, 'personId' | 'gridId' | 'unitId'>, captainId: string | null): Target {
  const place = grids.get(p.gridId)
  return {
    personId: p.personId,
    emergencyId: e.id,
    mode: modeOf([e.state]),
    captainId,
    ...(p.unitId === null ? {} : { unitId: p.unitId }),
    ...(place === undefined ? {} : { gridId: place.gridId, communityId: place.communityId, townshipId: place.townshipId }),
  }
}

export async function captainOf(tx: Tx, teamId: string | null): Promise<string | null> {
  if (teamId === null)
    return null
  const rows = await tx.execute<{ captain_id: string | null }>(sql`select captain_id from vanguard_teams where id = ${teamId}`)
  return rows[0]?.captain_id ?? null
}

export function createCalls(deps: CallsDeps) {
  const { db, clock, log, grids, vault, tail } = deps
  const linkLimit = createRateLimit(60, 60)
  const urgeLimit = createRateLimit(1, URGE_EVERY_SEC)
  let wakeSender = () => {}

  /** One transaction for everything that arrived while the last batch was written. */
  const answers = createGroupCommit<Answering, z.output<typeof AnswerReply>>({
    async write(batch) {
      const now = clock.now()
      const results = await db.answers.tx(async (tx) => {
        const emergencies = await shareEmergencies(tx, [...new Set(batch.map(a => a.emergencyId))])
        const people = await lockPeople(tx, batch)
        const seen = await findAnswers(tx, batch.map(a => a.answer.answerId))
        const replies: (z.output<typeof AnswerReply> | Error)[] = []
        const rows: AnswerRow[] = []
        const changed = new Map<string, ParticipantRow>()
        const events = new Map<string, NewEvent[]>()
        for (const a of batch) {
          const e = emergencies.get(a.emergencyId)
          const key = `${a.emergencyId} ${a.personId}`
          const before = changed.get(key) ?? people.get(key)
          if (e === undefined || before === undefined) {
            replies.push(new DomainError('NOT_FOUND'))
            continue
          }
          const first = seen.get(a.answer.answerId)
          if (first !== undefined) {
            replies.push(first.personId === a.personId && first.emergencyId === a.emergencyId
              ? { answerId: a.answer.answerId, answer: first.answer, at: first.at.toISOString(), isLate: first.isLate, replayed: true }
              : new DomainError('CONFLICT'))
            continue
          }
          const promisedAt = a.answer.promisedAt === null ? null : new Date(a.answer.promisedAt)
          if (promisedAt !== null && !isPlausiblePromise(promisedAt, now)) {
            replies.push(new DomainError('PROMISED_AT_INVALID', { field: 'promisedAt' }))
            continue
          }
          const isLate = !countsAnswers(e.state) || before.memberState !== 'active'
          const { answerId, answer, reason, note } = a.answer
          rows.push({ answerId, emergencyId: e.id, personId: a.personId, answer, via: a.via, promisedAt, reason, note, relayedBy: a.relayedBy, isLate, at: now })
          seen.set(answerId, { personId: a.personId, emergencyId: e.id, answer, isLate, at: now })
          const log = events.get(e.id) ?? []
          events.set(e.id, log)
          if (isLate) {
            log.push(event(a.actorId, now, 'call.answeredLate', { answerId, personId: a.personId, name: before.name, answer, via: a.via }))
          }
          else {
            const after: ParticipantRow = { ...before, callState: 'answered', answer, answerVia: a.via, promisedAt, cannotReason: reason, answeredAt: before.answeredAt ?? now, unreachableReason: null }
            changed.set(key, after)
            log.push(event(a.actorId, now, 'call.answered', { answerId, answer, via: a.via, promisedAt: a.answer.promisedAt, reason, relayedBy: a.relayedBy, change: changeOf(before, after) }))
          }
          replies.push({ answerId, answer, at: now.toISOString(), isLate, replayed: false })
        }
        if (rows.length > 0) {
          await insertAnswers(tx, rows)
          await saveParticipants(tx, [...changed.values()])
          for (const emergencyId of [...events.keys()].sort())
            await append(tx, emergencyId, events.get(emergencyId) ?? [])
        }
        return { replies, touched: [...events.keys()] }
      })
      for (const id of results.touched)
        tail.wake(id)
      return results.replies
    },
  })

  async function locate(tx: Tx, emergencyId: string, personId: string): Promise<{ e: EmergencyRow, p: ParticipantRow, target: Target }> {
    const e = await getEmergency(tx, emergencyId)
    const p = await findParticipant(tx, emergencyId, personId)
    if (p === null)
      throw new DomainError('NOT_FOUND')
    return { e, p, target: targetOf(grids, e, p, await captainOf(tx, p.teamId)) }
  }

  function requireFor(actor: Actor, action: Action, target: Target): void {
    requireAccess(actor, action, target, actor.kind === 'link' ? undefined : 'board.view')
  }

  /** The people of a scope inside one emergency, as a condition over `participants p`. */
  function peopleOf(scope: Scope) {
    if (scope.type === 'unit')
      return sql`p.unit_id = ${scope.id}`
    const gridIds = [...grids.all()].filter(place => isWithin(place, scope)).map(place => place.gridId)
    return sql`p.grid_id = any(${sql.param(`{${gridIds.join(',')}}`)}::uuid[])`
  }

  /** Deliveries that a channel took: the person counts as called from now on. */
  async function markCalled(tx: Tx, emergencyId: string, personIds: readonly string[], now: Date): Promise<void> {
    const changes = await bulkChange(tx, emergencyId, sql`p.call_state = 'pending' and p.person_id = any(${sql.param(`{${personIds.join(',')}}`)}::uuid[])`, sql`call_state = 'called', called_at = ${now.toISOString()}::timestamptz`)
    if (changes.length > 0)
      await append(tx, emergencyId, [event(null, now, 'calls.called', { changes })])
  }

  /** Claim → commit → hand over → record: no provider is called inside a transaction. */
  async function sendDue(sender: ChannelSender): Promise<void> {
    for (;;) {
      const claimed = await db.work.tx(tx => claimDeliveries(tx, 'sms', SEND_BATCH, clock.now()))
      if (claimed.length === 0)
        return
      for (let i = 0; i < claimed.length; i += sender.batchSize) {
        const part = claimed.slice(i, i + sender.batchSize)
        const outcomes = await handOver(sender, part)
        const now = clock.now()
        const touched = await db.work.tx(async (tx) => {
          const accepted = new Map<string, string[]>()
          for (const [n, d] of part.entries()) {
            if (outcomes[n]?.state === 'accepted')
              accepted.set(d.emergencyId, [...accepted.get(d.emergencyId) ?? [], d.personId])
          }
          const ids = [...accepted.keys()].sort()
          // A state change waits for us or we for it: people are not "called" after the end.
          await shareEmergencies(tx, ids)
          await recordOutcomes(tx, 'sms', outcomes, now)
          for (const id of ids)
            await markCalled(tx, id, accepted.get(id) ?? [], now)
          return ids
        })
        for (const id of touched)
          tail.wake(id)
      }
    }
  }

  async function handOver(sender: ChannelSender, part: Awaited<ReturnType<typeof claimDeliveries>>): Promise<DeliveryOutcome[]> {
    const messages = part.map(d => ({
      key: `${d.alertId} ${d.personId}`,
      personId: d.personId,
      phone: vault.open(d.phoneCipher),
      text: fillTemplate(d.template, {
        姓名: d.name,
        单位: d.unitName ?? '',
        集结点: d.rallyPoint ?? '',
        队名: d.teamName ?? '',
        社区: d.communityName,
        链接: `${deps.publicUrl}/a/${linkCode(deps.linkKey, d.serial, d.ordinal)} `,
      }),
    }))
    try {
      const results = await sender.send(messages)
      return part.map((d, i) => {
        const result = results[i]
        return {
          alertId: d.alertId,
          personId: d.personId,
          state: result?.state ?? 'unknown',
          providerId: result?.state === 'accepted' ? result.providerId : null,
          failure: result === undefined || result.state === 'accepted' ? null : result.failure,
          retryAfterSec: result?.state === 'failedTemp' ? result.retryAfterSec : 0,
        }
      })
    }
    catch (error) {
      log.warn({ err: error, messages: part.length }, 'the SMS channel failed in the middle of a batch')
      return part.map(d => ({ alertId: d.alertId, personId: d.personId, state: 'failedTemp' as const, providerId: null, failure: 'sender failed', retryAfterSec: 5 }))
    }
  }

  /** Who stayed silent to the end of the ladder is 未联系上, by the ladder stamped at the key. */
  async function endLadders(stillLeader: () => boolean): Promise<void> {
    const now = clock.now()
    for (const e of await db.read.tx(tx => openEmergencies(tx), { readOnly: true })) {
      const from = e.activatedAt ?? e.createdAt
      const ladder = e.plan.levels[ladderLevel(e.level)].ladder
      const first = unreachableAt(ladder, from)
      if (!countsAnswers(e.state) || first === null || first > now || !stillLeader())
        continue
      const waited = first.getTime() - from.getTime()
      await db.work.tx(async (tx) => {
        const locked = await lockEmergency(tx, e.id, 'share')
        if (!countsAnswers(locked.state))
          return
        const changes = await bulkChange(tx, e.id, sql`p.member_state = 'active' and p.call_state in ('pending', 'called') and p.presence = 'none' and p.joined_at <= ${new Date(now.getTime() - waited).toISOString()}`, sql`call_state = 'unreachable', unreachable_reason = 'ladder'`)
        if (changes.length > 0)
          await append(tx, e.id, [event(null, now, 'calls.unreachable', { reason: 'ladder', changes })])
      })
      tail.wake(e.id)
    }
  }

  return {
    /** The person himself, by app, link or any other way that identifies him. */
    answer({ actor }: Caller, emergencyId: string, answer: GiveAnswer, via?: AnswerVia): Promise<z.output<typeof AnswerReply>> {
      requireAccess(actor, 'call.answerOwn', { personId: actor.personId, emergencyId })
      return answers.submit({ emergencyId, personId: actor.personId, actorId: actor.personId, answer, via: via ?? (actor.kind === 'link' ? 'link' : 'app'), relayedBy: null })
    },

    /** 代叫应: an officer or colleague answers in the person's name; both names are kept. */
    async answerFor({ actor, requestId }: Caller, emergencyId: string, personId: string, answer: GiveAnswer): Promise<z.output<typeof AnswerReply>> {
      const via = await db.work.tx(async (tx) => {
        const { target } = await locate(tx, emergencyId, personId)
        requireFor(actor, 'call.answerFor', target)
        await audit(tx, { actorId: actor.personId, action: 'call.answerFor', subjectType: 'person', subjectId: personId, requestId, details: { emergencyId, answer: answer.answer } })
        return actor.grants.some(g => g.role === 'communitySecretary' || g.role === 'countyDuty') ? 'officer' as const : 'relay' as const
      })
      return answers.submit({ emergencyId, personId, actorId: actor.personId, answer, via, relayedBy: actor.personId })
    },

    /** The phone shows the alert, or the person has it before his eyes. Read is not answered. */
    async receipt({ actor }: Caller, emergencyId: string, { alertId, read }: GiveReceipt): Promise<{ state: 'delivered' | 'read' }> {
      requireAccess(actor, 'call.answerOwn', { personId: actor.personId, emergencyId })
      const now = clock.now()
      const called = await db.answers.tx(async (tx) => {
        const e = await lockEmergency(tx, emergencyId, 'share')
        if (!await recordReceipt(tx, alertId, emergencyId, actor.personId, read, now))
          throw new DomainError('NOT_FOUND')
        if (!countsAnswers(e.state))
          return false
        const p = await findParticipant(tx, emergencyId, actor.personId)
        if (p?.callState !== 'pending')
          return false
        await markCalled(tx, emergencyId, [actor.personId], now)
        return true
      })
      if (called)
        tail.wake(emergencyId)
      return { state: read ? 'read' : 'delivered' }
    },

    /** In-app alerts that this process has put on open sockets. */
    async recordAccepted(alertId: string, emergencyId: string, channel: Channel, personIds: readonly string[]): Promise<void> {
      const now = clock.now()
      for (let i = 0; i < personIds.length; i += 5_000) {
        const part = personIds.slice(i, i + 5_000)
        await db.work.tx(async (tx) => {
          const e = await lockEmergency(tx, emergencyId, 'share')
          await recordOutcomes(tx, channel, part.map(personId => ({ alertId, personId, state: 'accepted', providerId: null, failure: null, retryAfterSec: 0 })), now)
          if (countsAnswers(e.state))
            await markCalled(tx, emergencyId, part, now)
        })
      }
      tail.wake(emergencyId)
    },

    /** 未联系上, said by the officer who tried. Who has answered or arrived meanwhile is left alone. */
    async markUnreachable({ actor, requestId }: Caller, emergencyId: string, { personIds, reason }: z.output<typeof MarkUnreachable>): Promise<{ seq: number }> {
      const now = clock.now()
      const seq = await db.work.tx(async (tx) => {
        const e = await lockEmergency(tx, emergencyId, 'share')
        const people = await lockPeople(tx, personIds.map(personId => ({ emergencyId, personId })))
        if (people.size !== new Set(personIds).size)
          throw new DomainError('NOT_FOUND')
        for (const p of people.values())
          requireFor(actor, 'call.markUnreachable', targetOf(grids, e, p, null))
        if (!countsAnswers(e.state))
          throw new DomainError('EMERGENCY_CLOSED')
        const silent = [...people.values()].filter(p => p.callState !== 'answered' && p.callState !== 'unreachable' && p.presence === 'none')
        const after = silent.map((p): ParticipantRow => ({ ...p, callState: 'unreachable', unreachableReason: reason }))
        await saveParticipants(tx, after)
        await audit(tx, { actorId: actor.personId, action: 'call.markUnreachable', subjectType: 'emergency', subjectId: emergencyId, requestId, details: { people: after.length, reason } })
        if (after.length === 0)
          return 0
        const { lastSeq } = await append(tx, emergencyId, after.map((p, i) => event(actor.personId, now, 'call.unreachable', { reason, by: 'officer', change: changeOf(silent[i] ?? null, p) })))
        return lastSeq
      })
      tail.wake(emergencyId)
      return { seq }
    },

    /** 催办: everyone in the scope who has not answered is called once more; at most every three minutes per scope. */
    async urge({ actor, requestId }: Caller, emergencyId: string, { scope }: z.output<typeof Urge>): Promise<{ recipients: number, seq: number }> {
      const now = clock.now()
      const e0 = await db.read.tx(tx => getEmergency(tx, emergencyId), { readOnly: true })
      requireFor(actor, 'call.urge', { ...placeOfScope(grids, scope), mode: modeOf([e0.state]) })
      if (!countsAnswers(e0.state))
        throw new DomainError('EMERGENCY_CLOSED')
      try {
        await urgeLimit.take(`${emergencyId} ${scope.type} ${scope.id}`)
      }
      catch (error) {
        throw error instanceof DomainError ? new DomainError('URGED_RECENTLY', error.details) : error
      }
      const result = await db.work.tx(async (tx) => {
        const e = await lockEmergency(tx, emergencyId, 'share')
        if (!countsAnswers(e.state))
          throw new DomainError('EMERGENCY_CLOSED')
        const words = { 签名: `【${deps.countyName}应急】`, 事件: e.name, 级别: e.level === null ? '' : LEVEL_WORDS[e.level], 链接: '{链接}' }
        const template = e.plan.levels[ladderLevel(e.level)].templates.urgeSms
        const { alertId, recipients } = await issueAlert(tx, {
          emergencyId,
          kind: 'urge',
          audience: 'team',
          smsTemplate: smsText(template, words, e.isDrill),
          text: appText(`您尚未确认${e.name}${words.级别}响应，请立即答复。`, words, e.isDrill),
          issuedBy: actor.personId,
          now,
          recipients: sql`p.member_state = 'active' and p.call_state in ('pending', 'called') and ${peopleOf(scope)}`,
        })
        await audit(tx, { actorId: actor.personId, action: 'call.urge', subjectType: 'emergency', subjectId: emergencyId, requestId, details: { scope, recipients } })
        const { lastSeq } = await append(tx, emergencyId, [event(actor.personId, now, 'calls.urged', { alertId, recipients }), ...recipients === 0 ? [] : [event(actor.personId, now, 'alert.issued', { alertId, kind: 'urge', text: '', recipients })]])
        return { recipients, seq: lastSeq }
      })
      tail.wake(emergencyId)
      wakeSender()
      return result
    },

    /** Trades the code of a message for a session of that person in that emergency. @throws LINK_INVALID */
    async tradeLink(code: string, address: string, userAgent: string) {
      await linkLimit.take(address)
      const parts = readLinkCode(deps.linkKey, code)
      if (parts === null)
        throw new DomainError('LINK_INVALID')
      return db.answers.tx(async (tx) => {
        const p = await findByOrdinal(tx, parts.serial, parts.ordinal)
        if (p === null)
          throw new DomainError('LINK_INVALID')
        const e = await getEmergency(tx, p.emergencyId)
        const now = clock.now()
        const expiresAt = isOpen(e.state) ? new Date(now.getTime() + 7 * LINK_GRACE_MS) : new Date((e.terminatedAt ?? now).getTime() + LINK_GRACE_MS)
        if (expiresAt <= now)
          throw new DomainError('LINK_INVALID')
        return deps.identity.openLinkSession(tx, { personId: p.personId, emergencyId: p.emergencyId, userAgent, expiresAt })
      })
    },

    /** How a reader and a person stand to each other in the emergency that holds the person; for revealing numbers. */
    async relationTo(tx: Tx, personId: string): Promise<Target & { captainId?: string | null }> {
      const rows = await tx.execute<{ emergency_id: string }>(sql`
        select p.emergency_id from participants p join emergencies e on e.id = p.emergency_id
        where p.person_id = ${personId} and p.member_state = 'active' and e.state in ('preAlert', 'activated', 'standDown') order by e.created_at desc limit 1`)
      const emergencyId = rows[0]?.emergency_id
      if (emergencyId === undefined)
        return { mode: 'peacetime' }
      return (await locate(tx, emergencyId, personId)).target
    },

    startJobs(scheduler: Scheduler): void {
      const { sms } = deps
      if (sms !== null)
        wakeSender = scheduler.every('sms-sender', 1_000, () => sendDue(sms)).wake
      scheduler.loop('ladder-end', 2_000, endLadders)
    },

    wakeSender: () => wakeSender(),
    drain: () => answers.drain(),
  }
}
