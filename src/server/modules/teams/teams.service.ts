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
import { violates } from '../../platform/db/index.ts'
import { DomainError } from '../../platform/errors.ts'
import { append } from '../../platform/eventlog/index.ts'
import { audit } from '../audit/index.ts'
import { countsAnswers, event, lockEmergency, modeOf } from '../emergencies/index.ts'
import { requireAccess } from '../identity/index.ts'
import { changeOf, findHolder, insertParticipant, lockPerson, saveParticipants } from '../participants/index.ts'
import { teamTiles } from './form.repo.ts'

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
async function listCandidates(tx: Tx, emergencyId: string, gridId: string, unitId: string | null, limit: number): Promise<Candidate[]> {
  const rows = await tx.execute<{ person_id: string, name: string, unit_id: string, unit_name: string, rank: number, post: TeamPost, reasons: RosterReason[] }>(sql`
    select r.person_id, p.name, r.unit_id, u.name as unit_name, r.rank, r.post, r.reasons
    from roster_entries r join persons p on p.id = r.person_id join units u on u.id = r.unit_id
    where r.grid_id = ${gridId} and (${unitId}::uuid is null or r.unit_id = ${unitId}::uuid)
      and not exists (select from participants h where h.person_id = r.person_id and (h.holds or h.emergency_id = ${emergencyId}))
    order by r.rank, r.unit_id limit ${limit}`)
  return rows.map(r => ({ personId: r.person_id, name: r.name, unitId: r.unit_id, unitName: r.unit_name, rank: r.rank, post: r.post, reasons: r.reasons }))
}

