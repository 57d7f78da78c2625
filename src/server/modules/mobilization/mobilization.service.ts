import type { SQL } from 'drizzle-orm'
/**
 * THE SWITCH: the commands that move everything at once, each one transaction of a handful of set-based
 * statements. Order of locks, the same everywhere: switch lock → emergencies by id → people by id →
 * event streams last.
 */
import type { z } from 'zod'
import type { Scope } from '../../../contract/common.ts'
import type { BulkChange, TeamTile } from '../../../contract/events.ts'
import type { AdjustmentPreview, ChangeLevel, Correct, EmergencyRef, ExtendScope, Preparation, Prepare, Press, PreviewAdjustment, SeqReply, StandDown, SupplyBasis, Terminate, WithReason } from '../../../contract/mobilization.ts'
import type { EmergencyState, ResponseLevel } from '../../../contract/vocabulary.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Database, Tx } from '../../platform/db/index.ts'
import type { NewEvent, Tail } from '../../platform/eventlog/index.ts'
import type { Actor, Caller } from '../../platform/http/index.ts'
import type { Notice, Notices } from '../calls/index.ts'
import type { EmergencyPatch, EmergencyRow, NewEmergency, StateCommand } from '../emergencies/index.ts'
import type { Action } from '../identity/index.ts'
import type { Audience, Choice } from '../participants/index.ts'
import type { PlanStamp } from '../plans/index.ts'
import type { GridIndex } from '../registry/index.ts'
import type { Claimant } from './mobilization.rules.ts'
import type { Touched } from './preemption.ts'
import { sql } from 'drizzle-orm'
import { dayOf, MINUTE, timeOf } from '../../platform/clock.ts'
import { uuids } from '../../platform/db/index.ts'
import { DomainError } from '../../platform/errors.ts'
import { append } from '../../platform/eventlog/index.ts'
import { recallReply, rememberReply } from '../../platform/http/index.ts'
import { newId, randomToken } from '../../platform/ids.ts'
import { audit } from '../audit/index.ts'
import { ALERTED, appText, cancelPendingCalls, loweredTo, smsText } from '../calls/index.ts'
import { addGrids, event, findTwin, getEmergency, gridsOf, headerOf, insertEmergency, lockEmergency, nextState, overlappingEmergencies, startOf, updateEmergency } from '../emergencies/index.ts'
import { allows, requireAccess } from '../identity/index.ts'
import { bulkChange, choose, CHOSEN, countDuty, peopleIn, previewChoice, previewPreemption, previewUnits, staffOf, summonChosen, summonDuty } from '../participants/index.ts'
import { getPlan, refreshRosters, stampPlan } from '../plans/index.ts'
import { communityTitle, placeOfScope } from '../registry/index.ts'
import { formTeams, nameLeaders, replaceCaptains, setRequired, teamTiles, teamToBe } from '../teams/index.ts'
import { close } from './closing.ts'
import { HOLD_SEC, isApprovalEnough, isStandby, PREPARATION_TTL_SEC } from './mobilization.rules.ts'
import { lockGivers, lockWithGivers, preempt, preemptableBy } from './preemption.ts'
import { insertPreparation, lockSwitch, pressedLevel, recordPressed, usePreparation } from './preparations.repo.ts'
import { previewNumbers } from './preview.rules.ts'

export interface MobilizationDeps {
  db: Database
  clock: Clock
  timeZone: string
  publicUrl: string
  grids: GridIndex
  tail: Pick<Tail, 'wake'>
  notices: Notices
}

export type Mobilization = ReturnType<typeof createMobilization>

type Mobilising = Exclude<Prepare, { action: 'initialResponse' }>

/** What a command did: its own log, and the logs of those it took people from. */
interface Done { events: NewEvent[], touched?: Touched[], details?: Record<string, unknown> }
interface Filled { teams: TeamTile[], changes: BulkChange[], own: NewEvent[], touched: Touched[] }

const NOBODY: Filled = { teams: [], changes: [], own: [], touched: [] }
/** However large the county; the preview reads, the key writes. */
const KEY_DEADLINE_MS = 60_000

const ACTIVE = sql`p.member_state = 'active'`
/** Who still has a part in it. Whoever was let go or called away is not told to come, nor sent home from where he is now. */
const CONCERNED = sql`(${ACTIVE} or p.presence = 'checkedIn')`
/** Who has said nothing yet, and is not there. */
const UNANSWERED = sql`p.call_state in ('pending', 'called') and p.presence = 'none'`
const among = (gridIds: readonly string[]): SQL => sql`p.grid_id = any(${uuids(gridIds)})`

