import { sql } from 'drizzle-orm'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { newId } from '../../src/server/platform/ids.ts'
import { openStage, refused } from '../harness/stage.ts'
import { until } from '../harness/until.ts'

const stage = await openStage()
afterEach(() => stage.peace())

const at = (emergency: { id: string }) => `/api/emergencies/${emergency.id}`

async function oneOf(emergency: Awaited<ReturnType<typeof stage.press>>, grid = 0, nth = 1) {
  const member = (await emergency.members(grid))[nth]
  if (member === undefined)
    throw new Error('the team is smaller than that')
  return member
}

async function alertOf(emergency: { id: string }, kind: string): Promise<string> {
  const [alert] = await stage.read<{ id: string }>(sql`select id from alerts where emergency_id = ${emergency.id} and kind = ${kind} order by issued_at desc limit 1`)
  return alert?.id ?? ''
}

async function deliveryOf(emergency: { id: string }, personId: string, channel: 'inapp' | 'sms') {
  return await stage.read<{ kind: string, state: string, attempts: number, failure: string | null }>(sql`
    select a.kind, d.state, d.attempts, d.failure from deliveries d join alerts a on a.id = d.alert_id
    where a.emergency_id = ${emergency.id} and d.person_id = ${personId} and d.channel = ${channel} order by a.issued_at, a.id`)
}

