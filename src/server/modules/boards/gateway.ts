/**
 * The only place that emits. It follows the event log, so that every process of the deployment serves
 * its own sockets with whatever any process wrote.
 */
import type { EmergencyEvent, EmergencyHeader } from '../../../contract/events.ts'
import type { AlertPacket } from '../../../contract/realtime.ts'
import type { Mode } from '../../../contract/vocabulary.ts'
import type { Database } from '../../platform/db/index.ts'
import type { StoredEvent } from '../../platform/eventlog/index.ts'
import type { Realtime } from '../../platform/realtime/index.ts'
import type { LiveBoards } from './live-boards.ts'
import { sql } from 'drizzle-orm'
import { getEmergency, headerOf } from '../emergencies/index.ts'
import { isMilestone, namesOf, toEvent } from './timeline.repo.ts'

export interface GatewayDeps {
  db: Database
  realtime: Realtime
  boards: LiveBoards
  countyMode: () => Promise<Mode>
  /** Tells the calls module which alerts this process has put on open sockets. */
  recordAccepted: (alertId: string, emergencyId: string, personIds: string[]) => Promise<void>
}

export interface Gateway { hear: (emergencyId: string, events: StoredEvent[]) => Promise<void> }

interface Recipient { [column: string]: unknown, person_id: string, team_id: string | null, grid_id: string }

export function createGateway({ db, realtime, boards, countyMode, recordAccepted }: GatewayDeps): Gateway {
  const { io } = realtime
  const names = new Map<string, string>()

  /** One packet per team (per grid for duty people), encoded once, to the recipients who are connected here. */
  async function emitAlert(emergencyId: string, alertId: string, seq: number): Promise<void> {
    const connected = [...realtime.personIds()]
    if (connected.length === 0)
      return
    const found = await db.read.tx(async (tx) => {
      const recipients = await tx.execute<Recipient>(sql`
        select p.person_id, p.team_id, p.grid_id from deliveries d join participants p on p.emergency_id = ${emergencyId} and p.person_id = d.person_id
        where d.alert_id = ${alertId} and d.channel = 'inapp' and d.person_id = any(${sql.param(`{${connected.join(',')}}`)}::uuid[])`)
      if (recipients.length === 0)
        return null
      const alerts = await tx.execute<{ kind: AlertPacket['kind'], audience: AlertPacket['audience'], text: string }>(sql`select kind, audience, text from alerts where id = ${alertId}`)
      const teams = await tx.execute<{ id: string, name: string, captain_name: string | null, community_name: string, rally_point: string }>(sql`
        select t.id, t.name, p.name as captain_name, t.community_name, t.rally_point from vanguard_teams t left join persons p on p.id = t.captain_id where t.emergency_id = ${emergencyId}`)
      return { recipients, alert: alerts[0], teams: new Map(teams.map(t => [t.id, t])), header: headerOf(await getEmergency(tx, emergencyId)) }
    }, { readOnly: true })
    if (found === null || found.alert === undefined)
      return
    const { alert, header } = found
    const groups = new Map<string, Recipient[]>()
    for (const r of found.recipients) {
      const key = r.team_id ?? r.grid_id
      const group = groups.get(key)
      if (group === undefined)
        groups.set(key, [r])
      else
        group.push(r)
    }
    for (const [key, group] of groups) {
      const room = `alert:${alertId}:${key}`
      for (const { person_id } of group) {
        for (const socket of realtime.socketsOf(person_id))
          void socket.join(room)
      }
      const team = found.teams.get(key)
      io.to(room).emit('alert', {
        emergencyId,
        alertId,
        kind: alert.kind,
        audience: alert.audience,
        text: alert.text,
        header,
        team: team === undefined ? null : { teamId: team.id, name: team.name, captainName: team.captain_name, communityName: team.community_name, rallyPoint: team.rally_point },
        seq,
      })
      io.in(room).socketsLeave(room)
    }
    await recordAccepted(alertId, emergencyId, found.recipients.map(r => r.person_id))
  }

  /** State, level or basis changed: everyone connected whom the emergency concerns hears it. */
  async function emitHeader(emergencyId: string, header: EmergencyHeader, seq: number): Promise<void> {
    const connected = [...realtime.personIds()]
    if (connected.length > 0) {
      const concerned = await db.read.tx(tx => tx.execute<{ person_id: string }>(sql`
        select person_id from participants where emergency_id = ${emergencyId} and person_id = any(${sql.param(`{${connected.join(',')}}`)}::uuid[])`), { readOnly: true })
      const room = `emergency:${emergencyId}`
      for (const { person_id } of concerned) {
        for (const socket of realtime.socketsOf(person_id))
          void socket.join(room)
      }
      io.to(room).emit('emergency:changed', { header, seq })
      io.in(room).socketsLeave(room)
    }
    io.emit('mode:changed', { mode: await countyMode() })
  }

  function concerned(event: EmergencyEvent): string[] {
    const { data } = event
    if ('change' in data)
      return [data.change.personId]
    if ('incoming' in data)
      return [data.incoming.personId, ...data.outgoing === null ? [] : [data.outgoing.personId]]
    if ('people' in data)
      return data.people.map(p => p.personId)
    return []
  }

  return {
    async hear(emergencyId, stored) {
      // The alarm goes out before anything else is worked out.
      for (const { type, data, seq } of stored) {
        if (type === 'alert.issued')
          await emitAlert(emergencyId, (data as { alertId: string }).alertId, seq)
      }
      const unknown = [...new Set(stored.flatMap(e => isMilestone(e.type) && e.actorId !== null && !names.has(e.actorId) ? [e.actorId] : []))]
      for (const [id, name] of await db.read.tx(tx => namesOf(tx, unknown), { readOnly: true }))
        names.set(id, name)
      const events = stored.map(e => toEvent(e, e.actorId === null ? null : names.get(e.actorId) ?? null))
      boards.hear(emergencyId, events)
      let header: { header: EmergencyHeader, seq: number } | null = null
      for (const event of events) {
        for (const personId of concerned(event)) {
          for (const socket of realtime.socketsOf(personId))
            socket.emit('me:changed', { emergencyId, seq: event.seq })
        }
        if ('header' in event.data)
          header = { header: event.data.header, seq: event.seq }
      }
      if (header !== null)
        await emitHeader(emergencyId, header.header, header.seq)
    },
  }
}
