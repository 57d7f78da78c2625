import type { SQL } from 'drizzle-orm'
import type { z } from 'zod'
import type { AnswerReply, GiveAnswer, GiveReceipt, MarkUnreachable, ReceiptReply, Urge } from '../../../contract/calls.ts'
import type { Scope } from '../../../contract/common.ts'
import type { AnswerVia, Role } from '../../../contract/vocabulary.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Database, Tx } from '../../platform/db/index.ts'
import type { Appended, NewEvent, Tail } from '../../platform/eventlog/index.ts'
import type { Actor, Caller } from '../../platform/http/index.ts'
import type { Logger } from '../../platform/logger.ts'
import type { Scheduler } from '../../platform/scheduler.ts'
import type { Secret } from '../../platform/secrets.ts'
import type { EmergencyRow, SharedEmergency } from '../emergencies/index.ts'
import type { Action, Identity, Target } from '../identity/index.ts'
import type { Answerer, ParticipantRow, PersonInEmergency } from '../participants/index.ts'
import type { GridIndex, PhoneVault } from '../registry/index.ts'
import type { Handover } from '../teams/index.ts'
import type { Answering, AnswerPace, Decided } from './answers.rules.ts'
import type { ClaimedDelivery, DeliveryOutcome, Receipt } from './deliveries.repo.ts'
import type { ChannelSender, HandoverResult, OutgoingMessage } from './ports.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { HOUR } from '../../platform/clock.ts'
import { LastWrites, uuids } from '../../platform/db/index.ts'
import { DomainError } from '../../platform/errors.ts'
import { append } from '../../platform/eventlog/index.ts'
import { createGroupCommit } from '../../platform/groupcommit.ts'
import { createRateLimit } from '../../platform/http/index.ts'
import { audit } from '../audit/index.ts'
import { countsAnswers, event, getEmergency, isOpen, lockEmergency, modeOf, openEmergencies, shareEmergencies } from '../emergencies/index.ts'
import { covers, linkCode, readLinkCode, requireAccess } from '../identity/index.ts'
import { bulkChange, changeOf, findByOrdinal, findParticipant, lockAnswerers, lockPeople, saveParticipants } from '../participants/index.ts'
import { communityTitle, isFictional, isWithin, placeOfScope } from '../registry/index.ts'
import { captainsAmiss, leaderlessTeams, passLead, teamsToLead } from '../teams/index.ts'
import { issueAlert } from './alerts.repo.ts'
import { findAnswers, keepAnswers } from './answers.repo.ts'
import { decideAnswers } from './answers.rules.ts'
import { ladderLevel, partSize, pauseBeforeRetry, unreachableAt, URGE_EVERY_SEC } from './calls.rules.ts'
import { claimDeliveries, recordOutcomes, recordReceipts, recordShown, renewClaims } from './deliveries.repo.ts'
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
  tail: Pick<Tail, 'wake' | 'hand'>
  /** Null where the deployment has no SMS channel yet: deliveries wait. */
  sms: ChannelSender | null
  pace: AnswerPace
}

export type Calls = ReturnType<typeof createCalls>

type Outcome = DeliveryOutcome & { emergencyId: string }

/** Who answers for people of his own scope as an officer; anybody else relays. */
const OFFICERS: readonly Role[] = ['countyCommander', 'countyAdmin', 'countyDuty', 'townshipSecretary', 'communitySecretary']
const SEND_BATCH = 500
const RECORD_BATCH = 1_000
/** The first answers are on their way. */
const RECORD_AFTER_MS = 200
/** How long what was put on sockets may go unrecorded because answers keep coming. */
const RECORD_PATIENCE_MS = 5_000
/** A link still opens the page for a day after the end: people sign off and see that it is over. */
export const LINK_GRACE_MS = 24 * HOUR

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

function byPerson<T extends { personId: string }>(rows: readonly T[]): Map<string, T> {
  return new Map(rows.map(row => [row.personId, row]))
}

