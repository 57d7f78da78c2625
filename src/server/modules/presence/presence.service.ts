import type { z } from 'zod'
import type { CheckIn, CheckInCode, CheckInFor, CheckInReply, CheckOut, CheckOutReply, ListUnsigned, MarkRollCall, OpenRollCall, RollCall } from '../../../contract/presence.ts'
import type { CheckInFlag, CheckInMethod } from '../../../contract/vocabulary.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Database, Tx } from '../../platform/db/index.ts'
import type { Appended, NewEvent, Tail } from '../../platform/eventlog/index.ts'
import type { Caller } from '../../platform/http/index.ts'
import type { Secret } from '../../platform/secrets.ts'
import type { SharedEmergency } from '../emergencies/index.ts'
import type { ParticipantRow } from '../participants/index.ts'
import type { GridIndex } from '../registry/index.ts'
import { sql } from 'drizzle-orm'
import { uuids } from '../../platform/db/index.ts'
import { DomainError } from '../../platform/errors.ts'
import { append } from '../../platform/eventlog/index.ts'
import { createGroupCommit } from '../../platform/groupcommit.ts'
import { newId } from '../../platform/ids.ts'
import { audit } from '../audit/index.ts'
import { captainOf, targetOf } from '../calls/index.ts'
import { countsAnswers, event, getEmergency, isOpen, lockEmergency, modeOf, shareEmergencies } from '../emergencies/index.ts'
import { requireAccess } from '../identity/index.ts'
import { changeOf, findParticipant, lockPeople, lockPerson, saveParticipants } from '../participants/index.ts'
import { checkInCode, CODE_SLOT_SEC, gcj02ToWgs84, isAfterLimit, judgePosition, readCheckInCode } from './presence.rules.ts'

export interface PresenceDeps {
  db: Database
  clock: Clock
  publicUrl: string
  checkInKey: Secret
  grids: GridIndex
  tail: Pick<Tail, 'wake' | 'hand'>
}

export type Presence = ReturnType<typeof createPresence>

type Reply = z.output<typeof CheckInReply>

/** One step over the threshold, whoever reports it. */
type Movement = Report & ({ direction: 'in', method: CheckInMethod } | { direction: 'out', method: CheckInMethod | 'self' })

interface Report {
  emergencyId: string
  personId: string
  actorId: string
  checkInId: string
  /** Team whose rotating code was scanned. */
  codeTeamId: string | null
  position: { latitude: number, longitude: number, accuracyM: number, coordinateSystem: 'WGS84' | 'GCJ02' } | null
}

interface Rally { emergencyId: string, latitude: number | null, longitude: number | null, fenceM: number }

async function rallyOfTeams(tx: Tx, teamIds: readonly string[]): Promise<Map<string, Rally>> {
  if (teamIds.length === 0)
    return new Map()
  const rows = await tx.execute<{ team_id: string, emergency_id: string, latitude: number | null, longitude: number | null, fence_m: number }>(sql`
    select t.id as team_id, t.emergency_id, r.latitude, r.longitude, coalesce(r.fence_m, 300) as fence_m from vanguard_teams t left join rally_points r on r.grid_id = t.grid_id
    where t.id = any(${uuids(teamIds)})`)
  return new Map(rows.map(r => [r.team_id, { emergencyId: r.emergency_id, latitude: r.latitude, longitude: r.longitude, fenceM: r.fence_m }]))
}

async function findMovements(tx: Tx, ids: readonly string[]): Promise<Map<string, { of: string, reply: Reply }>> {
  const rows = await tx.execute<{ check_in_id: string, emergency_id: string, person_id: string, direction: 'in' | 'out', at: string, flags: CheckInFlag[], distance_m: number | null }>(sql`
    select check_in_id, emergency_id, person_id, direction, at, flags, distance_m from check_ins where check_in_id = any(${uuids(ids)})`)
  return new Map(rows.map(k => [k.check_in_id, { of: `${k.emergency_id} ${k.person_id} ${k.direction}`, reply: { checkInId: k.check_in_id, at: new Date(k.at).toISOString(), flags: k.flags, distanceM: k.distance_m, replayed: true } }]))
}

