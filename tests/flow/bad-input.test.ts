/** Whatever is wrong with a request is said to its sender in his language, with a code and the field; nothing of it is kept, and nothing breaks. */
import type { ErrorCode, Language } from '../../src/contract/errors.ts'
import type { Member, Reply } from '../harness/stage.ts'
import { sql } from 'drizzle-orm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ERRORS } from '../../src/contract/errors.ts'
import { insertSession } from '../../src/server/modules/identity/sessions.repo.ts'
import { newId } from '../../src/server/platform/ids.ts'
import { fingerprint } from '../harness/fingerprint.ts'
import { RALLY } from '../harness/small-county.ts'
import { openStage } from '../harness/stage.ts'
import { switchboardOf } from '../harness/switchboard.ts'

const stage = await openStage()
const { county, app, read } = stage
const { words } = switchboardOf(stage)

const kept = () => stage.db.read.tx(fingerprint, { readOnly: true })
const CHINESE = /[\u4E00-\u9FFF]/

interface Request { method?: 'GET' | 'POST' | 'PUT', url: string, payload?: string | object, cookie?: string, headers?: Record<string, string> }

async function send({ method = 'POST', url, payload, cookie = '', headers = {} }: Request): Promise<Reply> {
  const reply = await app.inject({ method, url, headers: { 'x-requested-with': 'pingji', ...(payload === undefined ? {} : { 'content-type': 'application/json' }), ...headers, cookie }, ...(payload === undefined ? {} : { payload: typeof payload === 'string' ? payload : JSON.stringify(payload) }) })
  return { status: reply.statusCode, body: reply.headers['content-type']?.toString().includes('json') === true ? reply.json() : reply.body }
}

interface Refusal { code: ErrorCode, field?: string }

/** Refused in both languages, by cookie and by header, with this code and field; and not a row has changed. */
async function refuses(request: Request, { code, field }: Refusal): Promise<void> {
  const before = await kept()
  const asked: [Language, Partial<Request>][] = [
    ['zh-CN', {}],
    ['en', { cookie: `${request.cookie ?? ''}; lang=en` }],
    ['en', { headers: { ...request.headers, 'accept-language': 'en-GB,en;q=0.9' } }],
    ['zh-CN', { cookie: `${request.cookie ?? ''}; lang=zh-CN`, headers: { ...request.headers, 'accept-language': 'en' } }],
  ]
  for (const [language, how] of asked) {
    const { status, body } = await send({ ...request, ...how })
    const said = JSON.stringify(body).slice(0, 400)
    expect(status, said).toBe(ERRORS[code].status)
    expect(body, said).toEqual({ error: { code, message: expect.any(String), requestId: expect.any(String), ...('details' in body.error ? { details: expect.anything() } : {}) } })
    // The name of an emergency stands in any sentence as it was given.
    const sentence: string = body.error.message.replace(body.error.details?.name ?? '', '')
    expect(CHINESE.test(sentence), said).toBe(language === 'zh-CN')
    expect(body.error.message).not.toMatch(/[{}]|undefined|null/)
    if (field !== undefined)
      expect([body.error.details?.field, ...(body.error.details?.issues ?? []).map((i: { path: string }) => i.path)], said).toContain(field)
  }
  expect(await kept()).toEqual(before)
}

async function cookieOf(personId: string, emergencyId: string | null = null): Promise<string> {
  const { token } = await stage.db.work.tx(tx => insertSession(tx, { kind: emergencyId === null ? 'account' : 'link', personId, emergencyId, userAgent: '', now: stage.clock.now(), expiresAt: new Date(stage.clock.now().getTime() + 86_400_000) }))
  return `sid=${token}`
}

const commander = await cookieOf(county.officers.countyCommander)
const admin = await cookieOf(county.officers.countyAdmin)
const unitSecretary = await cookieOf(county.officers.secretaryOfUnit0)
const emergency = await stage.press({ grids: [0, 1], level: 1 })
const at = `/api/emergencies/${emergency.id}`
const [member] = (await emergency.members(0)) as [Member]
const link = await cookieOf(member.personId, emergency.id)
const asked = await words({ grids: [2] })
const { body: { levels: [firstLevel] } } = await send({ method: 'GET', url: `/api/plans/${asked.planId}`, cookie: admin })

