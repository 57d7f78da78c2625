import type { z } from 'zod'
import type { PeoplePage, PlaceTree, UnitList as UnitListSchema } from '../../src/contract/registry.ts'
import type { Caller } from '../harness/house.ts'
import { sql } from 'drizzle-orm'
import { describe, expect, it } from 'vitest'
import { newId } from '../../src/server/platform/ids.ts'
import { NOON, openHouse, TODAY } from '../harness/house.ts'

type UnitList = z.output<typeof UnitListSchema>

const house = await openHouse()
const { clock, person, phone, unit, grid, community, tx } = house

const EVERYONE = Object.keys(person).length

async function allPeople(speak: Caller, query = '', limit = 7): Promise<PeoplePage['people']> {
  const people: PeoplePage['people'] = []
  for (let after: string | null = ''; after !== null;) {
    const page: PeoplePage = (await speak('GET', `/api/registry/people?limit=${limit}${query}${after === '' ? '' : `&after=${after}`}`)).body as PeoplePage
    people.push(...page.people)
    after = page.next
  }
  return people
}

const gridNames = (tree: unknown) => (tree as PlaceTree).townships.flatMap(t => t.communities.flatMap(c => c.grids.map(g => g.name.replace('网格', '')))).sort()
const unitNames = (list: unknown) => (list as UnitList).units.map(u => u.name).sort()

describe('the place tree', () => {
  it.each([
    ['管理员', ['东大街', '当归城', '茶埠街', '西大街']],
    ['审计员', ['东大街', '当归城', '茶埠街', '西大街']],
    ['岷阳书记', ['东大街', '当归城', '西大街']],
    ['东城书记', ['东大街', '当归城']],
    ['东城干部', ['东大街', '当归城']],
    ['当归城网格长', ['当归城']],
    ['商务局书记', ['当归城']],
  ])('is cut to the scope of %s', async (who, names) => {
    const { status, body } = await (await house.as(who))('GET', '/api/registry/tree')
    expect(status).toBe(200)
    expect(gridNames(body)).toEqual([...names].sort())
  })

  it.each(['商务局01', '当归城兼职'])('is refused to %s', async (who) => {
    expect(await (await house.as(who))('GET', '/api/registry/tree')).toMatchObject({ status: 403, code: 'FORBIDDEN' })
  })

  it('shows pairings, lead, chief, rally point and derived mode', async () => {
    const { body } = await (await house.as('东城书记'))('GET', '/api/registry/tree')
    const grids = (body as PlaceTree).townships[0]?.communities[0]?.grids
    expect(grids?.[0]).toMatchObject({ name: '当归城网格', mode: 'peacetime', pairingMode: 'N+1', chief: { name: '当归城网格长' }, rallyPoint: '当归城广场', units: [{ name: '商务局', isLead: true }, { name: '财政局', isLead: false }] })
    expect(grids?.[1]).toMatchObject({ name: '东大街网格', pairingMode: '1+1', chief: null })
  })
})

describe('the list of units', () => {
  it.each([
    ['值班员', ['供电公司', '商务局', '国安局', '图书馆', '财政局']],
    ['岷阳书记', ['供电公司', '商务局', '图书馆', '财政局']],
    ['东城书记', ['供电公司', '商务局', '财政局']],
    ['当归城网格长', ['商务局', '财政局']],
    ['商务局联络员', ['商务局']],
  ])('is cut to the scope of %s', async (who, names) => {
    expect(unitNames((await (await house.as(who))('GET', '/api/registry/units')).body)).toEqual([...names].sort())
  })

  it('counts members and names every grid that a unit serves', async () => {
    const { body } = await (await house.as('值班员'))('GET', '/api/registry/units')
    expect((body as UnitList).units.find(u => u.name === '图书馆')).toMatchObject({ members: 7, grids: [{ name: '西大街网格', isLead: true }, { name: '茶埠街网格', isLead: true }] })
  })
})

