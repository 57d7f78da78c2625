/** Taking people from drills and from standby (invariant 6), written into both logs with who and why. */
import type { Tx } from '../../platform/db/index.ts'
import type { NewEvent } from '../../platform/eventlog/index.ts'
import type { Notice } from '../calls/index.ts'
import type { EmergencyRow } from '../emergencies/index.ts'
import type { Claimant } from './mobilization.rules.ts'
import { sql } from 'drizzle-orm'
import { audit } from '../audit/index.ts'
import { ALERTED, cancelPendingCalls, DRILL_ABORTED } from '../calls/index.ts'
import { event, getEmergency, headerOf, isOpen, lockEmergencies, openEmergencies, updateEmergency } from '../emergencies/index.ts'
import { bulkChange, CHOSEN, peopleIn } from '../participants/index.ts'
import { replaceCaptains } from '../teams/index.ts'
import { close } from './closing.ts'
import { mayPreempt } from './mobilization.rules.ts'

/** Another emergency whose log this command moves as well. */
export interface Touched { emergencyId: string, events: NewEvent[] }

export type NotifyAll = (tx: Tx, e: EmergencyRow, actorId: string, now: Date, notice: Omit<Notice, 'audience'>) => Promise<NewEvent[]>

export async function preemptableBy(tx: Tx, taker: Claimant, ownId: string | null): Promise<EmergencyRow[]> {
  return (await openEmergencies(tx)).filter(e => e.id !== ownId && mayPreempt(taker, e))
}

/**
 * Locks an emergency together with those it may take people from, all in id order: nobody can wait for us
 * while we wait for him. The caller holds the switch lock.
 * @throws NOT_FOUND
 */
export async function lockWithGivers(tx: Tx, own: { id: string, as: (e: EmergencyRow) => Claimant }): Promise<{ e: EmergencyRow, givers: EmergencyRow[] }> {
  const taker = own.as(await getEmergency(tx, own.id))
  const candidates = await preemptableBy(tx, taker, own.id)
  const locked = await lockEmergencies(tx, [own.id, ...candidates.map(c => c.id)])
  const e = locked.get(own.id) ?? await getEmergency(tx, own.id)
  return { e, givers: stillGiving([...locked.values()], taker, own.id) }
}

/** As `lockWithGivers`, for an emergency that begins in this transaction. */
export async function lockGivers(tx: Tx, taker: Claimant): Promise<EmergencyRow[]> {
  const candidates = await preemptableBy(tx, taker, null)
  const locked = candidates.length === 0 ? [] : [...(await lockEmergencies(tx, candidates.map(c => c.id))).values()]
  return stillGiving(locked, taker, null)
}

/** It may have ended while we waited for it. */
function stillGiving(locked: EmergencyRow[], taker: Claimant, ownId: string | null): EmergencyRow[] {
  return locked.filter(e => e.id !== ownId && isOpen(e.state) && mayPreempt(taker, e))
}

/** Ends the givers' claims on the people chosen. Returns what the taker's log says, and the logs of those that gave. */
export async function preempt(tx: Tx, taker: EmergencyRow, givers: readonly EmergencyRow[], notifyAll: NotifyAll, by: { actorId: string, requestId: string | null }, now: Date): Promise<{ own: NewEvent[], touched: Touched[] }> {
  const own: NewEvent[] = []
  const touched: Touched[] = []
  for (const giver of givers) {
    const needed = await tx.execute<{ n: number }>(sql`select count(*)::int as n from participants p where p.emergency_id = ${giver.id} and p.holds and ${CHOSEN}`)
    const people = needed[0]?.n ?? 0
    if (people === 0)
      continue
    const said = { fromEmergencyId: giver.id, fromName: giver.name, byEmergencyId: taker.id, byName: taker.name }
    const events = giver.isDrill ? await abortDrill(tx, giver, said, notifyAll, by.actorId, now) : await takeFromStandby(tx, giver, said, notifyAll, by.actorId, now)
    own.push(event(by.actorId, now, 'team.preempted', { ...said, taken: people, changes: [] }))
    touched.push({ emergencyId: giver.id, events })
    await audit(tx, { actorId: by.actorId, action: 'emergency.preempted', subjectType: 'emergency', subjectId: giver.id, requestId: by.requestId, details: { by: taker.id, people } })
  }
  return { own, touched }
}

type Said = Record<'fromEmergencyId' | 'fromName' | 'byEmergencyId' | 'byName', string>

/** A drill ends as a whole: its people must not stand between practice and the real thing. */
async function abortDrill(tx: Tx, drill: EmergencyRow, said: Said, notifyAll: NotifyAll, actorId: string, now: Date): Promise<NewEvent[]> {
  const changes = await bulkChange(tx, drill.id, sql`p.audience = 'team' and p.member_state = 'active'`, sql`member_state = 'preempted', holds = false`)
  await cancelPendingCalls(tx, drill.id, now)
  const events = [event(actorId, now, 'team.preempted', { ...said, taken: peopleIn(changes), changes })]
  if (drill.state === 'preAlert') {
    const lifted = await close(tx, drill.id, { state: 'lifted', terminatedAt: now, endReason: why(said) }, now)
    events.push(event(actorId, now, 'emergency.lifted', { header: headerOf(lifted), reason: why(said), changes: [] }))
  }
  else if (drill.state === 'activated') {
    const ended = await updateEmergency(tx, drill.id, { state: 'standDown', terminatedAt: now, endReason: why(said) })
    events.push(event(actorId, now, 'emergency.terminated', { header: headerOf(ended), reason: why(said), residualMeasures: '', changes: [] }))
  }
  return [...events, ...await notifyAll(tx, drill, actorId, now, { kind: 'drillAborted', template: 'releaseSms', recipients: ALERTED, words: { 内容: DRILL_ABORTED }, text: DRILL_ABORTED })]
}

const why = ({ byName }: Said): string => `${DRILL_ABORTED}：${byName}`

/** Standby gives exactly the people who are needed; whoever loses its captain gets the next one. */
async function takeFromStandby(tx: Tx, standby: EmergencyRow, said: Said, notifyAll: NotifyAll, actorId: string, now: Date): Promise<NewEvent[]> {
  // Said before they are taken, while they can still be told apart from those taken earlier.
  const words = `${standby.name}待命转为${said.byName}，请按新的通知行动`
  const notices = await notifyAll(tx, standby, actorId, now, { kind: 'preempted', template: 'correctionSms', recipients: sql`p.audience = 'team' and p.holds and ${CHOSEN} and ${ALERTED}`, words: { 内容: words }, text: words })
  const changes = await bulkChange(tx, standby.id, sql`p.audience = 'team' and p.holds and ${CHOSEN}`, sql`member_state = 'preempted', holds = false`)
  const handovers = await replaceCaptains(tx, standby.id)
  return [
    event(actorId, now, 'team.preempted', { ...said, taken: peopleIn(changes), changes }),
    ...handovers.map(handover => event(actorId, now, 'team.captainChanged', handover)),
    ...notices,
  ]
}
