import type { MyEmergency } from '../../../contract/boards.ts'
import type { PersonFacts } from '../../../contract/counting.ts'
import type { AlertKind, CheckInFlag, EmergencyKind, EmergencyState, EventClass } from '../../../contract/vocabulary.ts'
import type { Tx } from '../../platform/db/index.ts'
import { sql } from 'drizzle-orm'
import { emptyCounts, tally } from '../../../contract/counting.ts'
import { ADDRESSED, CALLS, fillTemplate } from '../calls/index.ts'
import { communityTitle } from '../registry/index.ts'

interface Where { issuer: string, isGridChief: (gridId: string) => boolean }

interface Row {
  [column: string]: unknown
  emergency_id: string
  no: string
  name: string
  kind: EmergencyKind
  event_class: EventClass
  is_drill: boolean
  state: EmergencyState
  level: number | null
  basis: string
  measures: string
  tasks: string
  caution: string
  rally_by: string | null
  expected_until: string
  activated_at: string | null
  terminated_at: string | null
  last_seq: number
  me: { name: string, audience: 'team' | 'duty', gridId: string, memberState: string, post: string | null, callState: string, answer: string | null, promisedAt: string | null, reason: string | null, answeredAt: string | null, presence: string, checkedInAt: string | null, checkInFlags: CheckInFlag[], checkedOutAt: string | null }
  team: { teamId: string, name: string, gridName: string, communityId: string, communityName: string, required: number, captainId: string | null, captainName: string | null, communityPhone: string | null, rallyPoint: string, address: string | null, latitude: number | null, longitude: number | null } | null
  groups: (PersonFacts & { n: number })[] | null
  alerts: { id: string, kind: AlertKind, text: string, issuedAt: string }[] | null
}

/** `emergencyId` null: those that call the person now; else this one, whatever its state. */
function read(tx: Tx, personId: string, emergencyId: string | null) {
  // One statement: after an alarm every phone of the county asks this within the same seconds.
  return tx.execute<Row>(sql`
    select e.id as emergency_id, e.no, e.name, e.kind, e.event_class, e.is_drill, e.state, e.level, e.basis, e.measures,
      e.plan #>> array['levels', coalesce(e.level, 4)::text, 'tasks'] as tasks, e.plan #>> array['levels', coalesce(e.level, 4)::text, 'caution'] as caution,
      e.rally_by, e.expected_until, e.activated_at, e.terminated_at, s.last_seq,
      json_build_object('name', pe.name, 'audience', p.audience, 'gridId', p.grid_id, 'memberState', p.member_state, 'post', p.post, 'callState', p.call_state, 'answer', p.answer,
        'promisedAt', p.promised_at, 'reason', p.cannot_reason, 'answeredAt', p.answered_at, 'presence', p.presence, 'checkedInAt', p.checked_in_at, 'checkInFlags', p.check_in_flags, 'checkedOutAt', p.checked_out_at) as me,
      case when t.id is not null then json_build_object('teamId', t.id, 'name', t.name, 'gridName', t.grid_name, 'communityId', t.community_id, 'communityName', t.community_name, 'required', t.required,
        'captainId', t.captain_id, 'captainName', c.name, 'communityPhone', cm.duty_phone, 'rallyPoint', t.rally_point, 'address', r.address, 'latitude', r.latitude, 'longitude', r.longitude) end as team,
      (select json_agg(json_build_object('audience', g.audience, 'memberState', g.member_state, 'callState', g.call_state, 'answer', g.answer, 'presence', g.presence, 'n', g.n)) from (
        select audience, member_state, call_state, answer, presence, count(*)::int as n from participants x where x.team_id = t.id group by 1, 2, 3, 4, 5) g) as groups,
      (select json_agg(json_build_object('id', a.id, 'kind', a.kind, 'text', a.text, 'issuedAt', a.issued_at) order by a.issued_at desc, a.id desc) from (
        select a.id, a.kind, a.text, a.issued_at from alerts a join deliveries d on d.alert_id = a.id and d.person_id = p.person_id and ${ADDRESSED}
        where a.emergency_id = e.id order by a.issued_at desc, a.id desc limit 50) a) as alerts
    from participants p join persons pe on pe.id = p.person_id join emergencies e on e.id = p.emergency_id join event_streams s on s.id = e.id
    left join vanguard_teams t on t.emergency_id = e.id and (t.id = p.team_id or (p.team_id is null and t.grid_id = p.grid_id))
    left join communities cm on cm.id = t.community_id left join persons c on c.id = t.captain_id left join rally_points r on r.grid_id = t.grid_id
    where p.person_id = ${personId} and ${emergencyId === null
      ? sql`(e.state in ('preAlert', 'activated') or (e.state = 'standDown' and p.presence = 'checkedIn'))`
      : sql`e.id = ${emergencyId}`}
    order by e.is_drill, e.created_at desc`)
}