describe('answering', () => {
  it('counts the person, keeps every change of mind, and the last word holds', async () => {
    const e = await stage.press()
    const member = await oneOf(e)
    expect(await member.answers('going')).toMatchObject({ status: 200, body: { answer: 'going', isLate: false, replayed: false } })
    stage.clock.advance(2)
    expect(await member.answers('cannot', { reason: 'ill', note: '发烧' })).toMatchObject({ status: 200 })
    expect(await member.row()).toMatchObject({ call_state: 'answered', answer: 'cannot', cannot_reason: 'ill', answer_via: 'link' })
    const kept = await stage.read(sql`select answer, note from call_answers where person_id = ${member.personId} and emergency_id = ${e.id} order by at`)
    expect(kept).toEqual([{ answer: 'going', note: '' }, { answer: 'cannot', note: '发烧' }])
    expect((await e.events('call.answered')).map(ev => ev.data.change.after.answer)).toEqual(['going', 'cannot'])
  })

  it('later carries the time, already there counts as going', async () => {
    const e = await stage.press()
    const [first, second] = [await oneOf(e, 0, 1), await oneOf(e, 0, 2)]
    await first.answers('later')
    await second.answers('alreadyThere')
    expect(await first.row()).toMatchObject({ answer: 'later', promised_at: expect.anything() })
    expect(await second.row()).toMatchObject({ answer: 'alreadyThere' })
  })

  it('later that reaches us after its own time counts as going, and keeps the time', async () => {
    const e = await stage.press()
    const member = await oneOf(e)
    const promisedAt = new Date(stage.clock.now().getTime() + 20 * 60_000).toISOString()
    stage.clock.advance(25)
    expect(await member.answers('later', { promisedAt })).toMatchObject({ status: 200, body: { answer: 'going' } })
    expect(await member.row()).toMatchObject({ answer: 'going', promised_at: expect.anything() })
  })

  it('meets plans that were made after the key: those from before know nothing of its people', async () => {
    const replanned = vi.spyOn(stage.db, 'replan')
    const told = vi.spyOn(stage.services.gateway, 'hear')
    const { id } = await stage.press({ grids: [0] })
    const alarm = () => told.mock.calls.findIndex(([emergencyId, events]) => emergencyId === id && events.some(e => e.type === 'alert.issued'))
    await until(() => alarm() >= 0, 'the alarm goes out')
    const before = told.mock.invocationCallOrder[alarm()] ?? 0
    expect(replanned.mock.invocationCallOrder.includes(before - 1)).toBe(true)
    vi.restoreAllMocks()
  })

  it('sent twice is answered once, with the first reply', async () => {
    const e = await stage.press()
    const member = await oneOf(e)
    const answerId = newId()
    const first = await member.answers('going', { answerId })
    const events = (await e.events()).length
    stage.clock.advance(1)
    expect(await member.answers('going', { answerId })).toEqual({ status: 200, body: { ...first.body, replayed: true } })
    expect((await e.events()).length).toBe(events)
  })

  it('under an id that somebody else used is his own answer, whatever the other said', async () => {
    const e = await stage.press()
    const [first, second] = [await oneOf(e, 0, 1), await oneOf(e, 0, 2)]
    const answerId = newId()
    await first.answers('going', { answerId })
    expect(await second.answers('cannot', { answerId, reason: 'ill' })).toMatchObject({ status: 200, body: { answer: 'cannot', replayed: false } })
    expect([(await first.row()).answer, (await second.row()).answer]).toEqual(['going', 'cannot'])
  })

  it('is refused to a stranger with NOT_FOUND, and nothing changes', async () => {
    const e = await stage.press({ grids: [0] })
    const stranger = await stage.person(stage.county.units[5]?.memberIds[0] ?? '')
    const events = (await e.events()).length
    expect(await stranger.post(`${at(e)}/answers`, { answerId: newId(), answer: 'going', promisedAt: null, reason: null, note: '' })).toMatchObject({ ...refused('NOT_FOUND'), status: 404 })
    expect((await e.events()).length).toBe(events)
  })

  it('in another emergency than the link\'s is forbidden', async () => {
    const first = await stage.press({ grids: [0] })
    const second = await stage.press({ grids: [2], plan: 'fire' })
    const member = await oneOf(first)
    expect(await member.post(`${at(second)}/answers`, { answerId: newId(), answer: 'going', promisedAt: null, reason: null, note: '' })).toMatchObject({ ...refused('FORBIDDEN'), status: 403 })
  })

  it.each([
    ['before the emergency began', -60],
    ['in two days', 2 * 24 * 60],
  ])('with a promise %s names the field', async (_, minutes) => {
    const e = await stage.press()
    const member = await oneOf(e)
    const promisedAt = new Date(stage.clock.now().getTime() + minutes * 60_000).toISOString()
    expect(await member.answers('later', { promisedAt })).toMatchObject({ status: 400, body: { error: { code: 'PROMISED_AT_INVALID', details: { field: 'promisedAt' } } } })
    expect(await member.row()).toMatchObject({ call_state: 'pending' })
  })

  it.each([
    ['a refusal without a reason', { answer: 'cannot', reason: null }],
    ['a reason without a refusal', { answer: 'going', reason: 'ill' }],
    ['later without a time', { answer: 'later' }],
    ['an unknown word', { answer: 'maybe' }],
    ['an unknown key', { answer: 'going', extra: 1 }],
    ['an id that is none', { answer: 'going', answerId: '7' }],
    ['a NUL in the note', { answer: 'going', note: 'a\0b' }],
  ])('with %s is a 400 that names the field', async (_, body) => {
    const e = await stage.press()
    const member = await oneOf(e)
    expect(await member.post(`${at(e)}/answers`, { answerId: newId(), promisedAt: null, reason: null, note: '', ...body })).toMatchObject({ ...refused('VALIDATION_FAILED'), status: 400 })
  })

  it('after the end is kept and told, and moves no number', async () => {
    const e = await stage.press()
    const member = await oneOf(e)
    await stage.runs('sms-sender')
    await stage.ends(e)
    expect(await member.answers('going')).toMatchObject({ status: 200, body: { isLate: true } })
    expect(await member.row()).toMatchObject({ call_state: 'called', answer: null })
    expect(await stage.read(sql`select answer, is_late from call_answers where person_id = ${member.personId} and emergency_id = ${e.id}`)).toEqual([{ answer: 'going', is_late: true }])
    expect(await e.events('call.answeredLate')).toHaveLength(1)
  })

  it('by duty people counts apart, with the same rules', async () => {
    const e = await stage.press()
    const chief = await e.member(stage.county.grids[0]?.chiefId ?? '')
    expect(await chief.answers('alreadyThere')).toMatchObject({ status: 200 })
    expect(await chief.row()).toMatchObject({ audience: 'duty', call_state: 'answered' })
  })
})

