import type { Counts, Funnel } from '../../../contract/counting.ts'
import type { Board, BoardTeam, GridFilter } from '../../../contract/reducer.ts'
import type { Curve, ReconciliationCheck, Review, ReviewRow } from '../../../contract/review.ts'
import type { Channel, DeliveryState } from '../../../contract/vocabulary.ts'
import type { Tx } from '../../platform/db/index.ts'
import type { EmergencyRow } from '../emergencies/index.ts'
import type { GridIndex } from '../registry/index.ts'
import { sql } from 'drizzle-orm'
import { addCounts, arrived, emptyCounts, funnel, PERSON_STATUSES, personStatus, tally, toCall } from '../../../contract/counting.ts'
import { emptyDelta, fold } from '../../../contract/reducer.ts'
import { MINUTE } from '../../platform/clock.ts'
import { uuids } from '../../platform/db/index.ts'
import { readBoard, readEvents, readPeople } from '../boards/index.ts'
import { CALLS } from '../calls/index.ts'
import { countsAnswers, getEmergency } from '../emergencies/index.ts'
import { arrivalTimes, curveStep } from './review.rules.ts'

const PAGE = 1_000
const CALL_KINDS = sql`${sql.param(`{${CALLS.join(',')}}`)}::text[]`

type People = Awaited<ReturnType<typeof readPeople>>['people']

/** Time zero of every duration: the key. An initial response has no level but is activated as well. */
const startOf = (e: EmergencyRow) => e.activatedAt ?? e.createdAt

interface Timing { id: string, name: string, first_answer: number | null, median_answer: number | null, first_arrival: number | null, median_arrival: number | null }

/** Seconds after the key until people of a group answered and arrived; an answer from the standby before it counts as zero. */
async function timings(tx: Tx, e: EmergencyRow, by: 'unit' | 'grid' | 'community'): Promise<Map<string, Timing>> {
  const group = { unit: sql`p.unit_id`, grid: sql`p.grid_id`, community: sql`g.community_id` }[by]
  const name = { unit: sql`u.name`, grid: sql`g.name`, community: sql`c.name` }[by]
  const seconds = (at: 'answered_at' | 'checked_in_at') => sql`greatest(extract(epoch from p.${sql.identifier(at)} - ${startOf(e).toISOString()}::timestamptz), 0)`
  const rows = await tx.execute<Timing & Record<string, unknown>>(sql`
    select ${group} as id, ${name} as name,
      min(${seconds('answered_at')}) filter (where p.answered_at is not null)::int as first_answer,
      percentile_cont(0.5) within group (order by ${seconds('answered_at')}) filter (where p.answered_at is not null)::int as median_answer,
      min(${seconds('checked_in_at')}) filter (where p.checked_in_at is not null)::int as first_arrival,
      percentile_cont(0.5) within group (order by ${seconds('checked_in_at')}) filter (where p.checked_in_at is not null)::int as median_arrival
    from participants p join grids g on g.id = p.grid_id join communities c on c.id = g.community_id left join units u on u.id = p.unit_id
    where p.emergency_id = ${e.id} and p.audience = 'team' and ${group} is not null group by 1, 2 order by 2`)
  return new Map(rows.map(r => [r.id, r]))
}

function row(id: string, name: string, sums: Funnel, t: Timing | undefined): ReviewRow {
  return { id, name, funnel: sums, firstAnswerSec: t?.first_answer ?? null, medianAnswerSec: t?.median_answer ?? null, firstArrivalSec: t?.first_arrival ?? null, medianArrivalSec: t?.median_arrival ?? null }
}

/** Cumulative people after the key. The database says how many in each step; only those few rows leave it. */
async function readCurve(tx: Tx, e: EmergencyRow, now: Date): Promise<Curve[]> {
  const { stepMin, steps } = curveStep(((e.terminatedAt ?? now).getTime() - startOf(e).getTime()) / MINUTE)
  const rows = await tx.execute<{ what: 'called' | 'answered' | 'going' | 'arrived', step: number, n: number }>(sql`
    select v.what, greatest(ceil(extract(epoch from v.at - ${startOf(e).toISOString()}::timestamptz) / ${stepMin * 60}::float8), 0)::int as step, count(*)::int as n
    from participants p cross join lateral (values ('called', p.called_at), ('answered', p.answered_at), ('going', case when p.answer <> 'cannot' then p.answered_at end), ('arrived', p.checked_in_at)) v(what, at)
    where p.emergency_id = ${e.id} and p.audience = 'team' and v.at is not null group by 1, 2`)
  const curve: Curve[] = Array.from({ length: steps + 1 }, (_, i) => ({ minute: i * stepMin, called: 0, answered: 0, going: 0, arrived: 0 }))
  for (const { what, step, n } of rows) {
    for (const point of curve.slice(step))
      point[what] += n
  }
  return curve
}