export function createTeams({ db, clock, grids, tail, notifyPeople }: TeamsDeps) {
  function target(e: EmergencyRow, gridId: string, unitId: string | null, captainId: string | null): Target {
    const place = grids.get(gridId)
    return { emergencyId: e.id, mode: modeOf([e.state]), captainId, ...(unitId === null ? {} : { unitId }), ...(place === undefined ? {} : { gridId, communityId: place.communityId, townshipId: place.townshipId }) }
  }

  /** Lock the emergency, do the work, audit, log, wake: every command of this module. */
  async function command(caller: Caller, emergencyId: string, action: Action, subject: { type: 'team' | 'person', id: string }, work: (tx: Tx, e: EmergencyRow, now: Date) => Promise<NewEvent[]>): Promise<{ seq: number }> {
    const now = clock.now()
    try {
      const seq = await db.work.tx(async (tx) => {
        const e = await lockEmergency(tx, emergencyId, 'share')
        const events = await work(tx, e, now)
        await audit(tx, { actorId: caller.actor.personId, action, subjectType: subject.type, subjectId: subject.id, requestId: caller.requestId, details: { emergencyId, events: events.map(ev => ev.type) } })
        return (await append(tx, emergencyId, events)).lastSeq
      })
      tail.wake(emergencyId)
      return { seq }
    }
    catch (error) {
      // Two officers reached for the same person or ordinal: the index lets one of them through.
      if (violates(error, 'participants_holds_key') || violates(error, 'participants_pk') || violates(error, 'participants_ordinal_key'))
        throw new DomainError('TEAM_SLOT_FILLED')
      throw error
    }
  }

  function requireRunning(e: EmergencyRow): void {
    if (!countsAnswers(e.state))
      throw new DomainError('EMERGENCY_CLOSED')
  }

  async function requireFree(tx: Tx, personId: string): Promise<void> {
    const holder = await findHolder(tx, personId)
    if (holder !== null)
      throw new DomainError('PERSON_HELD', { personId, name: holder.name, emergency: holder.emergency })
  }

  /** Brings a person of the roster into a team. */
  async function bringIn(tx: Tx, e: EmergencyRow, team: TeamRow, personId: string, post: TeamPost | null, standInFor: string | null, now: Date): Promise<ParticipantRow> {
    await requireFree(tx, personId)
    const rows = await tx.execute<{ unit_id: string }>(sql`select unit_id from employments where person_id = ${personId} and valid_to is null`)
    const unitId = rows[0]?.unit_id
    if (unitId === undefined)
      throw new DomainError('NOT_FOUND')
    return insertParticipant(tx, e.id, { personId, teamId: team.id, gridId: team.gridId, unitId, post, standInFor }, now)
  }

  return {
    /** 确认编队. */
    confirm: (caller: Caller, emergencyId: string, teamId: string) => command(caller, emergencyId, 'team.command', { type: 'team', id: teamId }, async (tx, e, now) => {
      const team = await lockTeam(tx, emergencyId, teamId)
      requireAccess(caller.actor, 'team.command', target(e, team.gridId, null, team.captainId), 'board.view')
      requireRunning(e)
      await tx.execute(sql`update vanguard_teams set state = 'confirmed', confirmed_by = ${caller.actor.personId}, confirmed_at = coalesce(confirmed_at, ${now.toISOString()}::timestamptz) where id = ${teamId} and state = 'provisional'`)
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
      if (team.captainId !== null && team.captainId !== personId)
        await tx.execute(sql`update participants set post = 'deputy' where emergency_id = ${emergencyId} and person_id = ${team.captainId}`)
      await tx.execute(sql`update participants set post = 'captain' where emergency_id = ${emergencyId} and person_id = ${personId}`)
      await tx.execute(sql`update vanguard_teams set captain_id = ${personId}, captain_flagged = lead_unit_id is distinct from ${person.unitId}::uuid where id = ${teamId}`)
      const [tile] = await teamTiles(tx, emergencyId, [teamId])
      return tile === undefined ? [] : [event(caller.actor.personId, now, 'team.captainChanged', { team: tile, from: team.captainId, to: personId })]
    }),

    /** Between the grids of one community; further away it is reinforcement. @throws OTHER_COMMUNITY */
    move: (caller: Caller, emergencyId: string, personId: string, { toTeamId, reason }: z.output<typeof MoveMember>) => command(caller, emergencyId, 'team.command', { type: 'person', id: personId }, async (tx, e, now) => {
      const before = await lockPerson(tx, emergencyId, personId)
      requireAccess(caller.actor, 'team.command', target(e, before.gridId, null, null), 'board.view')
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
      requireAccess(caller.actor, 'team.command', target(e, before.gridId, null, null), 'board.view')
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

    /** 替补 takes over the post, never adds one. Without a name: the next free person of the same unit's roster. */
    substitute: (caller: Caller, emergencyId: string, personId: string, { standInId, reason }: z.output<typeof SubstituteMember>) => command(caller, emergencyId, 'team.substitute', { type: 'person', id: personId }, async (tx, e, now) => {
      const before = await lockPerson(tx, emergencyId, personId)
      requireAccess(caller.actor, 'team.substitute', target(e, before.gridId, before.unitId, null), 'board.view')
      requireRunning(e)
      if (before.teamId === null)
        throw new DomainError('NOT_IN_TEAM')
      if (before.memberState !== 'active')
        throw new DomainError('TEAM_SLOT_FILLED')
      const team = await lockTeam(tx, emergencyId, before.teamId)
      const chosen = standInId ?? (await listCandidates(tx, emergencyId, team.gridId, before.unitId, 1))[0]?.personId
      if (chosen === undefined)
        throw new DomainError('NO_CANDIDATE')
      const after: ParticipantRow = { ...before, memberState: 'substituted', holds: false }
      await saveParticipants(tx, [after])
      const incoming = await bringIn(tx, e, team, chosen, before.post === 'captain' ? 'deputy' : before.post, personId, now)
      const events = [event(caller.actor.personId, now, 'team.memberSubstituted', { outgoing: changeOf(before, after), incoming: changeOf(null, incoming), reason })]
      events.push(...await successor(tx, e, team.id, personId, caller.actor.personId, now))
      events.push(...await notifyPeople(tx, e, team.gridId, caller.actor.personId, now, { kind: 'summons', recipients: sql`p.person_id = ${chosen}`, words: '' }))
      events.push(...await notifyPeople(tx, e, team.gridId, caller.actor.personId, now, { kind: 'release', recipients: sql`p.person_id = ${personId} and p.call_state <> 'pending'`, words: '已安排替补' }))
      return events
    }),

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
      events.push(...captain, ...await notifyPeople(tx, e, to.gridId, caller.actor.personId, now, { kind: 'correction', recipients: sql`p.person_id = any(${sql.param(`{${personIds.join(',')}}`)}::uuid[])`, words: `增援：请改到${to.name}集结点报到` }))
      return events
    }),

    candidates: ({ actor }: Caller, emergencyId: string, teamId: string): Promise<z.output<typeof Candidates>> => db.work.tx(async (tx) => {
      const e = await lockEmergency(tx, emergencyId, 'share')
      const team = await lockTeam(tx, emergencyId, teamId)
      const ownUnits = actor.grants.filter(g => g.role === 'unitSecretary').map(g => g.scopeId)
      const candidates = await listCandidates(tx, emergencyId, team.gridId, null, 50)
      const community = target(e, team.gridId, null, null)
      const visible = candidates.filter(c => ownUnits.includes(c.unitId))
      if (visible.length > 0)
        return { candidates: visible }
      requireAccess(actor, 'team.substitute', community, 'board.view')
      return { candidates }
    }),
  }

  /** Where the captain left, the next of the team leads: first of the lead unit, then by ordinal. */
  async function successor(tx: Tx, e: EmergencyRow, teamId: string, leaverId: string, actorId: string, now: Date): Promise<NewEvent[]> {
    const rows = await tx.execute<{ captain_id: string | null }>(sql`select captain_id from vanguard_teams where id = ${teamId} for no key update`)
    if (rows[0]?.captain_id !== leaverId)
      return []
    const next = await tx.execute<{ person_id: string, of_lead: boolean }>(sql`
      select p.person_id, p.unit_id is not distinct from t.lead_unit_id as of_lead from participants p join vanguard_teams t on t.id = p.team_id
      where p.team_id = ${teamId} and p.emergency_id = ${e.id} and p.member_state = 'active' and p.answer is distinct from 'cannot' and p.call_state <> 'unreachable'
      order by (p.unit_id is not distinct from t.lead_unit_id) desc, (p.post = 'deputy') desc, p.ordinal limit 1`)
    const heir = next[0]
    await tx.execute(sql`update vanguard_teams set captain_id = ${heir?.person_id ?? null}, captain_flagged = ${heir !== undefined && !heir.of_lead} where id = ${teamId}`)
    if (heir !== undefined)
      await tx.execute(sql`update participants set post = 'captain' where emergency_id = ${e.id} and person_id = ${heir.person_id}`)
    const [tile] = await teamTiles(tx, e.id, [teamId])
    return tile === undefined || heir === undefined ? [] : [event(actorId, now, 'team.captainChanged', { team: tile, from: leaverId, to: heir.person_id })]
  }
}
