import { sql } from 'drizzle-orm'
import { afterEach, describe, expect, it } from 'vitest'
import { newId } from '../../src/server/platform/ids.ts'
import { RALLY } from '../harness/small-county.ts'
import { openStage, refused } from '../harness/stage.ts'

const stage = await openStage()
const { county } = stage
const community = (n: number) => county.communities[n]?.id ?? ''
const grid = (n: number) => county.grids[n] ?? { id: '', name: '', communityId: '', chiefId: '' }
const unit = (n: number) => county.units[n] ?? { id: '', name: '', gridId: '', memberIds: [] }

afterEach(() => stage.peace())

interface EventRow { seq: number, type: string, actorName: string | null, data: { change?: { name: string }, alertId?: string } }

describe('a board', () => {
  it('is cut to the scope asked for', async () => {
    const e = await stage.press({ level: 1 })
    const at = `/api/emergencies/${e.id}/board`
    const whole = await (await stage.as('countyDuty')).get(at)
    expect(whole).toMatchObject({ status: 200, body: { emergencyId: e.id, scope: { type: 'county', id: null }, header: { level: 1, state: 'activated' } } })
    expect(Object.keys(whole.body.teams)).toHaveLength(4)
    expect(Object.keys(whole.body.duty)).toHaveLength(4)
    const own = await (await stage.as('secretaryOfFirst')).get(`${at}?scope=community&scopeId=${community(0)}`)
    expect(Object.values(own.body.teams as Record<string, { communityId: string }>).map(t => t.communityId)).toEqual([community(0), community(0)])
    const chief = await stage.person(grid(2).chiefId)
    expect(Object.keys((await chief.get(`${at}?scope=grid&scopeId=${grid(2).id}`)).body.teams)).toHaveLength(1)
  })

  it('is not there for whoever may not see it, as if it did not exist', async () => {
    const e = await stage.press({ level: 1, grids: [0] })
    const at = `/api/emergencies/${e.id}/board`
    const secretary = await stage.as('secretaryOfFirst')
    expect(await secretary.get(at)).toMatchObject(refused('NOT_FOUND'))
    expect(await secretary.get(`${at}?scope=community&scopeId=${community(1)}`)).toMatchObject(refused('NOT_FOUND'))
    // It does not touch the second community at all.
    expect(await (await stage.as('secretaryOfSecond')).get(`${at}?scope=community&scopeId=${community(1)}`)).toMatchObject(refused('NOT_FOUND'))
    expect(await (await stage.as('secretaryOfUnit2')).get(`${at}?scope=unit&scopeId=${unit(2).id}`)).toMatchObject(refused('NOT_FOUND'))
    const [member] = await e.members(0)
    expect(await member?.get(at)).toMatchObject(refused('NOT_FOUND'))
    const commander = await stage.as('countyCommander')
    expect(await commander.get(`/api/emergencies/${newId()}/board`)).toMatchObject(refused('NOT_FOUND'))
    expect(await commander.get(`${at}?scope=planet`)).toMatchObject({ ...refused('VALIDATION_FAILED'), status: 400 })
    expect(await commander.get(`${at}?scope=community`)).toMatchObject(refused('NOT_FOUND'))
  })
})