const newPerson = { name: '新人', phone: '15411112222', birthYear: 1990, politicalStatus: 'masses', unitId: county.units[0]?.id, tier: null }
const answer = (more: object = {}) => ({ answerId: newId(), answer: 'going', promisedAt: null, reason: null, note: '', ...more })
const people = { url: '/api/registry/people', cookie: unitSecretary }
const preparations = { url: '/api/switch/preparations', cookie: commander }
const answers = { url: `${at}/answers`, cookie: link }
const checkIns = { url: `${at}/check-ins`, cookie: link }
const position = (more: object = {}) => ({ method: 'position', checkInId: newId(), position: { ...RALLY, accuracyM: 10, coordinateSystem: 'WGS84', ...more } })

describe('a request that does not fit', () => {
  it.each<[string, Request, Refusal]>([
    ['a text where a number belongs', { ...people, payload: { ...newPerson, birthYear: '1990' } }, { code: 'VALIDATION_FAILED', field: 'birthYear' }],
    ['a number where a text belongs', { ...people, payload: { ...newPerson, name: 7 } }, { code: 'VALIDATION_FAILED', field: 'name' }],
    ['nothing where something belongs', { ...people, payload: { ...newPerson, name: null } }, { code: 'VALIDATION_FAILED', field: 'name' }],
    ['a key left out', { ...people, payload: { ...newPerson, unitId: undefined } }, { code: 'VALIDATION_FAILED', field: 'unitId' }],
    ['a key that nobody knows', { ...people, payload: { ...newPerson, role: 'countyAdmin' } }, { code: 'VALIDATION_FAILED' }],
    ['a list for a body', { ...people, payload: [newPerson] }, { code: 'VALIDATION_FAILED' }],
    ['a bare word for a body', { ...people, payload: '"going"' }, { code: 'VALIDATION_FAILED' }],
    ['null for a body', { ...people, payload: 'null' }, { code: 'VALIDATION_FAILED' }],
    ['no body', people, { code: 'VALIDATION_FAILED' }],
    ['a word outside a closed set', { ...answers, payload: answer({ answer: 'maybe' }) }, { code: 'VALIDATION_FAILED', field: 'answer' }],
    ['words that are too many', { ...answers, payload: answer({ note: '长'.repeat(201) }) }, { code: 'VALIDATION_FAILED', field: 'note' }],
    ['a name past its limit', { ...people, payload: { ...newPerson, name: '名'.repeat(101) } }, { code: 'VALIDATION_FAILED', field: 'name' }],
    ['only blanks', { ...people, payload: { ...newPerson, name: ' \u3000 ' } }, { code: 'VALIDATION_FAILED', field: 'name' }],
    ['a year past its limit', { ...people, payload: { ...newPerson, birthYear: 1899 } }, { code: 'VALIDATION_FAILED', field: 'birthYear' }],
    ['a level that there is not', { ...preparations, payload: { ...asked, level: 5 } }, { code: 'VALIDATION_FAILED', field: 'level' }],
    ['an action that there is not', { ...preparations, payload: { ...asked, action: 'panic' } }, { code: 'VALIDATION_FAILED', field: 'action' }],
    ['a time that is none', { ...preparations, payload: { ...asked, expectedUntil: 'tomorrow' } }, { code: 'VALIDATION_FAILED', field: 'expectedUntil' }],
    ['more people than one call takes', { url: `${at}/unreachable`, cookie: commander, payload: { personIds: Array.from({ length: 501 }, newId), reason: '关机' } }, { code: 'VALIDATION_FAILED', field: 'personIds' }],
    ['a place outside the globe', { ...checkIns, payload: position({ latitude: 91 }) }, { code: 'VALIDATION_FAILED', field: 'position.latitude' }],
    ['a number that JSON cannot hold', { ...checkIns, payload: JSON.stringify(position()).replace(/"accuracyM":\d+/, '"accuracyM":1e999') }, { code: 'VALIDATION_FAILED', field: 'position.accuracyM' }],
    ['a page larger than any', { method: 'GET', url: '/api/registry/people?limit=100000', cookie: commander }, { code: 'VALIDATION_FAILED', field: 'limit' }],
    ['a question that nobody knows', { method: 'GET', url: '/api/registry/people?colour=red', cookie: commander }, { code: 'VALIDATION_FAILED' }],
    ['an id that is none', { method: 'GET', url: '/api/emergencies/1%20or%201=1/board', cookie: commander }, { code: 'VALIDATION_FAILED', field: 'emergencyId' }],
    ['a NUL in a text', { ...people, payload: { ...newPerson, name: '新\0人' } }, { code: 'VALIDATION_FAILED', field: 'name' }],
    ['half a character', { ...people, payload: JSON.stringify(newPerson).replace('新人', '新\\ud83d') }, { code: 'VALIDATION_FAILED', field: 'name' }],
    ['a NUL in a list', { ...preparations, payload: { ...asked, measures: '转移\0' } }, { code: 'VALIDATION_FAILED', field: 'measures' }],
    ['a time promised by somebody who is going', { ...answers, payload: answer({ promisedAt: new Date().toISOString() }) }, { code: 'VALIDATION_FAILED', field: 'promisedAt' }],
    ['no reason of somebody who cannot', { ...answers, payload: answer({ answer: 'cannot' }) }, { code: 'VALIDATION_FAILED', field: 'reason' }],
    ['two levels in one edit', { method: 'PUT', url: `/api/plans/${asked.planId}/levels/2`, cookie: admin, payload: { version: 1, level: firstLevel } }, { code: 'VALIDATION_FAILED', field: 'level.level' }],
  ])('%s', (_, request, refusal) => refuses(request, refusal))
})

