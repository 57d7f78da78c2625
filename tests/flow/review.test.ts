import type { Review, ReviewExport } from '../../src/contract/review.ts'
import type { Running } from '../harness/stage.ts'
import { parse } from 'csv-parse/sync'
import { sql } from 'drizzle-orm'
import { beforeAll, describe, expect, it } from 'vitest'
import { insertSession } from '../../src/server/modules/identity/sessions.repo.ts'
import { RALLY } from '../harness/small-county.ts'
import { openStage, refused } from '../harness/stage.ts'

const stage = await openStage()
const { county } = stage

/** One drill from the key to the review, by the clock: what each number must be is known beforehand. */
let e: Running
let people: number
let late: string

beforeAll(async () => {
  e = await stage.press({ level: 1, isDrill: true })
  await stage.runs('sms-sender')
  const teams = await Promise.all([0, 1, 2, 3].map(g => e.members(g)))
  people = teams.flat().length
  // A call that no channel could hand over and nobody answers, told in the silent list.
  for (const [g, team] of teams.entries()) {
    const secretary = await stage.as(g < 2 ? 'secretaryOfFirst' : 'secretaryOfSecond')
    await secretary.post(`/api/emergencies/${e.id}/teams/${(await e.team(g)).id}/confirm`)
    for (const [i, member] of team.entries()) {
      if (i === team.length - 1)
        continue
      await member.answers(i % 4 === 3 ? 'cannot' : 'going')
    }
    stage.clock.advance(4)
  }
  const [first, second] = [teams[0] ?? [], teams[2] ?? []]
  for (const member of [first[0], first[1], second[0]])
    await member?.checksIn({ at: RALLY })
  late = second[0]?.personId ?? ''
  stage.clock.advance(10)
  await stage.ends(e)
  // Whoever never saw the call reads that it is over: that does not make him reached.
  const [over] = await stage.read<{ id: string }>(sql`select id from alerts where emergency_id = ${e.id} and kind = 'termination' and audience = 'team'`)
  await first.at(-1)?.post(`/api/emergencies/${e.id}/receipts`, { alertId: over?.id, read: true })
  for (const member of [first[0], first[1]])
    await member?.checksOut()
}, 60_000)

async function review(who: Parameters<typeof stage.as>[0] = 'countyCommander'): Promise<Review> {
  const { status, body } = await (await stage.as(who)).get(`/api/emergencies/${e.id}/review`)
  expect(status, JSON.stringify(body)).toBe(200)
  return body as Review
}

describe('a review', () => {
  it('reconciles: board, people, database and log say the same', async () => {
    const { reconciliation } = await review()
    expect(reconciliation).toHaveLength(12)
    expect(reconciliation.filter(c => !c.holds)).toEqual([])
    expect(reconciliation.find(c => c.check === 'calledBoardVsLog')).toMatchObject({ left: people, right: people })
    expect(reconciliation.find(c => c.check === 'arrivedBoardVsCheckIns')).toMatchObject({ left: 3, right: 3 })
  })

  it('gives every rate as numerator and denominator', async () => {
    const r = await review()
    const answered = people - 4
    const rate = (code: string) => r.rates.find(x => x.code === code)
    expect(rate('ack')).toEqual({ code: 'ack', num: answered, den: people })
    expect(rate('arrival')).toEqual({ code: 'arrival', num: 3, den: r.funnel.required })
    expect(rate('reach')).toEqual({ code: 'reach', num: answered, den: people })
    expect(rate('turnout')?.num).toBe(answered - r.funnel.cannot)
    // Teams answered at minutes 0, 4, 8 and 12.
    expect(r.ackAt.map(a => a.den)).toEqual([people, people, people])
    expect(r.ackAt[2]?.num).toBe(answered)
    expect(r.ackAt[0]?.num).toBe(r.curve.find(c => c.minute === 5)?.answered)
    expect(r.ackAt[0]?.num).toBeLessThan(r.ackAt[1]?.num ?? 0)
  })

  it('tells when things happened, after the key', async () => {
    const r = await review()
    const at = (code: string) => r.milestones.find(m => m.code === code)?.seconds
    expect(at('firstAnswer')).toBe(0)
    expect(at('firstArrival')).toBe(16 * 60)
    expect(at('teamsConfirmed')).toBe(12 * 60)
    expect(at('allArrived')).toBeNull()
    expect(r.curve[0]).toMatchObject({ minute: 0, arrived: 0 })
    expect(r.curve.at(-1)).toMatchObject({ minute: 26, answered: people - 4, arrived: 3 })
  })

  it('has a row for every community, grid and unit, which add up to the whole', async () => {
    const r = await review()
    for (const rows of [r.communities, r.grids, r.units])
      expect(rows.reduce((sum, row) => sum + row.funnel.toCall, 0)).toBe(people)
    expect(r.communities.map(c => c.name)).toEqual(['东城', '西城'])
    expect(r.grids).toHaveLength(4)
    expect(r.grids[1]).toMatchObject({ firstAnswerSec: 4 * 60, medianAnswerSec: 4 * 60, firstArrivalSec: null })
    expect(r.units).toHaveLength(6)
  })

  it('lists who stayed silent with what was tried', async () => {
    const { silent } = await review()
    expect(silent).toHaveLength(4)
    for (const s of silent)
      expect(s).toMatchObject({ status: 'silent', tried: [{ channel: 'sms', state: 'accepted', times: 1 }] })
  })

  it('names people to those in charge of them alone, with all its numbers for everyone it touched', async () => {
    const whole = await review()
    const own = await review('secretaryOfFirst')
    expect(own.funnel).toEqual(whole.funnel)
    expect(own.silent).toHaveLength(2)
    expect(own.silent.every(s => whole.silent.some(w => w.personId === s.personId))).toBe(true)
    expect((await review('townshipSecretary')).silent).toHaveLength(4)
  })

  it('is not there for others', async () => {
    const at = `/api/emergencies/${e.id}/review`
    expect(await (await stage.as('secretaryOfUnit0')).get(at)).toMatchObject(refused('NOT_FOUND'))
    expect(await (await stage.person(county.units[0]?.memberIds[0] ?? '', e.id)).get(at)).toMatchObject(refused('NOT_FOUND'))
    expect(await (await stage.as('countyDuty')).get(`/api/emergencies/${county.townshipId}/review`)).toMatchObject(refused('NOT_FOUND'))
    const elsewhere = await stage.press({ level: 4, grids: [0], name: '另一场' })
    expect(await (await stage.as('secretaryOfSecond')).get(`/api/emergencies/${elsewhere.id}/review`)).toMatchObject(refused('NOT_FOUND'))
    expect((await (await stage.as('secretaryOfFirst')).get(`/api/emergencies/${elsewhere.id}/review`)).body).toMatchObject({ drillOrReal: 'real' })
  })
})

