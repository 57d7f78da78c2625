import { sql } from 'drizzle-orm'
import { afterEach, describe, expect, it } from 'vitest'
import { newId } from '../../src/server/platform/ids.ts'
import { RALLY } from '../harness/small-county.ts'
import { openStage, refused } from '../harness/stage.ts'

const stage = await openStage()
afterEach(() => stage.peace())

type Running = Awaited<ReturnType<typeof stage.press>>
const at = (emergency: { id: string }) => `/api/emergencies/${emergency.id}`
const first = () => stage.as('secretaryOfFirst')

async function oneOf(emergency: Running, grid = 0, nth = 1) {
  const member = (await emergency.members(grid))[nth]
  if (member === undefined)
    throw new Error('the team is smaller than that')
  return member
}

async function ofUnit(emergency: Running, unit: number) {
  for (const id of stage.county.units[unit]?.memberIds ?? []) {
    const member = await emergency.member(id)
    const row = await member.row().catch(() => null)
    if (row?.member_state === 'active' && row.post !== 'captain')
      return member
  }
  throw new Error('nobody of that unit was summoned')
}

async function noticesOf(e: Running, personId: string) {
  return (await stage.read<{ kind: string }>(sql`
  select a.kind from alerts a join deliveries d on d.alert_id = a.id and d.channel = 'sms' where a.emergency_id = ${e.id} and d.person_id = ${personId} order by a.id`)).map(r => r.kind)
}

async function candidatesOf(e: Running, grid: number, officer: Parameters<typeof stage.as>[0] = 'secretaryOfFirst'): Promise<{ personId: string, unitId: string }[]> {
  return (await (await stage.as(officer)).get(`${at(e)}/teams/${(await e.team(grid)).id}/candidates`)).body.candidates
}

describe('确认编队', () => {
  it('is the community\'s, and once confirmed stays so', async () => {
    const e = await stage.press()
    const team = await e.team(0)
    const confirm = async (who = first()) => (await who).post(`${at(e)}/teams/${team.id}/confirm`)
    const reply = await confirm()
    expect(reply).toMatchObject({ status: 200 })
    expect((await e.team(0)).state).toBe('confirmed')
    expect(await confirm()).toEqual(reply)
    expect(await e.events('team.confirmed')).toHaveLength(1)
  })

  it.each([
    ['the neighbouring secretary', 'secretaryOfSecond', 404],
    ['the unit\'s secretary', 'secretaryOfUnit0', 404],
    ['the county', 'countyCommander', 403],
    ['the township', 'townshipSecretary', 403],
  ] as const)('is refused to %s', async (_, officer, status) => {
    const e = await stage.press()
    expect((await (await stage.as(officer)).post(`${at(e)}/teams/${(await e.team(0)).id}/confirm`)).status).toBe(status)
    expect((await e.team(0)).state).toBe('provisional')
  })

  it('of a team that does not exist, or of another emergency, is not found', async () => {
    const e = await stage.press({ grids: [0] })
    const other = await stage.press({ grids: [1], plan: 'fire' })
    expect((await (await first()).post(`${at(e)}/teams/${newId()}/confirm`)).status).toBe(404)
    expect((await (await first()).post(`${at(e)}/teams/${(await other.team(1)).id}/confirm`)).status).toBe(404)
    expect((await (await first()).post(`/api/emergencies/${newId()}/teams/${(await e.team(0)).id}/confirm`)).status).toBe(404)
  })

  it('is over when the response is', async () => {
    const e = await stage.press()
    const team = await e.team(0)
    await stage.ends(e)
    expect(await (await first()).post(`${at(e)}/teams/${team.id}/confirm`)).toMatchObject({ ...refused('EMERGENCY_CLOSED'), status: 409 })
  })
})

