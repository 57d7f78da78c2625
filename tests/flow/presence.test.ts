import { sql } from 'drizzle-orm'
import { afterEach, describe, expect, it } from 'vitest'
import { checkInCode } from '../../src/server/modules/presence/presence.rules.ts'
import { newId } from '../../src/server/platform/ids.ts'
import { RALLY } from '../harness/small-county.ts'
import { openStage, refused } from '../harness/stage.ts'

const stage = await openStage()
afterEach(() => stage.peace())

const at = (emergency: { id: string }) => `/api/emergencies/${emergency.id}`
const HERE = { at: RALLY }

async function oneOf(emergency: Awaited<ReturnType<typeof stage.press>>, grid = 0, nth = 1) {
  const member = (await emergency.members(grid))[nth]
  if (member === undefined)
    throw new Error('the team is smaller than that')
  return member
}

describe('checking in', () => {
  it('by the captain\'s code is clear, and answers for who never answered', async () => {
    const e = await stage.press()
    const [captain, member] = [await oneOf(e, 0, 0), await oneOf(e)]
    const shown = await captain.get(`${at(e)}/teams/${(await e.team(0)).id}/check-in-code`)
    expect(shown).toMatchObject({ status: 200, body: { url: `http://localhost:4700/c/${shown.body.code}`, refreshInSec: expect.any(Number) } })
    expect(await member.checksIn({ code: shown.body.code })).toMatchObject({ status: 200, body: { flags: [], distanceM: null, replayed: false } })
    expect(await member.row()).toMatchObject({ presence: 'checkedIn', check_in_method: 'code', call_state: 'answered', answer: 'alreadyThere', answer_via: 'checkIn' })
  })

  it('keeps the answer that was given; being there takes a refusal back', async () => {
    const e = await stage.press()
    const [going, refusing] = [await oneOf(e, 0, 1), await oneOf(e, 0, 2)]
    await going.answers('going')
    await refusing.answers('cannot')
    await going.checksIn(HERE)
    await refusing.checksIn(HERE)
    expect(await going.row()).toMatchObject({ answer: 'going', answer_via: 'link' })
    expect(await refusing.row()).toMatchObject({ answer: 'alreadyThere', answer_via: 'checkIn' })
  })

  it.each([
    ['at the rally point', 0, RALLY, []],
    ['a kilometre off', 0, { ...RALLY, latitude: RALLY.latitude + 0.01 }, ['outOfFence']],
    ['vaguely', 0, { ...RALLY, accuracyM: 900 }, ['lowAccuracy']],
    ['where nobody measured the rally point', 1, RALLY, ['noRallyPosition']],
  ] as const)('by a position %s is never refused', async (_, grid, position, flags) => {
    const e = await stage.press()
    const member = await oneOf(e, grid)
    expect(await member.checksIn({ at: position })).toMatchObject({ status: 200, body: { flags } })
    expect(await member.row()).toMatchObject({ presence: 'checkedIn', check_in_flags: flags })
  })

  it('keeps a position converted once', async () => {
    const e = await stage.press()
    const member = await oneOf(e)
    const reply = await member.checksIn({ at: { ...RALLY, coordinateSystem: 'GCJ02' } })
    const [kept] = await stage.read<{ latitude: number, coordinate_system: string }>(sql`select latitude, coordinate_system from check_ins where check_in_id = ${reply.body.checkInId}`)
    expect(kept?.coordinate_system).toBe('WGS84')
    expect(kept?.latitude).not.toBe(RALLY.latitude)
  })

  it('after the rally limit is late, not refused', async () => {
    const e = await stage.press()
    const member = await oneOf(e)
    stage.clock.advance(31)
    expect(await member.checksIn(HERE)).toMatchObject({ status: 200, body: { flags: ['afterLimit'] } })
  })

  it('with another team\'s code is flagged: he stands in the wrong place', async () => {
    const e = await stage.press()
    const member = await oneOf(e)
    const { code } = checkInCode(stage.secrets.checkInKey, (await e.team(1)).id, stage.clock.now())
    expect(await member.checksIn({ code })).toMatchObject({ status: 200, body: { flags: ['outOfFence'] } })
  })

  it('with a forged code, an old one, or one of another emergency is refused', async () => {
    const first = await stage.press({ grids: [0] })
    const second = await stage.press({ grids: [2], plan: 'fire' })
    const member = await oneOf(first)
    const old = checkInCode(stage.secrets.checkInKey, (await first.team(0)).id, stage.clock.now()).code
    const foreign = checkInCode(stage.secrets.checkInKey, (await second.team(2)).id, stage.clock.now()).code
    for (const code of ['abcd', `${old.slice(0, -2)}AA`, foreign])
      expect(await member.checksIn({ code })).toMatchObject({ ...refused('CODE_INVALID'), status: 400 })
    stage.clock.advance(2)
    expect(await member.checksIn({ code: old })).toMatchObject({ ...refused('CODE_INVALID'), status: 400 })
    expect((await member.row()).presence).toBe('none')
  })

  it('twice with one id happens once; a second proof does not make a clear one doubtful', async () => {
    const e = await stage.press()
    const member = await oneOf(e)
    const checkInId = newId()
    const first = await member.checksIn(HERE, checkInId)
    expect(await member.checksIn(HERE, checkInId)).toEqual({ status: 200, body: { ...first.body, replayed: true } })
    expect(await e.events('presence.checkedIn')).toHaveLength(1)
    await member.checksIn({ at: { latitude: 35, longitude: 104 } })
    expect(await member.row()).toMatchObject({ check_in_flags: [] })
    expect(await e.events('presence.checkedIn')).toHaveLength(2)
  })

  it('with an id of another person, or of a check-out, is a conflict', async () => {
    const e = await stage.press()
    const [first, second] = [await oneOf(e, 0, 1), await oneOf(e, 0, 2)]
    const checkInId = newId()
    await first.checksIn(HERE, checkInId)
    expect(await second.checksIn(HERE, checkInId)).toMatchObject({ ...refused('CONFLICT'), status: 409 })
    expect(await first.checksOut(checkInId)).toMatchObject({ ...refused('CONFLICT'), status: 409 })
    expect((await second.row()).presence).toBe('none')
  })

  it('is refused to a stranger with NOT_FOUND', async () => {
    const e = await stage.press({ grids: [0] })
    const stranger = await stage.person(stage.county.units[5]?.memberIds[0] ?? '')
    expect(await stranger.post(`${at(e)}/check-ins`, { method: 'position', checkInId: newId(), position: { ...RALLY, accuracyM: 10, coordinateSystem: 'WGS84' } })).toMatchObject({ ...refused('NOT_FOUND'), status: 404 })
  })

  it('exists on standby and in an emergency, not while standing down, and not in peacetime', async () => {
    const standby = await stage.press({ action: 'preAlert', grids: [2] })
    expect((await (await oneOf(standby, 2)).checksIn(HERE)).status).toBe(200)
    const e = await stage.press({ grids: [0], plan: 'fire' })
    const member = await oneOf(e)
    await member.checksIn(HERE)
    await stage.ends(e)
    const late = await e.member(stage.county.grids[0]?.chiefId ?? '')
    expect(await late.checksIn(HERE)).toMatchObject({ ...refused('EMERGENCY_CLOSED'), status: 409 })
    await member.checksOut()
    await (await stage.as('secretaryOfFirst')).post(`${at(e)}/stand-down`, { communityId: stage.county.communities[0]?.id })
    expect(await e.state()).toBe('review')
    expect(await member.checksIn(HERE)).toMatchObject({ ...refused('NO_EMERGENCY'), status: 409 })
    expect(await member.checksOut()).toMatchObject({ ...refused('EMERGENCY_CLOSED'), status: 409 })
  })

  it.each([
    ['a latitude beyond the pole', { position: { latitude: 91, longitude: 104, accuracyM: 5, coordinateSystem: 'WGS84' } }],
    ['an unknown coordinate system', { position: { ...RALLY, accuracyM: 5, coordinateSystem: 'BD09' } }],
    ['no position', {}],
    ['a position and a code', { code: 'abcd', position: { ...RALLY, accuracyM: 5, coordinateSystem: 'WGS84' } }],
  ])('with %s is a 400', async (_, body) => {
    const e = await stage.press()
    const member = await oneOf(e)
    expect(await member.post(`${at(e)}/check-ins`, { method: 'position', checkInId: newId(), ...body })).toMatchObject({ ...refused('VALIDATION_FAILED'), status: 400 })
  })
})