async function readTeamPeople(tx: Tx, grids: GridIndex, emergencyId: string): Promise<People> {
  const people: People = []
  for (let after: string | null = null; ;) {
    const page: Awaited<ReturnType<typeof readPeople>> = await readPeople(tx, grids, { emergencyId, scope: { type: 'county', id: null }, ids: null, after, limit: PAGE })
    people.push(...page.people.filter(p => p.audience === 'team'))
    if (page.next === null)
      return people
    after = page.next
  }
}

/** Folds the whole log from its first entry: a source of every total that has never seen the tables. */
async function countsFromLog(tx: Tx, emergencyId: string): Promise<Counts> {
  const delta = emptyDelta(emergencyId, 0, '')
  for (let after = 0; ;) {
    const events = await readEvents(tx, emergencyId, { after, before: null, limit: PAGE, milestones: false })
    for (const event of events)
      fold(delta, event, () => true)
    const last = events.at(-1)
    if (last === undefined || events.length < PAGE)
      break
    after = last.seq
  }
  const sum = emptyCounts()
  for (const counts of Object.values(delta.teamCounts))
    addCounts(sum, counts)
  return sum
}

async function reconcile(tx: Tx, emergencyId: string, board: Board, members: People): Promise<Review['reconciliation']> {
  const onBoard = emptyCounts()
  for (const { counts } of Object.values(board.teams))
    addCounts(onBoard, counts)
  const people = emptyCounts()
  for (const p of members)
    tally(people, p.standing, 1)
  const log = await countsFromLog(tx, emergencyId)
  const [db = { called: 0, answered: 0, arrived: 0, checked_in: 0 }] = await tx.execute<{ called: number, answered: number, arrived: number, checked_in: number }>(sql`
    select count(*)::int as called, (count(*) filter (where call_state = 'answered'))::int as answered, (count(*) filter (where presence <> 'none'))::int as arrived,
      (select count(distinct c.person_id)::int from check_ins c join participants q on q.emergency_id = c.emergency_id and q.person_id = c.person_id
        where c.emergency_id = ${emergencyId} and c.direction = 'in' and q.audience = 'team') as checked_in
    from participants where emergency_id = ${emergencyId} and audience = 'team'`)
  const check = (name: ReconciliationCheck, left: number, right: number) => ({ check: name, left, right, holds: left === right })
  const apart = (other: Counts) => PERSON_STATUSES.reduce((sum, status) => sum + Math.abs(onBoard[status] - other[status]), 0)
  return [
    check('calledBoardVsPeople', toCall(onBoard), toCall(people)),
    check('calledBoardVsDatabase', toCall(onBoard), db.called),
    check('calledBoardVsLog', toCall(onBoard), toCall(log)),
    check('answeredBoardVsPeople', onBoard.answered, people.answered),
    check('answeredBoardVsDatabase', onBoard.answered, db.answered),
    check('answeredBoardVsLog', onBoard.answered, log.answered),
    check('arrivedBoardVsPeople', arrived(onBoard), arrived(people)),
    check('arrivedBoardVsDatabase', arrived(onBoard), db.arrived),
    check('arrivedBoardVsLog', arrived(onBoard), arrived(log)),
    check('statesBoardVsPeople', apart(people), 0),
    check('statesBoardVsLog', apart(log), 0),
    check('arrivedBoardVsCheckIns', arrived(onBoard), db.checked_in),
  ]
}

async function readTried(tx: Tx, emergencyId: string, personIds: readonly string[]): Promise<Map<string, Review['silent'][number]['tried']>> {
  const rows = await tx.execute<{ person_id: string, channel: Channel, state: DeliveryState, n: number }>(sql`
    select d.person_id, d.channel, d.state, count(*)::int as n from deliveries d join alerts a on a.id = d.alert_id
    where a.emergency_id = ${emergencyId} and a.kind = any(${CALL_KINDS}) and d.person_id = any(${uuids(personIds)}) group by 1, 2, 3 order by 2, 3`)
  const tried = new Map<string, Review['silent'][number]['tried']>()
  for (const { person_id, channel, state, n: times } of rows)
    tried.set(person_id, [...tried.get(person_id) ?? [], { channel, state, times }])
  return tried
}

