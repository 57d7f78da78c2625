import type { z } from 'zod'
import type { Plan, PlanList as PlanListSchema, StandingRoster } from '../../src/contract/plans.ts'
import { sql } from 'drizzle-orm'
import { beforeEach, describe, expect, it } from 'vitest'
import { listPlans, refreshRosters, seedPlans } from '../../src/server/modules/plans/index.ts'
import { newId } from '../../src/server/platform/ids.ts'
import { NOON, openHouse, TODAY } from '../harness/house.ts'

type PlanList = z.output<typeof PlanListSchema>

const house = await openHouse()
const { clock, person, unit, grid, community, tx } = house

describe('standing plans', () => {
  it('are there from the start, once, and later edits outlive a second start', async () => {
    const before = await tx(t => listPlans(t))
    expect(before).toHaveLength(8)
    await tx(t => t.execute(sql`update plan_levels set general_pct = 81 where level = 1 and plan_id = ${before[0]?.id}`))
    await tx(t => seedPlans(t))
    const after = await tx(t => listPlans(t))
    expect(after).toHaveLength(8)
    expect(after[0]?.levels[0]?.generalPct).toBe(81)
    await tx(t => t.execute(sql`update plan_levels set general_pct = 80 where level = 1`))
  })

  it.each(['管理员', '值班员', '岷阳书记', '东城书记', '审计员'])('are seen by %s', async (who) => {
    const { status, body } = await (await house.as(who))('GET', '/api/plans')
    expect(status).toBe(200)
    expect((body as PlanList).plans.map(p => p.code)).toEqual(['flood', 'landslide', 'earthquake', 'snow', 'fire', 'utility', 'epidemic', 'social'])
  })

  it.each(['商务局书记', '商务局01', '当归城网格长'])('are not seen by %s', async (who) => {
    expect(await (await house.as(who))('GET', '/api/plans')).toMatchObject({ status: 403, code: 'FORBIDDEN' })
  })

  it('change a level at a time, by the county administrator who has read the latest version', async () => {
    const admin = await house.as('管理员')
    const plan = ((await admin('GET', '/api/plans')).body as PlanList).plans[1] as Plan
    const level = { ...plan.levels[2], tasks: '逐户叫应' }
    const edit = (more: object = {}) => ({ version: plan.version, level, ...more })
    const url = `/api/plans/${plan.id}/levels/3`
    for (const who of ['指挥长', '值班员', '东城书记', '商务局书记'])
      expect(await (await house.as(who))('PUT', url, edit()), who).toMatchObject({ status: 403, code: 'FORBIDDEN' })
    expect(await admin('PUT', url, edit())).toMatchObject({ status: 200, body: { version: plan.version + 1, levels: [plan.levels[0], plan.levels[1], { level: 3, tasks: '逐户叫应' }, plan.levels[3]] } })
    expect(await admin('PUT', url, edit())).toMatchObject({ status: 409, code: 'STALE_VERSION' })
    expect(await admin('PUT', `/api/plans/${newId()}/levels/3`, edit())).toMatchObject({ status: 404, code: 'NOT_FOUND' })
    expect((await admin('GET', `/api/plans/${newId()}`)).status).toBe(404)
    const again = edit({ version: plan.version + 1 })
    for (const [bad, at] of [[{ ...again, level: { ...level, generalPct: 101 } }, 3], [{ ...again, level: { ...level, rallyLimitMin: 0 } }, 3], [{ ...again, level: { ...level, ladder: [] } }, 3], [{ ...again, more: 1 }, 3], [again, 2], [again, 5]] as const)
      expect(await admin('PUT', `/api/plans/${plan.id}/levels/${at}`, bad)).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' })
    expect((await admin('GET', `/api/plans/${plan.id}`)).body).toMatchObject({ version: plan.version + 1 })
    expect(await tx(t => t.execute(sql`select actor_id, details from audit_log where action = 'plan.edit'`))).toEqual([{ actor_id: person.管理员, details: { level: 3 } }])
  })

  it('let one of two editors through', async () => {
    const admin = await house.as('管理员')
    const plan = ((await admin('GET', '/api/plans')).body as PlanList).plans[2] as Plan
    const replies = await Promise.all(Array.from({ length: 8 }, () => admin('PUT', `/api/plans/${plan.id}/levels/1`, { version: plan.version, level: plan.levels[0] })))
    expect(replies.map(r => r.status).sort()).toEqual([200, ...Array.from({ length: 7 }).fill(409)])
  })
})