describe('signing in and off for somebody', () => {
  it.each([
    ['the captain', async (e: Awaited<ReturnType<typeof stage.press>>) => oneOf(e, 0, 0), 'captain'],
    ['the grid chief', async (e: Awaited<ReturnType<typeof stage.press>>) => e.member(stage.county.grids[0]?.chiefId ?? ''), 'gridChief'],
    ['the community secretary', async () => stage.as('secretaryOfFirst'), 'officer'],
  ] as const)('%s may, and both names are kept', async (_, who, method) => {
    const e = await stage.press()
    const member = await oneOf(e)
    const officer = await who(e)
    const url = `${at(e)}/people/${member.personId}`
    expect(await officer.post(`${url}/check-ins`, { checkInId: newId() })).toMatchObject({ status: 200, body: { flags: [] } })
    expect(await member.row()).toMatchObject({ presence: 'checkedIn', check_in_method: method })
    expect(await officer.post(`${url}/check-outs`, { checkInId: newId() })).toMatchObject({ status: 200 })
    expect(await member.row()).toMatchObject({ presence: 'checkedOut' })
    expect(await stage.read(sql`select direction, method, by_person_id from check_ins where emergency_id = ${e.id} and person_id = ${member.personId} order by at, direction`)).toEqual([
      { direction: 'in', method, by_person_id: officer.personId },
      { direction: 'out', method, by_person_id: officer.personId },
    ])
  })

  it('a colleague, another team\'s captain and the neighbouring secretary may not', async () => {
    const e = await stage.press()
    const member = await oneOf(e)
    const url = `${at(e)}/people/${member.personId}/check-ins`
    expect((await (await oneOf(e, 0, 2)).post(url, { checkInId: newId() })).status).toBe(403)
    expect((await (await oneOf(e, 2, 0)).post(url, { checkInId: newId() })).status).toBe(403)
    expect((await (await stage.as('secretaryOfSecond')).post(url, { checkInId: newId() })).status).toBe(404)
    expect((await member.row()).presence).toBe('none')
  })
})