interface MovementRow { id: string, e: string, p: string, direction: 'in' | 'out', method: CheckInMethod | 'self', by: string | null, lat: number | null, lon: number | null, cs: 'WGS84' | null, acc: number | null, dist: number | null, flags: CheckInFlag[], at: Date }

/** Returns how many were new: an id that somebody else's phone has used is not. */
async function insertMovements(tx: Tx, rows: readonly MovementRow[]): Promise<number> {
  const made = await tx.execute(sql`
    insert into check_ins (check_in_id, emergency_id, person_id, direction, method, by_person_id, latitude, longitude, coordinate_system, accuracy_m, distance_m, flags, at)
    select n.id, n.e, n.p, n.direction, n.method, n.by, n.lat, n.lon, n.cs, n.acc, n.dist, n.flags, n.at
    from json_to_recordset(${JSON.stringify(rows)}::json) as n(id uuid, e uuid, p uuid, direction text, method text, by uuid, lat float8, lon float8, cs text, acc int, dist int, flags text[], at timestamptz)
    on conflict (check_in_id) do nothing returning 1`)
  return made.length
}

/** The person after his arrival. Being there is an answer: who never tapped anything counts as answered by it. */
function arrived(before: ParticipantRow, method: CheckInMethod, flags: CheckInFlag[], now: Date): ParticipantRow {
  // A second, vaguer proof does not make a clear one doubtful.
  const isWorse = before.presence === 'checkedIn' && before.checkInFlags.length <= flags.length
  const answered = before.callState === 'answered' && before.answer !== 'cannot'
  return {
    ...before,
    presence: 'checkedIn',
    checkedInAt: before.checkedInAt ?? now,
    checkInMethod: isWorse ? before.checkInMethod : method,
    checkInFlags: isWorse ? before.checkInFlags : flags,
    checkedOutAt: null,
    unsignedReason: null,
    ...(answered ? {} : { callState: 'answered', answer: 'alreadyThere', answerVia: 'checkIn', answeredAt: before.answeredAt ?? now, promisedAt: null, cannotReason: null, unreachableReason: null }),
  }
}