describe('what is no request at all', () => {
  it.each<[string, Request, Refusal]>([
    ['half a JSON', { ...people, payload: '{"name":"新' }, { code: 'MALFORMED_JSON' }],
    ['an empty JSON', { ...people, payload: '' }, { code: 'MALFORMED_JSON' }],
    ['JSON of another tongue', { ...people, payload: '{name: \'新人\'}' }, { code: 'MALFORMED_JSON' }],
    ['a poisoned prototype', { ...people, payload: '{"__proto__":{"isAdmin":true}}' }, { code: 'MALFORMED_JSON' }],
    ['a poisoned constructor', { ...people, payload: '{"constructor":{"prototype":{"isAdmin":true}}}' }, { code: 'MALFORMED_JSON' }],
    ['five megabytes', { ...people, payload: { ...newPerson, name: 'x'.repeat(5 * 1024 * 1024) } }, { code: 'BODY_TOO_LARGE' }],
    ['a form', { ...people, payload: 'name=x', headers: { 'content-type': 'application/x-www-form-urlencoded' } }, { code: 'UNSUPPORTED_MEDIA_TYPE' }],
    ['plain text', { ...people, payload: '{}', headers: { 'content-type': 'text/plain' } }, { code: 'UNSUPPORTED_MEDIA_TYPE' }],
    ['XML', { ...people, payload: '<x/>', headers: { 'content-type': 'application/xml' } }, { code: 'UNSUPPORTED_MEDIA_TYPE' }],
    ['an address that there is not', { url: '/api/nothing', payload: {} }, { code: 'NOT_FOUND' }],
    ['a method that there is not', { method: 'PUT', url: '/api/me', payload: {} }, { code: 'NOT_FOUND' }],
    ['a form of another site', { ...people, payload: newPerson, headers: { origin: 'https://elsewhere.example' } }, { code: 'ORIGIN_REFUSED' }],
    ['a script of another site', { ...people, payload: newPerson, headers: { 'sec-fetch-site': 'cross-site' } }, { code: 'ORIGIN_REFUSED' }],
    ['no sender', { ...people, payload: newPerson, headers: { 'x-requested-with': '' } }, { code: 'ORIGIN_REFUSED' }],
  ])('%s', (_, request, refusal) => refuses(request, refusal))

  it('an address that is none', async () => {
    for (const url of ['/api/%zz', '/api/emergencies/%E4%B8', '//']) {
      const reply = await app.inject({ url, headers: { 'accept-language': 'en' } })
      expect(reply.statusCode).toBeGreaterThanOrEqual(400)
      expect(reply.statusCode).toBeLessThan(500)
      expect(reply.json().error.message).not.toMatch(CHINESE)
    }
  })
})