const rosterOf = async (g: keyof typeof grid, who = '管理员') => (await (await house.as(who))('GET', `/api/plans/rosters/${grid[g]}`)).body as StandingRoster
function unitOf(roster: StandingRoster, name: string) {
  const found = roster.units.find(u => u.unitName === name)
  if (found === undefined)
    throw new Error(`${name} is not in ${roster.gridName}`)
  return found
}
const namesOf = async (g: keyof typeof grid, name: string) => unitOf(await rosterOf(g), name).people.map(p => p.name)

describe('the standing roster', () => {
  it('holds every member of the paired units, lead unit first, with quotas of each level', async () => {
    const roster = await rosterOf('当归城')
    expect(roster.units.map(u => [u.unitName, u.isLead, u.members, u.candidates])).toEqual([['商务局', true, 10, 10], ['财政局', false, 11, 11]])
    expect(unitOf(roster, '财政局').quotas).toEqual([{ level: 1, quota: 9 }, { level: 2, quota: 6 }, { level: 3, quota: 3 }, { level: 4, quota: 2 }])
    expect(unitOf(await rosterOf('东大街'), '供电公司').quotas).toEqual([{ level: 1, quota: 3 }, { level: 2, quota: 2 }, { level: 3, quota: 1 }, { level: 4, quota: 1 }])
    for (const u of roster.units) {
      expect(u.people.map(p => p.rank)).toEqual(u.people.map((_, i) => i + 1))
      for (const p of u.people)
        expect(p.reasons).toEqual(['untiered', 'leastHours', 'stableOrder'])
    }
  })

  it('names every function before it names one too often', async () => {
    const posts = unitOf(await rosterOf('当归城'), '财政局').people.map(p => p.post)
    expect(new Set(posts.slice(0, 5)).size).toBe(5)
    expect(new Set(posts)).toEqual(new Set(['coordination', 'evacuation', 'guard', 'patrol', 'supplies', 'medical', 'publicity']))
  })

  it('divides a unit with two grids between them, the same way each time', async () => {
    const first = await namesOf('西大街', '图书馆')
    const second = await namesOf('茶埠街', '图书馆')
    expect([first.length, second.length].sort()).toEqual([3, 4])
    expect([...first, ...second].sort()).toEqual(Array.from({ length: 7 }, (_, i) => `图书馆0${i + 1}`))
    await tx(t => refreshRosters(t, 'all', TODAY))
    expect(await namesOf('西大街', '图书馆')).toEqual(first)
  })

  it('says why a restricted unit sends nobody', async () => {
    const restricted = unitOf(await rosterOf('茶埠街'), '国安局')
    expect(restricted).toMatchObject({ members: 4, candidates: 0, people: [], shortfalls: [{ reason: 'restrictedUnit', people: 4 }] })
    expect(restricted.quotas.map(q => q.quota)).toEqual([0, 0, 0, 0])
  })

  it.each([
    ['指挥长', '当归城', 200],
    ['岷阳书记', '当归城', 200],
    ['岷阳书记', '茶埠街', 404],
    ['东城书记', '当归城', 200],
    ['东城书记', '西大街', 404],
    ['商务局书记', '东大街', 404],
    ['当归城网格长', '当归城', 403],
    ['商务局01', '当归城', 403],
  ] as const)('is shown to %s for %s: %i', async (who, g, status) => {
    expect((await (await house.as(who))('GET', `/api/plans/rosters/${grid[g]}`)).status).toBe(status)
  })

  it('shows a unit its own people alone', async () => {
    expect((await rosterOf('当归城', '商务局书记')).units.map(u => u.unitName)).toEqual(['商务局'])
  })

  it('is not found for no grid', async () => {
    expect((await (await house.as('管理员'))('GET', `/api/plans/rosters/${newId()}`)).status).toBe(404)
    expect((await (await house.as('管理员'))('GET', '/api/plans/rosters/x')).status).toBe(400)
  })
})