describe('the captain', () => {
  it('is named by the community among the team\'s members, and told', async () => {
    const e = await stage.press()
    const [old, member] = [await oneOf(e, 0, 0), await ofUnit(e, 1)]
    expect(await (await first()).post(`${at(e)}/teams/${(await e.team(0)).id}/captain`, { personId: member.personId })).toMatchObject({ status: 200 })
    expect((await e.team(0)).captainId).toBe(member.personId)
    expect(await member.row()).toMatchObject({ post: 'captain' })
    expect(await old.row()).toMatchObject({ post: 'deputy' })
    const [changed] = await e.events('team.captainChanged')
    expect(changed?.data).toMatchObject({ from: old.personId, to: member.personId, team: { captainFlagged: true } })
    expect(await noticesOf(e, member.personId)).toContain('correction')
  })

  it('cannot be somebody of another team, or somebody let go', async () => {
    const e = await stage.press()
    const [elsewhere, released] = [await oneOf(e, 1, 1), await oneOf(e, 0, 2)]
    await (await first()).post(`${at(e)}/people/${released.personId}/release`, { reason: '家中受灾' })
    for (const { personId } of [elsewhere, released])
      expect(await (await first()).post(`${at(e)}/teams/${(await e.team(0)).id}/captain`, { personId })).toMatchObject({ ...refused('NOT_IN_TEAM'), status: 409 })
    expect((await (await first()).post(`${at(e)}/teams/${(await e.team(0)).id}/captain`, { personId: newId() })).status).toBe(404)
  })

  it('is followed by the next of the lead unit who can come', async () => {
    const e = await stage.press()
    const captain = await oneOf(e, 0, 0)
    await (await first()).post(`${at(e)}/people/${captain.personId}/release`, { reason: '发烧' })
    const heir = (await e.team(0)).captainId ?? ''
    expect(heir).not.toBe(captain.personId)
    expect(await (await e.member(heir)).row()).toMatchObject({ post: 'captain', unit_id: stage.county.units[0]?.id })
  })

  it('is missing where the last one left, and the log says so', async () => {
    const e = await stage.press({ grids: [3] })
    const secretary = await stage.as('secretaryOfSecond')
    for (const { personId } of await e.members(3))
      expect((await secretary.post(`${at(e)}/people/${personId}/release`, { reason: '撤出' })).status).toBe(200)
    expect((await e.team(3)).captainId).toBeNull()
    expect((await e.events('team.captainChanged')).at(-1)?.data.to).toBeNull()
  })
})

describe('moving', () => {
  it('stays within the community, is told to the person, and keeps the posts', async () => {
    const e = await stage.press()
    const member = await oneOf(e, 0, 1)
    const [from, to] = [await e.team(0), await e.team(1)]
    await member.answers('going')
    expect(await (await first()).post(`${at(e)}/people/${member.personId}/move`, { toTeamId: to.id, reason: '二网格人手不足' })).toMatchObject({ status: 200 })
    expect(await member.row()).toMatchObject({ team_id: to.id, member_state: 'active', answer: 'going' })
    expect((await e.team(0)).required).toBe(from.required)
    expect(await noticesOf(e, member.personId)).toContain('correction')
  })

  it('to another community, to his own team, to no team, of somebody let go: refused', async () => {
    const e = await stage.press()
    const [member, released] = [await oneOf(e, 0, 1), await oneOf(e, 0, 2)]
    const move = async (personId: string, toTeamId: string) => (await first()).post(`${at(e)}/people/${personId}/move`, { toTeamId, reason: '调整' })
    await (await first()).post(`${at(e)}/people/${released.personId}/release`, { reason: '撤出' })
    expect(await move(member.personId, (await e.team(2)).id)).toMatchObject({ ...refused('OTHER_COMMUNITY'), status: 409 })
    expect(await move(member.personId, (await e.team(0)).id)).toMatchObject({ ...refused('NOT_IN_TEAM'), status: 409 })
    expect((await move(member.personId, newId())).status).toBe(404)
    expect(await move(released.personId, (await e.team(1)).id)).toMatchObject({ ...refused('NOT_IN_TEAM'), status: 409 })
    expect((await move(newId(), (await e.team(1)).id)).status).toBe(404)
    expect(await member.row()).toMatchObject({ team_id: (await e.team(0)).id })
  })

  it('by the neighbouring secretary is not even seen', async () => {
    const e = await stage.press()
    const member = await oneOf(e)
    expect((await (await stage.as('secretaryOfSecond')).post(`${at(e)}/people/${member.personId}/move`, { toTeamId: (await e.team(2)).id, reason: '支援' })).status).toBe(404)
  })
})

