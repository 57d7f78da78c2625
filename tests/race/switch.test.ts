/** Many hands on the key at once, through two services on one database. */
import { sql } from 'drizzle-orm'
import { afterEach, describe, expect, it } from 'vitest'
import { newId } from '../../src/server/platform/ids.ts'
import { RALLY } from '../harness/small-county.ts'
import { openStage } from '../harness/stage.ts'
import { switchboardOf } from '../harness/switchboard.ts'

const stage = await openStage({ processes: 2 })
const { prepares, presses, starts, orders, held, lastSeq } = switchboardOf(stage)
afterEach(() => stage.peace())

const TRIALS = 6
const ENDING = { reason: '雨停', residualMeasures: '继续巡查' }

async function trials(work: (nth: number) => Promise<void>): Promise<void> {
  for (let nth = 0; nth < TRIALS; nth++) {
    await work(nth)
    await stage.peace()
  }
}

const open = () => stage.read<{ id: string }>(sql`select id from emergencies where state in ('preAlert', 'activated', 'standDown')`)
const nobodyTwice = async () => expect(await stage.read(sql`select person_id from participants where holds group by person_id having count(*) > 1`)).toEqual([])
const codes = (replies: readonly { status: number, body: any }[]) => replies.map(r => r.status < 300 ? r.status : r.body.error.code).sort() // eslint-disable-line ts/no-explicit-any -- as Reply

describe('the key', () => {
  it('pressed fifty times with one Idempotency-Key makes one emergency', () => trials(async () => {
    const prepared = await prepares({ level: 2 })
    const key = newId()
    const replies = await stage.storm(() => Promise.all(Array.from({ length: 50 }, () => presses(prepared, { key }))))
    expect(codes(replies)).toEqual([...Array.from({ length: 49 }).fill(200), 201])
    expect(new Set(replies.map(r => r.body.emergencyId)).size).toBe(1)
    expect(await open()).toHaveLength(1)
    expect(await stage.read(sql`select 1 from audit_log where action = 'switch.activate' and subject_id = ${replies[0]?.body.emergencyId ?? null}`)).toHaveLength(1)
  }))

  it('pressed twice with two keys for one preview makes one emergency', () => trials(async () => {
    const prepared = await prepares({ level: 3 })
    expect(codes(await stage.storm(() => Promise.all([presses(prepared), presses(prepared)])))).toEqual([201, 'PREPARATION_USED'])
  }))

  it('pressed by two operators for the same thing: one does it, the other learns who and when', () => trials(async () => {
    const previews = [await prepares({ level: 2 }), await prepares({ level: 2 }, 'countyAdmin')] as const
    const replies = await stage.storm(() => Promise.all([presses(previews[0]), presses(previews[1], {}, 'countyAdmin')]))
    expect(codes(replies)).toEqual([201, 'EMERGENCY_ALREADY_OPEN'])
    const winner = replies.find(r => r.status === 201)
    expect(replies.find(r => r.status === 409)?.body.error.details).toMatchObject({ emergencyId: winner?.body.emergencyId, no: winner?.body.no, by: winner === replies[0] ? 'countyCommander' : 'countyAdmin' })
  }))

  it('pressed for overlapping dangers at once: numbers run on, nobody is summoned twice, whose people are gone is told', () => trials(async () => {
    const plans = ['flood', 'earthquake', 'snow', 'fire'] as const
    const previews = await Promise.all(plans.map((plan, i) => prepares({ plan, level: 2, grids: [0, 1] }, i % 2 === 0 ? 'countyCommander' : 'countyAdmin')))
    const replies = await stage.storm(() => Promise.all(previews.map((p, i) => presses(p, {}, i % 2 === 0 ? 'countyCommander' : 'countyAdmin'))))
    expect(codes(replies)).toEqual([201, 'PREPARATION_STALE', 'PREPARATION_STALE', 'PREPARATION_STALE'])
    await nobodyTwice()
  }))

  it('turning a pre-alert meets its lifting: one of them happens', () => trials(async () => {
    const e = await starts({ action: 'preAlert', level: 3 })
    const prepared = await prepares({ turns: e, level: 3 })
    const replies = await stage.storm(() => Promise.all([presses(prepared), orders(e, 'lift', { reason: '解除' }, 'countyDuty')]))
    expect(replies.filter(r => r.status < 300)).toHaveLength(1)
    expect(await e.state()).toBe(replies[0].status === 201 ? 'activated' : 'lifted')
  }))

  it('finds another for a person whom a stand-in\'s post takes at that moment', () => trials(async () => {
    const first = await starts({ level: 3, grids: [1] })
    const [leaver] = await first.members(1)
    const prepared = await prepares({ plan: 'earthquake', level: 2, grids: [1] })
    const [pressed] = await stage.storm(() => Promise.all([presses(prepared), orders(first, `people/${leaver?.personId}/substitute`, { standInId: null, reason: '身体不适' }, 'secretaryOfFirst')]))
    // The stand-in came first and the preview no longer holds, or the press fills all posts from those who are left.
    expect(codes([pressed])[0]).toSatisfy((code: unknown) => code === 201 || code === 'PREPARATION_STALE')
    if (pressed.status === 201)
      expect(await held({ id: pressed.body.emergencyId })).toBe(5)
    await nobodyTwice()
  }))
})