export function createPresence({ db, clock, publicUrl, checkInKey, grids, tail }: PresenceDeps) {
  /** What a movement does, or why it is refused. Pure but for the clock. */
  function judge(m: Movement, e: SharedEmergency, before: ParticipantRow, rallies: ReadonlyMap<string, Rally>, now: Date): { after: ParticipantRow, row: MovementRow, event: NewEvent } | DomainError {
    const row: MovementRow = { id: m.checkInId, e: e.id, p: m.personId, direction: m.direction, method: m.method, by: m.actorId === m.personId ? null : m.actorId, lat: null, lon: null, cs: null, acc: null, dist: null, flags: [], at: now }
    if (m.direction === 'out') {
      // Who was called by mistake signs off too.
      if (!isOpen(e.state) && e.state !== 'revoked')
        return new DomainError('EMERGENCY_CLOSED')
      if (before.presence !== 'checkedIn')
        return new DomainError('NOT_CHECKED_IN')
      const after: ParticipantRow = { ...before, presence: 'checkedOut', checkedOutAt: now, unsignedReason: null, holds: before.holds && countsAnswers(e.state) }
      return { after, row, event: event(m.actorId, now, 'presence.checkedOut', { method: m.method, change: changeOf(before, after) }) }
    }
    // Check-in exists inside an emergency or drill alone (domain finding 1).
    if (!isOpen(e.state))
      return new DomainError('NO_EMERGENCY')
    if (!countsAnswers(e.state))
      return new DomainError('EMERGENCY_CLOSED')
    if (m.codeTeamId !== null && rallies.get(m.codeTeamId)?.emergencyId !== e.id)
      return new DomainError('CODE_INVALID', { field: 'code' })
    const flags: CheckInFlag[] = []
    if (m.codeTeamId !== null && before.teamId !== null && m.codeTeamId !== before.teamId)
      flags.push('outOfFence')
    if (m.position !== null) {
      const point = m.position.coordinateSystem === 'GCJ02' ? gcj02ToWgs84(m.position) : m.position
      const { latitude = null, longitude = null, fenceM = 0 } = before.teamId === null ? {} : rallies.get(before.teamId) ?? {}
      const judged = judgePosition({ ...point, accuracyM: m.position.accuracyM }, latitude === null || longitude === null ? null : { latitude, longitude, fenceM })
      flags.push(...judged.flags)
      Object.assign(row, { lat: point.latitude, lon: point.longitude, cs: 'WGS84', acc: Math.round(m.position.accuracyM), dist: judged.distanceM })
    }
    if (isAfterLimit(now, e.rallyBy))
      flags.push('afterLimit')
    const after = arrived(before, m.method, flags, now)
    return { after, row: { ...row, flags }, event: event(m.actorId, now, 'presence.checkedIn', { checkInId: m.checkInId, method: m.method, flags, change: changeOf(before, after) }) }
  }

  /** Arrivals come in the same minute: one transaction for all that came while the last one was written. */
  const movements = createGroupCommit<Movement, Reply>({
    async write(batch) {
      const now = clock.now()
      const { replies, appended } = await db.answers.tx(async (tx) => {
        const emergencies = await shareEmergencies(tx, batch.map(m => m.emergencyId))
        const people = await lockPeople(tx, batch)
        const rallies = await rallyOfTeams(tx, [...[...people.values()].map(p => p.teamId), ...batch.map(m => m.codeTeamId)].filter(id => id !== null))
        const seen = await findMovements(tx, batch.map(m => m.checkInId))
        const replies: (Reply | Error)[] = []
        const changed = new Map<string, ParticipantRow>()
        const rows: MovementRow[] = []
        const events = new Map<string, NewEvent[]>()
        for (const m of batch) {
          const key = `${m.emergencyId} ${m.personId}`
          const e = emergencies.get(m.emergencyId)
          const before = changed.get(key) ?? people.get(key)
          if (e === undefined || before === undefined) {
            replies.push(new DomainError('NOT_FOUND'))
            continue
          }
          const of = `${key} ${m.direction}`
          const first = seen.get(m.checkInId)
          if (first !== undefined) {
            replies.push(first.of === of ? first.reply : new DomainError('CONFLICT'))
            continue
          }
          const outcome = judge(m, e, before, rallies, now)
          if (outcome instanceof DomainError) {
            replies.push(outcome)
            continue
          }
          const reply: Reply = { checkInId: m.checkInId, at: now.toISOString(), flags: outcome.row.flags, distanceM: outcome.row.dist, replayed: false }
          replies.push(reply)
          seen.set(m.checkInId, { of, reply: { ...reply, replayed: true } })
          rows.push(outcome.row)
          changed.set(key, outcome.after)
          const log = events.get(e.id) ?? []
          events.set(e.id, log)
          log.push(outcome.event)
        }
        if (rows.length > 0) {
          if (await insertMovements(tx, rows) < rows.length)
            throw new DomainError('CONFLICT')
          await saveParticipants(tx, [...changed.values()])
          const appended: Appended[] = []
          for (const emergencyId of [...events.keys()].sort())
            appended.push(await append(tx, emergencyId, events.get(emergencyId) ?? []))
          return { replies, appended }
        }
        return { replies, appended: [] }
      })
      appended.forEach(tail.hand)
      return replies
    },
  })

  async function leave(m: Pick<Movement, 'emergencyId' | 'personId' | 'actorId' | 'checkInId' | 'method'>): Promise<z.output<typeof CheckOutReply>> {
    const { checkInId, at, replayed } = await movements.submit({ ...m, direction: 'out', codeTeamId: null, position: null })
    return { checkInId, at, replayed }
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
    // A community without teams here has nobody to call, and no say in this emergency.
    const [team] = await tx.execute<{ grid_id: string, captain_id: string | null }>(sql`
      select grid_id, captain_id from vanguard_teams where emergency_id = ${emergencyId} and community_id = ${communityId} and (${teamId}::uuid is null or id = ${teamId}::uuid) limit 1`)
    if (team === undefined)
      throw new DomainError('NOT_FOUND')
    requireAccess(actor, 'presence.rollCall', { communityId, townshipId: community.townshipId, emergencyId, mode: modeOf([e.state]), ...(teamId === null ? {} : { gridId: team.grid_id, captainId: team.captain_id }) }, actor.kind === 'link' ? undefined : 'board.view')
    return e
  }

  /** For marks and the closing, one at a time, so that none comes after the count. Both end with the emergency. */
  async function lockRollCall(tx: Tx, caller: Caller, rollCallId: string) {
    const { emergencyId, communityId, teamId } = await readRollCall(tx, rollCallId)
    await requireRollCall(tx, caller, emergencyId, communityId, teamId)
    const e = await lockEmergency(tx, emergencyId, 'share')
    if (!isOpen(e.state))
      throw new DomainError('EMERGENCY_CLOSED')
    await tx.execute(sql`select from roll_calls where id = ${rollCallId} for no key update`)
    const rollCall = await readRollCall(tx, rollCallId)
    if (rollCall.closedAt !== null)
      throw new DomainError('ROLL_CALL_CLOSED')
    return rollCall
  }

  return {
    /** By the captain's code or by one position; by the person himself. */
    async checkIn({ actor }: Caller, emergencyId: string, command: z.output<typeof CheckIn>): Promise<Reply> {
      requireAccess(actor, 'presence.own', { personId: actor.personId, emergencyId })
      const codeTeamId = command.method === 'code' ? readCheckInCode(checkInKey, command.code, clock.now()) : null
      if (command.method === 'code' && codeTeamId === null)
        throw new DomainError('CODE_INVALID', { field: 'code' })
      return movements.submit({ direction: 'in', emergencyId, personId: actor.personId, actorId: actor.personId, checkInId: command.checkInId, method: command.method, codeTeamId, position: command.method === 'position' ? command.position : null })
    },

    /** Captain, grid chief or officer signs in somebody whom he sees; both names are kept. */
    async checkInFor(caller: Caller, emergencyId: string, personId: string, { checkInId }: z.output<typeof CheckInFor>): Promise<Reply> {
      const method = await methodFor(caller, emergencyId, personId)
      return movements.submit({ direction: 'in', emergencyId, personId, actorId: caller.actor.personId, checkInId, method, codeTeamId: null, position: null })
    },

    async checkOut({ actor }: Caller, emergencyId: string, { checkInId }: z.output<typeof CheckOut>): Promise<z.output<typeof CheckOutReply>> {
      requireAccess(actor, 'presence.own', { personId: actor.personId, emergencyId })
      return leave({ emergencyId, personId: actor.personId, actorId: actor.personId, checkInId, method: 'self' })
    },

    async checkOutFor(caller: Caller, emergencyId: string, personId: string, { checkInId }: z.output<typeof CheckOut>): Promise<z.output<typeof CheckOutReply>> {
      const method = await methodFor(caller, emergencyId, personId)
      return leave({ emergencyId, personId, actorId: caller.actor.personId, checkInId, method })
    },

    /** 未签离: somebody who was there and cannot be signed off; the reason is kept and shown. */
    async listUnsigned({ actor, requestId }: Caller, emergencyId: string, personId: string, { reason }: z.output<typeof ListUnsigned>): Promise<{ seq: number }> {
      const now = clock.now()
      const seq = await db.work.tx(async (tx) => {
        const seen = await findParticipant(tx, emergencyId, personId)
        if (seen === null)
          throw new DomainError('NOT_FOUND')
        requireAccess(actor, 'presence.listUnsigned', targetOf(grids, await getEmergency(tx, emergencyId), seen, null), 'board.view')
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
        await requireRollCall(tx, caller, emergencyId, communityId, teamId)
        const e = await lockEmergency(tx, emergencyId, 'share')
        if (!isOpen(e.state))
          throw new DomainError('EMERGENCY_CLOSED')
        // One at a time; a page that was loaded anew goes on with the one that is open.
        await tx.execute(sql`select from vanguard_teams where emergency_id = ${emergencyId} and community_id = ${communityId} order by id limit 1 for no key update`)
        const [open] = await tx.execute<{ id: string }>(sql`select id from roll_calls where emergency_id = ${emergencyId} and community_id = ${communityId} and team_id is not distinct from ${teamId}::uuid and closed_at is null order by opened_at desc limit 1`)
        if (open !== undefined) {
          const { expected: _, ...going } = await readRollCall(tx, open.id)
          return going
        }
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
        const before = await lockRollCall(tx, caller, rollCallId)
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
        const before = await lockRollCall(tx, caller, rollCallId)
        await tx.execute(sql`update roll_calls set closed_at = ${now.toISOString()} where id = ${rollCallId}`)
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

    drain: () => movements.drain(),
  }
}
