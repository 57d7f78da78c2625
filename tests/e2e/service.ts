/** The service as a user starts it, on a data folder of its own, and a real Chromium in front of it. */
import type { Browser, BrowserContext, Page } from 'playwright-core'
import type { SandboxMessages } from '../../src/contract/calls.ts'
import type { DemoAccounts } from '../../src/contract/identity.ts'
import type { EmergencyRef, Preparation, Prepare } from '../../src/contract/mobilization.ts'
import type { Plan } from '../../src/contract/plans.ts'
import type { PlaceTree } from '../../src/contract/registry.ts'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { chromium } from 'playwright-core'
import { afterAll, expect } from 'vitest'
import { HttpClient } from '../../src/simulator/http-client.ts'
import { until } from '../harness/until.ts'

const PROJECT = join(import.meta.dirname, '../..')
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']

function findChromium(): string {
  const found = [process.env.CHROMIUM ?? '', '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(path => path !== '' && existsSync(path))
  if (found === undefined)
    throw new Error('the browser stories need Chromium and a Chinese font: apt-get install -y chromium fonts-noto-cjk, or set CHROMIUM to the path of one')
  return found
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, () => {
      const address = server.address()
      server.close(() => typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port')))
    })
  })
}

/** WeChat's web view has no service worker: with `isBare` every page comes from the service. */
export interface Sizes { width: number, height: number, isPhone?: boolean, isBare?: boolean, language?: 'zh-CN' | 'en' }