describe('people', () => {
  it('come in pages without gap or repetition, phones masked', async () => {
    const people = await allPeople(await house.as('管理员'))
    expect(people).toHaveLength(EVERYONE)
    expect(new Set(people.map(p => p.personId)).size).toBe(EVERYONE)
    for (const p of people)
      expect(p.phoneMasked).toBe(`154****${phone[p.name]?.slice(-4)}`)
  })

  it.each([
    ['商务局书记', Array.from({ length: 8 }, (_, i) => `商务局0${i + 1}`).concat('商务局书记', '商务局联络员')],
    ['东城书记', ['当归城网格长', '当归城网格员', '当归城兼职']],
    ['西城书记', []],
    ['当归城网格员', ['当归城网格长', '当归城网格员', '当归城兼职']],
  ])('are cut to the scope of %s', async (who, names) => {
    expect((await allPeople(await house.as(who))).map(p => p.name).sort()).toEqual([...names].sort())
  })

  it('are filtered inside the scope, never beyond it', async () => {
    expect(await allPeople(await house.as('管理员'), `&unitId=${unit.财政局}`)).toHaveLength(11)
    expect(await allPeople(await house.as('商务局书记'), `&unitId=${unit.财政局}`)).toEqual([])
    expect((await allPeople(await house.as('管理员'), `&gridId=${grid.茶埠街}`)).map(p => p.name)).toEqual(['茶埠街网格长'])
    expect(await allPeople(await house.as('东城书记'), `&gridId=${grid.茶埠街}`)).toEqual([])
  })

  it.each(['after=xyz', 'limit=0', 'limit=201', 'limit=x', 'unitId=1', 'colour=red'])('refuse a query with %s', async (query) => {
    expect(await (await house.as('管理员'))('GET', `/api/registry/people?${query}`)).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' })
  })
})

describe('registering a member', () => {
  const fresh = (more: object = {}) => ({ name: '新来的', phone: '15409328001', birthYear: 1990, politicalStatus: 'partyMember', unitId: unit.商务局, tier: 1, ...more })
  const count = () => tx(async t => Number((await t.execute<{ n: number }>(sql`select count(*)::int as n from persons`))[0]?.n))

  it('is for the own unit\'s secretary or liaison, and is written down', async () => {
    const { status, body } = await (await house.as('商务局书记'))('POST', '/api/registry/people', fresh())
    expect(status).toBe(201)
    const { id } = body as { id: string }
    const kept = await tx(t => t.execute(sql`
      select p.name, e.unit_id, e.tier, m.kind, (select a.action || ' ' || a.actor_id from audit_log a where a.subject_id = p.id) as trail
      from persons p join employments e on e.person_id = p.id join memberships m on m.person_id = p.id where p.id = ${id}`))
    expect(kept).toEqual([{ name: '新来的', unit_id: unit.商务局, tier: 1, kind: 'inService', trail: `registry.addPerson ${person.商务局书记}` }])
    expect((await (await house.as('商务局联络员'))('POST', '/api/registry/people', fresh({ phone: '15409328002', politicalStatus: 'probationaryMember' }))).status).toBe(201)
  })

  it.each([
    ['商务局书记', { unitId: unit.财政局 }, 404, 'NOT_FOUND'],
    ['管理员', {}, 403, 'FORBIDDEN'],
    ['东城书记', {}, 404, 'NOT_FOUND'],
    ['商务局01', {}, 404, 'NOT_FOUND'],
  ])('is refused to %s %j', async (who, more, status, code) => {
    const before = await count()
    expect(await (await house.as(who))('POST', '/api/registry/people', fresh({ phone: '15409328003', ...more }))).toMatchObject({ status, code })
    expect(await count()).toBe(before)
  })

  it.each([
    ['a number that is registered', { phone: '15409328001' }, 409, 'PHONE_TAKEN'],
    ['the same number typed otherwise', { phone: '+86 154 0932 8001' }, 409, 'PHONE_TAKEN'],
    ['the same number in full-width digits', { phone: '１５４０９３２８００１' }, 409, 'PHONE_TAKEN'],
    ['a number that is none', { phone: '12345678' }, 400, 'PHONE_INVALID'],
    ['a minor', { birthYear: 2009 }, 400, 'VALIDATION_FAILED'],
    ['an empty name', { name: '  ' }, 400, 'VALIDATION_FAILED'],
    ['an unknown key', { isAdmin: true }, 400, 'VALIDATION_FAILED'],
    ['a tier that is none', { tier: 4 }, 400, 'VALIDATION_FAILED'],
    ['a political status that is none', { politicalStatus: 'other' }, 400, 'VALIDATION_FAILED'],
  ])('refuses %s', async (_, more, status, code) => {
    const before = await count()
    const reply = await (await house.as('商务局书记'))('POST', '/api/registry/people', fresh({ phone: '15409328009', ...more }))
    expect(reply).toMatchObject({ status, code })
    expect((reply.body as { error: { details: unknown } }).error.details).toMatchObject(code.startsWith('PHONE') ? { field: 'phone' } : { issues: [{ path: Object.keys(more)[0] === 'isAdmin' ? '' : Object.keys(more)[0] }] })
    expect(await count()).toBe(before)
  })

  it('gives party membership to party members alone', async () => {
    const { body } = await (await house.as('商务局书记'))('POST', '/api/registry/people', fresh({ phone: '15409328004', politicalStatus: 'leagueMember' }))
    expect(await tx(t => t.execute(sql`select 1 from memberships where person_id = ${(body as { id: string }).id}`))).toHaveLength(0)
  })

  it('lets one of twenty simultaneous registrations of a number through', async () => {
    const speak = await house.as('商务局书记')
    const replies = await Promise.all(Array.from({ length: 20 }, () => speak('POST', '/api/registry/people', fresh({ phone: '15409328005' }))))
    expect(replies.map(r => r.status).sort()).toEqual([201, ...Array.from({ length: 19 }).fill(409)])
  })
})