const instant = (text: string | null) => text === null ? null : new Date(text).toISOString()

function toMine(row: Row, personId: string, { issuer, isGridChief }: Where): MyEmergency {
  const { me, team } = row
  const counts = emptyCounts()
  for (const { n, ...facts } of row.groups ?? [])
    tally(counts, facts, n)
  const words = { 集结点: team?.rallyPoint ?? '', 队名: team?.name ?? '', 队长: team?.captainName ?? '', 社区: communityTitle(team?.communityName ?? ''), 姓名: me.name }
  const notices = (row.alerts ?? []).map(a => ({ id: a.id, kind: a.kind, text: fillTemplate(a.text, words), issuedAt: new Date(a.issuedAt).toISOString() }))
  const call = notices.find(a => CALLS.includes(a.kind) && a.kind !== 'urge') ?? null
  return {
    emergencyId: row.emergency_id,
    no: row.no,
    name: row.name,
    kind: row.kind,
    eventClass: row.event_class,
    isDrill: row.is_drill,
    state: row.state,
    level: row.level,
    basis: row.basis,
    issuer,
    measures: row.measures,
    tasks: row.tasks,
    caution: row.caution,
    rallyBy: instant(row.rally_by),
    expectedUntil: new Date(row.expected_until).toISOString(),
    activatedAt: instant(row.activated_at),
    terminatedAt: instant(row.terminated_at),
    seq: row.last_seq,
    alert: call,
    notices: notices.filter(a => a !== call && a.kind !== 'urge'),
    me: {
      personId,
      name: me.name,
      audience: me.audience,
      memberState: me.memberState,
      post: me.post,
      callState: me.callState,
      answer: me.answer,
      promisedAt: instant(me.promisedAt),
      reason: me.reason,
      answeredAt: instant(me.answeredAt),
      presence: me.presence,
      checkedInAt: instant(me.checkedInAt),
      checkInFlags: me.checkInFlags,
      checkedOutAt: instant(me.checkedOutAt),
      maySignOthersIn: team !== null && (team.captainId === personId || isGridChief(me.gridId)),
    },
    team: team === null
      ? null
      : {
          teamId: team.teamId,
          name: team.name,
          gridName: team.gridName,
          communityId: team.communityId,
          communityName: team.communityName,
          captain: team.captainId === null || team.captainName === null ? null : { personId: team.captainId, name: team.captainName },
          communityPhone: team.communityPhone,
          rallyPoint: { name: team.rallyPoint, address: team.address ?? '', latitude: team.latitude, longitude: team.longitude },
          required: team.required,
          going: counts.going + counts.later,
          onSite: counts.onSite,
        },
  }
}

/** Everything that the member's phone shows: of the emergencies that call him now, newest first and real ones before drills. */
export async function readCallsMe(tx: Tx, personId: string, where: Where): Promise<MyEmergency[]> {
  return (await read(tx, personId, null)).map(row => toMine(row, personId, where))
}

/** Of one emergency, also when it is over. Null: it does not concern him. */
export async function readMine(tx: Tx, emergencyId: string, personId: string, where: Where): Promise<MyEmergency | null> {
  const [row] = await read(tx, personId, emergencyId)
  return row === undefined ? null : toMine(row, personId, where)
}