describe('answering for somebody', () => {
  const going = () => ({ answerId: newId(), answer: 'going', promisedAt: null, reason: null, note: '敲门联系上' })

  it.each([
    ['the duty officer', () => stage.as('countyDuty'), 'officer'],
    ['the community secretary', () => stage.as('secretaryOfFirst'), 'officer'],
    ['the county\'s commander', () => stage.as('countyCommander'), 'officer'],
    ['the unit\'s secretary', () => stage.as('secretaryOfUnit0'), 'relay'],
    ['the grid chief', () => stage.person(stage.county.grids[0]?.chiefId ?? ''), 'relay'],
  ])('%s may, and both names are kept', async (_, who, via) => {
    const e = await stage.press()
    const members = await Promise.all((stage.county.units[0]?.memberIds ?? []).map(id => e.member(id).then(m => m.row().then(() => m, () => null))))
    const member = members.find(m => m !== null)
    const officer = await who()
    expect(await officer.post(`${at(e)}/people/${member?.personId}/answers`, going())).toMatchObject({ status: 200, body: { isLate: false } })
    expect(await member?.row()).toMatchObject({ call_state: 'answered', answer: 'going', answer_via: via })
    expect((await e.events('call.answered'))[0]).toMatchObject({ actorId: officer.personId, data: { relayedBy: officer.personId, via } })
    expect(await stage.read(sql`select actor_id from audit_log where action = 'call.answerFor' and subject_id = ${member?.personId ?? ''}`)).toContainEqual({ actor_id: officer.personId })
  })

  it('the captain may by his link, in his own team alone', async () => {
    const e = await stage.press()
    const captain = await oneOf(e, 0, 0)
    const [own, foreign] = [await oneOf(e, 0, 1), await oneOf(e, 2, 1)]
    expect(await captain.post(`${at(e)}/people/${own.personId}/answers`, going())).toMatchObject({ status: 200 })
    expect(await captain.post(`${at(e)}/people/${foreign.personId}/answers`, going())).toMatchObject({ status: 403 })
    expect(await own.post(`${at(e)}/people/${captain.personId}/answers`, going())).toMatchObject({ status: 403 })
  })

  it.each([
    ['the neighbouring community\'s secretary', 'secretaryOfSecond'],
    ['another unit\'s secretary', 'secretaryOfUnit2'],
  ] as const)('%s may not even see him', async (_, officer) => {
    const e = await stage.press()
    const member = await oneOf(e)
    expect(await (await stage.as(officer)).post(`${at(e)}/people/${member.personId}/answers`, going())).toMatchObject({ ...refused('NOT_FOUND'), status: 404 })
    expect(await member.row()).toMatchObject({ call_state: 'pending' })
  })

  it('an auditor sees him and may not', async () => {
    const e = await stage.press()
    const member = await oneOf(e)
    expect(await (await stage.as('auditor')).post(`${at(e)}/people/${member.personId}/answers`, going())).toMatchObject({ ...refused('FORBIDDEN'), status: 403 })
  })

  it('nobody may once it is over: the community\'s command has ended', async () => {
    const e = await stage.press()
    const member = await oneOf(e)
    await stage.ends(e, 'revoke')
    expect((await (await stage.as('secretaryOfFirst')).post(`${at(e)}/people/${member.personId}/answers`, going())).status).toBe(403)
  })
})