describe('after the stand-down', () => {
  it('who could not be signed off is listed with a reason, and reconciles', async () => {
    const secretary = await stage.as('secretaryOfSecond')
    expect((await review()).unsigned).toContainEqual(expect.objectContaining({ personId: late, reason: null }))
    expect((await secretary.post(`/api/emergencies/${e.id}/people/${late}/unsigned`, { reason: '已送医' })).status).toBe(200)
    for (const [who, n] of [['secretaryOfFirst', 0], ['secretaryOfSecond', 1]] as const) {
      const reply = await (await stage.as(who)).post(`/api/emergencies/${e.id}/stand-down`, { communityId: county.communities[n]?.id })
      expect(reply.status, JSON.stringify(reply.body)).toBe(200)
    }
    expect(await e.state()).toBe('review')
    const r = await review()
    expect(r.unsigned).toMatchObject([{ personId: late, reason: '已送医' }])
    expect((await review('secretaryOfFirst')).unsigned).toEqual([])
    expect(r.reconciliation.filter(c => !c.holds)).toEqual([])
  })
})

describe('lessons', () => {
  it('are written by those it touched, once it is over', async () => {
    const secretary = await stage.as('secretaryOfFirst')
    expect(await secretary.post(`/api/emergencies/${e.id}/lessons`, { text: '=集结点太远' })).toMatchObject({ status: 201, body: { id: expect.any(String) } })
    expect((await review()).lessons).toMatchObject([{ text: '=集结点太远', authorName: 'secretaryOfFirst' }])
    expect((await e.events('review.lessonAdded')).map(x => x.data.text)).toEqual(['=集结点太远'])
    expect(await secretary.post(`/api/emergencies/${e.id}/lessons`, { text: ' ' })).toMatchObject(refused('VALIDATION_FAILED'))
    expect(await (await stage.as('secretaryOfUnit0')).post(`/api/emergencies/${e.id}/lessons`, { text: '我们也学到了' })).toMatchObject(refused('NOT_FOUND'))
    const running = await stage.press({ level: 4, grids: [1], name: '还在进行' })
    expect(await (await stage.as('countyCommander')).post(`/api/emergencies/${running.id}/lessons`, { text: '为时过早' })).toMatchObject(refused('ILLEGAL_TRANSITION'))
  })
})

describe('taken out of the house', () => {
  it('as a spreadsheet it is marked and written down', async () => {
    const now = stage.clock.now()
    const { token } = await stage.db.work.tx(tx => insertSession(tx, { kind: 'account', personId: county.officers.countyAdmin, emergencyId: null, userAgent: '', now, expiresAt: new Date(now.getTime() + 3_600_000) }))
    const reply = await stage.app.inject({ method: 'GET', url: `/api/emergencies/${e.id}/review.csv`, headers: { cookie: `sid=${token}` } })
    expect(reply.statusCode).toBe(200)
    expect(reply.headers['content-type']).toBe('text/csv; charset=utf-8')
    expect(decodeURIComponent(String(reply.headers['content-disposition']))).toContain('演练')
    const rows = parse(reply.body, { bom: true, relax_column_count: true }) as string[][]
    expect(rows[0]).toEqual(expect.arrayContaining(['复盘', '演练']))
    expect(rows[1]).toEqual(expect.arrayContaining(['countyAdmin', '演示数据（虚构）', '演练，非真实险情']))
    expect(rows).toContainEqual(expect.arrayContaining(['\'=集结点太远']))
    expect(rows).toContainEqual(['叫应率', String(people - 4), String(people)])
    expect(reply.body).not.toMatch(/1540932\d{4}/)
    expect(await stage.read(sql`select actor_id, details from audit_log where action = 'review.export'`)).toEqual([{ actor_id: county.officers.countyAdmin, details: { format: 'csv' } }])
  })

  it('as JSON it is the same review', async () => {
    const { body } = await (await stage.as('auditor')).get(`/api/emergencies/${e.id}/review.json`)
    const { watermark, ...rest } = body as ReviewExport
    expect(watermark).toMatchObject({ exportedBy: 'auditor', notes: ['演示数据（虚构）', '演练，非真实险情'] })
    expect(rest).toEqual(await review())
  })

  it('only by those who may', async () => {
    for (const what of ['review.csv', 'review.json']) {
      expect(await (await stage.as('secretaryOfFirst')).get(`/api/emergencies/${e.id}/${what}`)).toMatchObject(refused('NOT_FOUND'))
      expect(await (await stage.as('countyDuty')).get(`/api/emergencies/${e.id}/${what}`)).toMatchObject(refused('FORBIDDEN'))
    }
  })
})