describe('releasing', () => {
  it('frees the person for others and tells him', async () => {
    const e = await stage.press()
    const member = await oneOf(e)
    expect(await (await first()).post(`${at(e)}/people/${member.personId}/release`, { reason: '家中受灾' })).toMatchObject({ status: 200 })
    expect(await member.row()).toMatchObject({ member_state: 'released', holds: false })
    expect(await noticesOf(e, member.personId)).toContain('release')
    expect(await member.answers('going')).toMatchObject({ status: 200, body: { isLate: true } })
    expect(await (await first()).post(`${at(e)}/people/${member.personId}/release`, { reason: '再来一次' })).toMatchObject({ ...refused('NOT_IN_TEAM'), status: 409 })
  })

  it('needs a reason, and is not the unit\'s to do', async () => {
    const e = await stage.press()
    const member = await ofUnit(e, 0)
    expect(await (await first()).post(`${at(e)}/people/${member.personId}/release`, { reason: ' ' })).toMatchObject({ ...refused('VALIDATION_FAILED'), status: 400 })
    expect((await (await stage.as('secretaryOfUnit0')).post(`${at(e)}/people/${member.personId}/release`, { reason: '单位有事' })).status).toBe(403)
  })
})

describe('替补', () => {
  it('takes the post over from the same unit\'s roster, and is summoned', async () => {
    const e = await stage.press()
    const member = await ofUnit(e, 0)
    const before = await member.row()
    const next = (await candidatesOf(e, 0)).find(c => c.unitId === stage.county.units[0]?.id)
    await member.answers('cannot')
    expect(await (await stage.as('secretaryOfUnit0')).post(`${at(e)}/people/${member.personId}/substitute`, { standInId: null, reason: '生病' })).toMatchObject({ status: 200 })
    expect(await member.row()).toMatchObject({ member_state: 'substituted', holds: false, answer: 'cannot' })
    const standIn = await e.member(next?.personId ?? '')
    expect(await standIn.row()).toMatchObject({ team_id: before.team_id, post: before.post, stand_in_for: member.personId, call_state: 'pending', holds: true })
    await stage.runs('sms-sender')
    expect((await standIn.inbox()).join()).toContain('急时响应')
    expect(await standIn.answers('going')).toMatchObject({ status: 200, body: { isLate: false } })
    const required = (await e.team(0)).required
    expect(required).toBe((await e.members(0)).length)
  })

  it('of another unit may be named by the community, not by the unit', async () => {
    const e = await stage.press()
    const member = await ofUnit(e, 0)
    const other = (await candidatesOf(e, 0)).find(c => c.unitId === stage.county.units[1]?.id)?.personId
    expect((await (await stage.as('secretaryOfUnit0')).post(`${at(e)}/people/${member.personId}/substitute`, { standInId: other, reason: '生病' })).status).toBe(404)
    expect(await (await first()).post(`${at(e)}/people/${member.personId}/substitute`, { standInId: other, reason: '生病' })).toMatchObject({ status: 200 })
    expect(await (await e.member(other ?? '')).row()).toMatchObject({ stand_in_for: member.personId })
  })

  it('who is held is refused with the emergency that holds him', async () => {
    const e = await stage.press({ level: 3 })
    const [member, colleague] = [await ofUnit(e, 0), await oneOf(e, 0, 0)]
    expect(await (await first()).post(`${at(e)}/people/${member.personId}/substitute`, { standInId: colleague.personId, reason: '生病' })).toMatchObject({ status: 409, body: { error: { code: 'PERSON_HELD', details: { emergency: '短时强降雨' } } } })
    expect(await member.row()).toMatchObject({ member_state: 'active' })
  })

  it('from outside the grid\'s roster, or nobody at all, is not found', async () => {
    const e = await stage.press()
    const member = await ofUnit(e, 0)
    for (const standInId of [stage.county.units[5]?.memberIds[9], newId()])
      expect((await (await first()).post(`${at(e)}/people/${member.personId}/substitute`, { standInId, reason: '生病' })).status).toBe(404)
    expect(await member.row()).toMatchObject({ member_state: 'active' })
  })

  it('runs out with the unit\'s people', async () => {
    const e = await stage.press({ grids: [1], level: 1 })
    const secretary = await first()
    const replies: number[] = []
    for (let i = 0; i < 3; i++) {
      const member = await ofUnit(e, 2)
      const reply = await secretary.post(`${at(e)}/people/${member.personId}/substitute`, { standInId: null, reason: '生病' })
      replies.push(reply.status)
      if (reply.status === 409)
        expect(reply).toMatchObject(refused('NO_CANDIDATE'))
    }
    expect(replies).toEqual([200, 200, 409])
  })

  it('for a post that has been taken over already is too late', async () => {
    const e = await stage.press()
    const member = await ofUnit(e, 0)
    const substitute = async () => (await first()).post(`${at(e)}/people/${member.personId}/substitute`, { standInId: null, reason: '生病' })
    await substitute()
    expect(await substitute()).toMatchObject({ ...refused('TEAM_SLOT_FILLED'), status: 409 })
  })

  it('does not exist for duty people', async () => {
    const e = await stage.press()
    expect(await (await first()).post(`${at(e)}/people/${stage.county.grids[0]?.chiefId}/substitute`, { standInId: null, reason: '生病' })).toMatchObject({ ...refused('NOT_IN_TEAM'), status: 409 })
  })
})

