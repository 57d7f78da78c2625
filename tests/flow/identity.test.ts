import type { Me } from '../../src/contract/identity.ts'
import { sql } from 'drizzle-orm'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { createIdentity, hashPassword, POLICY, saveAccount } from '../../src/server/modules/identity/index.ts'
import { NOON, openHouse } from '../harness/house.ts'

const house = await openHouse()
const { built, clock, person, phone, tx } = house
const PASSWORD = '平急结合 2026'

beforeAll(async () => {
  const hash = await hashPassword(PASSWORD)
  await tx(async (t) => {
    for (const name of ['东城书记', '指挥长', '商务局书记', '当归城网格长'])
      await saveAccount(t, person[name] ?? '', hash)
  })
})

// A session is taken on trust for two seconds of the process's own time.
let aheadMs = 0
const monotonic = performance.now.bind(performance)
vi.spyOn(performance, 'now').mockImplementation(() => monotonic() + aheadMs)
const trustRunsOut = () => void (aheadMs += 2_000)

const nobody = house.speak(null)
const signIn = (who: string, password = PASSWORD) => nobody('POST', '/api/session', { phone: phone[who] ?? who, password })

function cookieFrom(headers: Record<string, unknown>): string {
  return String([headers['set-cookie']].flat()[0]).split(';')[0] ?? ''
}

describe('signing in', () => {
  it('opens a session that says who one is', async () => {
    const { status, body, headers } = await signIn('东城书记')
    expect(status).toBe(200)
    const cookie = String([headers['set-cookie']].flat()[0])
    expect(cookie).toMatch(/^sid=[\w-]{43}; .*HttpOnly; SameSite=Lax/)
    const me = body as Me
    expect(me).toMatchObject({ personId: person.东城书记, name: '东城书记', sessionKind: 'account', emergencyId: null, phoneMasked: `154****${phone.东城书记?.slice(-4)}` })
    expect(me.grants).toEqual([{ role: 'communitySecretary', scope: { type: 'community', id: house.community.东城 }, scopeName: '东城社区' }])
    expect(await house.speak(cookieFrom(headers))('GET', '/api/me')).toMatchObject({ status: 200, body: me })
  })

  it('knows the number however it is typed', async () => {
    const typed = `+86 ${phone.指挥长?.slice(0, 3)}-${phone.指挥长?.slice(3, 7)} ${phone.指挥长?.slice(7)}`
    expect((await signIn(typed)).status).toBe(200)
  })

  it('keeps only a hash of the token', async () => {
    const { headers } = await signIn('东城书记')
    const token = cookieFrom(headers).slice('sid='.length)
    const rows = await tx(t => t.execute<{ kept: string }>(sql`select encode(token_hash, 'hex') as kept from sessions where token_hash = sha256(convert_to(${token}, 'UTF8'))`))
    expect(rows).toHaveLength(1)
  })

  it('refuses a wrong password and an unknown number with the same words', async () => {
    const wrong = await signIn('东城书记', 'wrong')
    const unknown = await nobody('POST', '/api/session', { phone: '15409329999', password: PASSWORD })
    const without = await signIn('值班员')
    const noPhone = await nobody('POST', '/api/session', { phone: 'not a phone', password: PASSWORD })
    for (const reply of [wrong, unknown, without, noPhone]) {
      expect(reply).toMatchObject({ status: 401, code: 'SIGN_IN_FAILED' })
      expect((reply.body as { error: { message: string } }).error.message).toBe((wrong.body as { error: { message: string } }).error.message)
      expect(reply.headers['set-cookie']).toBeUndefined()
    }
  })

  it('takes as long for an unknown number as for a wrong password', async () => {
    const timed = async (number: string) => {
      const spans: number[] = []
      for (let i = 0; i < 5; i++) {
        const from = performance.now()
        await nobody('POST', '/api/session', { phone: number, password: 'wrong' })
        spans.push(performance.now() - from)
      }
      return spans.sort((a, b) => a - b)[2] ?? 0
    }
    const known = await timed(phone.商务局书记 ?? '')
    const unknown = await timed('15409329998')
    expect(unknown).toBeGreaterThan(known / 3)
    expect(known).toBeGreaterThan(unknown / 3)
  })

  it('slows guessing at one account, without locking others or the next minute out', async () => {
    for (let i = 0; i < 10; i++)
      expect((await signIn('当归城网格长', 'wrong')).status).toBe(401)
    expect(await signIn('当归城网格长')).toMatchObject({ status: 429, code: 'RATE_LIMITED', headers: { 'retry-after': expect.stringMatching(/^\d+$/) } })
    expect((await signIn('指挥长')).status).toBe(200)
  })

  it('refuses a disabled account, and ends its sessions', async () => {
    const { headers } = await signIn('商务局书记')
    expect((await house.speak(cookieFrom(headers))('GET', '/api/me')).status).toBe(200)
    trustRunsOut()
    await tx(t => t.execute(sql`update accounts set disabled = true where person_id = ${person.商务局书记}`))
    expect(await signIn('商务局书记')).toMatchObject({ status: 401, code: 'SIGN_IN_FAILED' })
    expect(await house.speak(cookieFrom(headers))('GET', '/api/me')).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' })
    await tx(t => t.execute(sql`update accounts set disabled = false where person_id = ${person.商务局书记}`))
    expect((await signIn('商务局书记')).status).toBe(200)
  })

  it.each([
    ['unknown key', { phone: '15409320001', password: 'x', admin: true }],
    ['no password', { phone: '15409320001' }],
    ['wrong type', { phone: 15409320001, password: 'x' }],
    ['too long', { phone: '15409320001', password: 'x'.repeat(201) }],
  ])('refuses a malformed request: %s', async (_, body) => {
    expect(await nobody('POST', '/api/session', body)).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' })
  })

  it('refuses a request from another site', async () => {
    const reply = await built.app.inject({ method: 'POST', url: '/api/session', headers: { 'x-requested-with': 'pingji', 'origin': 'https://evil.example', 'content-type': 'application/json' }, payload: '{}' })
    expect(reply.statusCode).toBe(403)
    const plain = await built.app.inject({ method: 'POST', url: '/api/session', headers: { 'content-type': 'application/json' }, payload: '{}' })
    expect(plain.json()).toMatchObject({ error: { code: 'ORIGIN_REFUSED' } })
  })
})