describe('nobody', () => {
  it.each<[string, string]>([
    ['without a session', ''],
    ['with a forged one', 'sid=forged'],
    ['with one in odd letters', `sid=${encodeURIComponent('会话\0')}`],
    ['with two', 'sid=a; sid=b'],
  ])('%s', (_, cookie) => refuses({ ...people, cookie, payload: newPerson }, { code: 'UNAUTHENTICATED' }))

  it('with a wrong password, an unknown number, or none', async () => {
    await refuses({ url: '/api/session', payload: { phone: '15409320001', password: 'wrong' } }, { code: 'SIGN_IN_FAILED' })
    await refuses({ url: '/api/session', payload: { phone: 'no phone at all', password: 'wrong' } }, { code: 'SIGN_IN_FAILED' })
    await refuses({ url: '/api/session', payload: { phone: '15409320001', password: '' } }, { code: 'VALIDATION_FAILED', field: 'password' })
    await refuses({ url: '/api/session', payload: { phone: '15409320001', password: 'x'.repeat(201) } }, { code: 'VALIDATION_FAILED', field: 'password' })
  })

  it('with a link that is forged, cut, or none', async () => {
    const [mine] = await read<{ serial: number, ordinal: number }>(sql`select e.serial, p.ordinal from participants p join emergencies e on e.id = p.emergency_id where p.emergency_id = ${emergency.id} and p.person_id = ${member.personId}`)
    const code = stage.linkOf(mine?.serial ?? 0, mine?.ordinal ?? 0)
    for (const bad of [code.slice(0, -1), `${code.slice(0, -1)}${code.endsWith('A') ? 'B' : 'A'}`, stage.linkOf(999, 1), stage.linkOf(mine?.serial ?? 0, 99_999), '%E2%80%AE'])
      await refuses({ url: `/api/links/${bad}`, payload: {} }, { code: 'LINK_INVALID' })
    for (const none of ['%00', 'x'.repeat(101)])
      await refuses({ url: `/api/links/${none}`, payload: {} }, { code: 'VALIDATION_FAILED', field: 'code' })
    expect((await send({ url: `/api/links/${code}`, payload: {} })).status).toBe(200)
  })
})