describe('checking out', () => {
  it('signs off who is there, and only once', async () => {
    const e = await stage.press()
    const member = await oneOf(e)
    expect(await member.checksOut()).toMatchObject({ ...refused('NOT_CHECKED_IN'), status: 409 })
    await member.checksIn(HERE)
    const id = newId()
    const first = await member.checksOut(id)
    expect(first).toMatchObject({ status: 200, body: { replayed: false } })
    expect(await member.checksOut(id)).toEqual({ status: 200, body: { ...first.body, replayed: true } })
    expect(await member.checksOut()).toMatchObject({ ...refused('NOT_CHECKED_IN'), status: 409 })
  })

  it('during the response keeps the claim on the person, after its end it sets him free', async () => {
    const e = await stage.press()
    const [relieved, last] = [await oneOf(e, 0, 1), await oneOf(e, 0, 2)]
    await relieved.checksIn(HERE)
    await last.checksIn(HERE)
    await relieved.checksOut()
    expect(await relieved.row()).toMatchObject({ holds: true })
    await stage.ends(e)
    expect(await last.row()).toMatchObject({ holds: true })
    await last.checksOut()
    expect(await last.row()).toMatchObject({ holds: false })
  })

  it('stays possible after a revocation: who came for nothing goes home in the books too', async () => {
    const e = await stage.press()
    const member = await oneOf(e)
    await member.checksIn(HERE)
    await stage.ends(e, 'revoke')
    expect(await member.checksOut()).toMatchObject({ status: 200 })
  })

  it('that cannot be had is listed with a reason, by the community alone', async () => {
    const e = await stage.press()
    const [there, absent] = [await oneOf(e, 0, 1), await oneOf(e, 0, 2)]
    await there.checksIn(HERE)
    await stage.ends(e)
    const url = (person: { personId: string }) => `${at(e)}/people/${person.personId}/unsigned`
    const secretary = await stage.as('secretaryOfFirst')
    expect(await secretary.post(`${at(e)}/stand-down`, { communityId: stage.county.communities[0]?.id })).toMatchObject({ ...refused('NOT_STOOD_DOWN'), status: 409 })
    expect((await (await stage.as('secretaryOfSecond')).post(url(there), { reason: '手机没电' })).status).toBe(404)
    expect(await secretary.post(url(absent), { reason: '手机没电' })).toMatchObject({ ...refused('NOT_CHECKED_IN'), status: 409 })
    expect(await secretary.post(url(there), { reason: '手机没电，已回家' })).toMatchObject({ status: 200 })
    expect(await secretary.post(`${at(e)}/stand-down`, { communityId: stage.county.communities[0]?.id })).toMatchObject({ status: 200 })
  })
})