describe('candidates', () => {
  it('come in the roster\'s order, free people only; a unit sees its own', async () => {
    const e = await stage.press()
    const all = await candidatesOf(e, 0)
    const held = new Set((await e.members(0)).map(m => m.personId))
    expect(all.length).toBeGreaterThan(0)
    expect(all.some(c => held.has(c.personId))).toBe(false)
    const own = await candidatesOf(e, 0, 'secretaryOfUnit0')
    expect(own.length).toBeGreaterThan(0)
    expect(new Set(own.map(c => c.unitId))).toEqual(new Set([stage.county.units[0]?.id]))
  })

  it('are no business of strangers', async () => {
    const e = await stage.press()
    const url = `${at(e)}/teams/${(await e.team(0)).id}/candidates`
    expect((await (await stage.as('secretaryOfSecond')).get(url)).status).toBe(404)
    expect((await (await stage.as('secretaryOfUnit2')).get(url)).status).toBe(404)
    expect((await (await stage.as('auditor')).get(url)).status).toBe(403)
  })
})

describe('增援', () => {
  const send = async (officer: Parameters<typeof stage.as>[0], e: Running, from: number, to: number, personIds: string[]) =>
    (await stage.as(officer)).post(`${at(e)}/reinforcements`, { fromTeamId: (await e.team(from)).id, toTeamId: (await e.team(to)).id, personIds, reason: '水位上涨' })

  it.each(['countyCommander', 'townshipSecretary'] as const)('is decided by %s', async (officer) => {
    const e = await stage.press()
    const people = (await e.members(0)).slice(1, 4)
    expect(await send(officer, e, 0, 2, people.map(p => p.personId))).toMatchObject({ status: 200 })
    for (const person of people) {
      expect(await person.row()).toMatchObject({ team_id: (await e.team(2)).id, member_state: 'active', holds: true })
      expect(await noticesOf(e, person.personId)).toContain('correction')
    }
  })

  it('takes the captain along only with a successor', async () => {
    const e = await stage.press()
    const captain = await oneOf(e, 0, 0)
    await send('countyCommander', e, 0, 2, [captain.personId, captain.personId])
    expect((await e.team(0)).captainId).not.toBe(captain.personId)
    expect(await captain.row()).toMatchObject({ post: 'deputy' })
  })

  it('is not the community\'s or the unit\'s, and moves all or nobody', async () => {
    const e = await stage.press()
    const [member, elsewhere] = [await oneOf(e, 0, 1), await oneOf(e, 1, 1)]
    expect((await send('secretaryOfFirst', e, 0, 2, [member.personId])).status).toBe(403)
    expect((await send('secretaryOfUnit0', e, 0, 2, [member.personId])).status).toBe(404)
    expect(await send('countyCommander', e, 0, 2, [member.personId, elsewhere.personId])).toMatchObject({ ...refused('NOT_IN_TEAM'), status: 409 })
    expect((await send('countyCommander', e, 0, 2, [member.personId, newId()])).status).toBe(404)
    expect(await member.row()).toMatchObject({ team_id: (await e.team(0)).id })
  })
})

