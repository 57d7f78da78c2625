import { Buffer } from 'node:buffer'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ERRORS } from '../../../src/contract/errors.ts'
import { dayOf, timeOf } from '../../../src/server/platform/clock.ts'
import { ConfigError, readConfig } from '../../../src/server/platform/config.ts'
import { DomainError, renderError } from '../../../src/server/platform/errors.ts'
import { languageOf } from '../../../src/server/platform/http/language.ts'
import { isForeignOrigin } from '../../../src/server/platform/http/origin.ts'
import { newId, randomToken } from '../../../src/server/platform/ids.ts'
import { createLogger } from '../../../src/server/platform/logger.ts'
import { loadSecrets } from '../../../src/server/platform/secrets.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pingji-unit-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function faultsOf(work: () => unknown): string[] {
  try {
    work()
  }
  catch (error) {
    if (error instanceof ConfigError)
      return error.faults
    throw error
  }
  return []
}

describe('configuration', () => {
  it('stands on its own: nothing set is a demo on this machine', () => {
    expect(readConfig({})).toMatchObject({ mode: 'demo', port: 3000, publicUrl: 'http://localhost:3000', databaseUrl: null, tls: null, trustProxy: [], timeZone: 'Asia/Shanghai' })
  })

  it('lists faults of single variables and of several together at once', () => {
    const faults = faultsOf(() => readConfig({ MODE: 'production', PORT: 'x', DATABASE_URL: 'nonsense', TLS_CERT: '/nowhere' }))
    expect(faults.map(f => f.split(':')[0])).toEqual(['PORT', 'DATABASE_URL', 'TLS_CERT', 'TLS_CERT', 'PUBLIC_URL'])
  })

  it('lists every fault at once, by name', () => {
    const faults = faultsOf(() => readConfig({ MODE: 'prod', PORT: '70000', PUBLIC_URL: 'ftp://x', TRUST_PROXY: '10.0.0.999', DATABASE_URL: 'mysql://x', LOG_LEVEL: 'loud', TZ_COUNTY: 'Mars/Base', COUNTY_NAME: '岷' }))
    expect(faults.map(fault => fault.split(':')[0])).toEqual(['MODE', 'PORT', 'PUBLIC_URL', 'TRUST_PROXY', 'DATABASE_URL', 'LOG_LEVEL', 'TZ_COUNTY', 'COUNTY_NAME'])
  })

  it('an empty variable counts as not set', () => {
    expect(readConfig({ PORT: '', DATABASE_URL: '', MODE: '', TRUST_PROXY: '' })).toEqual(readConfig({}))
  })

  it('production needs the address that links are built from', () => {
    expect(faultsOf(() => readConfig({ MODE: 'production' }))).toEqual([expect.stringMatching(/^PUBLIC_URL/)])
    expect(readConfig({ MODE: 'production', PUBLIC_URL: 'https://pingji.example/' }).publicUrl).toBe('https://pingji.example')
  })

  it('an address with a path would break every link', () => {
    expect(faultsOf(() => readConfig({ PUBLIC_URL: 'https://example.org/pingji' }))).toHaveLength(1)
  })

  it('certificate and key go together and must be there', () => {
    expect(faultsOf(() => readConfig({ TLS_CERT: '/nowhere' }))).toHaveLength(2)
    for (const name of ['cert', 'key'])
      writeFileSync(join(folder, name), name)
    const config = readConfig({ TLS_CERT: join(folder, 'cert'), TLS_KEY: join(folder, 'key'), PORT: '8443' })
    expect([config.publicUrl, config.tls?.key.toString()]).toEqual(['https://localhost:8443', 'key'])
  })

  it.each(['10.0.0.1', '10.0.0.0/8, fd00::/8', '::1'])('trusts the proxies %s', (list) => {
    expect(readConfig({ TRUST_PROXY: list }).trustProxy).toHaveLength(list.split(',').length)
  })

  it.each(['true', '10.0.0.0/33', '*', '10.0.0.1;10.0.0.2', 'proxy.example'])('does not trust %s', (list) => {
    expect(faultsOf(() => readConfig({ TRUST_PROXY: list }))).toHaveLength(1)
  })

  it('does not change afterwards', () => {
    expect(() => Object.assign(readConfig({}), { port: 1 })).toThrow(TypeError)
  })
})