describe('the sender', () => {
  it('renders every person\'s own words and marks him called', async () => {
    const e = await stage.press()
    const member = await oneOf(e, 2, 1)
    await stage.runs('sms-sender')
    const [text] = await member.inbox()
    expect(text).toMatch(/^【岷县应急】急时响应：短时强降雨Ⅱ级。请\d\d:\d\d前到第三网格集结点报到，并点 http:\/\/localhost:4700\/a\/[\w-]+ 答复。$/)
    expect(text).not.toMatch(/[{}]/)
    expect(text).not.toContain('演练')
    expect(await member.row()).toMatchObject({ call_state: 'called' })
    expect(await deliveryOf(e, member.personId, 'sms')).toEqual([{ kind: 'activation', state: 'accepted', attempts: 1, failure: null }])
    const called = await e.events('calls.called')
    expect(called.flatMap(ev => ev.data.changes).reduce((n: number, c: { n: number }) => n + c.n, 0)).toBe((await stage.read(sql`select 1 from participants where emergency_id = ${e.id}`)).length)
  })

  it('says 演练 in every message of a drill', async () => {
    const e = await stage.press({ isDrill: true })
    await stage.runs('sms-sender')
    await (await stage.as('countyDuty')).post(`${at(e)}/corrections`, { text: '集结点改到广场' })
    await stage.ends(e)
    await stage.runs('sms-sender')
    const texts = (await Promise.all((await e.members(0)).map(m => m.inbox()))).flat()
    expect(texts.length).toBe(3 * (await e.members(0)).length)
    expect(texts.filter(text => !text.startsWith('【岷县应急】演练：') || !text.endsWith('演练，非真实险情。'))).toEqual([])
  })

  it('does not send a call that has lost its purpose', async () => {
    const e = await stage.press()
    const [answered, released, silent] = [await oneOf(e, 0, 1), await oneOf(e, 0, 2), await oneOf(e, 0, 3)]
    await answered.answers('going')
    await (await stage.as('secretaryOfFirst')).post(`${at(e)}/people/${released.personId}/release`, { reason: '家中受灾' })
    await stage.runs('sms-sender')
    expect(await deliveryOf(e, answered.personId, 'sms')).toMatchObject([{ kind: 'activation', state: 'cancelled' }])
    expect(await deliveryOf(e, released.personId, 'sms')).toMatchObject([{ kind: 'activation', state: 'cancelled' }, { kind: 'release', state: 'accepted' }])
    expect(await deliveryOf(e, silent.personId, 'sms')).toMatchObject([{ kind: 'activation', state: 'accepted' }])
  })

  it('stops calls at the end; corrections and the end itself still go', async () => {
    const e = await stage.press()
    const member = await oneOf(e)
    await member.post(`${at(e)}/receipts`, { alertId: await alertOf(e, 'activation'), read: false })
    await (await stage.as('countyDuty')).post(`${at(e)}/corrections`, { text: '集结点改到广场' })
    await stage.ends(e)
    await stage.runs('sms-sender')
    expect(await deliveryOf(e, member.personId, 'sms')).toMatchObject([{ kind: 'activation', state: 'cancelled' }, { kind: 'correction', state: 'accepted' }, { kind: 'termination', state: 'accepted' }])
  })

  it('takes over what a dead sender had claimed, once its lease is over', async () => {
    const e = await stage.press()
    const [member, claimed] = [await oneOf(e, 0, 1), await oneOf(e, 0, 2)]
    await stage.db.work.tx(tx => tx.execute(sql`
      update deliveries set state = 'sending', attempts = 1, lease_until = clock_timestamp() + case person_id when ${claimed.personId} then interval '1 hour' else interval '-1 second' end
      where channel = 'sms' and state = 'pending' and person_id in (${member.personId}, ${claimed.personId})`))
    await stage.runs('sms-sender')
    expect(await deliveryOf(e, member.personId, 'sms')).toMatchObject([{ state: 'accepted', attempts: 2 }])
    expect(await deliveryOf(e, claimed.personId, 'sms')).toMatchObject([{ state: 'sending', attempts: 1 }])
  })

  it('gives a message up as unknown when its senders keep dying', async () => {
    const e = await stage.press()
    const member = await oneOf(e)
    await stage.db.work.tx(tx => tx.execute(sql`update deliveries set state = 'sending', attempts = 8, lease_until = clock_timestamp() - interval '1 second' where channel = 'sms' and state = 'pending' and person_id = ${member.personId}`))
    await stage.runs('sms-sender')
    expect(await deliveryOf(e, member.personId, 'sms')).toMatchObject([{ state: 'unknown' }])
    expect(await member.inbox()).not.toContainEqual(expect.stringContaining(e.id))
  })

  it('never hands the sandbox a number that somebody may own, and an unreadable one harms no other', async () => {
    const e = await stage.press()
    const [real, broken, fine] = [await oneOf(e, 0, 1), await oneOf(e, 0, 2), await oneOf(e, 0, 3)]
    const before = await stage.read<{ id: string, phone_cipher: Buffer }>(sql`select id, phone_cipher from persons where id in (${real.personId}, ${broken.personId})`)
    const set = (id: string, cipher: Buffer) => stage.db.work.tx(tx => tx.execute(sql`update persons set phone_cipher = decode(${cipher.toString('hex')}, 'hex') where id = ${id}`))
    await set(real.personId, stage.vault.seal('13900000000'))
    await set(broken.personId, Buffer.alloc(40))
    await stage.runs('sms-sender')
    for (const row of before)
      await set(row.id, row.phone_cipher)
    expect(await deliveryOf(e, real.personId, 'sms')).toMatchObject([{ state: 'failedPerm' }])
    expect(await deliveryOf(e, broken.personId, 'sms')).toMatchObject([{ state: 'failedPerm' }])
    expect(await deliveryOf(e, fine.personId, 'sms')).toMatchObject([{ state: 'accepted' }])
    expect(await real.row()).toMatchObject({ call_state: 'pending' })
  })
})