describe('the snapshot', () => {
  it('is not altered by the registry afterwards', async () => {
    const e = await stage.press()
    const member = await ofUnit(e, 0)
    const before = [await member.row(), await e.team(0)]
    await member.checksIn({ at: RALLY })
    const after = [await member.row(), await e.team(0)]
    await stage.db.work.tx(async (tx) => {
      await tx.execute(sql`update grids set name = '改名网格' where id = ${stage.county.grids[0]?.id ?? ''}`)
      await tx.execute(sql`update rally_points set name = '改名集结点' where grid_id = ${stage.county.grids[0]?.id ?? ''}`)
      await tx.execute(sql`update employments set unit_id = ${stage.county.units[5]?.id ?? ''} where person_id = ${member.personId}`)
    })
    expect([await member.row(), await e.team(0)]).toEqual(after)
    expect(after[1]).toEqual(before[1])
    await stage.checkLaw()
    await stage.db.work.tx(async (tx) => {
      await tx.execute(sql`update grids set name = '第一网格' where id = ${stage.county.grids[0]?.id ?? ''}`)
      await tx.execute(sql`update employments set unit_id = ${stage.county.units[0]?.id ?? ''} where person_id = ${member.personId}`)
    })
  })
})

describe('a captain who cannot lead', () => {
  it('says that he cannot come: the next one leads, in the same moment', async () => {
    const e = await stage.press()
    const captain = await oneOf(e, 0, 0)
    await captain.answers('cannot')
    const heir = (await e.team(0)).captainId ?? ''
    expect(heir).not.toBe(captain.personId)
    expect(await captain.row()).toMatchObject({ post: 'deputy', answer: 'cannot' })
    expect(await (await e.member(heir)).row()).toMatchObject({ post: 'captain' })
    expect((await e.events('team.captainChanged')).map(ev => ev.data)).toMatchObject([{ from: captain.personId, to: heir, team: { captainId: heir } }])
  })

  it('stays captain where he is on site', async () => {
    const e = await stage.press()
    const captain = await oneOf(e, 0, 0)
    await captain.checksIn({ at: { latitude: RALLY.latitude, longitude: RALLY.longitude } })
    await captain.answers('cannot')
    expect((await e.team(0)).captainId).toBe(captain.personId)
  })

  it('is marked 未联系上, or reaches the end of the ladder', async () => {
    const e = await stage.press()
    const captain = await oneOf(e, 0, 0)
    await (await first()).post(`${at(e)}/unreachable`, { personIds: [captain.personId], reason: '关机' })
    const second = (await e.team(0)).captainId ?? ''
    expect(second).not.toBe(captain.personId)
    const going = await oneOf(e, 0, 2)
    await going.answers('going')
    stage.clock.advance(31)
    await stage.runs('ladder-end')
    expect((await e.team(0)).captainId).toBe(going.personId)
    expect((await e.events('team.captainChanged')).filter(ev => ev.data.to === going.personId)).toHaveLength(1)
  })

  it('leaves a team without one, until somebody says that he comes', async () => {
    const e = await stage.press()
    const members = await e.members(0)
    for (const member of members)
      await member.answers('cannot')
    expect((await e.team(0)).captainId).toBeNull()
    await members[1]?.answers('going')
    expect((await e.team(0)).captainId).toBe(members[1]?.personId)
    expect((await e.events('team.captainChanged')).at(-1)?.data).toMatchObject({ from: null, to: members[1]?.personId })
  })
})
