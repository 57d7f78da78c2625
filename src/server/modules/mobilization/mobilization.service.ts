/**
 * THE SWITCH: the commands that move everything at once, each one transaction of a handful of set-based
 * statements. Order of locks, the same everywhere: switch lock → emergencies by id → people by id →
 * event stream last.
 */
import type { z } from 'zod'
import type { Scope } from '../../../contract/common.ts'
import type { BulkChange, TeamTile } from '../../../contract/events.ts'
import type { ChangeLevel, Correct, EmergencyRef, ExtendScope, Preparation, Prepare, Press, SeqReply, StandDown, SupplyBasis, Terminate, WithReason } from '../../../contract/mobilization.ts'
import type { ResponseLevel } from '../../../contract/vocabulary.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Database, Tx } from '../../platform/db/index.ts'
import type { Caller } from '../../platform/http/index.ts'
import type { NewEvent, Tail } from '../../platform/eventlog/index.ts'
import type { Notice, Notices } from '../calls/index.ts'
import type { EmergencyRow, StateCommand } from '../emergencies/index.ts'
import type { PlanStamp } from '../plans/index.ts'
import type { GridIndex } from '../registry/index.ts'
import { sql } from 'drizzle-orm'
import { UNDER_STRENGTH_BELOW } from '../../../contract/vocabulary.ts'
import { dayOf, MINUTE, timeOf } from '../../platform/clock.ts'
import { DomainError } from '../../platform/errors.ts'
import { append } from '../../platform/eventlog/index.ts'
import { recallReply, rememberReply } from '../../platform/http/index.ts'
import { newId, randomToken } from '../../platform/ids.ts'
import { audit } from '../audit/index.ts'
import { appText, cancelPendingCalls, LEVEL_WORDS, smsSegments, smsText } from '../calls/index.ts'
import { addGrids, event, findTwin, getEmergency, gridsOf, headerOf, insertEmergency, lockEmergency, nextState, openEmergencies, overlappingEmergencies, updateEmergency } from '../emergencies/index.ts'
import { requireAccess } from '../identity/index.ts'
import { audienceHash, bulkChange, choose, countDuty, forgetChoice, previewPreemption, previewUnits, summonChosen, summonDuty } from '../participants/index.ts'
import { getPlan, refreshRosters, stampPlan } from '../plans/index.ts'
import { dissolveTeams, formTeams, nameLeaders, setRequired, teamTiles } from '../teams/index.ts'
import { HOLD_SEC, mayPreempt, PREPARATION_TTL_SEC } from './mobilization.rules.ts'
import { insertPreparation, lockSwitch, recordPressed, usePreparation } from './preparations.repo.ts'

export interface MobilizationDeps {
  db: Database
  clock: Clock
  timeZone: string
  grids: GridIndex
  tail: Pick<Tail, 'wake'>
  notices: Notices
}

export type Mobilization = ReturnType<typeof createMobilization>

type PressRequest = Exclude<Prepare, { action: 'initialResponse' }>

