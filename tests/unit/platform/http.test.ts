import type { Actor } from '../../../src/server/platform/http/index.ts'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { DomainError } from '../../../src/server/platform/errors.ts'
import { callerOf, createHttp, createRateLimit, serveWebClient } from '../../../src/server/platform/http/index.ts'
import { createLogger } from '../../../src/server/platform/logger.ts'

const ACTOR: Actor = { kind: 'account', sessionId: 's', personId: 'p', grants: [], emergencyId: null, expiresAt: new Date('2030-01-01') }
const PUBLIC_URL = 'https://pingji.example'
const SENDER = { 'x-requested-with': 'pingji' }

let missing: string | null = null
let logged: string[] = []

async function house(publicUrl = PUBLIC_URL) {
  logged = []
  const log = createLogger('warn', { write: (line: string) => void logged.push(line) })
  const http = await createHttp({
    config: { publicUrl, trustProxy: [], tls: null, timeZone: 'Asia/Shanghai' },
    log,
    authenticate: async request => request.headers.cookie?.includes('sid=good') === true ? ACTOR : null,
    notReady: () => missing,
  })
  const { app } = http
  app.get('/api/mine', { config: { access: 'x.view' } }, async request => ({ personId: callerOf(request).actor.personId }))
  app.post('/api/things', { config: { access: 'x.edit' }, schema: { body: z.strictObject({ name: z.string().min(2), on: z.boolean() }), response: { 200: z.object({ name: z.string() }) } } }, async request => request.body)
  app.get('/api/lists/:id', { config: { access: 'public' }, schema: { params: z.strictObject({ id: z.uuid() }), querystring: z.strictObject({ limit: z.coerce.number().int().max(10).default(5) }) } }, async request => request.query)
  app.get('/api/broken', { config: { access: 'public' } }, async () => {
    throw Object.assign(new Error('select phone from persons params: 13912345678'), { query: 'select', params: ['13912345678'] })
  })
  app.get('/api/refused', { config: { access: 'public' } }, async () => {
    throw new DomainError('RATE_LIMITED', { retryAfterSec: 7 })
  })
  app.get('/api/away', { config: { access: 'public' } }, async () => {
    throw new DomainError('DB_UNAVAILABLE')
  })
  return http
}

type House = Awaited<ReturnType<typeof house>>
let http: House
beforeEach(async () => {
  missing = null
  http = await house()
})
afterEach(() => http.app.close())

function post(payload: unknown, headers: Record<string, string> = {}) {
  return http.app.inject({
    method: 'POST',
    url: '/api/things',
    headers: { 'content-type': 'application/json', 'cookie': 'sid=good', ...SENDER, ...headers },
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
  })
}
const get = (url: string, headers: Record<string, string> = {}) => http.app.inject({ url, headers })

