/** The community commands its teams (domain rules §4.2.6, §4.5): confirm, move, substitute, release, captain; the county or township sends reinforcement. */
import type { SQL } from 'drizzle-orm'
import type { z } from 'zod'
import type { PersonChange } from '../../../contract/events.ts'
import type { Candidates, MoveMember, NameCaptain, Reinforce, ReleaseMember, SubstituteMember } from '../../../contract/teams.ts'
import type { RosterReason, TeamPost } from '../../../contract/vocabulary.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Database, Tx } from '../../platform/db/index.ts'
import type { NewEvent, Tail } from '../../platform/eventlog/index.ts'
import type { Caller } from '../../platform/http/index.ts'
import type { EmergencyRow } from '../emergencies/index.ts'
import type { Action, Target } from '../identity/index.ts'
import type { ParticipantRow } from '../participants/index.ts'
import type { GridIndex } from '../registry/index.ts'
import { sql } from 'drizzle-orm'
import { uuids, violates } from '../../platform/db/index.ts'
import { DomainError } from '../../platform/errors.ts'
import { append } from '../../platform/eventlog/index.ts'
import { audit } from '../audit/index.ts'
import { countsAnswers, event, getEmergency, lockEmergency, modeOf } from '../emergencies/index.ts'
import { allows, requireAccess } from '../identity/index.ts'
import { changeOf, findHolder, insertParticipant, lockPerson, saveParticipants } from '../participants/index.ts'
import { passLead, teamTiles } from './form.repo.ts'

/** What a team command tells the people concerned; the calls module, which stands below, does it. */
export type NotifyPeople = (tx: Tx, e: EmergencyRow, gridId: string, actorId: string, now: Date, notice: { kind: 'summons' | 'release' | 'correction', recipients: SQL, words: string }) => Promise<NewEvent[]>

export interface TeamsDeps {
  db: Database
  clock: Clock
  grids: GridIndex
  tail: Pick<Tail, 'wake'>
  notifyPeople: NotifyPeople
}

export type Teams = ReturnType<typeof createTeams>

interface Subject { type: 'team' | 'person', id: string }

interface TeamRow { id: string, gridId: string, communityId: string, captainId: string | null, name: string, state: string }

async function lockTeam(tx: Tx, emergencyId: string, teamId: string): Promise<TeamRow> {
  const rows = await tx.execute<{ id: string, grid_id: string, community_id: string, captain_id: string | null, name: string, state: string }>(sql`
    select id, grid_id, community_id, captain_id, name, state from vanguard_teams where id = ${teamId} and emergency_id = ${emergencyId} for no key update`)
  const r = rows[0]
  if (r === undefined)
    throw new DomainError('NOT_FOUND')
  return { id: r.id, gridId: r.grid_id, communityId: r.community_id, captainId: r.captain_id, name: r.name, state: r.state }
}

interface Candidate { personId: string, name: string, unitId: string, unitName: string, rank: number, post: TeamPost, reasons: RosterReason[] }

/** Who could stand in for a team, in the roster's order: candidates of its grid's units whom no emergency holds and this one never asked. */
async function listCandidates(tx: Tx, emergencyId: string, gridId: string, { unitIds = null, personId = null, limit }: { unitIds?: readonly string[] | null, personId?: string | null, limit: number }): Promise<Candidate[]> {
  const rows = await tx.execute<{ person_id: string, name: string, unit_id: string, unit_name: string, rank: number, post: TeamPost, reasons: RosterReason[] }>(sql`
    select r.person_id, p.name, r.unit_id, u.name as unit_name, r.rank, r.post, r.reasons
    from roster_entries r join persons p on p.id = r.person_id join units u on u.id = r.unit_id
    where r.grid_id = ${gridId} and (${unitIds === null} or r.unit_id = any(${uuids(unitIds ?? [])})) and (${personId}::uuid is null or r.person_id = ${personId}::uuid)
      and not exists (select from participants h where h.person_id = r.person_id and (h.holds or h.emergency_id = ${emergencyId}))
    order by r.rank, r.unit_id limit ${limit}`)
  return rows.map(r => ({ personId: r.person_id, name: r.name, unitId: r.unit_id, unitName: r.unit_name, rank: r.rank, post: r.post, reasons: r.reasons }))
}