describe('what the rules of the domain refuse', () => {
  it('a phone that is taken, or none', async () => {
    await refuses({ ...people, payload: { ...newPerson, phone: '15409320001' } }, { code: 'PHONE_TAKEN', field: 'phone' })
    await refuses({ ...people, payload: { ...newPerson, phone: '+86 154-0932-0001' } }, { code: 'PHONE_TAKEN', field: 'phone' })
    await refuses({ ...people, payload: { ...newPerson, phone: '010-12345' } }, { code: 'PHONE_INVALID', field: 'phone' })
  })

  it('a child', async () => {
    await refuses({ ...people, payload: { ...newPerson, birthYear: 2015 } }, { code: 'VALIDATION_FAILED', field: 'birthYear' })
  })

  it('an exemption that ends before it begins', async () => {
    await refuses({ url: '/api/registry/exemptions', cookie: unitSecretary, payload: { personId: county.units[0]?.memberIds[0], reason: 'ill', note: '', validFrom: '2026-07-02', validTo: '2026-07-01' } }, { code: 'VALIDATION_FAILED', field: 'validTo' })
  })

  it('a pairing whose end leaves a unit or a grid bare, one that is there already, one that never began', async () => {
    const [pairing] = await read<{ id: string, unit_id: string, grid_id: string }>(sql`select id, unit_id, grid_id from pairings where grid_id = ${county.grids[3]?.id ?? null}::uuid`)
    const end = { url: `/api/registry/pairings/${pairing?.id}/end`, cookie: admin }
    await refuses({ ...end, payload: { lastDay: '2026-07-01' } }, { code: 'PAIRING_LAST' })
    await refuses({ ...end, payload: { lastDay: '2019-12-31' } }, { code: 'VALIDATION_FAILED', field: 'lastDay' })
    await refuses({ ...end, payload: { lastDay: '2026-02-30' } }, { code: 'VALIDATION_FAILED', field: 'lastDay' })
    const pair = { url: '/api/registry/pairings', cookie: admin }
    await refuses({ ...pair, payload: { unitId: pairing?.unit_id, gridId: pairing?.grid_id, isLead: false, validFrom: '2026-07-01' } }, { code: 'PAIRING_OVERLAP' })
    await refuses({ ...pair, payload: { unitId: county.units[0]?.id, gridId: county.grids[3]?.id, isLead: true, validFrom: '2026-07-01' } }, { code: 'PAIRING_LEAD_TAKEN', field: 'isLead' })
  })

  it('a scope without grids', async () => {
    await refuses({ ...preparations, payload: { ...asked, scope: [{ type: 'community', id: newId() }] } }, { code: 'SCOPE_EMPTY', field: 'scope' })
    await refuses({ ...preparations, payload: { ...asked, scope: [{ type: 'unit', id: county.units[0]?.id }] } }, { code: 'SCOPE_EMPTY', field: 'scope' })
    await refuses({ ...preparations, payload: { ...asked, scope: [{ type: 'grid', id: null }] } }, { code: 'SCOPE_EMPTY', field: 'scope' })
    await refuses({ ...preparations, payload: { ...asked, scope: [] } }, { code: 'VALIDATION_FAILED', field: 'scope' })
    await refuses({ url: `${at}/scope`, cookie: commander, payload: { scope: [{ type: 'grid', id: county.grids[0]?.id }], reason: '已在其中' } }, { code: 'SCOPE_EMPTY', field: 'scope' })
  })

  it('a press without a key of its own, without a preview, or let go too soon', async () => {
    const activations = { url: '/api/switch/activations', cookie: commander, payload: { preparationId: newId(), nonce: 'x'.repeat(32), heldMs: 3_000 } }
    await refuses(activations, { code: 'IDEMPOTENCY_KEY_REQUIRED' })
    await refuses({ ...activations, headers: { 'idempotency-key': 'short' } }, { code: 'IDEMPOTENCY_KEY_REQUIRED' })
    await refuses({ ...activations, headers: { 'idempotency-key': newId() } }, { code: 'NOT_FOUND' })
    await refuses({ ...activations, payload: { ...activations.payload, heldMs: 100 }, headers: { 'idempotency-key': newId() } }, { code: 'HOLD_TOO_SHORT', field: 'heldMs' })
  })

  it('an end that is past, an oral word for a low level, a response that is open already', async () => {
    await refuses({ ...preparations, payload: { ...asked, expectedUntil: '2026-06-30T00:00:00Z' } }, { code: 'EXPECTED_IN_PAST', field: 'expectedUntil' })
    await refuses({ ...preparations, payload: { ...asked, level: 3, approvalMode: 'oral' } }, { code: 'ORAL_APPROVAL_REFUSED', field: 'approvalMode' })
    await refuses({ ...preparations, payload: await words({ grids: [0, 1], level: 1 }) }, { code: 'EMERGENCY_ALREADY_OPEN' })
    await refuses({ url: `${at}/level`, cookie: commander, payload: { level: 1, reason: '无变化' } }, { code: 'LEVEL_UNCHANGED' })
  })

  it('a promise that is past or far away, a code that is forged', async () => {
    await refuses({ ...answers, payload: answer({ answer: 'later', promisedAt: '2026-07-05T02:00:00Z' }) }, { code: 'PROMISED_AT_INVALID', field: 'promisedAt' })
    await refuses({ ...answers, payload: answer({ answer: 'later', promisedAt: '2020-01-01T02:00:00Z' }) }, { code: 'PROMISED_AT_INVALID', field: 'promisedAt' })
    for (const code of ['forged', '签到码签到码', 'AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAA'])
      await refuses({ ...checkIns, payload: { method: 'code', checkInId: newId(), code } }, { code: 'CODE_INVALID', field: 'code' })
    await refuses({ url: `${at}/check-outs`, cookie: link, payload: { checkInId: newId() } }, { code: 'NOT_CHECKED_IN' })
  })
})