describe('pre-emption', () => {
  it('meets a drill in full run: answers and arrivals are counted before it or refused after it, and nothing locks up', () => trials(async () => {
    const drill = await starts({ isDrill: true, level: 2, grids: [0, 1] })
    const members = [...await drill.members(0), ...await drill.members(1)]
    const prepared = await prepares({ level: 1, grids: [0, 1] })
    const [pressed, ...replies] = await stage.storm(() => Promise.all([presses(prepared), ...members.map((m, i) => i % 2 === 0 ? m.answers('going') : m.checksIn({ at: RALLY }))]))
    expect(pressed?.status).toBe(201)
    expect(replies.every(r => r.status < 300 || r.status === 409 || r.status === 403), JSON.stringify(codes(replies))).toBe(true)
    expect([await drill.state(), await held(drill)]).toEqual(['standDown', 0])
    await nobodyTwice()
  }))

  it('both ways of age: an older emergency rises and takes from a younger standby while both are answered', () => trials(async () => {
    const older = await starts({ level: 3, grids: [0] })
    const younger = await starts({ level: 4, grids: [0], plan: 'snow' })
    const people = [...await older.members(0), ...await younger.members(0)]
    const [raised, ...answers] = await stage.storm(() => Promise.all([orders(older, 'level', { level: 1, reason: '溃口' }), ...people.map(m => m.answers('going')), ...people.map(m => m.answers('later'))]))
    expect(raised?.status).toBe(200)
    expect(answers.every(r => r.status === 200), JSON.stringify(codes(answers))).toBe(true)
    expect([await held(older), await held(younger)]).toEqual([16, 0])
    await nobodyTwice()
  }))
})

describe('the end', () => {
  it('given in two ways at once is one of them', () => trials(async () => {
    const e = await starts({ level: 3 })
    const replies = await stage.storm(() => Promise.all([orders(e, 'terminate', ENDING), orders(e, 'revoke', { reason: '误触' }, 'countyAdmin'), orders(e, 'terminate', ENDING, 'countyAdmin')]))
    expect(codes(replies)).toEqual([200, 'EMERGENCY_CLOSED', 'EMERGENCY_CLOSED'])
    expect(await e.state()).toBe(replies[1].status === 200 ? 'revoked' : 'standDown')
  }))

  it('among level changes, corrections and answers leaves only a legal history', () => trials(async () => {
    const e = await starts({ level: 3, grids: [0, 1] })
    const members = [...await e.members(0), ...await e.members(1)]
    const replies = await stage.storm(() => Promise.all([
      orders(e, 'level', { level: 2, reason: '升级' }),
      orders(e, 'level', { level: 4, reason: '降级' }, 'countyAdmin'),
      orders(e, 'scope', { scope: [{ type: 'county', id: null }], reason: '扩大' }),
      orders(e, 'corrections', { text: '集结点改到一中' }, 'countyDuty'),
      orders(e, 'terminate', ENDING),
      ...members.flatMap(m => [m.answers('going'), m.answers('cannot')]),
    ]))
    expect(replies.every(r => r.status < 500), JSON.stringify(codes(replies))).toBe(true)
    expect(await e.state()).toBe('standDown')
    // After the end only the correction may still be given.
    const after = (await e.events()).map(ev => ev.type)
    expect(after.slice(after.indexOf('emergency.terminated')).filter(type => type === 'emergency.levelChanged' || type === 'emergency.scopeExtended' || type === 'call.answered')).toEqual([])
    expect(await lastSeq(e)).toBe(after.length)
  }))
})