describe('the code', () => {
  it('is shown to captain, grid chief and secretary, and to nobody else', async () => {
    const e = await stage.press()
    const url = `${at(e)}/teams/${(await e.team(0)).id}/check-in-code`
    expect((await (await oneOf(e, 0, 0)).get(url)).status).toBe(200)
    expect((await (await e.member(stage.county.grids[0]?.chiefId ?? '')).get(url)).status).toBe(200)
    expect((await (await stage.as('secretaryOfFirst')).get(url)).status).toBe(200)
    expect((await (await oneOf(e, 0, 1)).get(url)).status).toBe(403)
    expect((await (await stage.as('secretaryOfSecond')).get(url)).status).toBe(404)
    expect((await (await stage.as('secretaryOfFirst')).get(`${at(e)}/teams/${newId()}/check-in-code`)).status).toBe(404)
  })
})

describe('roll calls', () => {
  it('ask who is on site by the board, and close with the names of the missing', async () => {
    const e = await stage.press()
    const [present, missing, silent, absent] = [await oneOf(e, 0, 1), await oneOf(e, 0, 2), await oneOf(e, 0, 3), await oneOf(e, 0, 4)]
    for (const member of [present, missing, silent])
      await member.checksIn(HERE)
    const captain = await oneOf(e, 0, 0)
    const communityId = stage.county.communities[0]?.id
    const opened = await captain.post(`${at(e)}/roll-calls`, { communityId, teamId: (await e.team(0)).id })
    expect(opened.status).toBe(201)
    expect(opened.body.people.map((p: { personId: string }) => p.personId).sort()).toEqual([present, missing, silent].map(m => m.personId).sort())
    const url = `/api/roll-calls/${opened.body.id}`
    expect(await captain.post(`${url}/marks`, { marks: [{ personId: absent.personId, present: true }] })).toMatchObject({ status: 404 })
    await captain.post(`${url}/marks`, { marks: [{ personId: present.personId, present: false }, { personId: present.personId, present: true }, { personId: missing.personId, present: false }] })
    expect((await captain.get(url)).body.people).toContainEqual(expect.objectContaining({ personId: present.personId, present: true }))
    // A page that was loaded anew goes on with it, marks and all.
    const again = await captain.post(`${at(e)}/roll-calls`, { communityId, teamId: (await e.team(0)).id })
    expect(again.body).toMatchObject({ id: opened.body.id, people: expect.arrayContaining([expect.objectContaining({ personId: present.personId, present: true })]) })
    expect(await e.events('presence.rollCallOpened')).toHaveLength(1)
    const closed = await captain.post(`${url}/close`)
    expect(closed).toMatchObject({ status: 200, body: { closedAt: expect.any(String) } })
    const [said] = await e.events('presence.rollCallClosed')
    expect(said?.data.present).toBe(1)
    expect(said?.data.missing).toHaveLength(2)
    expect(await captain.post(`${url}/close`)).toMatchObject({ ...refused('ROLL_CALL_CLOSED'), status: 409 })
    expect(await captain.post(`${url}/marks`, { marks: [{ personId: present.personId, present: false }] })).toMatchObject({ ...refused('ROLL_CALL_CLOSED'), status: 409 })
  })

  it('of a whole community belong to its secretary', async () => {
    const e = await stage.press()
    const body = { communityId: stage.county.communities[0]?.id, teamId: null }
    expect((await (await stage.as('secretaryOfFirst')).post(`${at(e)}/roll-calls`, body)).status).toBe(201)
    expect((await (await oneOf(e, 0, 0)).post(`${at(e)}/roll-calls`, body)).status).toBe(403)
    expect((await (await stage.as('secretaryOfSecond')).post(`${at(e)}/roll-calls`, body)).status).toBe(404)
    expect((await (await stage.as('secretaryOfFirst')).post(`${at(e)}/roll-calls`, { ...body, teamId: (await e.team(2)).id })).status).toBe(404)
    expect((await (await stage.as('secretaryOfFirst')).get(`/api/roll-calls/${newId()}`)).status).toBe(404)
  })

  it('end with the emergency: its log does not grow any more', async () => {
    const e = await stage.press({ grids: [0] })
    const secretary = await stage.as('secretaryOfFirst')
    const communityId = stage.county.communities[0]?.id
    const { body } = await secretary.post(`${at(e)}/roll-calls`, { communityId, teamId: null })
    await stage.ends(e)
    await secretary.post(`${at(e)}/stand-down`, { communityId })
    const before = await e.events()
    expect(await secretary.post(`/api/roll-calls/${body.id}/close`)).toMatchObject(refused('EMERGENCY_CLOSED'))
    expect(await e.events()).toEqual(before)
  })
})