describe('an exemption', () => {
  const ill = (who: string, more: object = {}) => ({ personId: person[who], reason: 'ill', note: '', validFrom: TODAY, validTo: null, ...more })

  it('is reported by the own unit, and shows in the list', async () => {
    const speak = await house.as('商务局联络员')
    expect((await speak('POST', '/api/registry/exemptions', ill('商务局01'))).status).toBe(201)
    expect((await allPeople(speak)).find(p => p.name === '商务局01')?.exemption).toBe('ill')
  })

  it.each([
    ['商务局书记', ill('财政局01'), 404, 'NOT_FOUND'],
    ['管理员', ill('商务局02'), 403, 'FORBIDDEN'],
    ['商务局02', ill('商务局02'), 404, 'NOT_FOUND'],
    ['商务局书记', { ...ill('商务局02'), personId: newId() }, 404, 'NOT_FOUND'],
    ['商务局书记', ill('商务局02', { validTo: '2026-06-14' }), 400, 'VALIDATION_FAILED'],
    ['商务局书记', ill('商务局02', { validFrom: '2026-06-31' }), 400, 'VALIDATION_FAILED'],
    ['商务局书记', ill('商务局02', { validFrom: '0000-01-01' }), 400, 'VALIDATION_FAILED'],
    ['商务局书记', ill('商务局02', { reason: 'lazy' }), 400, 'VALIDATION_FAILED'],
  ])('of %s %j is refused', async (who, body, status, code) => {
    expect(await (await house.as(who))('POST', '/api/registry/exemptions', body)).toMatchObject({ status, code })
    expect(await tx(t => t.execute(sql`select 1 from exemptions where person_id = ${person.商务局02}`))).toHaveLength(0)
  })
})