/** Starts the service and a browser for this file; both are gone after it. */
export async function openService() {
  const executablePath = findChromium()
  const port = await freePort()
  const dataDir = mkdtempSync(join(tmpdir(), 'pingji-e2e-'))
  const url = `http://localhost:${port}`
  const output: string[] = []
  const child = spawn(process.execPath, ['src/server/main.ts'], { cwd: PROJECT, env: { ...process.env, PORT: String(port), DATA_DIR: dataDir, MODE: 'demo', PUBLIC_URL: '', DATABASE_URL: '', LOG_LEVEL: 'warn' } })
  child.stdout.on('data', (data: Buffer) => output.push(data.toString()))
  child.stderr.on('data', (data: Buffer) => output.push(data.toString()))
  await until(async () => {
    if (child.exitCode !== null)
      throw new Error(`the service did not start:\n${output.join('')}`)
    return fetch(`${url}/readyz`).then(r => r.ok, () => false)
  }, 'the service is ready', 110_000)
  const browser: Browser = await chromium.launch({ executablePath, args: FLAGS })
  const faults: string[] = []

  afterAll(async () => {
    await browser.close()
    child.kill('SIGINT')
    await new Promise(resolve => child.exitCode === null ? child.once('exit', resolve) : resolve(null))
    rmSync(dataDir, { recursive: true, force: true })
    // Error lines of the service and errors of a page (CSP refusals among them) fail the story.
    expect(output.join('').split('\n').filter(line => /"level":(?:50|60)/.test(line)), 'error lines of the service').toEqual([])
    expect(faults, 'errors in the pages').toEqual([])
  })

  const anyone = new HttpClient(url)
  const { accounts } = await anyone.get<DemoAccounts>('/api/demo/accounts')
  const accountOf = (role: string, scopeName?: string) => {
    const found = accounts.find(a => a.role === role && (scopeName === undefined || a.scopeName === scopeName))
    if (found === undefined)
      throw new Error(`no demo account for ${role}`)
    return found
  }
  async function as(role: string, scopeName?: string): Promise<HttpClient> {
    const client = new HttpClient(url)
    const { phone, password } = accountOf(role, scopeName)
    await client.post('/api/session', { phone, password })
    return client
  }
  const commander = await as('countyCommander')
  const { plans } = await commander.get<{ plans: Plan[] }>('/api/plans')
  const tree = await commander.get<PlaceTree>('/api/registry/tree')
  const communities = tree.townships.flatMap(t => t.communities)
  const communityOf = (name: string) => {
    const found = communities.find(c => c.name === name)
    if (found === undefined)
      throw new Error(`no community ${name}`)
    return found
  }

  return {
    url,
    commander,
    as,
    accountOf,
    communities,
    communityOf,

    async open({ width, height, isPhone = false, isBare = false, language = 'zh-CN' }: Sizes): Promise<{ context: BrowserContext, page: Page }> {
      const context = await browser.newContext({ viewport: { width, height }, locale: language, hasTouch: isPhone, isMobile: isPhone, serviceWorkers: isBare ? 'block' : 'allow', geolocation: { latitude: 34.44, longitude: 104.04 }, permissions: ['geolocation'] })
      const page = await context.newPage()
      page.on('pageerror', error => faults.push(error.message))
      page.on('console', (message) => {
        // A refused command is an answer (4xx), a browser may refuse to vibrate before the first tap, and only a
        // story that switches the network off has it disconnected.
        if (message.type() === 'error' && !/status of 4\d\d|vibrate|ERR_INTERNET_DISCONNECTED|status of 503/.test(message.text()))
          faults.push(message.text())
      })
      return { context, page }
    },

    async signIn(page: Page, role: string, scopeName?: string): Promise<void> {
      const { phone, password } = accountOf(role, scopeName)
      await page.goto(`${url}/sign-in`)
      await page.locator('input').nth(0).fill(phone)
      await page.locator('input[type=password]').fill(password)
      await page.locator('button[type=submit]').click()
      await page.waitForURL(to => !to.pathname.startsWith('/sign-in'))
    },

    /** Presses the key by the interface, for stories that begin after it. */
    async press(community: string, { isDrill = false, level = 3 as 1 | 2 | 3 | 4, name = '叠藏河强降雨防汛' } = {}): Promise<string> {
      const plan = plans.find(p => p.code === 'flood')
      const request: Prepare = { action: 'activate', level, emergencyId: null, planId: plan?.id ?? '', scope: [{ type: 'community', id: communityOf(community).id }], isDrill, name, levelAuthority: 'county', basis: '县防汛应急预案', approver: '县应急指挥部', approvalMode: 'written', measures: '转移低洼群众', expectedUntil: new Date(Date.now() + 86_400_000).toISOString() }
      const prepared = await commander.post<Preparation>('/api/switch/preparations', request)
      const ref = await commander.post<EmergencyRef>('/api/switch/activations', { preparationId: prepared.preparationId, nonce: prepared.nonce, heldMs: 3_000 }, { 'idempotency-key': `story-${prepared.preparationId}` })
      return ref.emergencyId
    },

    /** The links in the sandbox inboxes of those who were called to report (in this grid), in the order in which they came. */
    async links(emergencyId: string, count: number, gridId?: string): Promise<string[]> {
      let codes: string[] = []
      await until(async () => {
        const people = await commander.get<{ people: { personId: string, standing: { audience: string, gridId: string } }[] }>(`/api/emergencies/${emergencyId}/people?scope=county&limit=2000`)
        const team = new Set(people.people.filter(p => p.standing.audience === 'team' && (gridId === undefined || p.standing.gridId === gridId)).map(p => p.personId))
        const { messages } = await commander.get<SandboxMessages>('/api/sandbox/messages?limit=5000')
        codes = messages.filter(m => team.has(m.personId)).flatMap(m => /\/a\/([\w-]+)/.exec(m.text)?.[1] ?? [])
        return codes.length >= count
      }, `${count} messages with a link`, 20_000)
      return codes.map(code => `${url}/a/${code}`)
    },

    /** Nothing may be wider than the screen. */
    async fits(page: Page): Promise<void> {
      const [content, screen] = await page.evaluate<number[]>('[document.documentElement.scrollWidth, document.documentElement.clientWidth]')
      expect(content, `${page.url()} is wider than its screen`).toBeLessThanOrEqual(screen ?? 0)
    },
  }
}