describe('when it is over', () => {
  it('an answer is kept as late and told so; a check-in and every command are refused; links die', async () => {
    const drill = await stage.press({ grids: [3], level: 1, isDrill: true, name: '演练' })
    const [late] = (await drill.members(3)) as [Member]
    const lateLink = await cookieOf(late.personId, drill.id)
    const [row] = await read<{ serial: number, ordinal: number }>(sql`select e.serial, p.ordinal from participants p join emergencies e on e.id = p.emergency_id where p.emergency_id = ${drill.id} and p.person_id = ${late.personId}`)
    expect((await stage.ends(drill, 'revoke')).status).toBe(200)

    const before = await late.row()
    const payload = answer()
    for (const replayed of [false, true])
      expect(await send({ url: `/api/emergencies/${drill.id}/answers`, cookie: lateLink, payload })).toMatchObject({ status: 200, body: { answerId: payload.answerId, isLate: true, replayed } })
    expect(await late.row()).toEqual(before)
    expect(await read(sql`select is_late from call_answers where answer_id = ${payload.answerId}`)).toEqual([{ is_late: true }])
    expect((await drill.events('call.answeredLate')).map(e => e.data.answerId)).toEqual([payload.answerId])

    await refuses({ url: `/api/emergencies/${drill.id}/check-ins`, cookie: lateLink, payload: position() }, { code: 'NO_EMERGENCY' })
    await refuses({ url: `/api/emergencies/${drill.id}/level`, cookie: commander, payload: { level: 2, reason: '已结束' } }, { code: 'EMERGENCY_CLOSED' })
    await refuses({ url: `/api/emergencies/${drill.id}/corrections`, cookie: commander, payload: { text: '已结束' } }, { code: 'EMERGENCY_CLOSED' })

    stage.clock.advance(25 * 60)
    await refuses({ url: `/api/links/${stage.linkOf(row?.serial ?? 0, row?.ordinal ?? 0)}`, payload: {} }, { code: 'LINK_INVALID' })
    await refuses({ url: `/api/emergencies/${drill.id}/answers`, cookie: lateLink, payload: answer() }, { code: 'UNAUTHENTICATED' })
    stage.clock.advance(-25 * 60)
  })
})

describe('odd letters', () => {
  it.each([
    ['a rare character of a name', '𠮷田㛃'],
    ['a family of emoji', '👨‍👩‍👧‍👦'],
    ['letters that run the other way', '\u202Etxt.exe'],
    ['combining marks', `Z${'\u0301'.repeat(30)}`],
    ['markup and statements', `<script>alert(1)</script>'; drop table persons; --`],
    ['what looks like a replacement', '$1 $& \\0'],
  ])('%s comes back as it was written', async (_, text) => {
    const { status, body } = await send({ url: `${at}/corrections`, cookie: commander, payload: { text } })
    expect(status, JSON.stringify(body)).toBe(200)
    const issued = await read<{ text: string }>(sql`select text from alerts where emergency_id = ${emergency.id} and kind = 'correction' and audience = 'team' order by issued_at desc, id desc limit 1`)
    expect(issued[0]?.text).toContain(text)
  })

  it('fill none of our own templates', async () => {
    expect((await send({ url: `${at}/corrections`, cookie: commander, payload: { text: '见{链接}，{name}' } })).status).toBe(200)
    await stage.runs('sms-sender')
    expect((await member.inbox()).at(-1)).toContain('见｛链接｝，｛name｝')
    const { body } = await send({ method: 'GET', url: `${at}/mine`, cookie: link })
    expect(body.notices.map((n: { text: string }) => n.text)).toContain('更正：见｛链接｝，｛name｝')
  })
})