/** Everything that is known about an emergency once it is over (and so far, while it runs), of one moment. `names`: grids whose people the reader may see by name. */
export async function readReview(tx: Tx, grids: GridIndex, emergencyId: string, { now, names }: { now: Date, names: GridFilter }): Promise<Review> {
  const e = await getEmergency(tx, emergencyId)
  const t0 = startOf(e)
  const board = await readBoard(tx, grids, emergencyId, { type: 'county', id: null })
  const teams: BoardTeam[] = Object.values(board.teams)
  const total = funnel(teams)
  const members = await readTeamPeople(tx, grids, emergencyId)

  const perUnit = new Map<string, { name: string, counts: Counts }>()
  for (const p of members) {
    if (p.unitId === null)
      continue
    const unit = perUnit.get(p.unitId) ?? { name: p.unitName ?? '', counts: emptyCounts() }
    perUnit.set(p.unitId, unit)
    tally(unit.counts, p.standing, 1)
  }
  const [unitTimes, gridTimes, communityTimes] = [await timings(tx, e, 'unit'), await timings(tx, e, 'grid'), await timings(tx, e, 'community')]

  // Reached: a channel's receipt of a call, or the person's own word, which proves more. A notice of the end proves nothing of the call.
  const [reach = { n: 0 }] = await tx.execute<{ n: number }>(sql`
    select count(*)::int as n from participants p where p.emergency_id = ${emergencyId} and p.audience = 'team' and (
      (p.call_state = 'answered' and p.answer_via not in ('relay', 'officer'))
      or exists (select from deliveries d join alerts a on a.id = d.alert_id where a.emergency_id = p.emergency_id and d.person_id = p.person_id
        and a.kind = any(${CALL_KINDS}) and d.state in ('delivered', 'read')))`)
  const answers = members.flatMap(p => p.answeredAt ?? []).sort()
  const answeredBy = (minute: number) => answers.filter(at => Date.parse(at) <= t0.getTime() + minute * MINUTE).length
  const { first, half, all } = arrivalTimes(teams.map(t => ({ teamId: t.teamId, required: t.required })), members.flatMap(p => p.checkedInAt === null || p.standing.teamId === null ? [] : [{ teamId: p.standing.teamId, at: p.checkedInAt }]))
  const [confirmed] = await tx.execute<{ at: string | null }>(sql`select case when bool_and(confirmed_at is not null) then max(confirmed_at) end as at from vanguard_teams where emergency_id = ${emergencyId}`)
  const milestone = (code: Review['milestones'][number]['code'], at: string | null | undefined) => ({ code, at: at == null ? null : new Date(at).toISOString(), seconds: at == null ? null : Math.max(0, Math.round((Date.parse(at) - t0.getTime()) / 1_000)) })

  const silent = members.filter(p => ['silent', 'pending', 'unreachable'].includes(personStatus(p.standing)) && names(p.standing.gridId ?? ''))
  const tried = await readTried(tx, emergencyId, silent.map(p => p.personId))
  const unsigned = await tx.execute<{ person_id: string, name: string, grid_id: string, reason: string | null }>(sql`
    select p.person_id, pe.name, p.grid_id, p.unsigned_reason as reason from participants p join persons pe on pe.id = p.person_id 
    where p.emergency_id = ${emergencyId} and (p.unsigned_reason is not null or (p.presence = 'checkedIn' and ${!countsAnswers(e.state)})) order by pe.name`)
  const lessons = await tx.execute<{ id: string, author_name: string, text: string, at: string }>(sql`
    select l.id, p.name as author_name, l.text, l.at from lessons l join persons p on p.id = l.author_id where l.emergency_id = ${emergencyId} order by l.at`)
  const gridName = (gridId: string | null) => grids.get(gridId ?? '')?.gridName ?? ''

  return {
    header: board.header,
    drillOrReal: e.isDrill ? 'drill' : 'real',
    funnel: total,
    duty: funnel(Object.values(board.duty).map(counts => ({ required: 0, counts }))),
    rates: [
      { code: 'reach', num: reach.n, den: total.toCall },
      { code: 'ack', num: total.answered, den: total.toCall },
      { code: 'turnout', num: members.filter(p => p.standing.callState === 'answered' && p.standing.answer !== 'cannot').length, den: total.toCall },
      { code: 'arrival', num: total.arrivedPosts, den: total.required },
      { code: 'unreachable', num: total.unreachable, den: total.toCall },
    ],
    ackAt: ([5, 15, 30] as const).map(minute => ({ minute, num: answeredBy(minute), den: total.toCall })),
    milestones: [
      milestone('firstAnswer', answers[0]),
      milestone('halfAnswered', answers[Math.ceil(total.toCall / 2) - 1]),
      milestone('firstArrival', first),
      milestone('halfArrived', half),
      milestone('allArrived', all),
      milestone('teamsConfirmed', confirmed?.at),
    ],
    curve: await readCurve(tx, e, now),
    communities: [...Map.groupBy(teams, t => t.communityId)].map(([id, own]) => row(id, own[0]?.communityName ?? '', funnel(own), communityTimes.get(id))),
    grids: teams.map(t => row(t.gridId, `${t.communityName} ${t.gridName}`, funnel([t]), gridTimes.get(t.gridId))),
    units: [...perUnit].map(([id, { name, counts }]) => row(id, name, funnel([{ required: 0, counts }]), unitTimes.get(id))).sort((a, b) => a.name < b.name ? -1 : 1),
    silent: silent.map(p => ({ personId: p.personId, name: p.name, unitName: p.unitName, gridName: gridName(p.standing.gridId), status: personStatus(p.standing), tried: tried.get(p.personId) ?? [], reason: p.reason })),
    unsigned: unsigned.filter(u => names(u.grid_id)).map(u => ({ personId: u.person_id, name: u.name, gridName: gridName(u.grid_id), reason: u.reason })),
    lessons: lessons.map(l => ({ id: l.id, authorName: l.author_name, text: l.text, at: new Date(l.at).toISOString() })),
    reconciliation: await reconcile(tx, emergencyId, board, members),
  }
}