describe('people of a board', () => {
  it('come by name, a page at a time, only those of the scope', async () => {
    const e = await stage.press({ level: 1 })
    const secretary = await stage.as('secretaryOfFirst')
    const at = `/api/emergencies/${e.id}/people?scope=community&scopeId=${community(0)}`
    const all = (await secretary.get(at)).body.people as { personId: string, standing: { gridId: string } }[]
    expect(new Set(all.map(p => p.standing.gridId))).toEqual(new Set([grid(0).id, grid(1).id]))
    const paged: string[] = []
    for (let after = ''; ;) {
      const page = await secretary.get(`${at}&limit=7${after}`)
      paged.push(...page.body.people.map((p: { personId: string }) => p.personId))
      if (page.body.next === null)
        break
      after = `&after=${page.body.next}`
    }
    expect(paged).toEqual(all.map(p => p.personId))
    const asked = [all[3]?.personId, all[0]?.personId, unit(5).memberIds[0]].join(',')
    expect((await secretary.get(`${at}&ids=${asked}`)).body.people.map((p: { personId: string }) => p.personId)).toEqual([all[0]?.personId, all[3]?.personId])
    expect(JSON.stringify(all)).not.toMatch(/1540932\d{4}/)
  })

  it('of a unit are its own, wherever they serve', async () => {
    const e = await stage.press({ level: 1 })
    const secretary = await stage.as('secretaryOfUnit0')
    const mine = await secretary.get(`/api/emergencies/${e.id}/people?scope=unit&scopeId=${unit(0).id}`)
    expect(new Set(mine.body.people.map((p: { unitId: string }) => p.unitId))).toEqual(new Set([unit(0).id]))
    expect(await secretary.get(`/api/emergencies/${e.id}/people?scope=grid&scopeId=${grid(0).id}`)).toMatchObject(refused('NOT_FOUND'))
    expect(await secretary.get(`/api/emergencies/${e.id}/people?scope=unit&scopeId=${unit(2).id}`)).toMatchObject(refused('NOT_FOUND'))
  })

  it('refuse a page mark that is none', async () => {
    const e = await stage.press()
    expect((await (await stage.as('countyDuty')).get(`/api/emergencies/${e.id}/people?scope=county&after=abc`)).status).toBe(400)
  })
})

describe('the log', () => {
  it('pages forwards and backwards, with or without single people', async () => {
    const e = await stage.press({ level: 1 })
    const [member, other] = await e.members(0)
    await member?.answers('going')
    await other?.answers('cannot')
    const duty = await stage.as('countyDuty')
    const at = `/api/emergencies/${e.id}/events`
    const all = (await duty.get(at)).body.events as EventRow[]
    expect(all.map(x => x.seq)).toEqual(all.map((_, i) => i + 1))
    expect(all[0]).toMatchObject({ type: 'emergency.activated', actorName: 'countyCommander' })
    expect((await duty.get(`${at}?after=1&limit=2`)).body.events.map((x: EventRow) => x.seq)).toEqual([2, 3])
    expect((await duty.get(`${at}?before=${all.length + 1}&limit=2`)).body.events.map((x: EventRow) => x.seq)).toEqual([all.length, all.length - 1])
    const milestones = (await duty.get(`${at}?milestones=true`)).body.events as EventRow[]
    expect(milestones.map(x => x.type)).toEqual(all.map(x => x.type).filter(type => !type.startsWith('call.') && type !== 'calls.called'))
  })

  it('shows everyone else what concerns his own places', async () => {
    const e = await stage.press({ level: 1 })
    const [here] = await e.members(0)
    const [there] = await e.members(2)
    await here?.answers('going')
    await there?.answers('going')
    const named = async (who: Parameters<typeof stage.as>[0]) => {
      const { body } = await (await stage.as(who)).get(`/api/emergencies/${e.id}/events`)
      return (body.events as EventRow[]).filter(x => x.type === 'call.answered').map(x => x.data.change?.name)
    }
    const [hereName, thereName] = [await nameOf(here?.personId), await nameOf(there?.personId)]
    expect(await named('countyDuty')).toEqual([hereName, thereName])
    expect(await named('secretaryOfFirst')).toEqual([hereName])
    expect(await named('secretaryOfUnit2')).toEqual([])
    expect((await named('townshipSecretary')).every(n => n?.includes('*'))).toBe(true)
    expect(await here?.get(`/api/emergencies/${e.id}/events`)).toMatchObject({ status: 403 })
    expect(await (await stage.as('countyDuty')).get(`/api/emergencies/${newId()}/events`)).toMatchObject(refused('NOT_FOUND'))
  })

  it('waits for news, where sockets are blocked', async () => {
    const e = await stage.press({ level: 1 })
    const duty = await stage.as('countyDuty')
    const { body: { events } } = await duty.get(`/api/emergencies/${e.id}/events`)
    const polled = duty.get(`/api/emergencies/${e.id}/events?after=${events.length}&wait=20`)
    const [member] = await e.members(0)
    await member?.answers('going')
    expect((await polled).body.events.map((x: EventRow) => x.type)).toEqual(['call.answered'])
  })

  it('lets a community wait through the news of others', async () => {
    const e = await stage.press({ level: 1 })
    const secretary = await stage.as('secretaryOfSecond')
    const { body: { events } } = await secretary.get(`/api/emergencies/${e.id}/events`)
    const polled = secretary.get(`/api/emergencies/${e.id}/events?after=${events.at(-1).seq}&wait=20`)
    const [here] = await e.members(0)
    const [there] = await e.members(2)
    await here?.answers('going')
    await there?.answers('going')
    expect((await polled).body.events.map((x: EventRow) => x.data.change?.name)).toEqual([await nameOf(there?.personId)])
  })
})