describe('keys', () => {
  const KEY = Buffer.alloc(32, 7)

  it('are made once, kept for the owner alone, and found again', () => {
    const first = loadSecrets(folder, {})
    const file = join(folder, 'secrets.json')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(loadSecrets(folder, {}).phoneKey.bytes).toEqual(first.phoneKey.bytes)
    expect(first.phoneKey.bytes).toHaveLength(32)
    expect(first.phoneKey.bytes.equals(first.linkKey.bytes)).toBe(false)
  })

  it.each([['hex', KEY.toString('hex')], ['base64', KEY.toString('base64')]])('come from the environment as %s', (_, text) => {
    expect(loadSecrets(folder, { PHONE_KEY: text }).phoneKey.bytes).toEqual(KEY)
  })

  it('come from a file', () => {
    writeFileSync(join(folder, 'key'), `${KEY.toString('hex')}\n`)
    expect(loadSecrets(folder, { LINK_KEY_FILE: join(folder, 'key') }).linkKey.bytes).toEqual(KEY)
  })

  it('a new name is added beside what stands', () => {
    const first = loadSecrets(folder, {})
    const file = join(folder, 'secrets.json')
    const { linkKey: _, ...older } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>
    writeFileSync(file, JSON.stringify(older))
    const second = loadSecrets(folder, {})
    expect(second.phoneKey.bytes).toEqual(first.phoneKey.bytes)
    expect(second.linkKey.bytes).not.toEqual(first.linkKey.bytes)
    expect(loadSecrets(folder, {}).linkKey.bytes).toEqual(second.linkKey.bytes)
  })

  it('every fault is listed, and none shows what it found', () => {
    const faults = faultsOf(() => loadSecrets(folder, { PHONE_KEY: 'tooshort', LINK_KEY_FILE: join(folder, 'nowhere') }))
    expect(faults).toHaveLength(2)
    expect(faults.join()).not.toContain('tooshort')
  })

  it.each(['{', '[]', JSON.stringify({ phoneKey: 'ab', phoneHashKey: 'ab', linkKey: 'ab', checkInKey: 'ab', auditKey: 'ab' })])('a damaged file is never written over: %s', (text) => {
    const file = join(folder, 'secrets.json')
    writeFileSync(file, text)
    expect(faultsOf(() => loadSecrets(folder, {})).length).toBeGreaterThan(0)
    expect(readFileSync(file, 'utf8')).toBe(text)
  })

  it('print as nothing, however they are asked', () => {
    const secrets = loadSecrets(folder, {})
    const hex = secrets.phoneKey.bytes.toString('hex')
    const prints = [String(secrets.phoneKey), JSON.stringify(secrets), inspect(secrets, { depth: 9 })]
    expect(prints.filter(text => text.includes(hex))).toEqual([])
    expect(prints[0]).toBe('***')
  })
})

describe('the log', () => {
  function logged(work: (log: ReturnType<typeof createLogger>) => void): string {
    const lines: string[] = []
    work(createLogger('trace', { write: (line: string) => void lines.push(line) }))
    return lines.join('')
  }

  it.each(['phone', 'password', 'token', 'cookie', 'authorization', 'code', 'nonce', 'secondFactor'])('never shows a %s, at the top or one level down', (name) => {
    const text = logged(log => log.info({ [name]: 'visible', inner: { [name]: 'visible' } }, 'x'))
    expect(text).not.toContain('visible')
  })

  it('masks a mobile number wherever it stands, and nothing that merely has eleven digits more', () => {
    const text = logged(log => log.warn({ note: '打给13912345678和15400001111', list: [{ phone2: '13912345678' }], id: '01761795517291872391234567890', serial: '23912345678' }, 'to 13912345678'))
    expect(text).not.toMatch(/13912345678|15400001111/)
    expect(text).toContain('139****5678')
    expect(text).toContain('01761795517291872391234567890')
    expect(text).toContain('23912345678')
  })

  const driver = Object.assign(new Error('duplicate key (phone)=(王芳的号码)'), { name: 'PostgresError', severity: 'ERROR', code: '23505', constraint_name: 'persons_phone_key', detail: '王芳的号码' })
  const drizzle = Object.assign(new Error('Failed query: insert params: 王芳的号码', { cause: driver }), { query: 'insert', params: ['王芳的号码'] })

  it.each([
    ['the driver\'s error', driver],
    ['drizzle\'s error', drizzle],
    ['either wrapped', new Error('could not start', { cause: drizzle })],
    ['one of several', new AggregateError([drizzle], 'several')],
  ])('of %s it shows SQLSTATE and constraint, no value', (_, err) => {
    const text = logged(log => log.error({ err }, 'failed'))
    expect(text).not.toContain('王芳的号码')
    expect(text).toContain('23505')
    expect(text).toContain('persons_phone_key')
    expect(text).toContain('foundations.test.ts')
  })

  it('of an ordinary error it shows message, kind, reason and causes', () => {
    const text = logged(log => log.error({ err: new TypeError('outer', { cause: Object.assign(new Error('inner'), { code: 'ECONNREFUSED' }) }) }, 'failed'))
    for (const part of ['TypeError', 'outer', 'inner', 'ECONNREFUSED'])
      expect(text).toContain(part)
  })
})