export function createTeams({ db, clock, grids, tail, notifyPeople }: TeamsDeps) {
  function target(e: EmergencyRow, gridId: string, unitId: string | null, captainId: string | null): Target {
    const place = grids.get(gridId)
    return { emergencyId: e.id, mode: modeOf([e.state]), captainId, ...(unitId === null ? {} : { unitId }), ...(place === undefined ? {} : { gridId, communityId: place.communityId, townshipId: place.townshipId }) }
  }

  /** On a plain read; what it finds under the lock, a command asks about again. */
  async function requireSubject(tx: Tx, { actor }: Caller, emergencyId: string, action: Action, { type, id }: Subject): Promise<void> {
    const e = await getEmergency(tx, emergencyId)
    const [place] = await tx.execute<{ grid_id: string, unit_id: string | null, captain_id: string | null }>(type === 'team'
      ? sql`select grid_id, null as unit_id, captain_id from vanguard_teams where id = ${id} and emergency_id = ${emergencyId}`
      : sql`select grid_id, unit_id, null as captain_id from participants where person_id = ${id} and emergency_id = ${emergencyId}`)
    if (place === undefined)
      throw new DomainError('NOT_FOUND')
    requireAccess(actor, action, target(e, place.grid_id, place.unit_id, place.captain_id), 'board.view')
  }

  /**
   * Ask whether the caller may, lock the emergency, do the work, audit, log, wake: every command of this module. One at a time in an
   * emergency: they touch two people, two teams and the ordinals at once, and there are few of them.
   */
  async function command(caller: Caller, emergencyId: string, action: Action, subject: Subject, work: (tx: Tx, e: EmergencyRow, now: Date) => Promise<NewEvent[]>, askedOf = subject): Promise<{ seq: number }> {
    const now = clock.now()
    const seq = await db.work.tx(async (tx) => {
      // Whoever may not is turned away before anything is locked: his asking holds up nobody's answer.
      await requireSubject(tx, caller, emergencyId, action, askedOf)
      const e = await lockEmergency(tx, emergencyId, 'update')
      const events = await work(tx, e, now)
      if (events.length > 0)
        await audit(tx, { actorId: caller.actor.personId, action, subjectType: subject.type, subjectId: subject.id, requestId: caller.requestId, details: { emergencyId, events: events.map(ev => ev.type) } })
      return (await append(tx, emergencyId, events)).lastSeq
    })
    tail.wake(emergencyId)
    return { seq }
  }

  function requireRunning(e: EmergencyRow): void {
    if (!countsAnswers(e.state))
      throw new DomainError('EMERGENCY_CLOSED')
  }

  async function held(tx: Tx, personId: string): Promise<DomainError | null> {
    const holder = await findHolder(tx, personId)
    return holder === null ? null : new DomainError('PERSON_HELD', { personId, name: holder.name, emergency: holder.emergency })
  }

  /** Who takes the post over: the person asked for if the roster has him for this team, else the next who is free. */
  async function chooseStandIn(tx: Tx, e: EmergencyRow, team: TeamRow, asked: string | null, unitId: string | null): Promise<Candidate> {
    const [found] = await listCandidates(tx, e.id, team.gridId, { unitIds: unitId === null ? null : [unitId], personId: asked, limit: 1 })
    if (found !== undefined)
      return found
    if (asked === null)
      throw new DomainError('NO_CANDIDATE')
    const onRoster = await tx.execute(sql`select 1 from roster_entries where person_id = ${asked} and grid_id = ${team.gridId} and (${unitId}::uuid is null or unit_id = ${unitId}::uuid)`)
    if (onRoster.length === 0)
      throw new DomainError('NOT_FOUND')
    throw await held(tx, asked) ?? new DomainError('NO_CANDIDATE')
  }

  /** Another emergency may reach for the same person at the same moment; the index lets one of them through. */
  async function orElse<T>(taken: () => Promise<T>, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    }
    catch (error) {
      if (violates(error, 'participants_holds_key'))
        return taken()
      throw error
    }
  }

  return {
    /** 确认编队. */
    confirm: (caller: Caller, emergencyId: string, teamId: string) => command(caller, emergencyId, 'team.command', { type: 'team', id: teamId }, async (tx, e, now) => {
      const team = await lockTeam(tx, emergencyId, teamId)
      requireAccess(caller.actor, 'team.command', target(e, team.gridId, null, team.captainId), 'board.view')
      requireRunning(e)
      if (team.state === 'confirmed')
        return []
      await tx.execute(sql`update vanguard_teams set state = 'confirmed', confirmed_by = ${caller.actor.personId}, confirmed_at = ${now.toISOString()} where id = ${teamId}`)
      const [tile] = await teamTiles(tx, emergencyId, [teamId])
      return tile === undefined ? [] : [event(caller.actor.personId, now, 'team.confirmed', { team: tile })]
    }),

    nameCaptain: (caller: Caller, emergencyId: string, teamId: string, { personId }: z.output<typeof NameCaptain>) => command(caller, emergencyId, 'team.command', { type: 'team', id: teamId }, async (tx, e, now) => {
      const team = await lockTeam(tx, emergencyId, teamId)
      requireAccess(caller.actor, 'team.command', target(e, team.gridId, null, team.captainId), 'board.view')
      requireRunning(e)
      const person = await lockPerson(tx, emergencyId, personId)
      if (person.teamId !== teamId || person.memberState !== 'active')
        throw new DomainError('NOT_IN_TEAM')
      if (team.captainId === personId)
        return []
      if (team.captainId !== null)
        await tx.execute(sql`update participants set post = 'deputy' where emergency_id = ${emergencyId} and person_id = ${team.captainId}`)
      await tx.execute(sql`update participants set post = 'captain' where emergency_id = ${emergencyId} and person_id = ${personId}`)
      await tx.execute(sql`update vanguard_teams set captain_id = ${personId}, captain_flagged = lead_unit_id is distinct from ${person.unitId}::uuid where id = ${teamId}`)
      const [tile] = await teamTiles(tx, emergencyId, [teamId])
      if (tile === undefined)
        return []
      return [
        event(caller.actor.personId, now, 'team.captainChanged', { team: tile, from: team.captainId, to: personId }),
        ...await notifyPeople(tx, e, team.gridId, caller.actor.personId, now, { kind: 'correction', recipients: sql`p.person_id = ${personId}`, words: `请担任${team.name}队长` }),
      ]
    }),

    /** Between the grids of one community; further away it is reinforcement. @throws OTHER_COMMUNITY */
    move: (caller: Caller, emergencyId: string, personId: string, { toTeamId, reason }: z.output<typeof MoveMember>) => command(caller, emergencyId, 'team.command', { type: 'person', id: personId }, async (tx, e, now) => {
      const before = await lockPerson(tx, emergencyId, personId)
      requireAccess(caller.actor, 'team.command', target(e, before.gridId, before.unitId, null), 'board.view')
      requireRunning(e)
      if (before.teamId === null || before.memberState !== 'active' || before.teamId === toTeamId)
        throw new DomainError('NOT_IN_TEAM')
      const to = await lockTeam(tx, emergencyId, toTeamId)
      if (to.communityId !== grids.get(before.gridId)?.communityId)
        throw new DomainError('OTHER_COMMUNITY')
      const after: ParticipantRow = { ...before, teamId: to.id, gridId: to.gridId, post: before.post === 'captain' ? 'deputy' : before.post }
      await saveParticipants(tx, [after])
      const events = [event(caller.actor.personId, now, 'team.memberMoved', { fromTeamId: before.teamId, toTeamId, reason, change: changeOf(before, after) })]
      events.push(...await successor(tx, e, before.teamId, personId, caller.actor.personId, now))
      events.push(...await notifyPeople(tx, e, to.gridId, caller.actor.personId, now, { kind: 'correction', recipients: sql`p.person_id = ${personId}`, words: `您已调入${to.name}，请到新的集结点报到` }))
      return events
    }),

    release: (caller: Caller, emergencyId: string, personId: string, { reason }: z.output<typeof ReleaseMember>) => command(caller, emergencyId, 'team.command', { type: 'person', id: personId }, async (tx, e, now) => {
      const before = await lockPerson(tx, emergencyId, personId)
      requireAccess(caller.actor, 'team.command', target(e, before.gridId, before.unitId, null), 'board.view')
      requireRunning(e)
      if (before.teamId === null || before.memberState !== 'active')
        throw new DomainError('NOT_IN_TEAM')
      const after: ParticipantRow = { ...before, memberState: 'released', holds: false }
      await saveParticipants(tx, [after])
      const events = [event(caller.actor.personId, now, 'team.memberReleased', { reason, change: changeOf(before, after) })]
      events.push(...await successor(tx, e, before.teamId, personId, caller.actor.personId, now))
      events.push(...await notifyPeople(tx, e, before.gridId, caller.actor.personId, now, { kind: 'release', recipients: sql`p.person_id = ${personId}`, words: `社区已安排您撤出（${reason}）` }))
      return events
    }),

    /** 替补 takes over the post, never adds one. Without a name: the next free person of the same unit's roster. @throws PERSON_HELD */
    substitute: (caller: Caller, emergencyId: string, personId: string, { standInId, reason }: z.output<typeof SubstituteMember>): Promise<{ seq: number }> => {
      const attempt = () => command(caller, emergencyId, 'team.substitute', { type: 'person', id: personId }, async (tx, e, now) => {
        const before = await lockPerson(tx, emergencyId, personId)
        const access = target(e, before.gridId, before.unitId, null)
        requireAccess(caller.actor, 'team.substitute', access, 'board.view')
        requireRunning(e)
        if (before.teamId === null)
          throw new DomainError('NOT_IN_TEAM')
        if (before.memberState !== 'active')
          throw new DomainError('TEAM_SLOT_FILLED')
        const team = await lockTeam(tx, emergencyId, before.teamId)
        // A unit sends its own people; the community may take a person of another unit by name.
        const ownUnitOnly = standInId === null || !allows(caller.actor, 'team.command', access)
        const { personId: chosen, unitId } = await chooseStandIn(tx, e, team, standInId, ownUnitOnly ? before.unitId : null)
        const after: ParticipantRow = { ...before, memberState: 'substituted', holds: false }
        await saveParticipants(tx, [after])
        const incoming = await insertParticipant(tx, e.id, { personId: chosen, teamId: team.id, gridId: team.gridId, unitId, post: before.post === 'captain' ? 'deputy' : before.post, standInFor: personId }, now)
        return [
          event(caller.actor.personId, now, 'team.memberSubstituted', { outgoing: changeOf(before, after), incoming: changeOf(null, incoming), reason }),
          ...await successor(tx, e, team.id, personId, caller.actor.personId, now),
          ...await notifyPeople(tx, e, team.gridId, caller.actor.personId, now, { kind: 'summons', recipients: sql`p.person_id = ${chosen}`, words: '' }),
          ...await notifyPeople(tx, e, team.gridId, caller.actor.personId, now, { kind: 'release', recipients: sql`p.person_id = ${personId} and p.call_state <> 'pending'`, words: '已安排替补' }),
        ]
      })
      // Lost the person to another emergency: the next one if nobody was named, else say who has him.
      return orElse(async () => {
        if (standInId === null)
          return attempt()
        throw await db.read.tx(tx => held(tx, standInId), { readOnly: true }) ?? new DomainError('TEAM_SLOT_FILLED')
      }, attempt)
    },

    /** 跨社区调度: people of one team go to another grid; within a township its secretary may decide. */
    reinforce: (caller: Caller, emergencyId: string, { fromTeamId, toTeamId, personIds, reason }: z.output<typeof Reinforce>) => command(caller, emergencyId, 'team.reinforce', { type: 'team', id: toTeamId }, async (tx, e, now) => {
      const [first, second] = [fromTeamId, toTeamId].sort()
      const teams = new Map([[first, await lockTeam(tx, emergencyId, first ?? fromTeamId)]])
      if (second !== first)
        teams.set(second, await lockTeam(tx, emergencyId, second ?? toTeamId))
      const from = teams.get(fromTeamId)
      const to = teams.get(toTeamId)
      if (from === undefined || to === undefined || from === to)
        throw new DomainError('NOT_IN_TEAM')
      requireAccess(caller.actor, 'team.reinforce', target(e, from.gridId, null, null), 'board.view')
      requireAccess(caller.actor, 'team.reinforce', target(e, to.gridId, null, null), 'board.view')
      requireRunning(e)
      const people: PersonChange[] = []
      const moved: ParticipantRow[] = []
      for (const personId of [...new Set(personIds)].sort()) {
        const before = await lockPerson(tx, emergencyId, personId)
        if (before.teamId !== fromTeamId || before.memberState !== 'active')
          throw new DomainError('NOT_IN_TEAM')
        const after: ParticipantRow = { ...before, teamId: to.id, gridId: to.gridId, post: before.post === 'captain' ? 'deputy' : before.post }
        moved.push(after)
        people.push(changeOf(before, after))
      }
      await saveParticipants(tx, moved)
      const events: NewEvent[] = []
      const captain = from.captainId !== null && personIds.includes(from.captainId) ? await successor(tx, e, fromTeamId, from.captainId, caller.actor.personId, now) : []
      const [tile] = await teamTiles(tx, emergencyId, [toTeamId])
      if (tile !== undefined)
        events.push(event(caller.actor.personId, now, 'team.reinforced', { fromTeamId, team: tile, reason, people }))
      events.push(...captain, ...await notifyPeople(tx, e, to.gridId, caller.actor.personId, now, { kind: 'correction', recipients: sql`p.person_id = any(${uuids(personIds)})`, words: `增援：请改到${to.name}集结点报到` }))
      return events
    }, { type: 'team', id: fromTeamId }),

    candidates: ({ actor }: Caller, emergencyId: string, teamId: string): Promise<z.output<typeof Candidates>> => db.read.tx(async (tx) => {
      const e = await getEmergency(tx, emergencyId)
      const rows = await tx.execute<{ grid_id: string }>(sql`select grid_id from vanguard_teams where id = ${teamId} and emergency_id = ${emergencyId}`)
      const gridId = rows[0]?.grid_id
      if (gridId === undefined)
        throw new DomainError('NOT_FOUND')
      if (allows(actor, 'team.substitute', target(e, gridId, null, null)))
        return { candidates: await listCandidates(tx, emergencyId, gridId, { limit: 50 }) }
      // A unit sees its own people only, and only where it has any in this grid.
      const own = await tx.execute<{ unit_id: string }>(sql`select unit_id from roster_quotas where grid_id = ${gridId}`)
      const units = own.map(r => r.unit_id).filter(unitId => allows(actor, 'team.substitute', target(e, gridId, unitId, null)))
      if (units.length === 0)
        requireAccess(actor, 'team.substitute', target(e, gridId, null, null), 'board.view')
      return { candidates: await listCandidates(tx, emergencyId, gridId, { unitIds: units, limit: 50 }) }
    }, { readOnly: true }),
  }

  /** Where the captain left, the next of the team leads. */
  async function successor(tx: Tx, e: EmergencyRow, teamId: string, leaverId: string, actorId: string, now: Date): Promise<NewEvent[]> {
    const handover = await passLead(tx, e.id, teamId, leaverId)
    return handover === null ? [] : [event(actorId, now, 'team.captainChanged', handover)]
  }
}