async function nameOf(personId: string | undefined): Promise<string | undefined> {
  const [row] = await stage.read<{ name: string }>(sql`select name from persons where id = ${personId ?? null}`)
  return row?.name
}

describe('the list of emergencies', () => {
  it('shows open ones first, only where they concern the reader', async () => {
    const first = await stage.press({ level: 1, grids: [0], name: '东城的雨' })
    await stage.ends(first, 'revoke')
    const second = await stage.press({ level: 1, grids: [2], name: '西城的雨', isDrill: true })
    const seen = async (who: Parameters<typeof stage.as>[0]) => {
      const { body } = await (await stage.as(who)).get('/api/emergencies')
      return (body.emergencies as { id: string }[]).map(x => x.id).filter(id => id === first.id || id === second.id)
    }
    expect(await seen('countyDuty')).toEqual([second.id, first.id])
    expect(await seen('secretaryOfFirst')).toEqual([first.id])
    expect(await seen('secretaryOfSecond')).toEqual([second.id])
    expect(await seen('secretaryOfUnit0')).toEqual([first.id])
    expect(await seen('secretaryOfUnit2')).toEqual([])
    const [member] = await second.members(2)
    expect(await member?.get('/api/emergencies')).toMatchObject({ status: 403 })
  })
})

describe('home', () => {
  it('counts what is visible and says what each grid lacks', async () => {
    const home = await (await stage.as('countyAdmin')).get('/api/home')
    expect(home).toMatchObject({ status: 200, body: { mode: 'peacetime', communities: 2, grids: 4, units: 6, pairedGrids: 4, pairedUnits: 6, members: 60 } })
    for (const g of home.body.gridStates as { ready: boolean, missing: string[] }[]) {
      expect(g.ready).toBe(g.missing.length === 0)
      // Every grid of this county has one assistant and no officer.
      expect(g.missing).toContain('gridAssistants')
    }
    expect((await (await stage.as('secretaryOfFirst')).get('/api/home')).body).toMatchObject({ communities: 1, grids: 2, pairedUnits: 3, members: 30 })
    expect((await (await stage.as('secretaryOfUnit2')).get('/api/home')).body).toMatchObject({ grids: 1 })
    stage.clock.advance(1)
    const drill = await stage.press({ isDrill: true, grids: [2] })
    expect((await (await stage.as('secretaryOfSecond')).get('/api/home')).body).toMatchObject({ lastDrill: { id: drill.id } })
    const { body } = await (await stage.as('secretaryOfFirst')).get('/api/home')
    expect(body.units).toBe(3)
    expect(body.lastDrill?.id).not.toBe(drill.id)
  })

  it('shows the mode of the grids that an emergency covers', async () => {
    await stage.press({ grids: [1] })
    const { body } = await (await stage.as('countyAdmin')).get('/api/home')
    expect(Object.fromEntries((body.gridStates as { gridId: string, mode: string }[]).map(g => [g.gridId, g.mode]))).toEqual({ [grid(0).id]: 'peacetime', [grid(1).id]: 'emergency', [grid(2).id]: 'peacetime', [grid(3).id]: 'peacetime' })
    expect(body.mode).toBe('emergency')
  })
})