describe('receipts', () => {
  it('move a delivery up and never down, and say that the person is called', async () => {
    const e = await stage.press()
    const member = await oneOf(e)
    const alertId = await alertOf(e, 'activation')
    const receipt = (read: boolean) => member.post(`${at(e)}/receipts`, { alertId, read })
    expect(await receipt(false)).toEqual({ status: 200, body: { state: 'delivered' } })
    expect(await member.row()).toMatchObject({ call_state: 'called' })
    await receipt(true)
    await receipt(false)
    expect(await deliveryOf(e, member.personId, 'inapp')).toMatchObject([{ state: 'read' }])
    expect(await member.row()).toMatchObject({ call_state: 'called', answer: null })
  })

  it('of an alert that was never for him are not found', async () => {
    const e = await stage.press()
    const member = await oneOf(e)
    expect(await member.post(`${at(e)}/receipts`, { alertId: await alertOf(e, 'duty'), read: true })).toMatchObject({ ...refused('NOT_FOUND'), status: 404 })
    expect(await member.post(`${at(e)}/receipts`, { alertId: newId(), read: true })).toMatchObject({ status: 404 })
  })
})

describe('未联系上', () => {
  it('comes at the end of the stamped ladder, to the silent alone, and says why', async () => {
    const e = await stage.press()
    const [answered, arrived, silent, unhanded] = [await oneOf(e, 0, 1), await oneOf(e, 0, 2), await oneOf(e, 0, 3), await oneOf(e, 0, 4)]
    await stage.db.work.tx(tx => tx.execute(sql`update deliveries set state = 'failedPerm' where channel = 'sms' and person_id = ${unhanded.personId} and state = 'pending'`))
    await stage.runs('sms-sender')
    await answered.answers('going')
    await arrived.checksIn({ at: { latitude: 34.44, longitude: 104.04 } })
    stage.clock.advance(29)
    await stage.runs('ladder-end')
    expect(await silent.row()).toMatchObject({ call_state: 'called' })
    stage.clock.advance(1)
    await stage.runs('ladder-end')
    expect(await silent.row()).toMatchObject({ call_state: 'unreachable', unreachable_reason: 'ladder' })
    expect(await unhanded.row()).toMatchObject({ call_state: 'unreachable', unreachable_reason: 'notHandedOver' })
    expect(await answered.row()).toMatchObject({ call_state: 'answered' })
    expect(await arrived.row()).toMatchObject({ call_state: 'answered', answer: 'alreadyThere', answer_via: 'checkIn' })
    expect(await e.events('calls.unreachable')).toHaveLength(1)
    await stage.runs('ladder-end')
    expect(await e.events('calls.unreachable')).toHaveLength(1)
  })

  it('is taken back by an answer', async () => {
    const e = await stage.press()
    const member = await oneOf(e)
    stage.clock.advance(31)
    await stage.runs('ladder-end')
    await member.answers('going')
    expect(await member.row()).toMatchObject({ call_state: 'answered', answer: 'going', unreachable_reason: null })
  })

  it('does not come after the end', async () => {
    const e = await stage.press()
    const member = await oneOf(e)
    await stage.ends(e)
    stage.clock.advance(60)
    await stage.runs('ladder-end')
    expect((await member.row()).call_state).not.toBe('unreachable')
  })

  it('is said by the officer who tried, and leaves alone who has answered meanwhile', async () => {
    const e = await stage.press()
    const [answered, silent] = [await oneOf(e, 0, 1), await oneOf(e, 0, 2)]
    await answered.answers('going')
    const secretary = await stage.as('secretaryOfFirst')
    expect(await secretary.post(`${at(e)}/unreachable`, { personIds: [answered.personId, silent.personId], reason: '电话关机' })).toMatchObject({ status: 200 })
    expect(await silent.row()).toMatchObject({ call_state: 'unreachable', unreachable_reason: '电话关机' })
    expect(await answered.row()).toMatchObject({ call_state: 'answered' })
  })

  it('is refused beyond the officer\'s scope, for the whole list', async () => {
    const e = await stage.press()
    const [own, foreign] = [await oneOf(e, 0, 1), await oneOf(e, 2, 1)]
    const secretary = await stage.as('secretaryOfFirst')
    expect(await secretary.post(`${at(e)}/unreachable`, { personIds: [own.personId, foreign.personId], reason: '电话关机' })).toMatchObject({ ...refused('NOT_FOUND'), status: 404 })
    expect(await secretary.post(`${at(e)}/unreachable`, { personIds: [own.personId, newId()], reason: '电话关机' })).toMatchObject({ status: 404 })
    expect((await own.row()).call_state).toBe('pending')
    await stage.ends(e)
    expect(await secretary.post(`${at(e)}/unreachable`, { personIds: [own.personId], reason: '电话关机' })).toMatchObject({ ...refused('EMERGENCY_CLOSED'), status: 409 })
  })
})

