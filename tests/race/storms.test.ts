/** Many hands at once on real connections, through two services on one database. */
import { sql } from 'drizzle-orm'
import { afterEach, describe, expect, it } from 'vitest'
import { standingAfter } from '../../src/contract/reducer.ts'
import { newId } from '../../src/server/platform/ids.ts'
import { RALLY } from '../harness/small-county.ts'
import { openStage } from '../harness/stage.ts'

// A county of sixty makes as many batches abreast as a large one.
const stage = await openStage({ processes: 2, pace: { batch: 6, batches: 3, from: 1 } })
afterEach(() => stage.peace())

type Running = Awaited<ReturnType<typeof stage.press>>
const TRIALS = 8
const at = (emergency: { id: string }) => `/api/emergencies/${emergency.id}`
const statuses = (replies: readonly { status: number }[]) => replies.map(r => r.status).sort()

async function everyone(e: Running) {
  return (await Promise.all([0, 1, 2, 3].map(grid => e.members(grid)))).flat()
}

async function trials(work: (nth: number) => Promise<void>): Promise<void> {
  for (let nth = 0; nth < TRIALS; nth++) {
    await work(nth)
    await stage.peace()
  }
}

describe('twenty answers of one person', () => {
  it('leave one truth, and all are kept', () => trials(async () => {
    const e = await stage.press({ grids: [0] })
    const [member] = await e.members(0)
    const words = ['going', 'later', 'cannot', 'alreadyThere'] as const
    const replies = await stage.storm(() => Promise.all(Array.from({ length: 20 }, (_, i) => member?.answers(words[i % 4] ?? 'going'))))
    expect(replies.every(r => r?.status === 200 && !r.body.isLate)).toBe(true)
    const answered = (await e.events('call.answered')).map(ev => ev.data)
    expect(answered).toHaveLength(20)
    // Each event starts where the one before ended, and the last is what the person's row says.
    const afters = answered.map(data => standingAfter(data.change))
    expect(answered.map(data => data.change.before).slice(1)).toEqual(afters.slice(0, -1))
    expect((await member?.row())?.answer).toBe(answered.at(-1)?.answer)
    expect(await stage.read(sql`select 1 from call_answers where emergency_id = ${e.id}`)).toHaveLength(20)
  }))

  it('with one id are one answer with one reply', () => trials(async () => {
    const e = await stage.press({ grids: [0] })
    const [member] = await e.members(0)
    const answerId = newId()
    const replies = await stage.storm(() => Promise.all(Array.from({ length: 50 }, () => member?.answers('going', { answerId }))))
    expect(new Set(replies.map(r => r?.body.at)).size).toBe(1)
    expect(replies.filter(r => r?.body.replayed === false)).toHaveLength(1)
    expect(await e.events('call.answered')).toHaveLength(1)
  }))

  it('with ids that others use at the same moment: each keeps his own', () => trials(async () => {
    const e = await stage.press({ grids: [0] })
    const members = await e.members(0)
    const answerId = newId()
    const replies = await stage.storm(() => Promise.all(members.map(m => m.answers('going', { answerId }))))
    expect(statuses(replies)).toEqual(members.map(() => 200))
    expect(await e.events('call.answered')).toHaveLength(members.length)
  }))
})

describe('everybody at once', () => {
  it('answers, arrives and reports the alert: every reply holds, and every event is there once', () => trials(async () => {
    const e = await stage.press()
    const members = await everyone(e)
    const [alert] = await stage.read<{ id: string }>(sql`select id from alerts where emergency_id = ${e.id} and kind = 'activation'`)
    const replies = await stage.storm(() => Promise.all(members.flatMap(m => [
      m.post(`${at(e)}/receipts`, { alertId: alert?.id, read: true }),
      m.answers('going'),
      m.checksIn({ at: RALLY }),
    ])))
    expect(new Set(statuses(replies))).toEqual(new Set([200]))
    expect(await e.events('call.answered')).toHaveLength(members.length)
    expect(await e.events('presence.checkedIn')).toHaveLength(members.length)
    expect(await stage.read(sql`select 1 from participants where emergency_id = ${e.id} and presence = 'checkedIn' and call_state = 'answered'`)).toHaveLength(members.length)
  }))

  it('one poisoned answer fails alone', async () => {
    const e = await stage.press()
    const members = await everyone(e)
    const poisoned = members[3]
    const replies = await stage.storm(() => Promise.allSettled(members.map(async m =>
      // Past the door that refuses such text, to show what happens to the neighbours.
      stage.services.calls.answer(await stage.callerOf(m.personId, e.id), e.id, { answerId: newId(), answer: 'going', promisedAt: null, reason: null, note: m === poisoned ? 'a\0b' : '' }))))
    expect(replies.map(r => r.status)).toEqual(members.map(m => m === poisoned ? 'rejected' : 'fulfilled'))
    expect(await poisoned?.row()).toMatchObject({ call_state: 'pending' })
    expect(await e.events('call.answered')).toHaveLength(members.length - 1)
  })
})