describe('the order of call', () => {
  beforeEach(() => clock.set(NOON))

  it('is tier, then skill, then living there, then least hours of late, then the same each time', async () => {
    const at = (hours: number) => new Date(NOON.getTime() - hours * 3_600_000).toISOString()
    await tx(async (t) => {
      await t.execute(sql`update employments set tier = 2 where person_id = ${person.财政局09}`)
      await t.execute(sql`update employments set tier = 1 where person_id in (${person.财政局10}, ${person.财政局05})`)
      await t.execute(sql`insert into person_skills (person_id, skill) values (${person.财政局10}, 'medical'), (${person.财政局08}, 'radio')`)
      await t.execute(sql`insert into residences (person_id, community_id) values (${person.财政局07}, ${community.东城}), (${person.财政局06}, ${community.西城})`)
      // 01 stood for five hours in a real response last week, 02 in a drill, 03 a hundred days ago.
      for (const [who, isDrill, from] of [['财政局01', false, 168], ['财政局02', true, 168], ['财政局03', false, 2_400]] as const) {
        const id = newId()
        await t.execute(sql`insert into event_streams (id) values (${id})`)
        await t.execute(sql`
          insert into emergencies (id, no, kind, event_class, name, is_drill, state, level, level_authority, basis, approver, approval_mode, measures, expected_until, plan, initiator_id, created_at)
          values (${id}, ${`H-${who}`}, 'response', 'naturalDisaster', '往日', ${isDrill}, 'activated', 3, 'county', '', '', 'written', '', ${NOON.toISOString()}, '{}', ${person.指挥长}, ${NOON.toISOString()})`)
        for (const state of ['standDown', 'review', 'archived'])
          await t.execute(sql`update emergencies set state = ${state} where id = ${id}`)
        await t.execute(sql`
          insert into participants (emergency_id, person_id, ordinal, audience, grid_id, member_state, call_state, presence, holds, joined_at, checked_in_at, checked_out_at)
          values (${id}, ${person[who]}, 1, 'duty', ${grid.当归城}, 'active', 'answered', 'checkedOut', false, ${at(from)}, ${at(from)}, ${at(from - 5)})`)
      }
    })
    const people = unitOf(await rosterOf('当归城'), '财政局').people
    expect(people.map(p => p.name)).toEqual(['财政局10', '财政局05', '财政局09', '财政局08', '财政局07', '财政局书记', '财政局02', '财政局03', '财政局04', '财政局06', '财政局01'])
    const reasons = Object.fromEntries(people.map(p => [p.name, p.reasons]))
    expect(reasons).toMatchObject({
      财政局10: ['tier1', 'skillMatch', 'leastHours', 'stableOrder'],
      财政局05: ['tier1', 'leastHours', 'stableOrder'],
      财政局09: ['tier2', 'leastHours', 'stableOrder'],
      财政局08: ['untiered', 'skillMatch', 'leastHours', 'stableOrder'],
      财政局07: ['untiered', 'livesThere', 'leastHours', 'stableOrder'],
      财政局06: ['untiered', 'leastHours', 'stableOrder'],
      财政局01: ['untiered', 'stableOrder'],
    })
    expect(people.find(p => p.name === '财政局10')?.post).toBe('medical')
    expect(people.find(p => p.name === '财政局08')?.post).toBe('coordination')
  })
})