describe('催办', () => {
  const urge = async (officer: Parameters<typeof stage.as>[0], e: { id: string }, scope: object) => (await stage.as(officer)).post(`${at(e)}/urges`, { scope })
  const county = { type: 'county', id: null }

  it('calls the silent of the scope once more', async () => {
    const e = await stage.press()
    await stage.runs('sms-sender')
    const [answered, silent, elsewhere] = [await oneOf(e, 0, 1), await oneOf(e, 0, 2), await oneOf(e, 2, 1)]
    await answered.answers('going')
    const reply = await urge('secretaryOfFirst', e, { type: 'community', id: stage.county.communities[0]?.id })
    expect(reply).toMatchObject({ status: 200, body: { recipients: (await e.members(0)).length + (await e.members(1)).length - 1 } })
    await stage.runs('sms-sender')
    expect((await silent.inbox()).at(-1)).toContain('催办：您尚未确认短时强降雨Ⅱ级响应')
    expect((await answered.inbox()).filter(text => text.includes('催办'))).toEqual([])
    expect(await deliveryOf(e, elsewhere.personId, 'sms')).toHaveLength(1)
  })

  it('leaves people in peace for three minutes, whoever asks for whichever scope', async () => {
    const e = await stage.press()
    await urge('secretaryOfFirst', e, { type: 'community', id: stage.county.communities[0]?.id })
    const again = await urge('secretaryOfUnit0', e, { type: 'unit', id: stage.county.units[0]?.id })
    expect(again).toMatchObject({ status: 429, body: { error: { code: 'URGED_RECENTLY', details: { retryAfterSec: 180 } } } })
    const rest = await urge('countyDuty', e, county)
    expect(rest.body.recipients).toBe((await e.members(2)).length + (await e.members(3)).length)
    stage.clock.advance(3)
    const all = await urge('countyDuty', e, county)
    expect(all).toMatchObject({ status: 200 })
    expect(all.body.recipients).toBeGreaterThan(rest.body.recipients)
  })

  it('is refused outside the own scope, and after the end', async () => {
    const e = await stage.press()
    expect(await urge('secretaryOfSecond', e, { type: 'community', id: stage.county.communities[0]?.id })).toMatchObject({ status: 404 })
    expect(await urge('secretaryOfFirst', e, county)).toMatchObject({ status: 404 })
    await stage.ends(e)
    expect(await urge('countyDuty', e, county)).toMatchObject({ ...refused('EMERGENCY_CLOSED'), status: 409 })
  })
})

