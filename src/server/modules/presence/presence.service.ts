import type { z } from 'zod'
import type { CheckIn, CheckInCode, CheckInFor, CheckInReply, CheckOut, CheckOutReply, ListUnsigned, MarkRollCall, OpenRollCall, RollCall } from '../../../contract/presence.ts'
import type { CheckInFlag, CheckInMethod } from '../../../contract/vocabulary.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Database, Tx } from '../../platform/db/index.ts'
import type { NewEvent, Tail } from '../../platform/eventlog/index.ts'
import type { Caller } from '../../platform/http/index.ts'
import type { Secret } from '../../platform/secrets.ts'
import type { ParticipantRow } from '../participants/index.ts'
import type { GridIndex } from '../registry/index.ts'
import { sql } from 'drizzle-orm'
import { DomainError } from '../../platform/errors.ts'
import { append } from '../../platform/eventlog/index.ts'
import { createGroupCommit } from '../../platform/groupcommit.ts'
import { newId } from '../../platform/ids.ts'
import { audit } from '../audit/index.ts'
import { captainOf, targetOf } from '../calls/index.ts'
import { event, getEmergency, isOpen, lockEmergency, modeOf, shareEmergencies } from '../emergencies/index.ts'
import { requireAccess } from '../identity/index.ts'
import { changeOf, findParticipant, lockPeople, lockPerson, saveParticipants } from '../participants/index.ts'
import { checkInCode, CODE_SLOT_SEC, gcj02ToWgs84, isAfterLimit, judgePosition, readCheckInCode } from './presence.rules.ts'

export interface PresenceDeps {
  db: Database
  clock: Clock
  publicUrl: string
  checkInKey: Secret
  grids: GridIndex
  tail: Pick<Tail, 'wake'>
}

export type Presence = ReturnType<typeof createPresence>

type Reply = z.output<typeof CheckInReply>

interface CheckingIn {
  emergencyId: string
  personId: string
  actorId: string
  checkInId: string
  method: CheckInMethod
  byPersonId: string | null
  position: { latitude: number, longitude: number, accuracyM: number, coordinateSystem: 'WGS84' | 'GCJ02' } | null
}

interface Rally { teamId: string, latitude: number | null, longitude: number | null, fenceM: number }

async function rallyOfTeams(tx: Tx, teamIds: readonly string[]): Promise<Map<string, Rally>> {
  if (teamIds.length === 0)
    return new Map()
  const rows = await tx.execute<{ team_id: string, latitude: number | null, longitude: number | null, fence_m: number }>(sql`
    select t.id as team_id, r.latitude, r.longitude, coalesce(r.fence_m, 300) as fence_m from vanguard_teams t left join rally_points r on r.grid_id = t.grid_id
    where t.id = any(${sql.param(`{${teamIds.join(',')}}`)}::uuid[])`)
  return new Map(rows.map(r => [r.team_id, { teamId: r.team_id, latitude: r.latitude, longitude: r.longitude, fenceM: r.fence_m }]))
}