describe('refusals', () => {
  it('every code has a status and a sentence in both languages, with the same gaps', () => {
    const gaps = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(m => m[1]).sort()
    for (const [code, { status, zh, en }] of Object.entries(ERRORS)) {
      expect(code).toMatch(/^[A-Z][A-Z_]*$/)
      expect(status).toBeGreaterThanOrEqual(400)
      expect(zh).toMatch(/[\u4E00-\u9FFF]/)
      expect(en).not.toMatch(/[\u4E00-\u9FFF]/)
      expect([code, gaps(en)]).toEqual([code, gaps(zh)])
    }
  })

  it('are rendered with their details, in the reader\'s language', () => {
    const refusal = new DomainError('RATE_LIMITED', { retryAfterSec: 9 })
    expect(renderError(refusal, 'en', 'r1')).toEqual({ status: 429, body: { error: { code: 'RATE_LIMITED', message: 'Too many attempts; try again in 9 seconds', details: { retryAfterSec: 9 }, requestId: 'r1' } } })
    expect(renderError(refusal, 'zh-CN', 'r1').body.error.message).toContain('9 秒')
  })

  it('anything else shows the number to report and nothing of itself', () => {
    const { status, body } = renderError(new Error('secret'), 'zh-CN', 'r2')
    expect([status, body.error.code, body.error.message.includes('r2'), JSON.stringify(body).includes('secret')]).toEqual([500, 'INTERNAL', true, false])
  })
})

describe('small parts', () => {
  it('ids are uuid v7, sorted by making, also within one millisecond', () => {
    const ids = Array.from({ length: 20_000 }, () => newId())
    expect(new Set(ids).size).toBe(ids.length)
    expect([...ids].sort()).toEqual(ids)
    expect(ids.every(id => /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/.test(id))).toBe(true)
  })

  it('tokens have the asked strength', () => {
    expect(Buffer.from(randomToken(32), 'base64url')).toHaveLength(32)
    expect(randomToken(32)).not.toBe(randomToken(32))
  })

  it('days and times are the county\'s', () => {
    const late = new Date('2026-07-01T17:30:00Z')
    expect([dayOf(late, 'Asia/Shanghai'), timeOf(late, 'Asia/Shanghai'), dayOf(late, 'UTC')]).toEqual(['2026-07-02', '01:30', '2026-07-01'])
    expect(timeOf(new Date('2026-07-01T16:05:00Z'), 'Asia/Shanghai')).toBe('00:05')
  })

  it.each([
    [{}, 'zh-CN'],
    [{ 'accept-language': 'en-US,en;q=0.9' }, 'en'],
    [{ 'accept-language': 'zh-CN,en' }, 'zh-CN'],
    [{ 'cookie': 'a=1; lang=en', 'accept-language': 'zh-CN' }, 'en'],
    [{ 'cookie': 'lang=fr', 'accept-language': 'en' }, 'en'],
    [{ cookie: 'slang=en' }, 'zh-CN'],
  ] as const)('%o reads %s', (headers, language) => expect(languageOf(headers)).toBe(language))

  it.each([
    [{}, false],
    [{ origin: 'https://pingji.example' }, false],
    [{ origin: 'http://10.0.0.5:3000', host: '10.0.0.5:3000' }, false],
    [{ origin: 'http://10.0.0.5:3001', host: '10.0.0.5:3000' }, true],
    [{ origin: 'https://pingji.example.evil.org', host: 'pingji.example' }, true],
    [{ origin: 'null', host: 'pingji.example' }, true],
    [{ origin: 'garbage', host: 'pingji.example' }, true],
    [{ origin: '', host: '' }, true],
  ])('%o is foreign: %s', (headers, foreign) => expect(isForeignOrigin(headers, 'https://pingji.example')).toBe(foreign))
})