describe('a phone number', () => {
  const reveal = async (who: string, whose: string, body: object = { reason: '电话叫应' }) => (await house.as(who))('POST', `/api/people/${person[whose]}/phone-reveals`, body)
  const trail = (whose: string) => tx(t => t.execute<{ actor_id: string, details: { reason: string } }>(sql`select actor_id, details from audit_log where action = 'person.revealPhone' and subject_id = ${person[whose]} order by id`))

  it.each(['管理员', '指挥长', '值班员', '商务局书记', '商务局联络员'])('of a member is revealed to %s for a reason that is kept', async (who) => {
    expect(await reveal(who, '商务局03')).toMatchObject({ status: 200, body: { phone: phone.商务局03 } })
    expect((await trail('商务局03')).at(-1)).toEqual({ actor_id: person[who], details: { reason: '电话叫应' } })
  })

  it.each([
    ['财政局书记', 404],
    ['东城书记', 404],
    ['当归城网格长', 404],
    ['商务局04', 404],
    ['审计员', 403],
    ['系统员', 403],
  ])('of a member is not revealed to %s in peacetime', async (who, status) => {
    expect((await reveal(who, '商务局05')).status).toBe(status)
    expect(await trail('商务局05')).toEqual([])
  })

  it('is never revealed without a reason', async () => {
    for (const body of [{}, { reason: ' ' }, { reason: 'x', more: 1 }])
      expect(await reveal('管理员', '商务局05', body)).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' })
    expect(await trail('商务局05')).toEqual([])
  })

  it('of nobody is not found', async () => {
    expect(await (await house.as('管理员'))('POST', `/api/people/${newId()}/phone-reveals`, { reason: '核对' })).toMatchObject({ status: 404, code: 'NOT_FOUND' })
    expect(await (await house.as('管理员'))('POST', '/api/people/1/phone-reveals', { reason: '核对' })).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' })
  })

  it('of a team\'s member is the community\'s, the grid\'s and the captain\'s while the team is called', async () => {
    const emergencyId = newId()
    const teamId = newId()
    await tx(async (t) => {
      await t.execute(sql`insert into event_streams (id) values (${emergencyId})`)
      await t.execute(sql`
        insert into emergencies (id, no, kind, event_class, name, is_drill, state, level, level_authority, basis, approver, approval_mode, measures, expected_until, plan, initiator_id, created_at, activated_at)
        values (${emergencyId}, 'T-1', 'response', 'naturalDisaster', '防汛', false, 'activated', 3, 'county', '依据', '县长', 'written', '措施', ${NOON.toISOString()}, '{}', ${person.指挥长}, ${NOON.toISOString()}, ${NOON.toISOString()})`)
      await t.execute(sql`insert into emergency_grids (emergency_id, grid_id, added_at) values (${emergencyId}, ${grid.当归城}, ${NOON.toISOString()})`)
      await t.execute(sql`
        insert into vanguard_teams (id, emergency_id, grid_id, community_id, name, grid_name, community_name, rally_point, state, required, captain_id, created_at)
        values (${teamId}, ${emergencyId}, ${grid.当归城}, ${community.东城}, '队', '当归城网格', '东城社区', '广场', 'provisional', 2, ${person.商务局06}, ${NOON.toISOString()})`)
      for (const [ordinal, who] of [[1, '商务局06'], [2, '财政局01']] as const) {
        await t.execute(sql`
          insert into participants (emergency_id, person_id, ordinal, audience, team_id, grid_id, unit_id, post, member_state, call_state, presence, holds, joined_at)
          values (${emergencyId}, ${person[who]}, ${ordinal}, 'team', ${teamId}, ${grid.当归城}, ${who === '商务局06' ? unit.商务局 : unit.财政局}, 'guard', 'active', 'called', 'none', true, ${NOON.toISOString()})`)
      }
    })
    for (const who of ['东城书记', '当归城网格长', '商务局06'])
      expect(await reveal(who, '财政局01'), who).toMatchObject({ status: 200, body: { phone: phone.财政局01 } })
    const byLink = (link: string) => async (whose: string) => house.speak(await house.cookieOf('商务局06', { emergencyId: link }))('POST', `/api/people/${person[whose]}/phone-reveals`, { reason: '点名' })
    expect((await byLink(emergencyId)('财政局01')).status).toBe(200)
    // Another team's, another emergency's, another community's, or a mere member's.
    expect((await byLink(emergencyId)('财政局02')).status).toBe(404)
    expect((await byLink(newId())('财政局01')).status).toBe(404)
    for (const who of ['西城书记', '茶埠街网格长', '财政局02'])
      expect((await reveal(who, '财政局01')).status, who).toBe(404)
    expect((await trail('财政局01')).map(t => t.actor_id)).toEqual(['东城书记', '当归城网格长', '商务局06', '商务局06'].map(n => person[n]))
    // Over: the community's reach ends with it.
    await tx(async (t) => {
      await t.execute(sql`update emergencies set state = 'standDown' where id = ${emergencyId}`)
      await t.execute(sql`update emergencies set state = 'review' where id = ${emergencyId}`)
    })
    expect((await reveal('东城书记', '财政局01')).status).toBe(404)
  })
})