describe('input', () => {
  const good = { name: '王芳', on: true }

  it('a fitting body passes, and what the reply does not declare stays behind', async () => {
    const reply = await post(good)
    expect([reply.statusCode, reply.json()]).toEqual([200, { name: '王芳' }])
  })

  it.each([
    ['a wrong type', { name: '王芳', on: 'true' }, 'on'],
    ['an unknown key', { ...good, extra: 1 }, ''],
    ['too short', { ...good, name: '王' }, 'name'],
    ['missing', { on: true }, 'name'],
    ['NUL', { ...good, name: 'a\0b' }, 'name'],
    ['half a character', { ...good, name: 'a\uD800b' }, 'name'],
  ])('%s is a 400 with field and sentence', async (_, body, path) => {
    const reply = await post(body)
    expect(reply.statusCode).toBe(400)
    const { error } = reply.json<{ error: { code: string, message: string, details: { issues: { path: string, message: string }[] } } }>()
    expect(error.code).toBe('VALIDATION_FAILED')
    expect(error.details.issues[0]?.path).toBe(path)
    expect(error.message).toMatch(/填写有误：.*[\u4E00-\u9FFF]/)
  })

  it('speaks the reader\'s language: cookie before header, Chinese by default', async () => {
    const messageFor = async (headers: Record<string, string>) => (await post({ ...good, extra: 1 }, headers)).json<{ error: { message: string } }>().error.message
    expect(await messageFor({ 'accept-language': 'en-GB,en' })).toBe('Please correct: Unrecognized key: "extra"')
    expect(await messageFor({ 'accept-language': 'en', 'cookie': 'sid=good; lang=zh-CN' })).toMatch(/^填写有误/)
    expect(await messageFor({ 'accept-language': 'fr' })).toMatch(/^填写有误/)
  })

  it.each([
    ['broken JSON', '{"name":', {}, 400, 'MALFORMED_JSON'],
    ['no body', '', {}, 400, 'MALFORMED_JSON'],
    ['a poisoned prototype', '{"__proto__":{"a":1},"name":"王芳","on":true}', {}, 400, 'MALFORMED_JSON'],
    ['text', 'name=x', { 'content-type': 'text/plain' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['a form', 'name=x', { 'content-type': 'application/x-www-form-urlencoded' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['5 MB', JSON.stringify({ name: 'x'.repeat(5_000_000) }), {}, 413, 'BODY_TOO_LARGE'],
  ])('%s', async (_, payload, headers, status, code) => {
    const reply = await post(payload, headers)
    expect([reply.statusCode, reply.json<{ error: { code: string } }>().error.code]).toEqual([status, code])
  })

  it('checks parameters and queries alike', async () => {
    expect((await get('/api/lists/7')).json()).toMatchObject({ error: { details: { issues: [{ path: 'id' }] } } })
    const id = '0192f0c0-0000-7000-8000-000000000000'
    expect((await get(`/api/lists/${id}?limit=11`)).statusCode).toBe(400)
    expect((await get(`/api/lists/${id}?other=1`)).statusCode).toBe(400)
    expect((await get(`/api/lists/${id}`)).json()).toEqual({ limit: 5 })
  })

  it.each(['/nowhere', '/api/nowhere', '/api/lists/a/b/c'])('%s is a 404 with the body of every refusal', async (url) => {
    const reply = await get(url)
    expect(reply.statusCode).toBe(404)
    expect(reply.json()).toEqual({ error: { code: 'NOT_FOUND', message: '没有找到', requestId: reply.headers['x-request-id'] } })
  })

  it('an address that cannot be decoded is a 400 with the body of every refusal', async () => {
    const reply = await get('/api/%zz', { 'accept-language': 'en' })
    expect([reply.statusCode, reply.json<{ error: { code: string, message: string } }>().error.message]).toEqual([400, 'The request is malformed'])
  })
})

describe('failures', () => {
  it('a bug shows nothing of itself, to the reader or in the log', async () => {
    const reply = await get('/api/broken')
    expect(reply.statusCode).toBe(500)
    expect(reply.json()).toMatchObject({ error: { code: 'INTERNAL', requestId: reply.headers['x-request-id'] } })
    expect(logged).toHaveLength(1)
    expect(logged[0]).toContain(reply.headers['x-request-id'])
    expect(`${reply.body}${logged[0]}`).not.toMatch(/13912345678|select/)
  })

  it('a refusal is not logged and says when to come back', async () => {
    expect((await get('/api/refused')).headers['retry-after']).toBe('7')
    const away = await get('/api/away')
    expect([away.statusCode, away.headers['retry-after']]).toEqual([503, '2'])
    expect(logged).toEqual([])
  })

  it('a reply that does not fit its schema is a bug, not a leak', async () => {
    http.app.get('/api/wrong', { config: { access: 'public' }, schema: { response: { 200: z.strictObject({ n: z.number() }) } } }, async () => ({ n: 'secret' } as never))
    const reply = await get('/api/wrong')
    expect([reply.statusCode, reply.body.includes('secret')]).toEqual([500, false])
  })
})

describe('who may ask', () => {
  it('a route with a rule wants a session; its public neighbour does not', async () => {
    expect((await get('/api/mine')).json()).toMatchObject({ error: { code: 'UNAUTHENTICATED' } })
    expect((await get('/api/mine', { cookie: 'sid=bad' })).statusCode).toBe(401)
    expect((await get('/api/mine', { cookie: 'sid=good' })).json()).toEqual({ personId: 'p' })
  })

  it('an address written otherwise is guarded as its route is', async () => {
    expect((await get('/%61pi/mine')).statusCode).toBe(401)
    expect((await http.app.inject({ method: 'POST', url: '/%61pi/things', headers: { 'cookie': 'sid=good', 'content-type': 'application/json' }, payload: '{}' })).json()).toMatchObject({ error: { code: 'ORIGIN_REFUSED' } })
  })

  it('a route of the interface that names no rule does not come up', () => {
    expect(() => http.app.get('/api/forgotten', async () => ({}))).toThrow(/access table/)
  })

  it('tells its routes', () => {
    expect(http.routes).toContainEqual({ method: 'POST', url: '/api/things', access: 'x.edit' })
    expect(http.routes.filter(route => route.access === '')).toEqual([])
  })

  it.each([
    ['without the sender\'s header', { 'x-requested-with': 'XMLHttpRequest' }],
    ['from another origin', { origin: 'https://evil.example' }],
    ['from a sandboxed frame', { origin: 'null' }],
    ['from a sibling domain', { 'sec-fetch-site': 'same-site' }],
    ['from another site', { 'sec-fetch-site': 'cross-site' }],
  ])('an unsafe request %s is refused', async (_, headers) => {
    const reply = await post({ name: '王芳', on: true }, headers)
    expect([reply.statusCode, reply.json<{ error: { code: string } }>().error.code]).toEqual([403, 'ORIGIN_REFUSED'])
  })

  it.each([
    ['from our own page', { 'origin': PUBLIC_URL, 'sec-fetch-site': 'same-origin' }],
    ['from the same server under another name', { origin: 'http://10.0.0.5:3000', host: '10.0.0.5:3000' }],
    ['from a program', {}],
  ])('an unsafe request %s passes', async (_, headers) => {
    expect((await post({ name: '王芳', on: true }, headers)).statusCode).toBe(200)
  })
})

describe('headers', () => {
  it('pages load nothing from elsewhere and nothing inline', async () => {
    const { headers } = await get('/healthz')
    const policy = String(headers['content-security-policy'])
    expect(policy).toContain('default-src \'none\'')
    expect(policy).toContain('connect-src \'self\' wss://pingji.example')
    expect(policy).not.toContain('unsafe')
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'strict-transport-security': expect.stringContaining('max-age'), 'cross-origin-opener-policy': 'same-origin', 'referrer-policy': 'no-referrer' })
  })

  it('without TLS no browser is told to insist on it', async () => {
    await http.app.close()
    http = await house('http://10.0.0.5:3000')
    expect((await get('/healthz')).headers['strict-transport-security']).toBeUndefined()
  })

  it('no reply of the interface is kept by a cache', async () => {
    expect((await get('/api/mine', { cookie: 'sid=good' })).headers['cache-control']).toBe('no-store')
  })
})

describe('operations', () => {
  it('is alive without the database, and ready only with it', async () => {
    missing = 'database unavailable'
    expect((await get('/healthz', { cookie: 'sid=good' })).statusCode).toBe(200)
    expect((await get('/readyz')).statusCode).toBe(503)
    missing = null
    expect((await get('/readyz')).json()).toEqual({ status: 'ready' })
  })

  it('counts requests by route, never by address', async () => {
    await get('/api/lists/0192f0c0-0000-7000-8000-000000000000')
    const metrics = (await get('/metrics')).body
    expect(metrics).toContain('http_request_duration_seconds_count{method="GET",route="/api/lists/:id",status="200"} 1')
    expect(metrics).not.toContain('0192f0c0')
  })

  it('documents itself, for programs and for people, from its own address only', async () => {
    const spec = (await get('/api/openapi.json')).json<{ openapi: string, paths: Record<string, unknown> }>()
    expect(spec.openapi).toBe('3.1.0')
    expect(Object.keys(spec.paths)).toEqual(['/api/mine', '/api/things', '/api/lists/{id}', '/api/broken', '/api/refused', '/api/away'])
    const page = await get('/api/docs')
    expect(page.body).not.toMatch(/https?:/)
    expect(page.headers['content-security-policy']).not.toMatch(/script-src[^;]*unsafe/)
    for (const [, source] of page.body.matchAll(/src="([^"]+)"/g)) {
      const script = await get(source ?? '')
      expect([script.statusCode, script.headers['content-type']]).toEqual([200, expect.stringContaining('javascript')])
    }
  })
})

describe('limits', () => {
  it('slows one key, leaves others alone, and forgives after a success', async () => {
    const limit = createRateLimit(2, 60)
    await limit.take('a')
    await limit.take('a')
    await expect(limit.take('a')).rejects.toMatchObject({ code: 'RATE_LIMITED', details: { retryAfterSec: expect.any(Number) } })
    await limit.take('b')
    await limit.forgive('a')
    await limit.take('a')
  })
})

describe('closing', () => {
  it('lets the request under way finish, and says so to the next', async () => {
    let release = () => {}
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    let entered = () => {}
    const inside = new Promise<void>((resolve) => {
      entered = resolve
    })
    http.app.get('/api/slow', { config: { access: 'public' } }, async () => {
      entered()
      await released
      return { done: true }
    })
    const url = await http.app.listen({ port: 0, host: '127.0.0.1' })
    const reply = fetch(`${url}/api/slow`)
    await inside
    const closed = http.app.close()
    release()
    expect(await (await reply).json()).toEqual({ done: true })
    await closed
  })

  it('does not wait for a connection that only sits there', async () => {
    const url = new URL(await http.app.listen({ port: 0, host: '127.0.0.1' }))
    const idle = connect(Number(url.port), '127.0.0.1')
    await new Promise(resolve => idle.once('connect', resolve))
    await http.app.close()
    idle.destroy()
  })
})

describe('the web client', () => {
  const root = mkdtempSync(join(tmpdir(), 'pingji-web-'))
  afterAll(() => rmSync(root, { recursive: true }))
  mkdirSync(join(root, 'assets'))
  for (const page of ['console', 'phone', 'board'])
    writeFileSync(join(root, `${page}.html`), `<title>${page}</title>`)
  writeFileSync(join(root, 'assets/app-1a2b.js'), 'export {}')
  writeFileSync(join(root, 'assets/app-1a2b.js.br'), 'packed')
  writeFileSync(join(root, '.sources'), 'stamp')
  beforeEach(() => serveWebClient(http.app, root))

  it.each([
    ['/', 'console'],
    ['/sign-in', 'console'],
    ['/emergencies/1/teams', 'console'],
    ['/m', 'phone'],
    ['/m/me?x=1', 'phone'],
    ['/a/AbC123', 'phone'],
    ['/c/AaIO_9Igdh-7HSUFFriGaA.V2vnoemGQivg', 'phone'],
    ['/c/AaIO_9Igdh-7HSUFFriGaA.V2vno-mGQiv_', 'phone'],
    ['/wall/county', 'board'],
    ['/constructor', 'console'],
    ['/__proto__', 'console'],
  ])('%s is answered by the %s page, never from a cache', async (url, page) => {
    const reply = await get(url)
    expect(reply.body).toBe(`<title>${page}</title>`)
    expect(reply.headers['cache-control']).toBe('no-cache')
  })

  it('hashed files stay for ever and come compressed to those who can', async () => {
    expect((await get('/assets/app-1a2b.js')).headers).toMatchObject({ 'cache-control': 'public, max-age=31536000, immutable', 'content-type': expect.stringContaining('javascript') })
    expect((await get('/assets/app-1a2b.js', { 'accept-encoding': 'br' })).headers).toMatchObject({ 'content-encoding': 'br', 'content-type': expect.stringContaining('javascript') })
  })

  it.each(['/assets/app-gone.js', '/m/gone.js', '/wall/x.css', '/api/nowhere', '/favicon.png', '/.sources', '/../package.json', '/%2e%2e/package.json'])('%s is not there, and no page pretends to be it', async (url) => {
    const reply = await get(url)
    expect([reply.statusCode, reply.json<{ error: { code: string } }>().error.code]).toEqual([404, 'NOT_FOUND'])
  })
})