describe('a session', () => {
  it('ends by signing out, at once', async () => {
    const cookie = cookieFrom((await signIn('东城书记')).headers)
    const me = house.speak(cookie)
    expect((await me('GET', '/api/me')).status).toBe(200)
    const out = await me('DELETE', '/api/session')
    expect(out.status).toBe(204)
    expect(String(out.headers['set-cookie'])).toContain('sid=;')
    expect(await me('GET', '/api/me')).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' })
  })

  it('ends after an hour without use, and lives on with use', async () => {
    const idle = house.speak(cookieFrom((await signIn('东城书记')).headers))
    const used = house.speak(cookieFrom((await signIn('东城书记')).headers))
    for (let minutes = 25; minutes <= 75; minutes += 25) {
      clock.set(new Date(NOON.getTime() + minutes * 60_000))
      trustRunsOut()
      expect((await used('GET', '/api/me')).status).toBe(200)
    }
    expect((await idle('GET', '/api/me')).status).toBe(401)
    clock.set(NOON)
  })

  it('ends after twelve hours whatever happens', async () => {
    const used = house.speak(cookieFrom((await signIn('东城书记')).headers))
    for (let minutes = 50; minutes < 720; minutes += 50) {
      clock.set(new Date(NOON.getTime() + minutes * 60_000))
      trustRunsOut()
      expect((await used('GET', '/api/me')).status).toBe(200)
    }
    clock.set(new Date(NOON.getTime() + 720 * 60_000))
    // Also where it is still taken on trust.
    expect((await used('GET', '/api/me')).status).toBe(401)
    clock.set(NOON)
  })

  it('ends when a new password is given', async () => {
    const cookie = cookieFrom((await signIn('指挥长')).headers)
    expect((await house.speak(cookie)('GET', '/api/me')).status).toBe(200)
    trustRunsOut()
    await tx(async t => saveAccount(t, person.指挥长 ?? '', await hashPassword(PASSWORD)))
    expect((await house.speak(cookie)('GET', '/api/me')).status).toBe(401)
  })

  it('cannot be forged', async () => {
    for (const token of ['', 'x', 'A'.repeat(43), '%00', '\'; drop table sessions'])
      expect((await house.speak(`sid=${token}`)('GET', '/api/me')).status).toBe(401)
  })

  it('carries the roles of the day: a grant that begins or ends is felt at once', async () => {
    const me = await house.as('东城干部')
    const roles = async () => {
      trustRunsOut()
      return ((await me('GET', '/api/me')).body as Me).grants.map(g => g.role)
    }
    expect(await roles()).toEqual(['communityCadre'])
    await tx(t => t.execute(sql`update role_grants set valid_to = '2026-06-14' where person_id = ${person.东城干部}`))
    expect(await roles()).toEqual([])
    expect((await me('GET', '/api/registry/tree')).status).toBe(403)
    await tx(t => t.execute(sql`update role_grants set valid_to = null where person_id = ${person.东城干部}`))
  })

  it('counts days in the county\'s zone', async () => {
    await tx(t => t.execute(sql`update role_grants set valid_to = '2026-06-15' where person_id = ${person.东城干部}`))
    clock.set(new Date('2026-06-15T15:59:00Z'))
    const me = await house.as('东城干部')
    expect(((await me('GET', '/api/me')).body as Me).grants).toHaveLength(1)
    clock.set(new Date('2026-06-15T16:00:00Z'))
    trustRunsOut()
    expect(((await me('GET', '/api/me')).body as Me).grants).toHaveLength(0)
    clock.set(NOON)
    await tx(t => t.execute(sql`update role_grants set valid_to = null where person_id = ${person.东城干部}`))
  })

  it('leaves a record for the months that the law asks for, and no longer', async () => {
    const jobs = new Map<string, () => Promise<void>>()
    const identity = createIdentity({ db: house.db, clock, config: { publicUrl: 'http://localhost', timeZone: 'Asia/Shanghai' }, people: { phoneHash: () => null, describe: () => Promise.reject(new Error('asked of nobody')) } })
    identity.startJobs({ cron: (name, _, job) => void jobs.set(name, job), loop: () => {}, every: () => ({ wake: () => {} }), stop: async () => {} })
    const left = async (daysAgo: number) => {
      await tx(t => t.execute(sql`update sessions set expires_at = ${new Date(NOON.getTime() - daysAgo * 86_400_000).toISOString()} where person_id = ${person.审计员}`))
      await jobs.get('old-sessions')?.()
      return (await tx(t => t.execute(sql`select 1 from sessions where person_id = ${person.审计员}`))).length
    }
    await house.cookieOf('审计员')
    expect(await left(190)).toBe(1)
    expect(await left(201)).toBe(0)
  })

  it('of a link shows no office, and opens nothing of the county', async () => {
    const emergencyId = crypto.randomUUID()
    const link = house.speak(await house.cookieOf('东城书记', { emergencyId }))
    expect((await link('GET', '/api/me')).body).toMatchObject({ sessionKind: 'link', emergencyId, grants: [] })
    for (const url of ['/api/registry/tree', '/api/registry/people', '/api/plans', `/api/plans/rosters/${house.grid.当归城}`])
      expect(await link('GET', url), url).toMatchObject({ status: 403, code: 'FORBIDDEN' })
  })
})