// By chance ------------------------------------------------------------------------------------------
const someId = fc.constantFrom(emergency.id, member.personId, county.units[0]?.id ?? '', county.grids[0]?.id ?? '', county.communities[0]?.id ?? '', '00000000-0000-0000-0000-000000000000')
const KEYS = ['action', 'level', 'planId', 'scope', 'type', 'id', 'isDrill', 'name', 'reason', 'answer', 'answerId', 'promisedAt', 'note', 'checkInId', 'method', 'code', 'position', 'personId', 'personIds', 'marks', 'communityId', 'teamId', 'toTeamId', 'fromTeamId', 'standInId', 'phone', 'unitId', 'gridId', 'validFrom', 'lastDay', 'alertId', 'read', 'text', 'version', 'preparationId', 'nonce', 'heldMs', '__proto__', 'constructor', '']
const anything = fc.letrec(tie => ({
  value: fc.oneof({ maxDepth: 3, withCrossShrink: true }, someId, fc.constantFrom(null, true, 0, -1, 2 ** 53, 1e308, '', ' ', '\0', '\uD800', 'going', 'grid', 'county', '2026-07-01', '9999-12-31T23:59:59Z'), fc.string({ unit: 'binary' }), fc.double(), tie('list'), tie('object')),
  list: fc.array(tie('value'), { maxLength: 4 }),
  object: fc.dictionary(fc.constantFrom(...KEYS), tie('value'), { maxKeys: 6, noNullPrototype: true }),
})).value

/** Bodies that fit but for what chance put into one or two of their keys: they get past the door. */
function nearly(body: object): fc.Arbitrary<unknown> {
  const keys = Object.keys(body)
  return fc.subarray(keys, { maxLength: Math.min(2, keys.length) }).chain(changed => fc.tuple(...changed.map(() => fc.oneof(someId, anything))).map(values => ({ ...body, ...Object.fromEntries(changed.map((key, i) => [key, values[i]])) })))
}

const team = await emergency.team(0)
const reason = '按照要求'
const FITTING: Record<string, object> = {
  'POST /api/session': { phone: '15409320001', password: 'x' },
  'POST /api/links/:code': {},
  'POST /api/registry/people': newPerson,
  'POST /api/registry/exemptions': { personId: county.units[0]?.memberIds[3], reason: 'ill', note: '', validFrom: '2026-07-01', validTo: null },
  'POST /api/registry/pairings': { unitId: county.units[0]?.id, gridId: county.grids[3]?.id, isLead: false, validFrom: '2026-07-01' },
  'POST /api/registry/pairings/:pairingId/end': { lastDay: '2026-07-01' },
  'POST /api/people/:personId/phone-reveals': { reason },
  'PUT /api/plans/:planId/levels/:level': { version: 1, level: firstLevel },
  'POST /api/switch/preparations': asked,
  'POST /api/switch/activations': { preparationId: newId(), nonce: 'x'.repeat(32), heldMs: 3_000 },
  'POST /api/emergencies/:emergencyId/level': { level: 2, reason },
  'POST /api/emergencies/:emergencyId/adjustments/preview': { scope: [{ type: 'grid', id: county.grids[2]?.id }] },
  'POST /api/emergencies/:emergencyId/scope': { scope: [{ type: 'grid', id: county.grids[2]?.id }], reason },
  'POST /api/emergencies/:emergencyId/revoke': { reason },
  'POST /api/emergencies/:emergencyId/terminate': { reason, residualMeasures: '巡查' },
  'POST /api/emergencies/:emergencyId/lift': { reason },
  'POST /api/emergencies/:emergencyId/corrections': { text: '更正' },
  'POST /api/emergencies/:emergencyId/stand-down': { communityId: county.communities[0]?.id },
  'POST /api/emergencies/:emergencyId/archive': { reason },
  'POST /api/emergencies/:emergencyId/basis': { basis: '批复' },
  'POST /api/emergencies/:emergencyId/answers': answer(),
  'POST /api/emergencies/:emergencyId/receipts': { alertId: newId(), read: true },
  'POST /api/emergencies/:emergencyId/people/:personId/answers': answer(),
  'POST /api/emergencies/:emergencyId/unreachable': { personIds: [member.personId], reason },
  'POST /api/emergencies/:emergencyId/urges': { scope: { type: 'county', id: null } },
  'POST /api/emergencies/:emergencyId/check-ins': position(),
  'POST /api/emergencies/:emergencyId/check-outs': { checkInId: newId() },
  'POST /api/emergencies/:emergencyId/people/:personId/check-ins': { checkInId: newId() },
  'POST /api/emergencies/:emergencyId/people/:personId/check-outs': { checkInId: newId() },
  'POST /api/emergencies/:emergencyId/people/:personId/unsigned': { reason },
  'POST /api/emergencies/:emergencyId/roll-calls': { communityId: county.communities[0]?.id, teamId: team.id },
  'POST /api/roll-calls/:rollCallId/marks': { marks: [{ personId: member.personId, present: true }] },
  'POST /api/roll-calls/:rollCallId/close': {},
  'POST /api/emergencies/:emergencyId/teams/:teamId/confirm': {},
  'POST /api/emergencies/:emergencyId/teams/:teamId/captain': { personId: member.personId },
  'POST /api/emergencies/:emergencyId/people/:personId/move': { toTeamId: team.id, reason },
  'POST /api/emergencies/:emergencyId/people/:personId/release': { reason },
  'POST /api/emergencies/:emergencyId/people/:personId/substitute': { standInId: null, reason },
  'POST /api/emergencies/:emergencyId/reinforcements': { fromTeamId: team.id, toTeamId: newId(), personIds: [member.personId], reason },
  'POST /api/emergencies/:emergencyId/lessons': { text: '教训' },
  'POST /api/emergencies/:emergencyId/captain-calls': {},
}