describe('links', () => {
  const linkOf = async (emergencyId: string, personId: string) => {
    const [row] = await stage.read<{ serial: number, ordinal: number }>(sql`select e.serial, p.ordinal from participants p join emergencies e on e.id = p.emergency_id where e.id = ${emergencyId} and p.person_id = ${personId}`)
    return stage.linkOf(row?.serial ?? 0, row?.ordinal ?? 0)
  }

  it('are in the message, and traded for a session of that person in that emergency', async () => {
    const e = await stage.press()
    const member = await oneOf(e)
    await stage.runs('sms-sender')
    const code = /\/a\/([\w-]+)/.exec((await member.inbox())[0] ?? '')?.[1] ?? ''
    expect(code).toBe(await linkOf(e.id, member.personId))
    const traded = await stage.app.inject({ method: 'POST', url: `/api/links/${code}`, headers: { 'x-requested-with': 'pingji' }, payload: {} })
    expect(traded.json()).toMatchObject({ personId: member.personId, sessionKind: 'link', emergencyId: e.id })
    const cookie = String(traded.headers['set-cookie']).split(';')[0] ?? ''
    const answered = await stage.app.inject({ method: 'POST', url: `${at(e)}/answers`, headers: { 'x-requested-with': 'pingji', cookie }, payload: { answerId: newId(), answer: 'going', promisedAt: null, reason: null, note: '' } })
    expect(answered.statusCode).toBe(200)
  })

  it('answer nothing by being fetched', async () => {
    const e = await stage.press()
    const member = await oneOf(e)
    await stage.app.inject({ method: 'GET', url: `/api/links/${await linkOf(e.id, member.personId)}` })
    await stage.app.inject({ method: 'GET', url: `/a/${await linkOf(e.id, member.personId)}` })
    expect((await member.row()).call_state).toBe('pending')
  })

  it('that are forged, cut or of nobody are one refusal; guesses are slowed, a county behind one address is not', async () => {
    const e = await stage.press()
    const members = await e.members(0)
    const code = await linkOf(e.id, members[0]?.personId ?? '')
    const tries = [`${code.slice(0, -1)}${code.endsWith('A') ? 'B' : 'A'}`, code.slice(0, 10), 'x', stage.linkOf(9_999, 1)]
    for (const forged of tries)
      expect(await stage.anonymous(`/api/links/${forged}`)).toMatchObject({ ...refused('LINK_INVALID'), status: 404 })
    let slowed = false
    for (let i = 0; i < 40 && !slowed; i++)
      slowed = (await stage.anonymous('/api/links/guess')).status === 429
    expect(slowed).toBe(true)
    expect((await stage.anonymous(`/api/links/${code}`)).status).toBe(200)
  })

  it('still open the page for a day after the end, and then no more', async () => {
    const e = await stage.press()
    const code = await linkOf(e.id, (await oneOf(e)).personId)
    await stage.ends(e, 'revoke')
    stage.clock.advance(23 * 60)
    expect((await stage.anonymous(`/api/links/${code}`)).status).toBe(200)
    stage.clock.advance(2 * 60)
    expect(await stage.anonymous(`/api/links/${code}`)).toMatchObject({ ...refused('LINK_INVALID'), status: 404 })
  })
})

describe('the sandbox\'s inboxes', () => {
  it('are shown to the duty room, with masked numbers, and to nobody else', async () => {
    await stage.press()
    await stage.runs('sms-sender')
    const seen = await (await stage.as('countyDuty')).get('/api/sandbox/messages?limit=5')
    expect(seen.body.messages).toHaveLength(5)
    expect(seen.body.messages[0].phoneMasked).toMatch(/^154\*{4}\d{4}$/)
    expect((await (await stage.as('secretaryOfFirst')).get('/api/sandbox/messages')).status).toBe(403)
  })
})