describe('a roster follows', () => {
  it('an exemption on its first day, and its end on the day after the last', async () => {
    const speak = await house.as('商务局书记')
    expect((await speak('POST', '/api/registry/exemptions', { personId: person.商务局02, reason: 'caring', note: '', validFrom: '2026-06-16', validTo: '2026-06-17' })).status).toBe(201)
    const seen = async () => {
      const { candidates, members, shortfalls, people } = unitOf(await rosterOf('当归城'), '商务局')
      return { candidates, members, shortfalls, has: people.some(p => p.name === '商务局02') }
    }
    expect(await seen()).toEqual({ candidates: 10, members: 10, shortfalls: [], has: true })
    // Midnight of the county, 16:00 UTC; no job has to strike.
    clock.set(new Date('2026-06-15T16:00:00Z'))
    expect(await seen()).toEqual({ candidates: 9, members: 10, shortfalls: [{ reason: 'exempt', people: 1 }], has: false })
    clock.set(new Date('2026-06-17T15:59:59Z'))
    expect((await seen()).has).toBe(false)
    clock.set(new Date('2026-06-17T16:00:00Z'))
    expect(await seen()).toEqual({ candidates: 10, members: 10, shortfalls: [], has: true })
    clock.set(NOON)
    await tx(t => t.execute(sql`delete from exemptions`))
  })

  it.each([
    ['an employment that ends', () => sql`update employments set valid_to = '2026-06-01' where person_id = ${person.商务局03}`, () => sql`update employments set valid_to = null where person_id = ${person.商务局03}`],
    ['a membership that ends', () => sql`update memberships set valid_to = '2026-06-01' where person_id = ${person.商务局03}`, () => sql`update memberships set valid_to = null where person_id = ${person.商务局03}`],
    ['a membership of another kind', () => sql`update memberships set kind = 'resident' where person_id = ${person.商务局03}`, () => sql`update memberships set kind = 'inService' where person_id = ${person.商务局03}`],
    ['an exemption', () => sql`insert into exemptions (id, person_id, reason, valid_from) values (${newId()}, ${person.商务局03}, 'away', ${TODAY})`, () => sql`delete from exemptions where person_id = ${person.商务局03}`],
    ['a unit that becomes restricted', () => sql`update units set mobilisation_class = 'restricted' where id = ${unit.商务局}`, () => sql`update units set mobilisation_class = 'general' where id = ${unit.商务局}`],
    ['a pairing that ends', () => sql`update pairings set valid_to = '2026-06-14' where unit_id = ${unit.商务局}`, () => sql`update pairings set valid_to = null where unit_id = ${unit.商务局}`],
  ])('%s, and its undoing, made by hand', async (_, change, undo) => {
    const isThere = async () => (await rosterOf('当归城')).units.some(u => u.people.some(p => p.name === '商务局03'))
    expect(await isThere()).toBe(true)
    await tx(t => t.execute(change()))
    expect(await isThere()).toBe(false)
    await tx(t => t.execute(undo()))
    expect(await isThere()).toBe(true)
  })

  it('a person who changes units, in both grids', async () => {
    await tx(t => t.execute(sql`update employments set unit_id = ${unit.供电公司} where person_id = ${person.商务局04}`))
    expect(await namesOf('东大街', '供电公司')).toContain('商务局04')
    expect(await namesOf('当归城', '商务局')).not.toContain('商务局04')
    await tx(t => t.execute(sql`update employments set unit_id = ${unit.商务局} where person_id = ${person.商务局04}`))
    expect(await namesOf('当归城', '商务局')).toContain('商务局04')
  })

  it('skills and residences', async () => {
    await tx(t => t.execute(sql`insert into person_skills (person_id, skill) values (${person.商务局08}, 'driving')`))
    expect((await namesOf('当归城', '商务局'))[0]).toBe('商务局08')
    await tx(t => t.execute(sql`delete from person_skills where person_id = ${person.商务局08}`))
    await tx(t => t.execute(sql`insert into residences (person_id, community_id) values (${person.商务局07}, ${community.东城})`))
    expect((await namesOf('当归城', '商务局'))[0]).toBe('商务局07')
  })

  it('a change that commits while it is being formed', async () => {
    await tx(t => refreshRosters(t, 'all', TODAY))
    const change = house.db.work.tx(async (t) => {
      await t.execute(sql`insert into exemptions (id, person_id, reason, valid_from) values (${newId()}, ${person.商务局05}, 'ill', ${TODAY})`)
      // Marked already, not committed yet: another change marks the same grid, and the roster is formed.
      await house.db.work.tx(other => other.execute(sql`update employments set post = '科员' where person_id = ${person.商务局06}`))
      expect(await house.db.work.tx(other => refreshRosters(other, 'stale', TODAY))).toBeGreaterThan(0)
    })
    await change
    expect(await namesOf('当归城', '商务局')).not.toContain('商务局05')
  })

  it('nothing when nothing has changed', async () => {
    await tx(t => refreshRosters(t, 'all', TODAY))
    expect(await tx(t => refreshRosters(t, 'stale', TODAY))).toBe(0)
    expect(await tx(t => refreshRosters(t, 'stale', '2026-06-16'))).toBe(4)
    expect(await tx(t => refreshRosters(t, 'stale', TODAY))).toBe(4)
  })

  it('many who form it at once, without a quarrel', async () => {
    await tx(t => t.execute(sql`update units set mobilisation_class = mobilisation_class`))
    const formed = await Promise.all(Array.from({ length: 6 }, (_, i) => house.db.work.tx(t => refreshRosters(t, i % 2 === 0 ? 'all' : 'stale', TODAY))))
    expect(formed.filter(n => n === 4).length).toBeGreaterThanOrEqual(3)
    expect(await tx(t => t.execute(sql`select count(*)::int as n, count(distinct person_id)::int as people from roster_entries`))).toEqual([{ n: 37, people: 37 }])
  })
})

it('logs no error', () => {
  expect(house.errors).toEqual([])
})