describe('https', async () => {
  const secure = await openHouse({ env: { PUBLIC_URL: 'https://pingji.example' } })

  it('names the cookie __Host-sid, and takes it back with the same attributes', async () => {
    await secure.tx(async t => saveAccount(t, secure.person.指挥长 ?? '', await hashPassword(PASSWORD)))
    const opened = await secure.speak(null)('POST', '/api/session', { phone: secure.phone.指挥长, password: PASSWORD })
    const set = String([opened.headers['set-cookie']].flat()[0])
    expect(set).toMatch(/^__Host-sid=[\w-]{43}; Path=\/; .*HttpOnly; Secure; SameSite=Lax/)
    expect(set).not.toMatch(/Domain/i)
    const closed = await secure.speak(set.split(';')[0] ?? '')('DELETE', '/api/session')
    expect(String(closed.headers['set-cookie'])).toMatch(/^__Host-sid=; .*Path=\/; .*Secure/)
  })
})

describe('an address', async () => {
  const office = await openHouse()

  it('that fails at many accounts is slowed, and one that succeeds is not', async () => {
    await office.tx(async t => saveAccount(t, office.person.指挥长 ?? '', await hashPassword(PASSWORD)))
    const anyone = office.speak(null)
    const attempt = (number: string) => anyone('POST', '/api/session', { phone: number, password: PASSWORD })
    for (let i = 0; i < 8; i++)
      expect((await attempt(office.phone.指挥长 ?? '')).status).toBe(200)
    const failures = await Promise.all(Array.from({ length: 60 }, (_, i) => attempt(`1540933${String(i).padStart(4, '0')}`)))
    expect(new Set(failures.map(r => r.status))).toEqual(new Set([401]))
    expect(await attempt('15409339999')).toMatchObject({ status: 429, code: 'RATE_LIMITED' })
  })
})