export function createMobilization({ db, clock, timeZone, grids, tail, notices }: MobilizationDeps) {
  const { commonWords, notify } = notices
  const today = () => dayOf(clock.now(), timeZone)

  /** The grids of a scope, in code order. @throws SCOPE_EMPTY */
  function gridsIn(scope: readonly Scope[]): string[] {
    const gridIds = grids.within(scope)
    if (gridIds.length === 0)
      throw new DomainError('SCOPE_EMPTY', { field: 'scope' })
    return gridIds
  }

  const both = async (tx: Tx, e: EmergencyRow, gridIds: readonly string[], actorId: string, now: Date, notice: Omit<Notice, 'audience'>): Promise<NewEvent[]> => [
    ...await notify(tx, e, gridIds, actorId, now, { ...notice, audience: 'team' }),
    ...await notify(tx, e, gridIds, actorId, now, { ...notice, audience: 'duty' }),
  ]

  /** Everyone to whom something was handed over, whatever he said or became since. */
  const ALERTED = sql`p.call_state <> 'pending'`
  const EVERYONE = sql`true`

  /** Ends the claims of drills and standby on the chosen people; writes both logs (invariant 6). */
  async function preempt(tx: Tx, taker: EmergencyRow, preemptable: readonly EmergencyRow[], actorId: string, now: Date): Promise<string[]> {
    const touched: string[] = []
    for (const candidate of preemptable) {
      const needed = await tx.execute<{ n: number }>(sql`select count(*)::int as n from participants p join summoned s on s.person_id = p.person_id where p.emergency_id = ${candidate.id} and p.holds`)
      if ((needed[0]?.n ?? 0) === 0)
        continue
      const holder = await lockEmergency(tx, candidate.id, 'update')
      const gridIds = await gridsOf(tx, holder.id)
      const events: NewEvent[] = []
      if (holder.isDrill) {
        // A drill ends as a whole: its people must not stand between practice and the real thing.
        const changes = await bulkChange(tx, holder.id, sql`p.audience = 'team' and p.member_state = 'active'`, sql`member_state = 'preempted', holds = false`)
        events.push(event(actorId, now, 'team.preempted', { byEmergencyId: taker.id, byName: taker.name, changes }))
        await cancelPendingCalls(tx, holder.id, now)
        if (holder.state !== 'standDown') {
          const ended = await updateEmergency(tx, holder.id, holder.state === 'preAlert' ? { state: 'lifted', terminatedAt: now, endReason: taker.name } : { state: 'standDown', terminatedAt: now, endReason: taker.name })
          events.push(holder.state === 'preAlert'
            ? event(actorId, now, 'emergency.lifted', { header: headerOf(ended), reason: taker.name, changes: [] })
            : event(actorId, now, 'emergency.terminated', { header: headerOf(ended), reason: taker.name, residualMeasures: '', changes: [] }))
        }
        events.push(...await both(tx, holder, gridIds, actorId, now, { kind: 'drillAborted', template: 'releaseSms', recipients: ALERTED, words: { 内容: '演练中止，真实险情优先' }, text: '演练中止：真实险情优先，请留意新的通知。' }))
      }
      else {
        const where = sql`p.audience = 'team' and p.holds and p.person_id in (select person_id from summoned)`
        const changes = await bulkChange(tx, holder.id, where, sql`member_state = 'preempted', holds = false`)
        events.push(event(actorId, now, 'team.preempted', { byEmergencyId: taker.id, byName: taker.name, changes }))
      }
      await append(tx, holder.id, events)
      await audit(tx, { actorId, action: 'emergency.preempted', subjectType: 'emergency', subjectId: holder.id, requestId: null, details: { by: taker.id } })
      touched.push(holder.id)
    }
    return touched
  }

  async function preemptableBy(tx: Tx, taker: Pick<EmergencyRow, 'isDrill' | 'state' | 'level'>, exceptId: string | null): Promise<EmergencyRow[]> {
    const open = await openEmergencies(tx)
    return open.filter(o => o.id !== exceptId && mayPreempt(taker, o)).sort((a, b) => a.id < b.id ? -1 : 1)
  }

  /** Fills teams of these grids at this level: forms missing teams, summons who is missing, names leaders. */
  async function fillTeams(tx: Tx, e: EmergencyRow, gridIds: readonly string[], level: ResponseLevel, actorId: string, now: Date): Promise<{ teams: TeamTile[], changes: BulkChange[], touched: string[] }> {
    const preemptable = await preemptableBy(tx, e, e.id)
    await choose(tx, { gridIds, level, plan: e.plan, emergencyId: e.id, preemptable: preemptable.map(p => p.id) })
    const touched = await preempt(tx, e, preemptable, actorId, now)
    await formTeams(tx, e.id, gridIds, now)
    await setRequired(tx, e.id, gridIds, e.plan, level)
    const changes = await summonChosen(tx, e.id, now)
    await forgetChoice(tx)
    await nameLeaders(tx, e.id)
    return { teams: await teamTiles(tx, e.id), changes, touched }
  }

  function wake(ids: readonly string[]): void {
    for (const id of ids)
      tail.wake(id)
  }

  /** The pattern of every later command: lock, step, change, audit, log, commit, wake. */
  async function command(caller: Caller, emergencyId: string, action: StateCommand, work: (tx: Tx, e: EmergencyRow, gridIds: string[], now: Date) => Promise<{ events: NewEvent[], touched?: string[], details?: Record<string, unknown> }>, guard: (e: EmergencyRow, gridIds: string[]) => void): Promise<SeqReply> {
    const now = clock.now()
    const { seq, touched } = await db.work.tx(async (tx) => {
      if (action === 'adjust' || action === 'extend' || action === 'activate')
        await lockSwitch(tx)
      const e = await lockEmergency(tx, emergencyId, 'update')
      const gridIds = await gridsOf(tx, emergencyId)
      guard(e, gridIds)
      if (nextState(e.state, e.kind, action) === null)
        throw new DomainError(e.state === 'preAlert' || e.state === 'activated' ? 'ILLEGAL_TRANSITION' : 'EMERGENCY_CLOSED', { state: e.state })
      const { events, touched = [], details } = await work(tx, e, gridIds, now)
      await audit(tx, { actorId: caller.actor.personId, action: `emergency.${action}`, subjectType: 'emergency', subjectId: emergencyId, requestId: caller.requestId, ...(details === undefined ? {} : { details }) })
      const { lastSeq } = await append(tx, emergencyId, events)
      return { seq: lastSeq, touched }
    })
    wake([emergencyId, ...touched])
    return { seq }
  }

  /** An initial response belongs to its community, everything else to the county. */
  function guardEnd({ actor }: Caller) {
    return (e: EmergencyRow, gridIds: string[]) => {
      if (e.kind === 'response')
        return requireAccess(actor, 'emergency.end', {}, 'board.view')
      for (const gridId of gridIds)
        requireAccess(actor, 'emergency.endInitial', placeTarget(gridId), 'board.view')
    }
  }

  function placeTarget(gridId: string) {
    const place = grids.get(gridId)
    return place === undefined ? {} : { gridId, communityId: place.communityId, townshipId: place.townshipId }
  }

  function requireSwitch({ actor }: Caller, request: Prepare, gridIds: readonly string[], step: 'prepare' | 'press'): void {
    if (request.action === 'initialResponse') {
      for (const gridId of gridIds)
        requireAccess(actor, 'switch.initialResponse', placeTarget(gridId))
    }
    else {
      requireAccess(actor, request.action === 'preAlert' ? 'switch.preAlert' : step === 'prepare' ? 'switch.prepare' : 'switch.activate', {})
    }
  }

  /** What the request would make, as a row; the preview and the press build the same one. */
  function draft(request: Prepare, plan: PlanStamp, eventClass: EmergencyRow['eventClass'], initiatorId: string, now: Date): Omit<EmergencyRow, 'serial' | 'no' | 'basisSuppliedAt' | 'terminatedAt'> {
    const level = request.action === 'activate' ? request.level : null
    const limitMin = level === null ? null : plan.levels[level].rallyLimitMin
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
      rallyBy: limitMin === null ? null : new Date(now.getTime() + limitMin * MINUTE),
      expectedUntil: new Date(request.expectedUntil),
      warning: request.action === 'preAlert' ? request.warning : null,
      plan,
      initiatorId,
      createdAt: now,
      activatedAt: request.action === 'preAlert' ? null : now,
    }
  }

  /** The emergency that a pre-alert or an initial response is turned into. */
  function upgraded(request: Prepare): string | null {
    return request.action === 'activate' ? request.emergencyId : null
  }

  async function activateExisting(tx: Tx, caller: Caller, request: PressRequest & { action: 'activate' }, emergencyId: string, requestedGrids: string[], now: Date) {
    const before = await lockEmergency(tx, emergencyId, 'update')
    const action: StateCommand = before.kind === 'initialResponse' ? 'confirm' : 'activate'
    if (before.isDrill !== request.isDrill || nextState(before.state, before.kind, action) === null)
      throw new DomainError('ILLEGAL_TRANSITION', { state: before.state })
    const actorId = caller.actor.personId
    await addGrids(tx, emergencyId, requestedGrids, now)
    const gridIds = await gridsOf(tx, emergencyId)
    const limitMin = before.plan.levels[request.level].rallyLimitMin
    const e = await updateEmergency(tx, emergencyId, {
      kind: 'response',
      state: 'activated',
      level: request.level,
      levelAuthority: request.levelAuthority,
      name: request.name,
      basis: request.basis,
      approver: request.approver,
      approvalMode: request.approvalMode,
      measures: request.measures,
      expectedUntil: new Date(request.expectedUntil),
      activatedAt: before.activatedAt ?? now,
      rallyBy: limitMin === null ? null : new Date(now.getTime() + limitMin * MINUTE),
    })
    // "Ready" said to a pre-alert is not "going": everyone is asked anew; who cannot come stays excused.
    const asked = before.state === 'preAlert'
      ? await bulkChange(tx, emergencyId, sql`p.member_state = 'active' and p.answer is distinct from 'cannot'`, sql`call_state = 'pending', answer = null, answer_via = null, promised_at = null, answered_at = null, unreachable_reason = null`)
      : []
    if (before.state === 'preAlert')
      await cancelPendingCalls(tx, emergencyId, now)
    const { teams, changes, touched } = await fillTeams(tx, e, gridIds, request.level, actorId, now)
    const duty = await summonDuty(tx, emergencyId, gridIds, now)
    return { e, gridIds, teams, changes: [...asked, ...changes, ...duty], touched, type: 'emergency.activated' as const }
  }

  async function start(tx: Tx, caller: Caller, request: Prepare, gridIds: string[], now: Date) {
    const plan = await getPlan(tx, request.planId)
    const stamp = stampPlan(plan)
    const actorId = caller.actor.personId
    const fresh = draft(request, stamp, plan.eventClass, actorId, now)
    const twin = await findTwin(tx, fresh, gridIds)
    if (twin !== null)
      throw new DomainError('EMERGENCY_ALREADY_OPEN', { emergencyId: twin.id, no: twin.no, name: twin.name, by: twin.initiator, at: timeOf(twin.createdAt, timeZone) })
    const e = await insertEmergency(tx, fresh, gridIds, today().slice(0, 4))
    if (request.action === 'initialResponse') {
      const duty = await summonDuty(tx, e.id, gridIds, now)
      return { e, gridIds, teams: [], changes: duty, touched: [], type: 'emergency.activated' as const }
    }
    const filled = await fillTeams(tx, e, gridIds, request.level, actorId, now)
    const duty = await summonDuty(tx, e.id, gridIds, now)
    return { e, gridIds, teams: filled.teams, changes: [...filled.changes, ...duty], touched: filled.touched, type: request.action === 'preAlert' ? 'emergency.preAlerted' as const : 'emergency.activated' as const }
  }

  return {
    /** The preview: what pressing the key would do, in numbers, with the nonce that a press needs. */
    async prepare(caller: Caller, request: Prepare): Promise<Preparation> {
      const gridIds = gridsIn(request.scope)
      requireSwitch(caller, request, gridIds, 'prepare')
      const now = clock.now()
      if (new Date(request.expectedUntil) <= now)
        throw new DomainError('EXPECTED_IN_PAST', { field: 'expectedUntil' })
      return db.work.tx(async (tx) => {
        const plan = await getPlan(tx, request.planId)
        if (!plan.mobilises && request.action !== 'initialResponse')
          throw new DomainError('PLAN_DOES_NOT_MOBILISE', { field: 'planId' })
        await refreshRosters(tx, 'stale', today())
        const upgradedId = upgraded(request)
        const existing = upgradedId === null ? null : await getEmergency(tx, upgradedId)
        const stamp = existing?.plan ?? stampPlan(plan)
        const preview = draft(request, stamp, plan.eventClass, caller.actor.personId, now)
        const allGrids = existing === null ? gridIds : [...new Set([...await gridsOf(tx, existing.id), ...gridIds])]
        const mobilises = request.action !== 'initialResponse'
        const preemptable = mobilises ? await preemptableBy(tx, preview, upgradedId) : []
        const audience = mobilises ? { gridIds: allGrids, level: request.level, plan: stamp, emergencyId: upgradedId, preemptable: preemptable.map(p => p.id) } : null
        const units = audience === null ? [] : await previewUnits(tx, audience)
        const hash = audience === null ? '' : await audienceHash(tx, audience)
        const taken = audience === null ? [] : await previewPreemption(tx, audience)
        const overlaps = await overlappingEmergencies(tx, allGrids, upgradedId)

        const perGrid = new Map<string, { required: number, available: number }>()
        for (const u of units) {
          const sum = perGrid.get(u.gridId) ?? { required: 0, available: 0 }
          perGrid.set(u.gridId, { required: sum.required + u.required, available: sum.available + u.available })
        }
        const places = allGrids.map(id => grids.get(id))
        const total = (pick: (u: typeof units[number]) => number) => units.reduce((sum, u) => sum + pick(u), 0)
        const full: EmergencyRow = { ...preview, serial: 0, no: '', basisSuppliedAt: null, terminatedAt: null }
        const level = request.action === 'initialResponse' ? 4 : request.level
        const first = places[0]
        const words = { ...commonWords(full, allGrids), 集结点: first === undefined ? '' : `${first.communityName}党群服务中心`, 队名: first === undefined ? '' : `${first.communityName}${first.gridName}网格党员先锋队`, 社区: first?.communityName ?? '', 链接: 'https://…/a/AAAAAAAAAAAAAAAAAAA', 姓名: '张三', 单位: units[0]?.unitName ?? '' }
        const { templates } = stamp.levels[level]
        const template = request.action === 'initialResponse' ? templates.dutySms : request.action === 'preAlert' || level === 4 ? templates.standbySms : templates.activationSms
        const sampleSms = smsText(template, words, request.isDrill)
        const duty = await countDuty(tx, allGrids)
        const available = total(u => u.available)

        const preparationId = newId()
        const nonce = randomToken(24)
        const expiresAt = new Date(now.getTime() + PREPARATION_TTL_SEC * 1_000)
        await insertPreparation(tx, { id: preparationId, nonce, operatorId: caller.actor.personId, sessionId: caller.actor.sessionId, request, audienceHash: hash, expiresAt })
        const shortfalls = units.filter(u => u.available < u.required)
        return {
          preparationId,
          nonce,
          expiresAt: expiresAt.toISOString(),
          holdSec: HOLD_SEC,
          secondFactorRequired: false,
          counts: {
            townships: new Set(places.map(p => p?.townshipId)).size,
            communities: new Set(places.map(p => p?.communityId)).size,
            grids: allGrids.length,
            units: new Set(units.filter(u => u.required > 0).map(u => u.unitId)).size,
            teams: mobilises ? allGrids.length : 0,
            required: total(u => u.required),
            available,
            candidates: total(u => u.candidates),
            toCall: available,
            duty,
            smsSegments: (available + duty) * smsSegments(sampleSms),
          },
          underStrength: mobilises
            ? allGrids.flatMap((gridId) => {
                const { required, available: can } = perGrid.get(gridId) ?? { required: 0, available: 0 }
                const place = grids.get(gridId)
                return can < UNDER_STRENGTH_BELOW ? [{ gridId, gridName: place?.gridName ?? '', communityName: place?.communityName ?? '', required, available: can }] : []
              })
            : [],
          shortfalls: shortfalls.map(u => ({
            unitId: u.unitId,
            unitName: u.unitName,
            gridId: u.gridId,
            gridName: u.gridName,
            required: u.required,
            available: u.available,
            reasons: u.shortfalls.length > 0 ? u.shortfalls : [{ reason: u.candidates < u.required ? 'tooFewMembers' as const : 'inOtherEmergency' as const, people: u.required - u.available }],
          })),
          unreachable: Object.entries(units.flatMap(u => u.shortfalls).reduce<Record<string, number>>((sum, s) => ({ ...sum, [s.reason]: (sum[s.reason] ?? 0) + s.people }), {})).map(([reason, people]) => ({ reason: reason as 'exempt' | 'restrictedUnit', people })),
          preempts: taken.map(({ emergencyId, people }) => {
            const holder = preemptable.find(p => p.id === emergencyId)
            return { emergencyId, no: holder?.no ?? '', name: holder?.name ?? '', isDrill: holder?.isDrill ?? false, people }
          }),
          overlaps: overlaps.map(o => ({ emergencyId: o.id, no: o.no, name: o.name, isDrill: o.isDrill })),
          sampleSms,
          sampleText: appText(request.action === 'activate' && level !== 4 ? templates.activationText : template.replace(/\{签名\}/, ''), words, request.isDrill),
        }
      }, { deadlineMs: 60_000 })
    },

    /**
     * The key. One transaction: whoever sees the emergency sees its teams, calls and log; a crash leaves
     * nothing. The same Idempotency-Key gives the same emergency, however often and from wherever.
     */
    async press(caller: Caller, press: Press, idempotencyKey: string): Promise<EmergencyRef> {
      if (press.heldMs < HOLD_SEC * 1_000)
        throw new DomainError('HOLD_TOO_SHORT', { field: 'heldMs' })
      const now = clock.now()
      const actorId = caller.actor.personId
      const { ref, touched } = await db.work.tx(async (tx) => {
        const idempotent = { actorId, key: idempotencyKey, route: 'switch.press', body: { preparationId: press.preparationId, nonce: press.nonce } }
        const first = await recallReply(tx, idempotent)
        if (first !== null)
          return { ref: { ...first as EmergencyRef, replayed: true }, touched: [] }
        await lockSwitch(tx)
        const { request, audienceHash: seen } = await usePreparation(tx, press.preparationId, press.nonce, actorId, caller.actor.sessionId, now)
        const gridIds = gridsIn(request.scope)
        requireSwitch(caller, request, gridIds, 'press')
        await refreshRosters(tx, 'stale', today())
        const upgradedId = upgraded(request)
        if (request.action !== 'initialResponse') {
          const existing = upgradedId === null ? null : await getEmergency(tx, upgradedId)
          const plan = existing?.plan ?? stampPlan(await getPlan(tx, request.planId))
          const preview = { isDrill: request.isDrill, state: request.action === 'preAlert' ? 'preAlert' as const : 'activated' as const, level: request.action === 'preAlert' ? null : request.level }
          const preemptable = (await preemptableBy(tx, preview, upgradedId)).map(p => p.id)
          const allGrids = existing === null ? gridIds : [...new Set([...await gridsOf(tx, existing.id), ...gridIds])]
          if (await audienceHash(tx, { gridIds: allGrids, level: request.level, plan, emergencyId: upgradedId, preemptable }) !== seen) {
            // A twin opened meanwhile explains better than "the people changed".
            if (upgradedId === null)
              await refuseTwin(tx, request, gridIds, actorId, now)
            throw new DomainError('PREPARATION_STALE')
          }
        }
        const made = request.action === 'activate' && upgradedId !== null
          ? await activateExisting(tx, caller, request, upgradedId, gridIds, now)
          : await start(tx, caller, request, gridIds, now)
        const { e } = made
        const standby = e.state === 'preAlert' || e.level === 4
        const events: NewEvent[] = [
          event(actorId, now, made.type, { header: headerOf(e), teams: made.teams, gridIds: made.gridIds, changes: made.changes }),
          ...(e.kind === 'initialResponse' ? [] : await notify(tx, e, made.gridIds, actorId, now, { kind: standby ? 'standby' : 'activation', audience: 'team', template: standby ? 'standbySms' : 'activationSms', recipients: sql`p.call_state = 'pending'` })),
          ...await notify(tx, e, made.gridIds, actorId, now, { kind: 'duty', audience: 'duty', template: 'dutySms', recipients: sql`p.call_state = 'pending'` }),
        ]
        await audit(tx, { actorId, action: `switch.${request.action}`, subjectType: 'emergency', subjectId: e.id, requestId: caller.requestId, details: { no: e.no, level: e.level, isDrill: e.isDrill, grids: made.gridIds.length, heldMs: press.heldMs } })
        await recordPressed(tx, press.preparationId, e.id)
        const { lastSeq } = await append(tx, e.id, events)
        const ref: EmergencyRef = { emergencyId: e.id, no: e.no, replayed: false, seq: lastSeq }
        await rememberReply(tx, idempotent, ref)
        return { ref, touched: made.touched }
      }, { deadlineMs: 30_000 })
      wake([ref.emergencyId, ...touched])
      return ref
    },

    /** Raises or lowers the level. Up: only the added posts are summoned. Down: posts fall; of those beyond them, who has not answered is let go, who is coming or there stays until the community releases him. */
    changeLevel: (caller: Caller, emergencyId: string, { level, reason }: z.output<typeof ChangeLevel>) => command(caller, emergencyId, 'adjust', async (tx, before, gridIds, now) => {
      const from = before.level
      if (from === null || from === level)
        throw new DomainError('LEVEL_UNCHANGED')
      const actorId = caller.actor.personId
      const limitMin = before.plan.levels[level].rallyLimitMin
      const e = await updateEmergency(tx, emergencyId, { level, rallyBy: limitMin === null ? null : new Date(now.getTime() + limitMin * MINUTE) })
      const { teams, changes, touched } = await fillTeams(tx, e, gridIds, level, actorId, now)
      const released = level > from ? await releaseSurplus(tx, e, level) : []
      const events = [event(actorId, now, 'emergency.levelChanged', { header: headerOf(e), from, to: level, reason, teams, changes: [...released, ...changes] })]
      events.push(...await notify(tx, e, gridIds, actorId, now, { kind: 'summons', audience: 'team', template: level === 4 ? 'standbySms' : 'activationSms', recipients: sql`p.call_state = 'pending' and p.member_state = 'active' and p.joined_at = ${now.toISOString()}` }))
      events.push(...await both(tx, e, gridIds, actorId, now, { kind: 'levelChange', template: 'levelChangeSms', recipients: sql`p.member_state = 'active' and p.joined_at < ${now.toISOString()}` }))
      if (released.length > 0)
        events.push(...await notify(tx, e, gridIds, actorId, now, { kind: 'release', audience: 'team', template: 'releaseSms', recipients: sql`p.member_state = 'released' and p.call_state <> 'pending'`, words: { 内容: `响应降为${LEVEL_WORDS[level]}` }, text: `响应降为${LEVEL_WORDS[level]}，您无需到岗，感谢待命。` }))
      return { events, touched, details: { from, to: level, reason } }
    }, () => requireAccess(caller.actor, 'emergency.adjust', {}, 'board.view')),

    extendScope: (caller: Caller, emergencyId: string, { scope, reason }: z.output<typeof ExtendScope>) => command(caller, emergencyId, 'extend', async (tx, e, already, now) => {
      const added = gridsIn(scope).filter(id => !already.includes(id))
      if (added.length === 0)
        throw new DomainError('SCOPE_EMPTY', { field: 'scope' })
      const actorId = caller.actor.personId
      await refreshRosters(tx, 'stale', today())
      await addGrids(tx, emergencyId, added, now)
      const level = e.level ?? 4
      const filled = e.kind === 'initialResponse' ? { teams: [], changes: [], touched: [] } : await fillTeams(tx, e, added, level, actorId, now)
      const duty = await summonDuty(tx, emergencyId, added, now)
      const standby = e.state === 'preAlert' || e.level === 4
      const fresh = sql`p.call_state = 'pending' and p.joined_at = ${now.toISOString()}`
      return {
        events: [
          event(actorId, now, 'emergency.scopeExtended', { header: headerOf(e), reason, teams: filled.teams, gridIds: added, changes: [...filled.changes, ...duty] }),
          ...await notify(tx, e, added, actorId, now, { kind: 'summons', audience: 'team', template: standby ? 'standbySms' : 'activationSms', recipients: fresh }),
          ...await notify(tx, e, added, actorId, now, { kind: 'duty', audience: 'duty', template: 'dutySms', recipients: fresh }),
        ],
        touched: filled.touched,
        details: { grids: added.length, reason },
      }
    }, e => e.kind === 'response' ? requireAccess(caller.actor, 'emergency.adjust', {}, 'board.view') : scopeOfInitial(caller, gridsIn(scope))),

    /** 误启动撤销: everyone who was called gets an apology; all claims end. */
    revoke: (caller: Caller, emergencyId: string, { reason }: z.output<typeof WithReason>) => command(caller, emergencyId, 'revoke', async (tx, _, gridIds, now) => {
      const actorId = caller.actor.personId
      const e = await updateEmergency(tx, emergencyId, { state: 'revoked', terminatedAt: now, endReason: reason })
      await cancelPendingCalls(tx, emergencyId, now)
      const events = await both(tx, e, gridIds, actorId, now, { kind: 'revocation', template: 'revocationSms', recipients: ALERTED })
      const changes = await bulkChange(tx, emergencyId, sql`p.member_state = 'active' and p.audience = 'team'`, sql`member_state = 'released', holds = false`)
      await dissolveTeams(tx, emergencyId)
      return { events: [event(actorId, now, 'emergency.revoked', { header: headerOf(e), reason, changes }), ...events], details: { reason } }
    }, guardEnd(caller)),

    /** 终止: calls stop, people who are there sign off. */
    terminate: (caller: Caller, emergencyId: string, { reason, residualMeasures }: z.output<typeof Terminate>) => command(caller, emergencyId, 'terminate', async (tx, _, gridIds, now) => {
      const actorId = caller.actor.personId
      const e = await updateEmergency(tx, emergencyId, { state: 'standDown', terminatedAt: now, endReason: reason, residualMeasures })
      await cancelPendingCalls(tx, emergencyId, now)
      // Who is not on the ground is free again at once.
      await tx.execute(sql`update participants set holds = false where emergency_id = ${emergencyId} and holds and presence <> 'checkedIn'`)
      const notices = await both(tx, e, gridIds, actorId, now, { kind: 'termination', template: 'terminationSms', recipients: ALERTED })
      return { events: [event(actorId, now, 'emergency.terminated', { header: headerOf(e), reason, residualMeasures, changes: [] }), ...notices], details: { reason } }
    }, guardEnd(caller)),

    lift: (caller: Caller, emergencyId: string, { reason }: z.output<typeof WithReason>) => command(caller, emergencyId, 'lift', async (tx, _, gridIds, now) => {
      const actorId = caller.actor.personId
      const e = await updateEmergency(tx, emergencyId, { state: 'lifted', terminatedAt: now, endReason: reason })
      await cancelPendingCalls(tx, emergencyId, now)
      const notices = await both(tx, e, gridIds, actorId, now, { kind: 'lifted', template: 'liftedSms', recipients: ALERTED })
      const changes = await bulkChange(tx, emergencyId, sql`p.member_state = 'active' and p.audience = 'team'`, sql`member_state = 'released', holds = false`)
      await dissolveTeams(tx, emergencyId)
      return { events: [event(actorId, now, 'emergency.lifted', { header: headerOf(e), reason, changes }), ...notices], details: { reason } }
    }, () => requireAccess(caller.actor, 'emergency.lift', {}, 'board.view')),

    /** Reaches everyone who has or will have the first alert, also those who have answered. */
    correct: (caller: Caller, emergencyId: string, { text }: z.output<typeof Correct>) => command(caller, emergencyId, 'correct', async (tx, e, gridIds, now) => ({
      events: await both(tx, e, gridIds, caller.actor.personId, now, { kind: 'correction', template: 'correctionSms', recipients: EVERYONE, words: { 内容: text }, text: `更正：${text}` }),
      details: { text },
    }), () => requireAccess(caller.actor, 'emergency.correct', {}, 'board.view')),

    /** One community reports: everyone signed off or listed with a reason. The last one opens the review. */
    standDown: (caller: Caller, emergencyId: string, { communityId }: z.output<typeof StandDown>) => command(caller, emergencyId, 'standDown', async (tx, e, gridIds, now) => {
      const actorId = caller.actor.personId
      const own = gridIds.filter(id => grids.get(id)?.communityId === communityId)
      if (own.length === 0)
        throw new DomainError('NOT_FOUND')
      const ownIds = sql`${sql.param(`{${own.join(',')}}`)}::uuid[]`
      const counted = await tx.execute<{ open: number, signed_off: number, listed: number }>(sql`
        select (count(*) filter (where presence = 'checkedIn' and unsigned_reason is null))::int as open,
          (count(*) filter (where presence = 'checkedOut'))::int as signed_off,
          (count(*) filter (where presence = 'checkedIn' and unsigned_reason is not null))::int as listed
        from participants where emergency_id = ${emergencyId} and grid_id = any(${ownIds})`)
      const { open, signed_off: signedOff, listed } = counted[0] ?? { open: 0, signed_off: 0, listed: 0 }
      if (open > 0)
        throw new DomainError('NOT_STOOD_DOWN', { people: open })
      await tx.execute(sql`update emergency_grids set stood_down_at = coalesce(stood_down_at, ${now.toISOString()}::timestamptz) where emergency_id = ${emergencyId} and grid_id = any(${ownIds})`)
      const events: NewEvent[] = [event(actorId, now, 'emergency.communityStoodDown', { communityId, communityName: grids.community(communityId)?.name ?? '', signedOff, listed })]
      const left = await tx.execute(sql`select 1 from emergency_grids where emergency_id = ${emergencyId} and stood_down_at is null limit 1`)
      if (left.length === 0) {
        const reviewed = await updateEmergency(tx, e.id, { state: 'review', reviewOpenedAt: now })
        await tx.execute(sql`update participants set holds = false where emergency_id = ${emergencyId} and holds`)
        await dissolveTeams(tx, emergencyId)
        events.push(event(actorId, now, 'emergency.reviewOpened', { header: headerOf(reviewed) }))
      }
      return { events, details: { communityId } }
    }, () => requireAccess(caller.actor, 'emergency.standDown', { communityId }, 'board.view')),

    archive: (caller: Caller, emergencyId: string, { reason }: z.output<typeof WithReason>) => command(caller, emergencyId, 'archive', async (tx, _, __, now) => {
      const e = await updateEmergency(tx, emergencyId, { state: 'archived', archivedAt: now })
      return { events: [event(caller.actor.personId, now, 'emergency.archived', { header: headerOf(e) })], details: { reason } }
    }, () => requireAccess(caller.actor, 'emergency.archive', {}, 'board.view')),

    /** The written basis after an oral approval. */
    supplyBasis: (caller: Caller, emergencyId: string, { basis }: z.output<typeof SupplyBasis>) => command(caller, emergencyId, 'correct', async (tx, _, __, now) => {
      const e = await updateEmergency(tx, emergencyId, { basis, approvalMode: 'written', basisSuppliedAt: now })
      return { events: [event(caller.actor.personId, now, 'emergency.basisSupplied', { header: headerOf(e) })] }
    }, () => requireAccess(caller.actor, 'emergency.adjust', {}, 'board.view')),
  }

  function scopeOfInitial({ actor }: Caller, gridIds: readonly string[]): void {
    for (const gridId of gridIds)
      requireAccess(actor, 'switch.initialResponse', placeTarget(gridId), 'board.view')
  }

  async function refuseTwin(tx: Tx, request: Prepare, gridIds: string[], actorId: string, now: Date): Promise<void> {
    const plan = await getPlan(tx, request.planId)
    const twin = await findTwin(tx, draft(request, stampPlan(plan), plan.eventClass, actorId, now), gridIds)
    if (twin !== null)
      throw new DomainError('EMERGENCY_ALREADY_OPEN', { emergencyId: twin.id, no: twin.no, name: twin.name, by: twin.initiator, at: timeOf(twin.createdAt, timeZone) })
  }

  /** Per unit and grid, from the end of the roster: who has not answered yet and stands above the lowered quota. */
  async function releaseSurplus(tx: Tx, e: EmergencyRow, level: ResponseLevel): Promise<BulkChange[]> {
    const { generalPct, professionalPct } = e.plan.levels[level]
    const where = sql`p.person_id in (
      select x.person_id from (
        select a.person_id, a.call_state, row_number() over (partition by a.unit_id, a.grid_id order by a.call_state in ('answered', 'unreachable') desc, a.ordinal) as nth,
          coalesce((select (q.members * case u.mobilisation_class when 'general' then ${generalPct}::int when 'professional' then ${professionalPct}::int else 0 end + 99) / 100
            from roster_quotas q join units u on u.id = q.unit_id where q.unit_id = a.unit_id and q.grid_id = a.grid_id), 0) as posts
        from participants a where a.emergency_id = ${e.id} and a.audience = 'team' and a.member_state = 'active'
      ) x where x.nth > x.posts and x.call_state in ('pending', 'called'))`
    return bulkChange(tx, e.id, where, sql`member_state = 'released', holds = false`)
  }
}