// Last: these change the pairings on which the others stand.
describe('pairings', () => {
  const idOf = (u: keyof typeof unit, g: keyof typeof grid) => tx(async t => (await t.execute<{ id: string }>(sql`select id from pairings where unit_id = ${unit[u]} and grid_id = ${grid[g]} and valid_to is null`))[0]?.id ?? '')
  const end = async (who: string, id: string, lastDay = TODAY) => (await house.as(who))('POST', `/api/registry/pairings/${id}/end`, { lastDay })
  const pair = async (who: string, u: string, g: string, more: object = {}) => (await house.as(who))('POST', '/api/registry/pairings', { unitId: u, gridId: g, isLead: false, validFrom: TODAY, ...more })
  const leads = (day: string) => tx(t => t.execute<{ grid: string, lead: string }>(sql`
    select g.name as grid, u.name as lead from pairings p join grids g on g.id = p.grid_id join units u on u.id = p.unit_id
    where p.is_lead and p.valid_from <= ${day} and (p.valid_to is null or p.valid_to >= ${day}) order by g.code`))

  it('are made by the county administrator alone', async () => {
    expect((await pair('管理员', unit.供电公司, grid.当归城)).status).toBe(201)
    for (const who of ['指挥长', '值班员', '东城书记', '商务局书记'])
      expect(await pair(who, unit.供电公司, grid.西大街), who).toMatchObject({ status: 403, code: 'FORBIDDEN' })
  })

  it('refuse the same pair twice, a second lead, and what does not exist', async () => {
    expect(await pair('管理员', unit.供电公司, grid.当归城)).toMatchObject({ status: 409, code: 'PAIRING_OVERLAP' })
    expect(await pair('管理员', unit.供电公司, grid.当归城, { validFrom: '2027-01-01' })).toMatchObject({ status: 409, code: 'PAIRING_OVERLAP' })
    expect(await pair('管理员', unit.供电公司, grid.西大街, { isLead: true })).toMatchObject({ status: 409, code: 'PAIRING_LEAD_TAKEN' })
    expect(await pair('管理员', newId(), grid.西大街)).toMatchObject({ status: 404, code: 'NOT_FOUND' })
    expect(await pair('管理员', unit.供电公司, newId())).toMatchObject({ status: 404, code: 'NOT_FOUND' })
  })

  it('end where others remain, never where a unit or a grid would be left bare', async () => {
    // 商务局 has no other grid; 东大街 has no other unit.
    expect(await end('管理员', await idOf('商务局', '当归城'))).toMatchObject({ status: 409, code: 'PAIRING_LAST' })
    expect(await end('管理员', await idOf('供电公司', '东大街'))).toMatchObject({ status: 409, code: 'PAIRING_LAST' })
    const extra = await idOf('供电公司', '当归城')
    for (const who of ['指挥长', '商务局书记'])
      expect((await end(who, extra)).status, who).toBe(403)
    expect(await end('管理员', extra, '2026-06-14')).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' })
    expect((await end('管理员', extra)).status).toBe(204)
    expect(await end('管理员', extra)).toMatchObject({ status: 404, code: 'NOT_FOUND' })
  })

  it('do not count a pairing that begins too late', async () => {
    expect((await pair('管理员', unit.图书馆, grid.东大街, { validFrom: '2026-06-20' })).status).toBe(201)
    const old = await idOf('供电公司', '东大街')
    await pair('管理员', unit.供电公司, grid.西大街)
    expect(await end('管理员', old, '2026-06-16')).toMatchObject({ status: 409, code: 'PAIRING_LAST' })
    expect((await end('管理员', old, '2026-06-19')).status).toBe(204)
  })

  it('hand the lead over the day after, and stay in force until then', async () => {
    expect(await leads('2026-06-19')).toContainEqual({ grid: '东大街网格', lead: '供电公司' })
    expect(await leads('2026-06-20')).toContainEqual({ grid: '东大街网格', lead: '图书馆' })
    const seen = async () => ((await (await house.as('管理员'))('GET', '/api/registry/tree')).body as PlaceTree).townships[0]?.communities[0]?.grids[1]?.units.map(u => u.name)
    expect(await seen()).toEqual(['供电公司'])
    clock.set(new Date('2026-06-20T04:00:00Z'))
    expect(await seen()).toEqual(['图书馆'])
    clock.set(NOON)
    // One that stood already goes on as leader in a row of its own.
    await pair('管理员', unit.财政局, grid.西大街)
    expect((await end('管理员', await idOf('图书馆', '西大街'))).status).toBe(204)
    expect(await leads(TODAY)).toContainEqual({ grid: '西大街网格', lead: '图书馆' })
    const next = await leads('2026-06-16')
    expect(next.filter(l => l.grid === '西大街网格')).toHaveLength(1)
    expect(next.find(l => l.grid === '西大街网格')?.lead).not.toBe('图书馆')
  })

  it('of one grid cannot all end at once', async () => {
    // 茶埠街 has 图书馆 and 国安局; both have another grid.
    await pair('管理员', unit.国安局, grid.当归城)
    const both = [await idOf('图书馆', '茶埠街'), await idOf('国安局', '茶埠街')]
    const replies = await Promise.all(both.map(id => end('管理员', id)))
    expect(replies.map(r => r.status).sort()).toEqual([204, 409])
  })
})

it('logs no error', () => {
  expect(house.errors).toEqual([])
})