describe('what calls me', () => {
  it('is one emergency with my team, my place in it, and no number but by a written call', async () => {
    const e = await stage.press({ level: 1 })
    const [captain, member] = await e.members(0)
    const mine = await member?.get('/api/mine')
    expect(mine).toMatchObject({ status: 200, body: { emergencies: [{
      emergencyId: e.id,
      isDrill: false,
      alert: { kind: 'activation' },
      me: { personId: member?.personId, audience: 'team', callState: 'pending', answer: null, maySignOthersIn: false },
      team: { captain: { personId: captain?.personId }, going: 0, onSite: 0 },
    }] } })
    await member?.answers('going')
    await captain?.answers('going')
    expect((await captain?.get(`/api/emergencies/${e.id}/mine`))?.body).toMatchObject({ me: { maySignOthersIn: true, answer: 'going' }, team: { going: 2 } })
    const call = await member?.post(`/api/emergencies/${e.id}/captain-calls`)
    expect(call?.body.phone).toMatch(/^1\d{10}$/)
    expect(await stage.read(sql`select actor_id, action, subject_id from audit_log where action = 'person.revealPhone'`)).toEqual([{ actor_id: member?.personId, action: 'person.revealPhone', subject_id: captain?.personId }])
  })

  it('is nothing in peacetime, and nobody else\'s', async () => {
    const member = await stage.person(unit(0).memberIds[9] ?? '')
    expect((await member.get('/api/mine')).body).toEqual({ mode: 'peacetime', emergencies: [] })
    const e = await stage.press({ level: 1, grids: [2] })
    expect((await member.get('/api/mine')).body.emergencies).toEqual([])
    expect(await member.get(`/api/emergencies/${e.id}/mine`)).toMatchObject(refused('NOT_FOUND'))
    expect(await member.post(`/api/emergencies/${e.id}/captain-calls`)).toMatchObject(refused('NOT_FOUND'))
  })

  it('stays until people have signed off, and gives no number once it is over', async () => {
    const e = await stage.press({ level: 1 })
    const [captain, there, away] = await e.members(0)
    await there?.checksIn({ at: RALLY })
    await stage.ends(e)
    expect((await there?.get('/api/mine'))?.body.emergencies).toMatchObject([{ state: 'standDown', notices: [{ kind: 'termination' }], me: { presence: 'checkedIn' } }])
    expect((await (await stage.person(away?.personId ?? '')).get('/api/mine')).body.emergencies).toEqual([])
    expect((await there?.post(`/api/emergencies/${e.id}/captain-calls`))?.status).toBe(200)
    await there?.checksOut()
    await stage.peace()
    expect(await there?.post(`/api/emergencies/${e.id}/captain-calls`)).toMatchObject(refused('EMERGENCY_CLOSED'))
    expect((await there?.get(`/api/emergencies/${e.id}/mine`))?.body).toMatchObject({ me: { presence: 'checkedOut' }, team: { captain: { personId: captain?.personId } } })
  })

  it('tells grid staff their grid\'s team', async () => {
    const e = await stage.press({ level: 1 })
    const chief = await stage.person(grid(0).chiefId)
    expect((await chief.get(`/api/emergencies/${e.id}/mine`)).body).toMatchObject({ alert: { kind: 'duty' }, me: { audience: 'duty', maySignOthersIn: true }, team: { gridName: grid(0).name } })
    const [member] = await e.members(0)
    expect((await member?.get(`/api/emergencies/${e.id}/mine`))?.body.alert.text).toContain('服从东城社区党组织统一指挥')
  })
})