describe('captains who cannot come', () => {
  it('while half of the county answers: no answer is lost, whoever leads can come, and the log tells who', () => trials(async () => {
    const e = await stage.press()
    const people = await everyone(e)
    const captains = new Set((await Promise.all([0, 1, 2, 3].map(grid => e.team(grid)))).map(t => t.captainId))
    const replies = await stage.storm(() => Promise.all(people.map((p, i) => p.answers(captains.has(p.personId) || i % 3 === 0 ? 'cannot' : 'going'))))
    expect(new Set(statuses(replies))).toEqual(new Set([200]))
    await stage.runs('team-leads')
    for (const grid of [0, 1, 2, 3]) {
      const { id, captainId } = await e.team(grid)
      const able = await stage.read(sql`select 1 from participants where team_id = ${id} and member_state = 'active' and answer is distinct from 'cannot'`)
      expect(captainId === null, 'nobody leads where nobody can').toBe(able.length === 0)
      const changes = (await e.events('team.captainChanged')).filter(ev => ev.data.team.teamId === id)
      expect(captainId).toBe(changes.at(-1)?.data.to)
      changes.slice(1).forEach((ev, i) => expect(ev.data.from).toBe(changes[i]?.data.to))
      if (captainId !== null)
        expect(await (await e.member(captainId)).row()).toMatchObject({ post: 'captain', answer: 'going' })
    }
  }))
})

describe('answers against the end', () => {
  it('are counted before it or late after it, never lost and never between', () => trials(async (nth) => {
    const e = await stage.press()
    const members = await everyone(e)
    const middle = Math.floor(members.length * (nth + 1) / (TRIALS + 1))
    const replies = await stage.storm(() => Promise.all(members.map(async (m, i) => {
      const ended = i === middle ? stage.ends(e) : null
      const reply = await m.answers('going')
      await ended
      return reply
    })))
    expect(new Set(statuses(replies))).toEqual(new Set([200]))
    const log = await e.events()
    const end = log.find(ev => ev.type === 'emergency.terminated')?.seq ?? 0
    const counted = log.filter(ev => ev.type === 'call.answered')
    const late = log.filter(ev => ev.type === 'call.answeredLate')
    expect(end).toBeGreaterThan(0)
    expect(counted.every(ev => ev.seq < end)).toBe(true)
    expect(late.every(ev => ev.seq > end)).toBe(true)
    expect(counted.length).toBe(replies.filter(r => r.body.isLate === false).length)
    expect(late.length).toBe(replies.filter(r => r.body.isLate === true).length)
  }))

  it('that never stop do not keep it out', async () => {
    const e = await stage.press()
    const members = await everyone(e)
    let over = false
    const hammer = async (m: typeof members[number], nth: number) => {
      while (!over)
        await (nth % 2 === 0 ? m.answers('going') : m.checksIn({ at: RALLY }))
    }
    await stage.storm(async () => {
      const hammering = members.map(hammer)
      // Well under way before the end is asked for.
      await members[0]?.answers('later')
      const asked = performance.now()
      const reply = await stage.ends(e)
      const took = performance.now() - asked
      over = true
      await Promise.all(hammering)
      expect(reply.status).toBe(200)
      expect(took).toBeLessThan(2_000)
    })
  })
})

