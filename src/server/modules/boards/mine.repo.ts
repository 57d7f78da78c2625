import type { MyEmergency } from '../../../contract/boards.ts'
import type { AlertKind } from '../../../contract/vocabulary.ts'
import type { Tx } from '../../platform/db/index.ts'
import { sql } from 'drizzle-orm'
import { emptyCounts } from '../../../contract/counting.ts'
import { fillTemplate } from '../calls/index.ts'
import { getEmergency } from '../emergencies/index.ts'
import { findParticipant } from '../participants/index.ts'
import { countsOfTeam } from './board.repo.ts'

/** Open emergencies that call this person, newest first. */
export async function emergenciesOf(tx: Tx, personId: string): Promise<string[]> {
  const rows = await tx.execute<{ id: string }>(sql`
    select e.id from participants p join emergencies e on e.id = p.emergency_id
    where p.person_id = ${personId} and (e.state in ('preAlert', 'activated') or (e.state = 'standDown' and p.presence = 'checkedIn'))
    order by e.is_drill, e.created_at desc`)
  return rows.map(r => r.id)
}

interface Where { issuer: string, isGridChief: (gridId: string) => boolean }

/** Everything that the member's phone shows about one emergency. Null: it does not concern him. */
export async function readMine(tx: Tx, emergencyId: string, personId: string, { issuer, isGridChief }: Where): Promise<MyEmergency | null> {
  const p = await findParticipant(tx, emergencyId, personId)
  if (p === null)
    return null
  const e = await getEmergency(tx, emergencyId)
  const alerts = await tx.execute<{ id: string, kind: AlertKind, text: string, issued_at: string }>(sql`
    select a.id, a.kind, a.text, a.issued_at from alerts a join deliveries d on d.alert_id = a.id and d.person_id = ${personId} and d.channel = 'inapp'
    where a.emergency_id = ${emergencyId} order by a.issued_at desc, a.id desc limit 50`)
  const teams = await tx.execute<{ id: string, name: string, grid_name: string, community_id: string, community_name: string, required: number, captain_id: string | null, captain_name: string | null, rally_point: string, address: string | null, latitude: number | null, longitude: number | null, duty_phone: string | null }>(sql`
    select t.id, t.name, t.grid_name, t.community_id, t.community_name, t.required, t.captain_id, c.name as captain_name, t.rally_point, r.address, r.latitude, r.longitude, cm.duty_phone
    from vanguard_teams t join communities cm on cm.id = t.community_id left join persons c on c.id = t.captain_id left join rally_points r on r.grid_id = t.grid_id
    where t.emergency_id = ${emergencyId} and (t.id = ${p.teamId}::uuid or (${p.teamId}::uuid is null and t.grid_id = ${p.gridId}))`)
  const streams = await tx.execute<{ last_seq: number }>(sql`select last_seq from event_streams where id = ${emergencyId}`)
  const t = teams[0]
  const counts = t === undefined ? emptyCounts() : await countsOfTeam(tx, t.id)
  const words = { 集结点: t?.rally_point ?? '', 队名: t?.name ?? '', 队长: t?.captain_name ?? '', 社区: t?.community_name ?? '', 姓名: p.name }
  const notices = alerts.map(a => ({ id: a.id, kind: a.kind, text: fillTemplate(a.text, words), issuedAt: new Date(a.issued_at).toISOString() }))
  const first = notices.filter(a => a.kind === 'standby' || a.kind === 'activation' || a.kind === 'duty' || a.kind === 'summons')[0]
  const plan = e.plan.levels[e.level ?? 4]
  return {
    emergencyId,
    no: e.no,
    name: e.name,
    kind: e.kind,
    eventClass: e.eventClass,
    isDrill: e.isDrill,
    state: e.state,
    level: e.level,
    basis: e.basis,
    issuer,
    measures: e.measures,
    tasks: plan.tasks,
    caution: plan.caution,
    rallyBy: e.rallyBy?.toISOString() ?? null,
    expectedUntil: e.expectedUntil.toISOString(),
    activatedAt: e.activatedAt?.toISOString() ?? null,
    terminatedAt: e.terminatedAt?.toISOString() ?? null,
    seq: streams[0]?.last_seq ?? 0,
    alert: first ?? null,
    notices: notices.filter(a => a !== first && a.kind !== 'urge'),
    me: {
      personId,
      name: p.name,
      audience: p.audience,
      memberState: p.memberState,
      post: p.post,
      callState: p.callState,
      answer: p.answer,
      promisedAt: p.promisedAt?.toISOString() ?? null,
      reason: p.cannotReason,
      answeredAt: p.answeredAt?.toISOString() ?? null,
      presence: p.presence,
      checkedInAt: p.checkedInAt?.toISOString() ?? null,
      checkInFlags: p.checkInFlags,
      checkedOutAt: p.checkedOutAt?.toISOString() ?? null,
      maySignOthersIn: t !== undefined && (t.captain_id === personId || isGridChief(p.gridId)),
    },
    team: t === undefined
      ? null
      : {
          teamId: t.id,
          name: t.name,
          gridName: t.grid_name,
          communityId: t.community_id,
          communityName: t.community_name,
          captain: t.captain_id === null || t.captain_name === null ? null : { personId: t.captain_id, name: t.captain_name, phone: null },
          communityPhone: t.duty_phone,
          rallyPoint: { name: t.rally_point, address: t.address ?? '', latitude: t.latitude, longitude: t.longitude },
          required: t.required,
          going: counts.going + counts.later,
          onSite: counts.onSite,
        },
  }
}
