import type { Counts, Funnel } from '../../../contract/counting.ts'
import type { Curve, Review, ReviewRow } from '../../../contract/review.ts'
import type { Tx } from '../../platform/db/index.ts'
import type { GridIndex } from '../registry/index.ts'
import { sql } from 'drizzle-orm'
import { addCounts, arrived, emptyCounts, funnel, personStatus, tally, toCall } from '../../../contract/counting.ts'
import { emptyDelta, fold } from '../../../contract/reducer.ts'
import { readBoard, readEvents, readPeople } from '../boards/index.ts'
import { getEmergency } from '../emergencies/index.ts'

const PAGE = 1_000

interface Timing { id: string, name: string, first_answer: number | null, median_answer: number | null, first_arrival: number | null, median_arrival: number | null }

/** Seconds after activation until people of a group answered and arrived. */
async function timings(tx: Tx, emergencyId: string, by: 'unit' | 'grid' | 'community'): Promise<Map<string, Timing>> {
  const group = { unit: sql`p.unit_id`, grid: sql`p.grid_id`, community: sql`g.community_id` }[by]
  const name = { unit: sql`u.name`, grid: sql`g.name`, community: sql`c.name` }[by]
  const rows = await tx.execute<Timing & Record<string, unknown>>(sql`
    with base as (select coalesce(activated_at, created_at) as t0 from emergencies where id = ${emergencyId})
    select ${group} as id, ${name} as name,
      (extract(epoch from min(p.answered_at - base.t0)))::int as first_answer,
      (percentile_cont(0.5) within group (order by extract(epoch from p.answered_at - base.t0)))::int as median_answer,
      (extract(epoch from min(p.checked_in_at - base.t0)))::int as first_arrival,
      (percentile_cont(0.5) within group (order by extract(epoch from p.checked_in_at - base.t0)))::int as median_arrival
    from participants p cross join base join grids g on g.id = p.grid_id join communities c on c.id = g.community_id left join units u on u.id = p.unit_id
    where p.emergency_id = ${emergencyId} and p.audience = 'team' group by 1, 2 order by 2`)
  return new Map(rows.filter(r => r.id !== null).map(r => [r.id, r]))
}

function row(timing: Timing, sums: Funnel): ReviewRow {
  return { id: timing.id, name: timing.name, funnel: sums, firstAnswerSec: timing.first_answer, medianAnswerSec: timing.median_answer, firstArrivalSec: timing.first_arrival, medianArrivalSec: timing.median_arrival }
}

/** Cumulative people per minute after activation; at most three hours, in steps that keep the curve below 200 points. */
async function readCurve(tx: Tx, emergencyId: string): Promise<Curve[]> {
  const rows = await tx.execute<{ minute: number, called: number, answered: number, going: number, arrived: number }>(sql`
    with base as (
      select coalesce(activated_at, created_at) as t0,
        least(greatest(extract(epoch from coalesce(terminated_at, clock_timestamp()) - coalesce(activated_at, created_at)) / 60, 1), 180) as minutes
      from emergencies where id = ${emergencyId}
    ), people as (
      select extract(epoch from p.called_at - base.t0) / 60 as called, extract(epoch from p.answered_at - base.t0) / 60 as answered,
        case when p.answer <> 'cannot' then extract(epoch from p.answered_at - base.t0) / 60 end as going,
        extract(epoch from p.checked_in_at - base.t0) / 60 as arrived
      from participants p cross join base where p.emergency_id = ${emergencyId} and p.audience = 'team'
    )
    select m.minute::float8 as minute,
      (count(*) filter (where called <= m.minute))::int as called, (count(*) filter (where answered <= m.minute))::int as answered,
      (count(*) filter (where going <= m.minute))::int as going, (count(*) filter (where people.arrived <= m.minute))::int as arrived
    from base cross join lateral generate_series(0, ceil(base.minutes)::numeric, (case when base.minutes <= 5 then 0.25 when base.minutes <= 60 then 1 else 2 end)::numeric) as m(minute) cross join people
    group by m.minute order by m.minute`)
  return [...rows]
}