export function createPresence({ db, clock, publicUrl, checkInKey, grids, tail }: PresenceDeps) {
  const arrivals = createGroupCommit<CheckingIn, Reply>({
    async write(batch) {
      const now = clock.now()
      const { replies, touched } = await db.answers.tx(async (tx) => {
        const emergencies = await shareEmergencies(tx, [...new Set(batch.map(c => c.emergencyId))])
        const people = await lockPeople(tx, batch)
        const rallies = await rallyOfTeams(tx, [...new Set([...people.values()].flatMap(p => p.teamId === null ? [] : [p.teamId]))])
        const known = await tx.execute<{ check_in_id: string, person_id: string, at: string, flags: CheckInFlag[], distance_m: number | null }>(sql`
          select check_in_id, person_id, at, flags, distance_m from check_ins where check_in_id = any(${sql.param(`{${batch.map(c => c.checkInId).join(',')}}`)}::uuid[])`)
        const seen = new Map<string, { personId: string, reply: Reply }>(known.map(k => [k.check_in_id, { personId: k.person_id, reply: { checkInId: k.check_in_id, at: new Date(k.at).toISOString(), flags: k.flags, distanceM: k.distance_m, replayed: true } }]))
        const replies: (Reply | Error)[] = []
        const changed = new Map<string, ParticipantRow>()
        const rows: object[] = []
        const events = new Map<string, NewEvent[]>()
        for (const c of batch) {
          const key = `${c.emergencyId} ${c.personId}`
          const e = emergencies.get(c.emergencyId)
          const before = changed.get(key) ?? people.get(key)
          if (e === undefined || before === undefined) {
            replies.push(new DomainError('NOT_FOUND'))
            continue
          }
          const first = seen.get(c.checkInId)
          if (first !== undefined) {
            replies.push(first.personId === c.personId ? first.reply : new DomainError('CONFLICT'))
            continue
          }
          if (!isOpen(e.state) || e.state === 'standDown') {
            replies.push(new DomainError('EMERGENCY_CLOSED'))
            continue
          }
          const rally = before.teamId === null ? undefined : rallies.get(before.teamId)
          const point = c.position === null ? null : c.position.coordinateSystem === 'GCJ02' ? gcj02ToWgs84(c.position) : c.position
          const judged = point === null || c.position === null
            ? { flags: [], distanceM: null }
            : judgePosition({ ...point, accuracyM: c.position.accuracyM }, rally === undefined || rally.latitude === null || rally.longitude === null ? null : { latitude: rally.latitude, longitude: rally.longitude, fenceM: rally.fenceM })
          const flags: CheckInFlag[] = isAfterLimit(now, e.rallyBy) ? [...judged.flags, 'afterLimit'] : judged.flags
          const reply: Reply = { checkInId: c.checkInId, at: now.toISOString(), flags, distanceM: judged.distanceM, replayed: false }
          replies.push(reply)
          seen.set(c.checkInId, { personId: c.personId, reply: { ...reply, replayed: true } })
          rows.push({ id: c.checkInId, e: e.id, p: c.personId, method: c.method, by: c.byPersonId, lat: point?.latitude ?? null, lon: point?.longitude ?? null, cs: c.position === null ? null : 'WGS84', acc: c.position === null ? null : Math.round(c.position.accuracyM), dist: judged.distanceM, flags, at: now })
          // Being there is an answer: who never tapped anything counts as answered by his check-in.
          const after: ParticipantRow = {
            ...before,
            presence: 'checkedIn',
            checkedInAt: before.checkedInAt ?? now,
            checkInMethod: c.method,
            checkInFlags: flags,
            checkedOutAt: null,
            unsignedReason: null,
            ...(before.callState === 'answered' && before.answer !== 'cannot' ? {} : { callState: 'answered' as const, answer: 'alreadyThere' as const, answerVia: 'checkIn' as const, answeredAt: before.answeredAt ?? now, cannotReason: null, unreachableReason: null }),
          }
          changed.set(key, after)
          const log = events.get(e.id) ?? []
          events.set(e.id, log)
          log.push(event(c.actorId, now, 'presence.checkedIn', { checkInId: c.checkInId, method: c.method, flags, change: changeOf(before, after) }))
        }
        if (rows.length > 0) {
          await tx.execute(sql`
            insert into check_ins (check_in_id, emergency_id, person_id, direction, method, by_person_id, latitude, longitude, coordinate_system, accuracy_m, distance_m, flags, at)
            select n.id, n.e, n.p, 'in', n.method, n.by, n.lat, n.lon, n.cs, n.acc, n.dist, n.flags, n.at
            from json_to_recordset(${JSON.stringify(rows)}::json) as n(id uuid, e uuid, p uuid, method text, by uuid, lat float8, lon float8, cs text, acc int, dist int, flags text[], at timestamptz)`)
          await saveParticipants(tx, [...changed.values()])
          for (const emergencyId of [...events.keys()].sort())
            await append(tx, emergencyId, events.get(emergencyId) ?? [])
        }
        return { replies, touched: [...events.keys()] }
      })
      for (const id of touched)
        tail.wake(id)
      return replies
    },
  })

  /** @throws NO_EMERGENCY in peacetime: check-in exists inside an emergency or drill alone (domain finding 1). */
  async function requireOpen(emergencyId: string): Promise<void> {
    const e = await db.read.tx(tx => getEmergency(tx, emergencyId), { readOnly: true })
    if (!isOpen(e.state))
      throw new DomainError('EMERGENCY_CLOSED')
  }

  async function checkOut(tx: Tx, emergencyId: string, personId: string, checkInId: string, actorId: string, method: CheckInMethod | 'self', now: Date): Promise<z.output<typeof CheckOutReply>> {
    const e = await lockEmergency(tx, emergencyId, 'share')
    const p = await lockPerson(tx, emergencyId, personId)
    const known = await tx.execute<{ at: string, person_id: string }>(sql`select at, person_id from check_ins where check_in_id = ${checkInId}`)
    if (known[0] !== undefined) {
      if (known[0].person_id !== personId)
        throw new DomainError('CONFLICT')
      return { checkInId, at: new Date(known[0].at).toISOString(), replayed: true }
    }
    if (!isOpen(e.state) && e.state !== 'revoked')
      throw new DomainError('EMERGENCY_CLOSED')
    if (p.presence !== 'checkedIn')
      throw new DomainError('NOT_CHECKED_IN')
    const after: ParticipantRow = { ...p, presence: 'checkedOut', checkedOutAt: now, unsignedReason: null, holds: p.holds && e.state === 'activated' }
    await tx.execute(sql`
      insert into check_ins (check_in_id, emergency_id, person_id, direction, method, by_person_id, at)
      values (${checkInId}, ${emergencyId}, ${personId}, 'out', ${method}, ${actorId === personId ? null : actorId}, ${now.toISOString()})`)
    await saveParticipants(tx, [after])
    await append(tx, emergencyId, [event(actorId, now, 'presence.checkedOut', { method, change: changeOf(p, after) })])
    return { checkInId, at: now.toISOString(), replayed: false }
  }

  async function methodFor(caller: Caller, emergencyId: string, personId: string): Promise<CheckInMethod> {
    const { actor } = caller
    return db.read.tx(async (tx) => {
      const e = await getEmergency(tx, emergencyId)
      const p = await findParticipant(tx, emergencyId, personId)
      if (p === null)
        throw new DomainError('NOT_FOUND')
      const captainId = await captainOf(tx, p.teamId)
      requireAccess(actor, 'presence.signFor', targetOf(grids, e, p, captainId), actor.kind === 'link' ? undefined : 'board.view')
      return captainId === actor.personId ? 'captain' : actor.grants.some(g => g.role === 'gridChief' && g.scopeId === p.gridId) ? 'gridChief' : 'officer'
    }, { readOnly: true })
  }

  async function readRollCall(tx: Tx, rollCallId: string): Promise<z.output<typeof RollCall> & { expected: string[] }> {
    const rows = await tx.execute<{ id: string, emergency_id: string, community_id: string, team_id: string | null, opened_at: string, closed_at: string | null }>(sql`select id, emergency_id, community_id, team_id, opened_at, closed_at from roll_calls where id = ${rollCallId}`)
    const r = rows[0]
    if (r === undefined)
      throw new DomainError('NOT_FOUND')
    const people = await tx.execute<{ person_id: string, name: string, team_id: string, team_name: string, present: boolean | null }>(sql`
      select p.person_id, pe.name, t.id as team_id, t.name as team_name, m.present
      from participants p join persons pe on pe.id = p.person_id join vanguard_teams t on t.id = p.team_id
      left join roll_call_entries m on m.roll_call_id = ${rollCallId} and m.person_id = p.person_id
      where p.emergency_id = ${r.emergency_id} and t.community_id = ${r.community_id} and (${r.team_id}::uuid is null or t.id = ${r.team_id}::uuid)
        and (p.presence = 'checkedIn' or m.person_id is not null)
      order by t.name, pe.name, p.person_id`)
    return {
      id: r.id,
      emergencyId: r.emergency_id,
      communityId: r.community_id,
      teamId: r.team_id,
      openedAt: new Date(r.opened_at).toISOString(),
      closedAt: r.closed_at === null ? null : new Date(r.closed_at).toISOString(),
      people: people.map(p => ({ personId: p.person_id, name: p.name, teamId: p.team_id, teamName: p.team_name, present: p.present })),
      expected: people.map(p => p.person_id),
    }
  }

  async function requireRollCall(tx: Tx, { actor }: Caller, emergencyId: string, communityId: string, teamId: string | null) {
    const e = await getEmergency(tx, emergencyId)
    const community = grids.community(communityId)
    if (community === undefined)
      throw new DomainError('NOT_FOUND')
    const gridRows = teamId === null ? [] : await tx.execute<{ grid_id: string, community_id: string }>(sql`select grid_id, community_id from vanguard_teams where id = ${teamId} and emergency_id = ${emergencyId}`)
    const team = gridRows[0]
    if (teamId !== null && team?.community_id !== communityId)
      throw new DomainError('NOT_FOUND')
    requireAccess(actor, 'presence.rollCall', { communityId, townshipId: community.townshipId, emergencyId, mode: modeOf([e.state]), captainId: await captainOf(tx, teamId), ...(team === undefined ? {} : { gridId: team.grid_id }) }, actor.kind === 'link' ? undefined : 'board.view')
    return e
  }

  return {
    /** By the captain's code or by one position; by the person himself. */
    async checkIn({ actor }: Caller, emergencyId: string, command: z.output<typeof CheckIn>): Promise<Reply> {
      requireAccess(actor, 'presence.own', { personId: actor.personId, emergencyId })
      await requireOpen(emergencyId)
      if (command.method === 'code') {
        const teamId = readCheckInCode(checkInKey, command.code, clock.now())
        if (teamId === null || await db.read.tx(async tx => (await tx.execute(sql`select 1 from vanguard_teams where id = ${teamId} and emergency_id = ${emergencyId}`)).length === 0, { readOnly: true }))
          throw new DomainError('CODE_INVALID', { field: 'code' })
      }
      return arrivals.submit({ emergencyId, personId: actor.personId, actorId: actor.personId, checkInId: command.checkInId, method: command.method, byPersonId: null, position: command.method === 'position' ? command.position : null })
    },

    /** Captain, grid chief or officer signs in somebody whom he sees; both names are kept. */
    async checkInFor(caller: Caller, emergencyId: string, personId: string, { checkInId }: z.output<typeof CheckInFor>): Promise<Reply> {
      const method = await methodFor(caller, emergencyId, personId)
      return arrivals.submit({ emergencyId, personId, actorId: caller.actor.personId, checkInId, method, byPersonId: caller.actor.personId, position: null })
    },

    async checkOut({ actor }: Caller, emergencyId: string, { checkInId }: z.output<typeof CheckOut>): Promise<z.output<typeof CheckOutReply>> {
      requireAccess(actor, 'presence.own', { personId: actor.personId, emergencyId })
      const reply = await db.work.tx(tx => checkOut(tx, emergencyId, actor.personId, checkInId, actor.personId, 'self', clock.now()))
      tail.wake(emergencyId)
      return reply
    },

    async checkOutFor(caller: Caller, emergencyId: string, personId: string, { checkInId }: z.output<typeof CheckOut>): Promise<z.output<typeof CheckOutReply>> {
      const method = await methodFor(caller, emergencyId, personId)
      const reply = await db.work.tx(tx => checkOut(tx, emergencyId, personId, checkInId, caller.actor.personId, method, clock.now()))
      tail.wake(emergencyId)
      return reply
    },

    /** 未签离: somebody who was there and cannot be signed off; the reason is kept and shown. */
    async listUnsigned({ actor, requestId }: Caller, emergencyId: string, personId: string, { reason }: z.output<typeof ListUnsigned>): Promise<{ seq: number }> {
      const now = clock.now()
      const seq = await db.work.tx(async (tx) => {
        const e = await lockEmergency(tx, emergencyId, 'share')
        const p = await lockPerson(tx, emergencyId, personId)
        requireAccess(actor, 'presence.listUnsigned', targetOf(grids, e, p, null), 'board.view')
        if (!isOpen(e.state))
          throw new DomainError('EMERGENCY_CLOSED')
        if (p.presence !== 'checkedIn')
          throw new DomainError('NOT_CHECKED_IN')
        const after = { ...p, unsignedReason: reason }
        await saveParticipants(tx, [after])
        await audit(tx, { actorId: actor.personId, action: 'presence.listUnsigned', subjectType: 'person', subjectId: personId, requestId, details: { emergencyId, reason } })
        return (await append(tx, emergencyId, [event(actor.personId, now, 'presence.unsignedListed', { personId, name: p.name, reason, change: changeOf(p, after) })])).lastSeq
      })
      tail.wake(emergencyId)
      return { seq }
    },

    /** The code that the captain or grid chief shows; it changes every minute. */
    async showCode({ actor }: Caller, emergencyId: string, teamId: string): Promise<z.output<typeof CheckInCode>> {
      return db.read.tx(async (tx) => {
        const e = await getEmergency(tx, emergencyId)
        const rows = await tx.execute<{ grid_id: string, captain_id: string | null }>(sql`select grid_id, captain_id from vanguard_teams where id = ${teamId} and emergency_id = ${emergencyId}`)
        const team = rows[0]
        if (team === undefined)
          throw new DomainError('NOT_FOUND')
        requireAccess(actor, 'presence.showCode', targetOf(grids, e, { personId: actor.personId, gridId: team.grid_id, unitId: null }, team.captain_id), actor.kind === 'link' ? undefined : 'board.view')
        if (!isOpen(e.state))
          throw new DomainError('EMERGENCY_CLOSED')
        const now = clock.now()
        const { code, expiresAt } = checkInCode(checkInKey, teamId, now)
        return { code, url: `${publicUrl}/c/${code}`, expiresAt: expiresAt.toISOString(), refreshInSec: Math.min(CODE_SLOT_SEC, Math.max(1, Math.ceil((expiresAt.getTime() - now.getTime()) / 1_000))) }
      }, { readOnly: true })
    },

    /** 点名 of a team or of all teams of a community: who is on site by the board must answer on the ground. */
    async openRollCall(caller: Caller, emergencyId: string, { communityId, teamId }: z.output<typeof OpenRollCall>): Promise<z.output<typeof RollCall>> {
      const now = clock.now()
      const rollCall = await db.work.tx(async (tx) => {
        const e = await requireRollCall(tx, caller, emergencyId, communityId, teamId)
        if (!isOpen(e.state))
          throw new DomainError('EMERGENCY_CLOSED')
        const id = newId()
        await tx.execute(sql`insert into roll_calls (id, emergency_id, community_id, team_id, opened_by, opened_at) values (${id}, ${emergencyId}, ${communityId}, ${teamId}, ${caller.actor.personId}, ${now.toISOString()})`)
        const { expected, ...made } = await readRollCall(tx, id)
        await append(tx, emergencyId, [event(caller.actor.personId, now, 'presence.rollCallOpened', { rollCallId: id, teamId, communityId, expected: expected.length })])
        return made
      })
      tail.wake(emergencyId)
      return rollCall
    },

    async markRollCall(caller: Caller, rollCallId: string, { marks }: z.output<typeof MarkRollCall>): Promise<z.output<typeof RollCall>> {
      return db.work.tx(async (tx) => {
        const before = await readRollCall(tx, rollCallId)
        await requireRollCall(tx, caller, before.emergencyId, before.communityId, before.teamId)
        if (before.closedAt !== null)
          throw new DomainError('ROLL_CALL_CLOSED')
        if (marks.some(m => !before.expected.includes(m.personId)))
          throw new DomainError('NOT_FOUND')
        await tx.execute(sql`
          insert into roll_call_entries (roll_call_id, person_id, present, marked_by, at)
          select ${rollCallId}, n.p, n.present, ${caller.actor.personId}, ${clock.now().toISOString()}
          from (select distinct on (p) p, present from json_to_recordset(${JSON.stringify(marks.map((m, i) => ({ p: m.personId, present: m.present, i })))}::json) as x(p uuid, present boolean, i int) order by p, i desc) n
          on conflict on constraint roll_call_entries_pk do update set present = excluded.present, marked_by = excluded.marked_by, at = excluded.at`)
        const { expected: _, ...after } = await readRollCall(tx, rollCallId)
        return after
      })
    },

    async closeRollCall(caller: Caller, rollCallId: string): Promise<z.output<typeof RollCall>> {
      const now = clock.now()
      const closed = await db.work.tx(async (tx) => {
        const before = await readRollCall(tx, rollCallId)
        await requireRollCall(tx, caller, before.emergencyId, before.communityId, before.teamId)
        const won = await tx.execute(sql`update roll_calls set closed_at = ${now.toISOString()} where id = ${rollCallId} and closed_at is null returning id`)
        if (won.length === 0)
          throw new DomainError('ROLL_CALL_CLOSED')
        const { expected: _, ...after } = await readRollCall(tx, rollCallId)
        const present = after.people.filter(p => p.present === true).length
        await append(tx, before.emergencyId, [event(caller.actor.personId, now, 'presence.rollCallClosed', { rollCallId, present, missing: after.people.filter(p => p.present !== true).map(p => p.name) })])
        return after
      })
      tail.wake(closed.emergencyId)
      return closed
    },

    getRollCall: (caller: Caller, rollCallId: string) => db.read.tx(async (tx) => {
      const { expected: _, ...found } = await readRollCall(tx, rollCallId)
      await requireRollCall(tx, caller, found.emergencyId, found.communityId, found.teamId)
      return found
    }, { readOnly: true }),

    drain: () => arrivals.drain(),
  }
}