export function createCalls(deps: CallsDeps) {
  const { db, clock, log, grids, vault, tail, pace } = deps
  const guessLimit = createRateLimit(30, 60)
  const linkLimit = createRateLimit(30, 60)
  let wakeSender = () => {}

  interface Written { replies: Decided['replies'], appended: Appended[] }

  /** One transaction for everything that arrived while the last batch was written. */
  const answers = createGroupCommit<Answering, z.output<typeof AnswerReply>>({
    maxBatch: pace.batch,
    abreast: { ...pace, keyOf: a => a.personId },
    async write(batch) {
      const now = clock.now()
      const { replies, appended } = await db.answers.tx<Written>(async (tx) => {
        // In this order, but on one trip: the connection works through them one after another.
        const groups = [...Map.groupBy(batch, a => a.emergencyId)].sort(([a], [b]) => a < b ? -1 : 1)
        const emergencyIds = groups.map(([id]) => id)
        const [emergencies, people, given, leaderless] = await Promise.all([
          shareEmergencies(tx, emergencyIds),
          Promise.all(groups.map(([id, asked]) => lockAnswerers(tx, id, asked.map(a => a.personId)))),
          Promise.all(groups.map(([id, asked]) => findAnswers(tx, id, asked))),
          leaderlessTeams(tx, emergencyIds),
        ])
        const { replies, rows, changed, events } = decideAnswers(batch, { emergencies, people: byPerson(people.flat()), given: byPerson(given.flat()) }, now)
        if (rows.length === 0)
          return { replies, appended: [] }
        const kept = Promise.all([...Map.groupBy(rows, r => r.emergencyId)].map(([id, rows]) => keepAnswers(tx, id, rows, now)))
        const concerned = changed.filter(p => p.post === 'captain' ? p.answer === 'cannot' : leaderless.has(p.teamId ?? '') && p.answer !== 'cannot')
        if (concerned.length > 0) {
          await kept
          for (const [emergencyId, handovers] of await newCaptains(tx, concerned))
            events.get(emergencyId)?.push(...handovers.map(handover => event(null, now, 'team.captainChanged', handover)))
        }
        const logged = [...events].sort(([a], [b]) => a < b ? -1 : 1).map(([emergencyId, log]) => append(tx, emergencyId, log))
        // One after another on one line: of several refusals the first says why.
        return new LastWrites(Promise.all([kept, ...logged]).then(async () => ({ replies, appended: await Promise.all(logged) })))
      })
      appended.forEach(tail.hand)
      return replies
    },
  })

  /** Every phone shows the alert within the same seconds: receipts travel together too. */
  const receipts = createGroupCommit<Receipt, z.output<typeof ReceiptReply>>({
    async write(batch) {
      const now = clock.now()
      const { known, touched } = await db.answers.tx(async (tx) => {
        const emergencies = await shareEmergencies(tx, [...new Set(batch.map(r => r.emergencyId))])
        const known = await recordReceipts(tx, batch, now)
        const touched = await markCalled(tx, emergencies, batch.filter(r => known.has(`${r.alertId} ${r.personId}`)), now)
        return { known, touched }
      })
      for (const id of touched)
        tail.wake(id)
      return batch.map(r => known.has(`${r.alertId} ${r.personId}`) ? { state: r.read ? 'read' as const : 'delivered' as const } : new DomainError('NOT_FOUND'))
    },
  })

  /** Teams, in one fixed order, whose captain is among these people get another; those that nobody leads get one of them. */
  async function newCaptains(tx: Tx, people: readonly Answerer[]): Promise<Map<string, Handover[]>> {
    const made = new Map<string, Handover[]>()
    const teams = new Map(people.flatMap(p => p.teamId === null ? [] : [[p.teamId, { emergencyId: p.emergencyId, leaverId: p.post === 'captain' && p.presence === 'none' ? p.personId : null }] as const]))
    for (const [teamId, { emergencyId, leaverId }] of [...teams].sort(([a], [b]) => a < b ? -1 : 1)) {
      const handover = await passLead(tx, emergencyId, teamId, leaverId)
      if (handover !== null)
        made.set(emergencyId, [...made.get(emergencyId) ?? [], handover])
    }
    return made
  }

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
    return sql`p.grid_id = any(${uuids(gridIds)})`
  }

  async function lastUrgeOf(tx: Tx, emergencyId: string, people: SQL): Promise<Date | null> {
    const rows = await tx.execute<{ at: string | null }>(sql`
      select max(a.issued_at) as at from alerts a join deliveries d on d.alert_id = a.id join participants p on p.emergency_id = a.emergency_id and p.person_id = d.person_id
      where a.emergency_id = ${emergencyId} and a.kind = 'urge' and ${people}`)
    const at = rows[0]?.at ?? null
    return at === null ? null : new Date(at)
  }

  /**
   * A channel took their message: from now on these people count as called, while calls run. People of every
   * emergency first, streams last, as answers do. Returns the emergencies whose log moved.
   */
  async function markCalled(tx: Tx, emergencies: ReadonlyMap<string, SharedEmergency>, people: readonly PersonInEmergency[], now: Date): Promise<string[]> {
    const logs: [string, NewEvent][] = []
    for (const { id, state } of emergencies.values()) {
      const personIds = people.filter(p => p.emergencyId === id).map(p => p.personId)
      if (!countsAnswers(state) || personIds.length === 0)
        continue
      const changes = await bulkChange(tx, id, sql`p.call_state = 'pending' and p.person_id = any(${uuids(personIds)})`, sql`call_state = 'called', called_at = ${now.toISOString()}::timestamptz`)
      if (changes.length > 0)
        logs.push([id, event(null, now, 'calls.called', { changes })])
    }
    for (const [id, called] of logs)
      await append(tx, id, [called])
    return logs.map(([id]) => id)
  }

  /** Claim → commit → hand over → record: no provider is called inside a transaction. */
  async function sendDue(sender: ChannelSender): Promise<void> {
    for (;;) {
      const { claimed, more } = await db.work.tx(tx => claimDeliveries(tx, 'sms', SEND_BATCH, clock.now()))
      if (!more)
        return
      for (const [i, part] of partsOf(claimed, sender.batchSize).entries()) {
        // A slow channel may have let the lease run out: what another sender has taken since is his.
        const ours = i === 0 ? part : await db.work.tx(tx => renewClaims(tx, 'sms', part))
        if (ours.length > 0)
          await record(await handOver(sender, ours))
      }
    }
  }

  function partsOf(claimed: readonly ClaimedDelivery[], batchSize: number): ClaimedDelivery[][] {
    const parts: ClaimedDelivery[][] = []
    for (const d of claimed) {
      const last = parts.at(-1)
      if (last !== undefined && last[0]?.attempt === d.attempt && last.length < partSize(batchSize, d.attempt))
        last.push(d)
      else
        parts.push([d])
    }
    return parts
  }

  async function record(outcomes: readonly Outcome[]): Promise<void> {
    const now = clock.now()
    const accepted = outcomes.filter(o => o.state === 'accepted')
    const touched = await db.work.tx(async (tx) => {
      // A state change waits for us or we for it: people are not "called" after the end.
      const emergencies = await shareEmergencies(tx, [...new Set(accepted.map(o => o.emergencyId))])
      await recordOutcomes(tx, 'sms', outcomes, now)
      return markCalled(tx, emergencies, accepted, now)
    })
    for (const id of touched)
      tail.wake(id)
  }

  /** The message as it goes out; null where the number cannot be read or is not of the sender's kind. */
  function compose(d: ClaimedDelivery, takes: ChannelSender['takes']): OutgoingMessage | null {
    let phone: string
    try {
      phone = vault.open(d.phoneCipher)
    }
    catch {
      return null
    }
    if (isFictional(phone) !== (takes === 'fictional'))
      return null
    const text = fillTemplate(d.template, {
      姓名: d.name,
      单位: d.unitName ?? '',
      集结点: d.rallyPoint ?? '',
      队名: d.teamName ?? '',
      队长: d.captainName ?? '',
      社区: communityTitle(d.communityName),
      // A space on both sides, or a phone takes the words beside it for a part of the address.
      链接: ` ${deps.publicUrl}/a/${linkCode(deps.linkKey, d.serial, d.ordinal)} `,
    })
    return { key: `${d.alertId} ${d.personId}`, personId: d.personId, phone, text: text.replaceAll(/ {2,}/g, ' ').trim() }
  }

  async function handOver(sender: ChannelSender, part: readonly ClaimedDelivery[]): Promise<Outcome[]> {
    const messages = part.map(d => compose(d, sender.takes))
    const sent = messages.filter(m => m !== null)
    const results = new Map<string, HandoverResult>()
    try {
      for (const [i, result] of (sent.length === 0 ? [] : await sender.send(sent)).entries())
        results.set(sent[i]?.key ?? '', result)
    }
    catch (error) {
      log.warn({ err: error, messages: sent.length }, 'the SMS channel failed in the middle of a batch')
    }
    return part.map((d, i) => {
      const message = messages[i] ?? null
      const result: HandoverResult = message === null
        ? { state: 'failedPerm', failure: 'no number that this channel may call' }
        : results.get(message.key) ?? { state: 'failedTemp', retryAfterSec: 0, failure: 'no word from the channel' }
      return {
        alertId: d.alertId,
        personId: d.personId,
        emergencyId: d.emergencyId,
        state: result.state,
        providerId: result.state === 'accepted' ? result.providerId : null,
        failure: result.state === 'accepted' ? null : result.failure,
        retryAfterSec: result.state === 'failedTemp' ? pauseBeforeRetry(d.attempt, result.retryAfterSec) : 0,
      }
    })
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
        const changes = await bulkChange(tx, e.id, sql`p.member_state = 'active' and p.call_state in ('pending', 'called') and p.presence = 'none' and p.joined_at <= ${new Date(now.getTime() - waited).toISOString()}`, sql`call_state = 'unreachable', unreachable_reason = case when p.call_state = 'pending' then 'notHandedOver' else 'ladder' end`)
        if (changes.length === 0)
          return
        const handovers: NewEvent[] = []
        for (const { teamId, captainId } of await captainsAmiss(tx, e.id)) {
          const handover = await passLead(tx, e.id, teamId, captainId)
          if (handover !== null)
            handovers.push(event(null, now, 'team.captainChanged', handover))
        }
        await append(tx, e.id, [event(null, now, 'calls.unreachable', { reason: 'ladder', changes }), ...handovers])
      })
      tail.wake(e.id)
    }
  }

  /** A captain who leaves while all of his team are answering finds no heir whose row is free. He is found here. */
  async function leadTeams(stillLeader: () => boolean): Promise<void> {
    for (const { emergencyId, teamId } of await db.read.tx(tx => teamsToLead(tx), { readOnly: true })) {
      if (!stillLeader())
        return
      await db.work.tx(async (tx) => {
        const { state } = await lockEmergency(tx, emergencyId, 'share')
        const handover = countsAnswers(state) ? await passLead(tx, emergencyId, teamId, null) : null
        if (handover !== null)
          await append(tx, emergencyId, [event(null, clock.now(), 'team.captainChanged', handover)])
      })
      tail.wake(emergencyId)
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
        return actor.grants.some(g => OFFICERS.includes(g.role) && covers(g, target)) ? 'officer' as const : 'relay' as const
      })
      return answers.submit({ emergencyId, personId, actorId: actor.personId, answer, via, relayedBy: actor.personId })
    },

    /** The phone shows the alert, or the person has it before his eyes. Read is not answered. */
    async receipt({ actor }: Caller, emergencyId: string, { alertId, read }: GiveReceipt): Promise<z.output<typeof ReceiptReply>> {
      requireAccess(actor, 'call.answerOwn', { personId: actor.personId, emergencyId })
      return receipts.submit({ alertId, emergencyId, personId: actor.personId, read })
    },

    /** In-app alerts that this process has put on open sockets. */
    async recordShown(alertId: string, emergencyId: string, personIds: readonly string[]): Promise<void> {
      const now = clock.now()
      const until = performance.now() + RECORD_PATIENCE_MS
      // In small parts, and answers go first: they come in at this very moment and want the same rows.
      await sleep(RECORD_AFTER_MS, undefined, { ref: false })
      for (let i = 0; i < personIds.length; i += RECORD_BATCH) {
        await Promise.race([answers.drain(), sleep(Math.max(0, until - performance.now()), undefined, { ref: false })])
        const part = personIds.slice(i, i + RECORD_BATCH)
        await db.work.tx(async (tx) => {
          const emergencies = await shareEmergencies(tx, [emergencyId])
          await recordShown(tx, alertId, part, now)
          await markCalled(tx, emergencies, part.map(personId => ({ emergencyId, personId })), now)
        })
      }
      tail.wake(emergencyId)
    },

    /** 未联系上, said by the officer who tried. Who has answered or arrived meanwhile is left alone. */
    async markUnreachable({ actor, requestId }: Caller, emergencyId: string, { personIds, reason }: z.output<typeof MarkUnreachable>): Promise<{ seq: number }> {
      const now = clock.now()
      const seq = await db.work.tx(async (tx) => {
        const seen = await getEmergency(tx, emergencyId)
        const named = await tx.execute<{ person_id: string, grid_id: string, unit_id: string | null }>(sql`
          select person_id, grid_id, unit_id from participants where emergency_id = ${emergencyId} and person_id = any(${uuids(personIds)})`)
        if (named.length === 0)
          throw new DomainError('NOT_FOUND')
        for (const p of named)
          requireFor(actor, 'call.markUnreachable', targetOf(grids, seen, { personId: p.person_id, gridId: p.grid_id, unitId: p.unit_id }, null))
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
        const handovers = (await newCaptains(tx, after.filter(p => p.post === 'captain'))).get(emergencyId) ?? []
        const { lastSeq } = await append(tx, emergencyId, [
          ...after.map((p, i) => event(actor.personId, now, 'call.unreachable', { reason, by: 'officer', change: changeOf(silent[i] ?? null, p) })),
          ...handovers.map(handover => event(actor.personId, now, 'team.captainChanged', handover)),
        ])
        return lastSeq
      })
      tail.wake(emergencyId)
      return { seq }
    },

    /** 催办: everyone in the scope who has not answered is called once more; nobody more often than every three minutes. */
    async urge({ actor, requestId }: Caller, emergencyId: string, { scope }: z.output<typeof Urge>): Promise<{ recipients: number, seq: number }> {
      const now = clock.now()
      const result = await db.work.tx(async (tx) => {
        requireFor(actor, 'call.urge', { ...placeOfScope(grids, scope), mode: modeOf([(await getEmergency(tx, emergencyId)).state]) })
        // An emergency elsewhere is none of the scope's business.
        if ((await tx.execute(sql`select 1 from participants p where p.emergency_id = ${emergencyId} and ${peopleOf(scope)} limit 1`)).length === 0)
          throw new DomainError('NOT_FOUND')
        // Alone, so that two urges at once do not both find people in peace.
        const e = await lockEmergency(tx, emergencyId, 'update')
        if (!countsAnswers(e.state))
          throw new DomainError('EMERGENCY_CLOSED')
        const silent = sql`p.member_state = 'active' and p.call_state in ('pending', 'called', 'unreachable') and ${peopleOf(scope)}`
        const since = new Date(now.getTime() - URGE_EVERY_SEC * 1_000)
        const atPeace = sql`not exists (
          select from deliveries d join alerts a on a.id = d.alert_id
          where a.emergency_id = ${emergencyId} and a.kind = 'urge' and a.issued_at > ${since.toISOString()} and d.person_id = p.person_id)`
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
          recipients: sql`${silent} and ${atPeace}`,
        })
        if (recipients === 0) {
          const urged = await lastUrgeOf(tx, emergencyId, silent)
          if (urged !== null)
            throw new DomainError('URGED_RECENTLY', { retryAfterSec: Math.max(1, Math.ceil((urged.getTime() - since.getTime()) / 1_000)) })
        }
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
      const parts = readLinkCode(deps.linkKey, code)
      if (parts === null) {
        // Only guesses are limited by address: a whole county's phones may share one.
        await guessLimit.take(address)
        throw new DomainError('LINK_INVALID')
      }
      await linkLimit.take(`${parts.serial} ${parts.ordinal}`)
      return db.answers.tx(async (tx) => {
        const p = await findByOrdinal(tx, parts.serial, parts.ordinal)
        if (p === null)
          throw new DomainError('LINK_INVALID')
        // Held until the session is written: an end at this very moment then finds it and cuts it short.
        const e = await lockEmergency(tx, p.emergencyId, 'share')
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
      scheduler.loop('team-leads', 2_000, leadTeams)
    },

    wakeSender: () => wakeSender(),
    drain: async () => {
      await Promise.all([answers.drain(), receipts.drain()])
    },
  }
}