/** Folds the whole log into an empty board: the third, independent source of every total. */
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

export async function readReview(tx: Tx, grids: GridIndex, emergencyId: string): Promise<Review> {
  const e = await getEmergency(tx, emergencyId)
  const board = await readBoard(tx, grids, emergencyId, { type: 'county', id: null })
  const teams = Object.values(board.teams)
  const total = funnel(teams)
  const t0 = e.activatedAt ?? e.createdAt

  const people: Awaited<ReturnType<typeof readPeople>>['people'] = []
  for (let after: string | null = null; ;) {
    const page: Awaited<ReturnType<typeof readPeople>> = await readPeople(tx, grids, { emergencyId, scope: { type: 'county', id: null }, ids: null, after, limit: PAGE })
    people.push(...page.people)
    if (page.next === null)
      break
    after = page.next
  }
  const members = people.filter(p => p.audience === 'team')
  const fromPeople = emptyCounts()
  const perUnit = new Map<string, Counts>()
  for (const p of members) {
    tally(fromPeople, p.standing, 1)
    if (p.unitId !== null) {
      const counts = perUnit.get(p.unitId) ?? emptyCounts()
      perUnit.set(p.unitId, counts)
      tally(counts, p.standing, 1)
    }
  }
  const fromLog = await countsFromLog(tx, emergencyId)
  const inDatabase = await tx.execute<{ called: number, answered: number, arrived: number }>(sql`
    select count(*)::int as called, (count(*) filter (where call_state = 'answered'))::int as answered, (count(*) filter (where presence <> 'none'))::int as arrived
    from participants where emergency_id = ${emergencyId} and audience = 'team'`)
  const db = inDatabase[0] ?? { called: 0, answered: 0, arrived: 0 }

  const handed = await tx.execute<{ reached: number }>(sql`
    select count(distinct d.person_id)::int as reached from deliveries d join alerts a on a.id = d.alert_id join participants p on p.emergency_id = a.emergency_id and p.person_id = d.person_id
    where a.emergency_id = ${emergencyId} and p.audience = 'team' and d.state in ('delivered', 'read')`)
  const answeredBy = async (minute: number) => {
    const rows = await tx.execute<{ n: number }>(sql`select count(*)::int as n from participants where emergency_id = ${emergencyId} and audience = 'team' and answered_at <= ${new Date(t0.getTime() + minute * 60_000).toISOString()}`)
    return rows[0]?.n ?? 0
  }
  const times = (pick: (p: typeof members[number]) => string | null) => members.flatMap(p => pick(p) ?? []).sort()
  const answers = times(p => p.answeredAt)
  const arrivals = times(p => p.checkedInAt)
  const confirmed = await tx.execute<{ at: string | null }>(sql`select case when bool_and(confirmed_at is not null) then max(confirmed_at) end as at from vanguard_teams where emergency_id = ${emergencyId}`)
  const milestone = (code: Review['milestones'][number]['code'], at: string | null | undefined) => ({ code, at: at == null ? null : new Date(at).toISOString(), seconds: at == null ? null : Math.round((new Date(at).getTime() - t0.getTime()) / 1000) })

  const perCommunity = new Map<string, typeof teams>()
  for (const team of teams)
    perCommunity.set(team.communityId, [...perCommunity.get(team.communityId) ?? [], team])
  const [units, gridTimes, communities] = [await timings(tx, emergencyId, 'unit'), await timings(tx, emergencyId, 'grid'), await timings(tx, emergencyId, 'community')]

  const silent = members.filter(p => ['silent', 'pending', 'unreachable'].includes(personStatus(p.standing)))
  const tried = await tx.execute<{ person_id: string, tries: string[] }>(sql`
    select d.person_id, array_agg(distinct d.channel || ' ' || d.state) as tries from deliveries d join alerts a on a.id = d.alert_id
    where a.emergency_id = ${emergencyId} and d.person_id = any(${sql.param(`{${silent.map(p => p.personId).join(',')}}`)}::uuid[]) group by d.person_id`)
  const triesOf = new Map(tried.map(t => [t.person_id, t.tries]))
  const unsigned = await tx.execute<{ person_id: string, name: string, grid_id: string, reason: string }>(sql`
    select p.person_id, pe.name, p.grid_id, p.unsigned_reason as reason from participants p join persons pe on pe.id = p.person_id where p.emergency_id = ${emergencyId} and p.unsigned_reason is not null order by pe.name`)
  const lessons = await tx.execute<{ id: string, author_name: string, text: string, at: string }>(sql`
    select l.id, p.name as author_name, l.text, l.at from lessons l join persons p on p.id = l.author_id where l.emergency_id = ${emergencyId} order by l.at`)
  const check = (name: string, left: number, right: number) => ({ check: name, left, right, holds: left === right })

  return {
    header: board.header,
    drillOrReal: e.isDrill ? 'drill' : 'real',
    funnel: total,
    duty: funnel(Object.values(board.duty).map(counts => ({ required: 0, counts }))),
    rates: [
      { code: 'reach', num: handed[0]?.reached ?? 0, den: total.toCall },
      { code: 'ack', num: total.answered, den: total.toCall },
      { code: 'turnout', num: members.filter(p => p.standing.callState === 'answered' && p.standing.answer !== 'cannot').length, den: total.toCall },
      { code: 'arrival', num: total.arrivedPosts, den: total.required },
      { code: 'unreachable', num: total.unreachable, den: total.toCall },
    ],
    ackAt: [
      { minute: 5, num: await answeredBy(5), den: total.toCall },
      { minute: 15, num: await answeredBy(15), den: total.toCall },
      { minute: 30, num: await answeredBy(30), den: total.toCall },
    ],
    milestones: [
      milestone('firstAnswer', answers[0]),
      milestone('halfAnswered', answers[Math.ceil(total.toCall / 2) - 1]),
      milestone('firstArrival', arrivals[0]),
      milestone('halfArrived', total.required === 0 ? null : arrivals[Math.ceil(total.required / 2) - 1]),
      milestone('allArrived', total.required === 0 || total.arrivedPosts < total.required ? null : arrivals[total.required - 1]),
      milestone('teamsConfirmed', confirmed[0]?.at),
    ],
    curve: await readCurve(tx, emergencyId),
    communities: [...communities.values()].map(t => row(t, funnel(perCommunity.get(t.id) ?? []))),
    grids: teams.flatMap((team) => {
      const t = gridTimes.get(team.gridId)
      return t === undefined ? [] : [row({ ...t, name: `${team.communityName} ${team.gridName}` }, funnel([team]))]
    }),
    units: [...units.values()].map(t => row(t, funnel([{ required: 0, counts: perUnit.get(t.id) ?? emptyCounts() }]))),
    silent: silent.map(p => ({ personId: p.personId, name: p.name, unitName: p.unitName, gridName: grids.get(p.standing.gridId ?? '')?.gridName ?? '', status: personStatus(p.standing), tried: triesOf.get(p.personId) ?? [], reason: p.reason })),
    unsigned: unsigned.map(u => ({ personId: u.person_id, name: u.name, gridName: grids.get(u.grid_id)?.gridName ?? '', reason: u.reason })),
    lessons: lessons.map(l => ({ id: l.id, authorName: l.author_name, text: l.text, at: new Date(l.at).toISOString() })),
    reconciliation: [
      check('boardVsPeople', total.toCall, toCall(fromPeople)),
      check('boardVsDatabase', total.toCall, db.called),
      check('boardVsLog', total.toCall, toCall(fromLog)),
      check('answeredBoardVsPeople', total.answered, fromPeople.answered),
      check('answeredBoardVsDatabase', total.answered, db.answered),
      check('answeredBoardVsLog', total.answered, fromLog.answered),
      check('arrivedBoardVsPeople', total.onSite + total.left, arrived(fromPeople)),
      check('arrivedBoardVsDatabase', total.onSite + total.left, db.arrived),
      check('arrivedBoardVsLog', total.onSite + total.left, arrived(fromLog)),
    ],
  }
}

