import type { EmergencyEvent, EmergencyEventType } from '../../../contract/events.ts'
import type { Tx } from '../../platform/db/index.ts'
import type { StoredEvent } from '../../platform/eventlog/index.ts'
import { sql } from 'drizzle-orm'

/** Events about single people come by the thousand; a timeline of milestones leaves them out. */
const PERSONAL: readonly EmergencyEventType[] = ['call.answered', 'call.answeredLate', 'call.unreachable', 'presence.checkedIn', 'presence.checkedOut', 'calls.called']

/** What the log stored, as the union that both sides read. The writers check data against type (`event`). */
export function toEvent(e: StoredEvent, actorName: string | null): EmergencyEvent {
  return { emergencyId: e.emergencyId, seq: e.seq, type: e.type, v: e.v, at: e.at.toISOString(), actorId: e.actorId, actorName, data: e.data } as EmergencyEvent
}

export function isMilestone(type: string): boolean {
  return !(PERSONAL as readonly string[]).includes(type)
}

export interface EventsRequest { after: number, before: number | null, limit: number, milestones: boolean }

export async function readEvents(tx: Tx, emergencyId: string, r: EventsRequest): Promise<EmergencyEvent[]> {
  const rows = await tx.execute<{ seq: number, type: string, v: number, at: string, actor_id: string | null, actor_name: string | null, data: unknown }>(sql`
    select e.seq, e.type, e.v, e.at, e.actor_id, p.name as actor_name, e.data from emergency_events e left join persons p on p.id = e.actor_id
    where e.emergency_id = ${emergencyId} and e.seq > ${r.after} and (${r.before}::bigint is null or e.seq < ${r.before}::bigint)
      and (not ${r.milestones} or e.type <> all(${sql.param(`{${PERSONAL.join(',')}}`)}::text[]))
    order by case when ${r.before}::bigint is null then e.seq else -e.seq end limit ${r.limit}`)
  return rows.map(row => toEvent({ emergencyId, seq: row.seq, type: row.type, v: row.v, at: new Date(row.at), actorId: row.actor_id, data: row.data }, row.actor_name))
}

export async function namesOf(tx: Tx, personIds: readonly string[]): Promise<Map<string, string>> {
  if (personIds.length === 0)
    return new Map()
  const rows = await tx.execute<{ id: string, name: string }>(sql`select id, name from persons where id = any(${sql.param(`{${personIds.join(',')}}`)}::uuid[])`)
  return new Map(rows.map(r => [r.id, r.name]))
}