/** These would end the emergency in which the others are tried: here they go to one that has ended. */
const ENDING = ['revoke', 'terminate', 'archive'].map(command => `POST /api/emergencies/:emergencyId/${command}`)

describe('whatever comes', () => {
  it('has a body that fits for every route that takes one', () => {
    expect(Object.keys(FITTING).sort()).toEqual(stage.routes.filter(r => r.method === 'POST' || r.method === 'PUT').map(r => `${r.method} ${r.url}`).sort())
  })

  it('is answered, refused or done, never an error', async () => {
    const officers = [commander, admin, await cookieOf(county.officers.secretaryOfFirst), unitSecretary]
    const ended = await stage.press({ grids: [3], isDrill: true, name: '已结束的演练' })
    await stage.ends(ended, 'revoke')
    const ids: Record<string, string> = { emergencyId: emergency.id, personId: member.personId, teamId: team.id, planId: asked.planId, level: '1', code: 'x', pairingId: newId(), rollCallId: newId() }
    const route = fc.constantFrom(...Object.keys(FITTING)).chain(name => fc.record({
      name: fc.constant(name),
      body: fc.oneof({ weight: 1, arbitrary: anything }, { weight: 3, arbitrary: nearly(FITTING[name] ?? {}) }),
      by: fc.constantFrom(...officers, link),
      other: fc.option(fc.constantFrom('00000000-0000-0000-0000-000000000000', '%00', 'x', '%F0%9F%92%A9'), { freq: 8 }),
    }))
    const seen = new Map<number, number>()
    await stage.storm(() => fc.assert(fc.asyncProperty(route, async ({ name, body, by, other }) => {
      const [method, pattern = ''] = name.split(' ')
      const url = pattern.replace(/:(\w+)/g, (_, key: string) => other ?? (ENDING.includes(name) ? ended.id : ids[key]) ?? '')
      const reply = await send({ method: method as 'POST', url, payload: JSON.stringify(body), cookie: by, headers: { 'idempotency-key': newId() } })
      seen.set(reply.status, (seen.get(reply.status) ?? 0) + 1)
      expect(reply.status, JSON.stringify(reply.body)).toBeLessThan(500)
      if (reply.status >= 400)
        expect(reply.body.error.code in ERRORS && CHINESE.test(reply.body.error.message), JSON.stringify(reply.body)).toBe(true)
    }), { numRuns: 2_000 }))
    // Chance came past the door often enough to mean something.
    expect([200, 400, 403, 404, 409].filter(status => (seen.get(status) ?? 0) < 10), JSON.stringify([...seen])).toEqual([])
    expect(await emergency.state()).toBe('activated')
  }, 180_000)
})
