import type { EmergencyEvent } from '../../../contract/events.ts'
import type { Tx } from '../../platform/db/index.ts'
import { sql } from 'drizzle-orm'
import { PERSONAL_EVENTS } from '../../../contract/events.ts'
import { uuids } from '../../platform/db/index.ts'
import { toEvent } from './timeline.rules.ts'

export interface EventsRequest {
  after: number
  /** Set: newest first, below this one. */
  before: number | null
  limit: number
  milestones: boolean
}

export async function readEvents(tx: Tx, emergencyId: string, r: EventsRequest): Promise<EmergencyEvent[]> {
  const rows = await tx.execute<{ seq: number, type: string, v: number, at: string, actor_id: string | null, actor_name: string | null, data: unknown }>(sql`
    select e.seq, e.type, e.v, e.at, e.actor_id, p.name as actor_name, e.data from emergency_events e left join persons p on p.id = e.actor_id
    where e.emergency_id = ${emergencyId} and e.seq > ${r.after} ${r.before === null ? sql`` : sql`and e.seq < ${r.before}`}
      ${r.milestones ? sql`and e.type <> all(${sql.param(`{${PERSONAL_EVENTS.join(',')}}`)}::text[])` : sql``}
    order by e.seq ${r.before === null ? sql`asc` : sql`desc`} limit ${r.limit}`)
  return rows.map(row => toEvent({ emergencyId, seq: row.seq, type: row.type, v: row.v, at: new Date(row.at), actorId: row.actor_id, data: row.data }, row.actor_name))
}

export async function namesOf(tx: Tx, personIds: readonly string[]): Promise<Map<string, string>> {
  if (personIds.length === 0)
    return new Map()
  const rows = await tx.execute<{ id: string, name: string }>(sql`select id, name from persons where id = any(${uuids(personIds)})`)
  return new Map(rows.map(r => [r.id, r.name]))
}