describe('two hands on one post', () => {
  const spareOf = async (e: Running, unit: number): Promise<string[]> => {
    const { candidates } = (await (await stage.as('secretaryOfFirst')).get(`${at(e)}/teams/${(await e.team(0)).id}/candidates`)).body as { candidates: { personId: string, unitId: string }[] }
    return candidates.filter(c => c.unitId === stage.county.units[unit]?.id).map(c => c.personId)
  }
  const ofUnit = async (e: Running, unit: number) => {
    const rows = await Promise.all((await e.members(0)).map(async m => ({ m, row: await m.row() })))
    return rows.filter(r => r.row.unit_id === stage.county.units[unit]?.id).map(r => r.m)
  }
  const substitute = async (officer: Parameters<typeof stage.as>[0], e: Running, personId: string, standInId: string | null) =>
    (await stage.as(officer)).post(`${at(e)}/people/${personId}/substitute`, { standInId, reason: '生病' })

  it('the community and the unit fill it at once: one does, the other is told', () => trials(async () => {
    const e = await stage.press({ grids: [0], level: 3 })
    const [member] = await ofUnit(e, 0)
    const [one, two] = await spareOf(e, 0)
    const before = (await e.members(0)).length
    const replies = await stage.storm(() => Promise.all([substitute('secretaryOfFirst', e, member?.personId ?? '', one ?? ''), substitute('secretaryOfUnit0', e, member?.personId ?? '', two ?? '')]))
    expect(statuses(replies)).toEqual([200, 409])
    expect(replies.find(r => r.status === 409)?.body.error.code).toBe('TEAM_SLOT_FILLED')
    expect(await e.members(0)).toHaveLength(before)
  }))

  it('two posts filled at once from one roster take two people', () => trials(async () => {
    const e = await stage.press({ grids: [0], level: 3 })
    const [first, second] = await ofUnit(e, 0)
    const replies = await stage.storm(() => Promise.all([substitute('secretaryOfFirst', e, first?.personId ?? '', null), substitute('secretaryOfUnit0', e, second?.personId ?? '', null)]))
    expect(statuses(replies)).toEqual([200, 200])
  }))

  it('two emergencies reach for one person: one has him, the other learns who; unnamed, both find somebody', () => trials(async () => {
    const flood = await stage.press({ grids: [0], level: 3 })
    const fire = await stage.press({ grids: [0], level: 3, plan: 'fire', name: '仓库火灾' })
    const [one] = await ofUnit(flood, 0)
    const [two] = await ofUnit(fire, 0)
    const [spare] = await spareOf(flood, 0)
    const named = await stage.storm(() => Promise.all([substitute('secretaryOfFirst', flood, one?.personId ?? '', spare ?? ''), substitute('secretaryOfFirst', fire, two?.personId ?? '', spare ?? '')]))
    expect(statuses(named)).toEqual([200, 409])
    expect(named.find(r => r.status === 409)?.body.error).toMatchObject({ code: 'PERSON_HELD', details: { emergency: named[0]?.status === 409 ? '仓库火灾' : '短时强降雨' } })
    const left = [(await ofUnit(flood, 0)).find(m => m.personId !== spare), (await ofUnit(fire, 0)).find(m => m.personId !== spare)]
    const unnamed = await stage.storm(() => Promise.all([substitute('secretaryOfFirst', flood, left[0]?.personId ?? '', null), substitute('secretaryOfFirst', fire, left[1]?.personId ?? '', null)]))
    expect(statuses(unnamed)).toEqual([200, 200])
    const twice = await stage.read(sql`select person_id from participants where holds group by person_id having count(*) > 1`)
    expect(twice).toEqual([])
  }))

  it('neighbouring communities command at once and never meet', () => trials(async () => {
    const e = await stage.press({ level: 3 })
    const [mine, theirs] = [(await e.members(0))[1], (await e.members(2))[1]]
    const replies = await stage.storm(() => Promise.all([substitute('secretaryOfFirst', e, mine?.personId ?? '', null), substitute('secretaryOfSecond', e, theirs?.personId ?? '', null)]))
    expect(statuses(replies)).toEqual([200, 200])
  }))
})