describe('before signing in', () => {
  it('tells the county and its mode to anyone', async () => {
    expect(await nobody('GET', '/api/county')).toMatchObject({ status: 200, body: { name: '岷县', deployment: 'demo', mode: 'peacetime', open: [], now: NOON.toISOString() } })
  })

  it('prints the demo\'s accounts in the demo alone', async () => {
    expect((await nobody('GET', '/api/demo/accounts')).status).toBe(200)
  })

  it('opens nothing else', async () => {
    const open = built.routes.filter(r => r.access === 'public').map(r => `${r.method} ${r.url}`)
    for (const { method, url, access } of built.routes) {
      if (access === 'public' || !url.startsWith('/api/'))
        continue
      const address = url.replace(/:\w+/g, () => crypto.randomUUID())
      const reply = await nobody(method as 'GET', address, method === 'GET' || method === 'DELETE' ? undefined : {})
      expect(reply, `${method} ${url}`).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' })
    }
    // The interface's own description apart, which tells of no county.
    expect(open.filter(o => o.includes(' /api/') && !/ \/api\/(?:docs|openapi)/.test(o)).sort()).toEqual(['GET /api/county', 'GET /api/demo/accounts', 'POST /api/links/:code', 'POST /api/session'])
  })

  it('has an action of the access table for every route', () => {
    const known = new Set<string>([...Object.keys(POLICY), 'public'])
    expect(built.routes.filter(r => !known.has(r.access)).map(r => `${r.method} ${r.url} ${r.access}`)).toEqual([])
  })
})

describe('production', async () => {
  const production = await openHouse({ env: { MODE: 'production', PUBLIC_URL: 'http://localhost' } })

  it('has no demo account and no sandbox', async () => {
    const anyone = production.speak(null)
    expect((await anyone('GET', '/api/demo/accounts')).status).toBe(404)
    expect((await anyone('GET', '/api/county')).body).toMatchObject({ deployment: 'production' })
    expect(production.built.routes.some(r => r.url.includes('sandbox'))).toBe(false)
  })
})

it('logs no error', () => {
  expect(house.errors).toEqual([])
})