export function createMobilization({ db, clock, timeZone, publicUrl, grids, tail, notices }: MobilizationDeps) {
  const { commonWords, notify } = notices
  const today = () => dayOf(clock.now(), timeZone)

  /** The grids of a scope, in code order. @throws SCOPE_EMPTY */
  function gridsIn(scope: readonly Scope[]): string[] {
    const gridIds = grids.within(scope)
    if (gridIds.length === 0)
      throw new DomainError('SCOPE_EMPTY', { field: 'scope' })
    return gridIds
  }

  /** Teams and grid staff, in one alert each. */
  async function notifyAll(tx: Tx, e: EmergencyRow, actorId: string, now: Date, notice: Omit<Notice, 'audience'>): Promise<NewEvent[]> {
    const gridIds = await gridsOf(tx, e.id)
    return [
      ...await notify(tx, e, gridIds, actorId, now, { ...notice, audience: 'team' }),
      ...await notify(tx, e, gridIds, actorId, now, { ...notice, audience: 'duty' }),
    ]
  }

  /** What team members are told when they are called: to come, or to stand by. */
  const callOf = (e: Claimant, to: 'all' | 'added'): Pick<Notice, 'kind' | 'audience' | 'template'> => isStandby(e)
    ? { kind: to === 'all' ? 'standby' : 'summons', audience: 'team', template: 'standbySms' }
    : { kind: to === 'all' ? 'activation' : 'summons', audience: 'team', template: 'activationSms' }

  function rallyLimit(plan: PlanStamp, level: ResponseLevel | null, now: Date): Date | null {
    const minutes = level === null ? null : plan.levels[level].rallyLimitMin
    return minutes === null ? null : new Date(now.getTime() + minutes * MINUTE)
  }

  /** Fills the teams of these grids at this level: forms missing teams, summons who is missing (or was just chosen), names leaders. */
  async function fillTeams(tx: Tx, caller: Caller, e: EmergencyRow, givers: readonly EmergencyRow[], gridIds: readonly string[], level: ResponseLevel, now: Date, chosen?: Choice): Promise<Filled> {
    const audience: Audience = { gridIds, level, plan: e.plan, emergencyId: e.id, preemptable: givers.map(g => g.id) }
    await formTeams(tx, e.id, gridIds, now)
    await setRequired(tx, e.id, gridIds, e.plan, level)
    const filled: Filled = { teams: [], changes: [], own: [], touched: [] }
    let open = (chosen ?? await choose(tx, audience)).people
    while (open > 0) {
      const { own, touched } = await preempt(tx, e, givers, notifyAll, { actorId: caller.actor.personId, requestId: caller.requestId }, now)
      filled.own.push(...own)
      filled.touched.push(...touched)
      const changes = await summonChosen(tx, e.id, now)
      filled.changes.push(...changes)
      // Another emergency took somebody as a stand-in at this very moment: the next in the roster fills his post.
      open = peopleIn(changes) < open && changes.length > 0 ? (await choose(tx, audience)).people : 0
    }
    await nameLeaders(tx, e.id)
    return { ...filled, teams: await teamTiles(tx, e.id) }
  }

  /**
   * "Ready", said on standby, is not "going": whoever is not there yet is asked anew. Who cannot come stays
   * excused. All answers are kept beside the row.
   */
  function askAnew(tx: Tx, emergencyId: string, now: Date): Promise<BulkChange[]> {
    return bulkChange(tx, emergencyId, sql`${ACTIVE} and p.presence = 'none' and p.answer is distinct from 'cannot'`, sql`call_state = 'pending', called_at = null, answer = null, answer_via = null, promised_at = null, answered_at = null, unreachable_reason = null, joined_at = ${now.toISOString()}`)
  }

  /**
   * Who stands beyond his unit's posts at this level. The posts go first to those who are there or coming,
   * then to those who may still come, last to those who cannot; in the order of the summons.
   */
  function beyondPosts(e: EmergencyRow, level: ResponseLevel): SQL {
    const { generalPct, professionalPct } = e.plan.levels[level]
    return sql`p.person_id in (
      select x.person_id from (
        select a.person_id, row_number() over (partition by a.unit_id, a.grid_id order by
            case when a.presence <> 'none' then 0 when a.call_state = 'unreachable' or a.answer = 'cannot' then 3 when a.call_state = 'answered' then 1 else 2 end, a.ordinal) as nth,
          coalesce((select (q.members * case u.mobilisation_class when 'general' then ${generalPct}::int when 'professional' then ${professionalPct}::int else 0 end + 99) / 100
            from roster_quotas q join units u on u.id = q.unit_id where q.unit_id = a.unit_id and q.grid_id = a.grid_id), 0) as posts
        from participants a where a.emergency_id = ${e.id} and a.audience = 'team' and a.member_state = 'active'
      ) x where x.nth > x.posts)`
  }

  /** Lets people go whom a lower level does not need, with thanks to those who had been called. */
  async function release(tx: Tx, e: EmergencyRow, level: ResponseLevel, who: SQL, set: SQL, actorId: string, now: Date): Promise<{ changes: BulkChange[], events: NewEvent[], teams: TeamTile[] }> {
    const surplus = sql`p.audience = 'team' and ${ACTIVE} and ${who} and ${beyondPosts(e, level)}`
    const events = await notify(tx, e, await gridsOf(tx, e.id), actorId, now, { kind: 'release', audience: 'team', template: 'releaseSms', recipients: sql`${surplus} and ${ALERTED}`, words: { 内容: loweredTo(level) }, text: `${loweredTo(level)}，您无需到岗，感谢待命。` })
    const changes = await bulkChange(tx, e.id, surplus, sql`member_state = 'released', holds = false, ${set}`)
    await replaceCaptains(tx, e.id)
    return { changes, events, teams: await teamTiles(tx, e.id) }
  }

  /** Writes the logs last, all of them in id order, so that streams are locked as briefly and as evenly as people are. */
  async function log(tx: Tx, own: Touched, touched: readonly Touched[]): Promise<number> {
    let seq = 0
    for (const { emergencyId, events } of [own, ...touched].sort((a, b) => a.emergencyId < b.emergencyId ? -1 : 1)) {
      const { lastSeq } = await append(tx, emergencyId, events)
      if (emergencyId === own.emergencyId)
        seq = lastSeq
    }
    return seq
  }

  function wake(emergencyId: string, touched: readonly Touched[]): void {
    tail.wake(emergencyId)
    for (const other of touched)
      tail.wake(other.emergencyId)
  }

  const CLOSED: readonly EmergencyState[] = ['review', 'archived', 'lifted', 'revoked']

  function requireStep(e: EmergencyRow, action: StateCommand): void {
    if (nextState(e.state, e.kind, action) === null)
      throw new DomainError(CLOSED.includes(e.state) || (e.state === 'standDown' && action !== 'archive') ? 'EMERGENCY_CLOSED' : 'ILLEGAL_TRANSITION', { state: e.state })
  }

  interface Step {
    guard: (e: EmergencyRow, gridIds: string[]) => void
    /** Set by commands that may take people from others: what the emergency will be when it does. */
    taking?: (e: EmergencyRow) => Claimant
    work: (tx: Tx, e: EmergencyRow, gridIds: string[], now: Date, givers: EmergencyRow[]) => Promise<Done>
  }

  /** The pattern of every later command: guard, lock, guard what it is by now, step, change, audit, log, commit, wake. */
  async function command(caller: Caller, emergencyId: string, action: StateCommand, { guard, taking, work }: Step): Promise<SeqReply> {
    const now = clock.now()
    const { seq, touched } = await db.work.tx(async (tx) => {
      // Whoever may not is turned away before anything is locked: his asking holds up nobody's answer.
      guard(await getEmergency(tx, emergencyId), await gridsOf(tx, emergencyId))
      if (taking !== undefined)
        await lockSwitch(tx)
      const { e, givers } = taking === undefined
        ? { e: await lockEmergency(tx, emergencyId, 'update'), givers: [] }
        : await lockWithGivers(tx, { id: emergencyId, as: taking })
      const gridIds = await gridsOf(tx, emergencyId)
      guard(e, gridIds)
      requireStep(e, action)
      const { events, touched = [], details } = await work(tx, e, gridIds, now, givers)
      await audit(tx, { actorId: caller.actor.personId, action: `emergency.${action}`, subjectType: 'emergency', subjectId: emergencyId, requestId: caller.requestId, ...(details === undefined ? {} : { details }) })
      return { seq: await log(tx, { emergencyId, events }, touched), touched }
    }, { deadlineMs: KEY_DEADLINE_MS })
    wake(emergencyId, touched)
    return { seq }
  }

  function placeTarget(gridId: string) {
    const place = grids.get(gridId)
    return place === undefined ? {} : { gridId, communityId: place.communityId, townshipId: place.townshipId }
  }

  /** A right over the whole emergency. Whoever may look at one of its places is told that he may not do this; to others it does not exist. */
  const county = ({ actor }: Caller, action: Action) => (_: EmergencyRow, gridIds: readonly string[]): void => {
    if (!allows(actor, action, {}))
      throw new DomainError(gridIds.some(id => allows(actor, 'board.view', placeTarget(id))) ? 'FORBIDDEN' : 'NOT_FOUND')
  }

  /** An initial response belongs to its community, everything else to the county. */
  const owner = (caller: Caller, action: Action, initialAction: Action) => (e: EmergencyRow, gridIds: readonly string[]): void => {
    if (e.kind === 'response')
      return county(caller, action)(e, gridIds)
    for (const gridId of gridIds)
      requireAccess(caller.actor, initialAction, placeTarget(gridId), 'board.view')
  }

  function requireSwitch(actor: Actor, request: Prepare, gridIds: readonly string[], step: 'prepare' | 'press'): void {
    if (request.action === 'initialResponse') {
      for (const gridId of gridIds)
        requireAccess(actor, 'switch.initialResponse', placeTarget(gridId))
    }
    else {
      requireAccess(actor, request.action === 'preAlert' ? 'switch.preAlert' : step === 'prepare' ? 'switch.prepare' : 'switch.activate', {})
    }
  }

  /** @throws PLAN_DOES_NOT_MOBILISE where unit members would be called and the plan's owner has not decided so (domain rule §9). */
  async function planFor(tx: Tx, request: Prepare): Promise<Pick<NewEmergency, 'plan' | 'eventClass'>> {
    const plan = await getPlan(tx, request.planId)
    if (!plan.mobilises && request.action !== 'initialResponse')
      throw new DomainError('PLAN_DOES_NOT_MOBILISE', { field: 'planId' })
    return { plan: stampPlan(plan), eventClass: plan.eventClass }
  }

  /** What the request would make, as a row; the preview and the press build the same one. */
  function draft(request: Prepare, { plan, eventClass }: Pick<NewEmergency, 'plan' | 'eventClass'>, initiatorId: string, now: Date): NewEmergency {
    const level = request.action === 'activate' ? request.level : null
    return {
      id: newId(),
      kind: request.action === 'initialResponse' ? 'initialResponse' : 'response',
      eventClass,
      name: request.name,
      isDrill: request.isDrill,
      state: request.action === 'preAlert' ? 'preAlert' : 'activated',
      level,
      levelAuthority: request.levelAuthority,
      basis: request.basis,
      approver: request.approver,
      approvalMode: request.approvalMode,
      measures: request.measures,
      rallyBy: rallyLimit(plan, level, now),
      expectedUntil: new Date(request.expectedUntil),
      warning: request.action === 'preAlert' ? request.warning : null,
      plan,
      initiatorId,
      createdAt: now,
      activatedAt: request.action === 'preAlert' ? null : now,
    }
  }

  /** What a pre-alert or an initial response becomes by the same words; its number, its people and its history stay. */
  function becoming({ eventClass, level, name, levelAuthority, basis, approver, approvalMode, measures, rallyBy, expectedUntil, plan }: NewEmergency, before: EmergencyRow, now: Date): EmergencyPatch {
    return { kind: 'response', state: 'activated', eventClass, level, name, levelAuthority, basis, approver, approvalMode, measures, rallyBy, expectedUntil, plan, activatedAt: before.activatedAt ?? now }
  }

  /** The pre-alert or initial response that this request turns into a response; null for a new one. */
  const becomes = (request: Prepare): string | null => request.action === 'activate' ? request.emergencyId : null

  async function alreadyOpen(tx: Tx, { id, no, name }: EmergencyRow): Promise<DomainError> {
    const start = await startOf(tx, id)
    return new DomainError('EMERGENCY_ALREADY_OPEN', { emergencyId: id, no, name, by: start?.by ?? '', at: start === null ? '' : timeOf(start.at, timeZone) })
  }

  /** May this request start what it asks for? The preview asks first, the press again. */
  async function requireStart(tx: Tx, fresh: NewEmergency, existing: EmergencyRow | null, gridIds: readonly string[]): Promise<void> {
    if (fresh.expectedUntil <= fresh.createdAt)
      throw new DomainError('EXPECTED_IN_PAST', { field: 'expectedUntil' })
    if (existing !== null) {
      if (existing.state === 'activated' && existing.kind === 'response')
        throw await alreadyOpen(tx, existing)
      requireStep(existing, existing.kind === 'initialResponse' ? 'confirm' : 'activate')
      if (existing.isDrill !== fresh.isDrill)
        throw new DomainError('ILLEGAL_TRANSITION', { state: existing.state })
    }
    const twin = await findTwin(tx, existing === null ? fresh : { ...fresh, id: existing.id }, gridIds)
    if (twin !== null)
      throw await alreadyOpen(tx, twin)
  }

  /** The same audience for preview and press, or null where only grid staff are called. */
  function audienceOf(request: Prepare, plan: PlanStamp, gridIds: readonly string[], givers: readonly EmergencyRow[]): Audience | null {
    return request.action === 'initialResponse' ? null : { gridIds, level: request.level, plan, emergencyId: becomes(request), preemptable: givers.map(g => g.id) }
  }

  async function allGrids(tx: Tx, existingId: string | null, asked: readonly string[]): Promise<string[]> {
    return existingId === null ? [...asked] : [...new Set([...await gridsOf(tx, existingId), ...asked])]
  }

  /** Turns the pre-alert or the initial response. */
  async function turn(tx: Tx, caller: Caller, request: Mobilising, before: EmergencyRow, fresh: NewEmergency, gridIds: string[], givers: readonly EmergencyRow[], now: Date, chosen?: Choice) {
    const actorId = caller.actor.personId
    await addGrids(tx, before.id, gridIds, now)
    const e = await updateEmergency(tx, before.id, becoming(fresh, before, now))
    // What still lies in the outbox has the old words.
    await cancelPendingCalls(tx, e.id, now)
    const surplus = before.state === 'preAlert'
      ? await release(tx, e, request.level, sql`p.presence = 'none' and p.answer is distinct from 'cannot'`, sql`call_state = case p.call_state when 'pending' then 'pending' else 'called' end, answer = null, answer_via = null, promised_at = null, answered_at = null, unreachable_reason = null`, actorId, now)
      : { changes: [], events: [] }
    const asked = before.state === 'preAlert' ? await askAnew(tx, e.id, now) : []
    const filled = await fillTeams(tx, caller, e, givers, gridIds, request.level, now, chosen)
    const duty = await summonDuty(tx, e.id, gridIds, today(), now)
    return { e, filled, changes: [...surplus.changes, ...asked, ...filled.changes, ...duty], released: surplus.events }
  }

  async function begin(tx: Tx, caller: Caller, request: Prepare, fresh: NewEmergency, gridIds: string[], givers: readonly EmergencyRow[], now: Date, chosen?: Choice) {
    const e = await insertEmergency(tx, fresh, gridIds, today().slice(0, 4))
    const filled = request.action === 'initialResponse' ? NOBODY : await fillTeams(tx, caller, e, givers, gridIds, request.level, now, chosen)
    const duty = await summonDuty(tx, e.id, gridIds, today(), now)
    return { e, filled, changes: [...filled.changes, ...duty], released: [] }
  }

  async function pressOnce(tx: Tx, caller: Caller, press: Press, idempotencyKey: string): Promise<{ ref: EmergencyRef, touched: Touched[] }> {
    const now = clock.now()
    const actorId = caller.actor.personId
    const idempotent = { actorId, key: idempotencyKey, route: 'switch.press', body: { preparationId: press.preparationId, nonce: press.nonce } }
    const first = await recallReply(tx, idempotent)
    if (first !== null)
      return { ref: { ...first as EmergencyRef, replayed: true }, touched: [] }
    await lockSwitch(tx)
    const { request, audienceHash } = await usePreparation(tx, press.preparationId, press.nonce, actorId, caller.actor.sessionId, now)
    const asked = gridsIn(request.scope)
    requireSwitch(caller.actor, request, asked, 'press')
    await refreshRosters(tx, 'stale', today())
    const fresh = draft(request, await planFor(tx, request), actorId, now)
    const existingId = becomes(request)
    const { existing, givers } = existingId === null
      ? { existing: null, givers: await lockGivers(tx, fresh) }
      : await lockWithGivers(tx, { id: existingId, as: () => fresh }).then(({ e, givers }) => ({ existing: e, givers }))
    const gridIds = await allGrids(tx, existingId, asked)
    await requireStart(tx, fresh, existing, gridIds)
    const audience = audienceOf(request, fresh.plan, gridIds, givers)
    const chosen = audience === null ? undefined : await choose(tx, audience)
    if ((chosen?.hash ?? '') !== audienceHash)
      throw new DomainError('PREPARATION_STALE', { toCall: chosen?.people ?? 0 })

    const { e, filled, changes, released } = existing === null || request.action !== 'activate'
      ? await begin(tx, caller, request, fresh, gridIds, givers, now, chosen)
      : await turn(tx, caller, request, existing, fresh, gridIds, givers, now, chosen)
    const events: NewEvent[] = [
      event(actorId, now, e.state === 'preAlert' ? 'emergency.preAlerted' : 'emergency.activated', { header: headerOf(e), teams: filled.teams, gridIds, changes }),
      ...filled.own,
      ...released,
      ...await notify(tx, e, gridIds, actorId, now, { ...callOf(e, 'all'), recipients: sql`${ACTIVE} and p.call_state = 'pending'` }),
      ...await notify(tx, e, gridIds, actorId, now, { kind: 'duty', audience: 'duty', template: 'dutySms', recipients: sql`${ACTIVE} and p.answer is distinct from 'cannot'` }),
    ]
    await audit(tx, { actorId, action: `switch.${request.action}`, subjectType: 'emergency', subjectId: e.id, requestId: caller.requestId, details: { no: e.no, level: e.level, isDrill: e.isDrill, grids: gridIds.length, heldMs: press.heldMs } })
    await recordPressed(tx, press.preparationId, e.id)
    const ref: EmergencyRef = { emergencyId: e.id, no: e.no, replayed: false, seq: await log(tx, { emergencyId: e.id, events }, filled.touched) }
    await rememberReply(tx, idempotent, ref)
    return { ref, touched: filled.touched }
  }

  return {
    /** The preview: what pressing the key would do, in numbers, with the nonce that a press needs. */
    async prepare(caller: Caller, request: Prepare): Promise<Preparation> {
      const asked = gridsIn(request.scope)
      requireSwitch(caller.actor, request, asked, 'prepare')
      const now = clock.now()
      if (request.action === 'activate' && !isApprovalEnough(request.level, request.approvalMode))
        throw new DomainError('ORAL_APPROVAL_REFUSED', { field: 'approvalMode' })
      return db.work.tx(async (tx) => {
        await refreshRosters(tx, 'stale', today())
        const fresh = draft(request, await planFor(tx, request), caller.actor.personId, now)
        const mobilises = request.action !== 'initialResponse'
        const existingId = becomes(request)
        const existing = existingId === null ? null : await getEmergency(tx, existingId)
        const gridIds = await allGrids(tx, existingId, asked)
        await requireStart(tx, fresh, existing, gridIds)
        const givers = mobilises ? await preemptableBy(tx, fresh, existingId) : []
        const audience = audienceOf(request, fresh.plan, gridIds, givers)
        const units = audience === null ? [] : await previewUnits(tx, audience)
        const taken = audience === null ? [] : await previewPreemption(tx, audience)
        const overlaps = await overlappingEmergencies(tx, gridIds, existingId)
        const places = gridIds.flatMap(id => grids.get(id) ?? [])
        const words = await sampleWords(tx, fresh, gridIds, units[0]?.unitName ?? '')
        const { templates } = fresh.plan.levels[mobilises ? request.level : 4]
        const template = mobilises ? callOf(fresh, 'all').template : 'dutySms'
        const sampleSms = smsText(templates[template], words, request.isDrill)

        const preparationId = newId()
        const nonce = randomToken(24)
        const expiresAt = new Date(now.getTime() + PREPARATION_TTL_SEC * 1_000)
        const audienceHash = audience === null ? '' : (await previewChoice(tx, audience)).hash
        await insertPreparation(tx, { id: preparationId, nonce, operatorId: caller.actor.personId, sessionId: caller.actor.sessionId, request, audienceHash, expiresAt })
        return {
          preparationId,
          nonce,
          expiresAt: expiresAt.toISOString(),
          holdSec: HOLD_SEC,
          secondFactorRequired: false,
          ...previewNumbers({ places, units, duty: await countDuty(tx, gridIds, today()), sampleSms, mobilises }),
          preempts: taken.flatMap(({ emergencyId, people }) => givers.filter(g => g.id === emergencyId).map(({ no, name, isDrill }) => ({ emergencyId, no, name, isDrill, people }))),
          overlaps: overlaps.map(({ id, no, name, isDrill }) => ({ emergencyId: id, no, name, isDrill })),
          sampleSms,
          sampleText: appText(template === 'activationSms' ? templates.activationText : templates[template].replace(/\{签名\}/, ''), words, request.isDrill),
        }
      }, { deadlineMs: KEY_DEADLINE_MS })
    },

    /**
     * The key. One transaction: whoever sees the emergency sees its teams, calls and log; a crash leaves
     * nothing. The same Idempotency-Key gives the same emergency, however often and from wherever. A refused
     * press leaves its trace in the audit trail.
     */
    async press(caller: Caller, press: Press, idempotencyKey: string): Promise<EmergencyRef> {
      try {
        if (press.heldMs < HOLD_SEC * 1_000)
          throw new DomainError('HOLD_TOO_SHORT', { field: 'heldMs' })
        const { ref, touched } = await db.work.tx(tx => pressOnce(tx, caller, press, idempotencyKey), { deadlineMs: KEY_DEADLINE_MS })
        wake(ref.emergencyId, touched)
        return ref
      }
      catch (error) {
        if (error instanceof DomainError && error.status < 500)
          await db.work.tx(tx => audit(tx, { actorId: caller.actor.personId, action: 'switch.refused', subjectType: 'preparation', subjectId: press.preparationId, requestId: caller.requestId, details: { code: error.code } }))
        throw error
      }
    },

    /**
     * Raises or lowers the level. Up: only the added posts are summoned; from standby (Ⅳ) everyone is asked
     * anew, because now they move. Down: nobody is summoned and posts fall; of those beyond them, who has not
     * answered is let go, and who is coming or there stays until the community releases him.
     */
    changeLevel: (caller: Caller, emergencyId: string, { level, reason }: z.output<typeof ChangeLevel>) => command(caller, emergencyId, 'adjust', {
      guard: county(caller, 'emergency.adjust'),
      taking: e => ({ ...e, level }),
      async work(tx, before, gridIds, now, givers) {
        const from = before.level
        if (from === null || from === level)
          throw new DomainError('LEVEL_UNCHANGED')
        const actorId = caller.actor.personId
        const e = await updateEmergency(tx, emergencyId, { level, rallyBy: rallyLimit(before.plan, level, now) })
        const change = { kind: 'levelChange', template: 'levelChangeSms' } as const
        if (level > from) {
          await setRequired(tx, e.id, gridIds, e.plan, level)
          const { changes, events, teams } = await release(tx, e, level, UNANSWERED, sql`unreachable_reason = null`, actorId, now)
          return {
            events: [
              event(actorId, now, 'emergency.levelChanged', { header: headerOf(e), from, to: level, reason, teams, changes }),
              ...events,
              ...await notifyAll(tx, e, actorId, now, { ...change, recipients: ACTIVE }),
            ],
            details: { from, to: level, reason },
          }
        }
        await refreshRosters(tx, 'stale', today())
        const isWaking = isStandby(before)
        const asked = isWaking ? await askAnew(tx, e.id, now) : []
        const filled = await fillTeams(tx, caller, e, givers, gridIds, level, now)
        return {
          events: [
            event(actorId, now, 'emergency.levelChanged', { header: headerOf(e), from, to: level, reason, teams: filled.teams, changes: [...asked, ...filled.changes] }),
            ...filled.own,
            ...isWaking
              ? await notify(tx, e, gridIds, actorId, now, { ...callOf(e, 'all'), recipients: sql`${ACTIVE} and p.call_state = 'pending'` })
              : [
                  ...await notify(tx, e, gridIds, actorId, now, { ...callOf(e, 'added'), recipients: sql`${ACTIVE} and ${CHOSEN}` }),
                  ...await notify(tx, e, gridIds, actorId, now, { ...change, audience: 'team', recipients: sql`${ACTIVE} and not ${CHOSEN}` }),
                ],
            ...await notify(tx, e, gridIds, actorId, now, { ...change, audience: 'duty', recipients: ACTIVE }),
          ],
          touched: filled.touched,
          details: { from, to: level, reason },
        }
      },
    }),

    /** What a change of level or scope would do, in people. Reads; what is chosen is chosen by the change itself. */
    async previewAdjustment(caller: Caller, emergencyId: string, change: z.output<typeof PreviewAdjustment>): Promise<AdjustmentPreview> {
      return db.work.tx(async (tx) => {
        const e = await getEmergency(tx, emergencyId)
        const gridIds = await gridsOf(tx, emergencyId)
        const added = 'scope' in change ? gridsIn(change.scope).filter(id => !gridIds.includes(id)) : []
        if ('scope' in change)
          owner(caller, 'emergency.adjust', 'switch.initialResponse')(e, e.kind === 'response' ? gridIds : [...gridIds, ...added])
        else
          county(caller, 'emergency.adjust')(e, gridIds)
        const from = e.level
        if ('level' in change && (from === null || from === change.level))
          throw new DomainError('LEVEL_UNCHANGED')
        await refreshRosters(tx, 'stale', today())
        const level = 'level' in change ? change.level : e.level ?? await pressedLevel(tx, emergencyId) ?? 4
        const isLower = 'level' in change && from !== null && level > from
        const audience: Audience = { gridIds: 'level' in change ? gridIds : added, level, plan: e.plan, emergencyId, preemptable: isLower ? [] : (await preemptableBy(tx, { ...e, level }, emergencyId)).map(g => g.id) }
        const calls = e.kind === 'response'
        const posts = calls ? (await previewUnits(tx, { ...audience, gridIds: [...gridIds, ...added] })).reduce((sum, u) => sum + u.required, 0) : 0
        const [surplus] = isLower ? await tx.execute<{ n: number }>(sql`select count(*)::int as n from participants p where p.emergency_id = ${emergencyId} and p.audience = 'team' and ${ACTIVE} and ${UNANSWERED} and ${beyondPosts(e, level)}`) : []
        return {
          required: posts,
          called: calls && !isLower ? (await previewChoice(tx, audience)).people : 0,
          released: surplus?.n ?? 0,
          duty: added.length === 0 ? 0 : await countDuty(tx, added, today()),
          grids: added.length,
        }
      }, { deadlineMs: KEY_DEADLINE_MS })
    },

    extendScope: (caller: Caller, emergencyId: string, { scope, reason }: z.output<typeof ExtendScope>) => command(caller, emergencyId, 'extend', {
      guard: (e, gridIds) => owner(caller, 'emergency.adjust', 'switch.initialResponse')(e, e.kind === 'response' ? gridIds : [...gridIds, ...gridsIn(scope)]),
      taking: e => e,
      async work(tx, e, already, now, givers) {
        const added = gridsIn(scope).filter(id => !already.includes(id))
        if (added.length === 0)
          throw new DomainError('SCOPE_EMPTY', { field: 'scope' })
        const actorId = caller.actor.personId
        await refreshRosters(tx, 'stale', today())
        await addGrids(tx, emergencyId, added, now)
        const level = e.level ?? await pressedLevel(tx, emergencyId) ?? 4
        const filled = e.kind === 'initialResponse' ? NOBODY : await fillTeams(tx, caller, e, givers, added, level, now)
        const duty = await summonDuty(tx, emergencyId, added, today(), now)
        return {
          events: [
            event(actorId, now, 'emergency.scopeExtended', { header: headerOf(e), reason, teams: filled.teams, gridIds: added, changes: [...filled.changes, ...duty] }),
            ...filled.own,
            ...await notify(tx, e, added, actorId, now, { ...callOf(e, 'added'), recipients: sql`${ACTIVE} and ${among(added)}` }),
            ...await notify(tx, e, added, actorId, now, { kind: 'duty', audience: 'duty', template: 'dutySms', recipients: sql`${ACTIVE} and ${staffOf(added, today())}` }),
          ],
          touched: filled.touched,
          details: { grids: added.length, reason },
        }
      },
    }),

    /** 误启动撤销: everyone who was called gets an apology; all claims end. */
    revoke: (caller: Caller, emergencyId: string, { reason }: z.output<typeof WithReason>) => command(caller, emergencyId, 'revoke', {
      guard: owner(caller, 'emergency.end', 'emergency.endInitial'),
      work: (tx, e, _, now) => callOff(tx, caller, e, 'revoked', reason, now),
    }),

    lift: (caller: Caller, emergencyId: string, { reason }: z.output<typeof WithReason>) => command(caller, emergencyId, 'lift', {
      guard: county(caller, 'emergency.lift'),
      work: (tx, e, _, now) => callOff(tx, caller, e, 'lifted', reason, now),
    }),

    /** 终止: calls stop, people who are there sign off. */
    terminate: (caller: Caller, emergencyId: string, { reason, residualMeasures }: z.output<typeof Terminate>) => command(caller, emergencyId, 'terminate', {
      guard: owner(caller, 'emergency.end', 'emergency.endInitial'),
      async work(tx, _, __, now) {
        const actorId = caller.actor.personId
        const e = await updateEmergency(tx, emergencyId, { state: 'standDown', terminatedAt: now, endReason: reason, residualMeasures })
        await cancelPendingCalls(tx, emergencyId, now)
        // Who is not on the ground is free again at once.
        await tx.execute(sql`update participants set holds = false where emergency_id = ${emergencyId} and holds and presence <> 'checkedIn'`)
        const notices = await notifyAll(tx, e, actorId, now, { kind: 'termination', template: 'terminationSms', recipients: sql`${ALERTED} and ${CONCERNED}` })
        return { events: [event(actorId, now, 'emergency.terminated', { header: headerOf(e), reason, residualMeasures, changes: [] }), ...notices], details: { reason } }
      },
    }),

    /** Reaches everyone who has a part in it, also those who have answered. */
    correct: (caller: Caller, emergencyId: string, { text }: z.output<typeof Correct>) => command(caller, emergencyId, 'correct', {
      guard: county(caller, 'emergency.correct'),
      work: async (tx, e, _, now) => ({
        events: await notifyAll(tx, e, caller.actor.personId, now, { kind: 'correction', template: 'correctionSms', recipients: CONCERNED, words: { 内容: text }, text: `更正：${text}` }),
        details: { text },
      }),
    }),

    /**
     * One community reports: everyone signed off or listed with a reason. The last one opens the review. Who
     * was called away in between answers to the emergency that holds him now.
     */
    standDown: (caller: Caller, emergencyId: string, { communityId }: z.output<typeof StandDown>) => command(caller, emergencyId, 'standDown', {
      guard(_, gridIds) {
        requireAccess(caller.actor, 'emergency.standDown', placeOfScope(grids, { type: 'community', id: communityId }), 'board.view')
        if (!gridIds.some(id => grids.get(id)?.communityId === communityId))
          throw new DomainError('NOT_FOUND')
      },
      async work(tx, e, gridIds, now) {
        const actorId = caller.actor.personId
        const own = gridIds.filter(id => grids.get(id)?.communityId === communityId)
        const [counted] = await tx.execute<{ open: number, signed_off: number, listed: number }>(sql`
          select (count(*) filter (where p.presence = 'checkedIn' and p.unsigned_reason is null and not (
              p.member_state = 'preempted' and exists (select from participants h where h.person_id = p.person_id and h.holds and h.emergency_id <> p.emergency_id))))::int as open,
            (count(*) filter (where p.presence = 'checkedOut'))::int as signed_off,
            (count(*) filter (where p.presence = 'checkedIn' and p.unsigned_reason is not null))::int as listed
          from participants p where p.emergency_id = ${emergencyId} and ${among(own)}`)
        const { open, signed_off: signedOff, listed } = counted ?? { open: 0, signed_off: 0, listed: 0 }
        if (open > 0)
          throw new DomainError('NOT_STOOD_DOWN', { people: open })
        const reported = await tx.execute(sql`update emergency_grids set stood_down_at = ${now.toISOString()}::timestamptz where emergency_id = ${emergencyId} and grid_id = any(${uuids(own)}) and stood_down_at is null returning 1`)
        if (reported.length === 0)
          return { events: [], details: { communityId } }
        const events: NewEvent[] = [event(actorId, now, 'emergency.communityStoodDown', { communityId, communityName: grids.community(communityId)?.name ?? '', signedOff, listed })]
        const left = await tx.execute(sql`select 1 from emergency_grids where emergency_id = ${emergencyId} and stood_down_at is null limit 1`)
        if (left.length === 0) {
          const reviewed = await close(tx, e.id, { state: 'review', reviewOpenedAt: now }, now)
          events.push(event(actorId, now, 'emergency.reviewOpened', { header: headerOf(reviewed) }))
        }
        return { events, details: { communityId } }
      },
    }),

    archive: (caller: Caller, emergencyId: string, { reason }: z.output<typeof WithReason>) => command(caller, emergencyId, 'archive', {
      guard: county(caller, 'emergency.archive'),
      async work(tx, _, __, now) {
        const e = await updateEmergency(tx, emergencyId, { state: 'archived', archivedAt: now })
        return { events: [event(caller.actor.personId, now, 'emergency.archived', { header: headerOf(e) })], details: { reason } }
      },
    }),

    /** The written basis after an oral approval; what was said stands in the log of the start. */
    supplyBasis: (caller: Caller, emergencyId: string, { basis }: z.output<typeof SupplyBasis>) => command(caller, emergencyId, 'supplyBasis', {
      guard: county(caller, 'emergency.adjust'),
      async work(tx, before, _, now) {
        if (before.approvalMode === 'written')
          throw new DomainError('ILLEGAL_TRANSITION', { state: before.state })
        const e = await updateEmergency(tx, emergencyId, { basis, approvalMode: 'written', basisSuppliedAt: now })
        return { events: [event(caller.actor.personId, now, 'emergency.basisSupplied', { header: headerOf(e) })] }
      },
    }),
  }

  /** Words of the sample: the first grid's, a link as long as a real one, and an invented name. */
  async function sampleWords(tx: Tx, fresh: NewEmergency, gridIds: readonly string[], unitName: string) {
    const [first = ''] = gridIds
    const { name, rallyPoint } = await teamToBe(tx, first)
    return {
      ...commonWords({ ...fresh, serial: 0, no: '', basisSuppliedAt: null, terminatedAt: null }, gridIds),
      集结点: rallyPoint,
      队名: name,
      队长: '李四',
      社区: communityTitle(grids.get(first)?.communityName ?? ''),
      链接: `${publicUrl}/a/${'A'.repeat(19)}`,
      姓名: '张三',
      单位: unitName,
    }
  }

  /** Ends it without a stand-down: nobody needs to come, and everyone who was called is told so. */
  async function callOff(tx: Tx, caller: Caller, before: EmergencyRow, state: 'revoked' | 'lifted', reason: string, now: Date): Promise<Done> {
    const actorId = caller.actor.personId
    await cancelPendingCalls(tx, before.id, now)
    const notices = await notifyAll(tx, before, actorId, now, state === 'revoked'
      ? { kind: 'revocation', template: 'revocationSms', recipients: ALERTED }
      : { kind: 'lifted', template: 'liftedSms', recipients: sql`${ALERTED} and ${CONCERNED}` })
    // Before the closing, which would touch every row once more.
    const changes = await bulkChange(tx, before.id, sql`p.audience = 'team' and ${ACTIVE}`, sql`member_state = 'released', holds = false`)
    const e = await close(tx, before.id, { state, terminatedAt: now, endReason: reason }, now)
    return { events: [event(actorId, now, `emergency.${state}`, { header: headerOf(e), reason, changes }), ...notices], details: { reason } }
  }
}
