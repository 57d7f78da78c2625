import type { Role, ScopeType } from '../../src/contract/vocabulary.ts'
/**
 * The real application on a hand-made county, for tests of the rooms below the switch: who may see and
 * change what. Two townships, three communities, four grids, five units; one person of every role.
 */
import type { BuiltApp } from '../../src/server/app.ts'
import type { Database, Tx } from '../../src/server/platform/db/index.ts'
import { randomBytes } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { afterAll } from 'vitest'
import { buildApp } from '../../src/server/app.ts'
import { insertSession } from '../../src/server/modules/identity/sessions.repo.ts'
import { seedPlans } from '../../src/server/modules/plans/index.ts'
import { createPhoneVault } from '../../src/server/modules/registry/index.ts'
import { readConfig } from '../../src/server/platform/config.ts'
import { newId } from '../../src/server/platform/ids.ts'
import { createLogger } from '../../src/server/platform/logger.ts'
import { Secret } from '../../src/server/platform/secrets.ts'
import { openTestDatabase } from './database.ts'

const key = () => new Secret(randomBytes(32))

export const NOON = new Date('2026-06-15T04:00:00Z')
/** County day of NOON. */
export const TODAY = '2026-06-15'

export interface Reply { status: number, body: unknown, code: string | undefined, headers: Record<string, unknown> }
export type Caller = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, body?: unknown) => Promise<Reply>

const TOWNSHIPS = { 岷阳: '621126100', 茶埠: '621126107' } as const
const COMMUNITIES = { 东城: ['岷阳', '621126100901'], 西城: ['岷阳', '621126100902'], 茶埠: ['茶埠', '621126107901'] } as const
const GRIDS = { 当归城: ['东城', '001'], 东大街: ['东城', '002'], 西大街: ['西城', '001'], 茶埠街: ['茶埠', '001'] } as const
const UNITS = {
  商务局: ['government', 'general', 10],
  财政局: ['government', 'general', 11],
  供电公司: ['utility', 'professional', 10],
  图书馆: ['institution', 'general', 7],
  国安局: ['government', 'restricted', 4],
} as const
/** Unit, grid, lead. 图书馆 serves two grids. */
const PAIRINGS = [['商务局', '当归城', true], ['财政局', '当归城', false], ['供电公司', '东大街', true], ['图书馆', '西大街', true], ['图书馆', '茶埠街', true], ['国安局', '茶埠街', false]] as const

type CommunityName = keyof typeof COMMUNITIES
type GridName = keyof typeof GRIDS
export type UnitName = keyof typeof UNITS

/** Everyone who holds a role by name or by a grid post. */
const OFFICERS: Record<string, { role: Role, at: ScopeType, place: string | null, unit?: UnitName }> = {
  管理员: { role: 'countyAdmin', at: 'county', place: null },
  值班员: { role: 'countyDuty', at: 'county', place: null },
  指挥长: { role: 'countyCommander', at: 'county', place: null },
  审计员: { role: 'auditor', at: 'county', place: null },
  系统员: { role: 'systemAdmin', at: 'county', place: null },
  安全员: { role: 'securityAdmin', at: 'county', place: null },
  岷阳书记: { role: 'townshipSecretary', at: 'township', place: '岷阳' },
  东城书记: { role: 'communitySecretary', at: 'community', place: '东城' },
  西城书记: { role: 'communitySecretary', at: 'community', place: '西城' },
  东城干部: { role: 'communityCadre', at: 'community', place: '东城' },
  当归城网格长: { role: 'gridChief', at: 'grid', place: '当归城' },
  当归城网格员: { role: 'gridOfficer', at: 'grid', place: '当归城' },
  当归城兼职: { role: 'gridAssistant', at: 'grid', place: '当归城' },
  茶埠街网格长: { role: 'gridChief', at: 'grid', place: '茶埠街' },
  商务局书记: { role: 'unitSecretary', at: 'unit', place: '商务局', unit: '商务局' },
  商务局联络员: { role: 'unitLiaison', at: 'unit', place: '商务局', unit: '商务局' },
  财政局书记: { role: 'unitSecretary', at: 'unit', place: '财政局', unit: '财政局' },
}

export interface House {
  db: Database & { url: string }
  built: BuiltApp
  clock: { now: () => Date, set: (at: Date) => void }
  vault: ReturnType<typeof createPhoneVault>
  township: Record<keyof typeof TOWNSHIPS, string>
  community: Record<CommunityName, string>
  grid: Record<GridName, string>
  unit: Record<UnitName, string>
  /** By name; members of units are called 商务局01 … */
  person: Record<string, string>
  phone: Record<string, string>
  /** Speaks as this person; null: as nobody. */
  as: (name: string | null) => Promise<Caller>
  /** A session's cookie, without signing in. */
  cookieOf: (name: string, link?: { emergencyId: string }) => Promise<string>
  speak: (cookie: string | null) => Caller
  tx: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>
  /** Error-level log lines so far. */
  errors: string[]
}

export async function openHouse({ env = {} }: { env?: Record<string, string> } = {}): Promise<House> {
  const db = await openTestDatabase()
  const errors: string[] = []
  const log = createLogger('error', { write: line => void errors.push(line) })
  let now = NOON
  const clock = { now: () => now, set: (at: Date) => void (now = at) }
  const secrets = { phoneKey: key(), phoneHashKey: key(), linkKey: key(), checkInKey: key(), auditKey: key() }
  const vault = createPhoneVault(secrets)
  const config = readConfig({ PUBLIC_URL: 'http://localhost', ...env })
  const tx: House['tx'] = work => db.work.tx(work)

  const ids = <K extends string>(names: readonly K[]) => Object.fromEntries(names.map(name => [name, newId()])) as Record<K, string>
  const township = ids(Object.keys(TOWNSHIPS) as (keyof typeof TOWNSHIPS)[])
  const community = ids(Object.keys(COMMUNITIES) as CommunityName[])
  const grid = ids(Object.keys(GRIDS) as GridName[])
  const unit = ids(Object.keys(UNITS) as UnitName[])
  const person: Record<string, string> = {}
  const phone: Record<string, string> = {}
  const placeId = (at: ScopeType, place: string | null) => place === null ? null : ({ county: {}, township, community, grid, unit } as Record<ScopeType, Record<string, string>>)[at][place] ?? null

  await tx(async (t) => {
    for (const [name, code] of Object.entries(TOWNSHIPS))
      await t.execute(sql`insert into townships (id, code, name) values (${township[name as keyof typeof TOWNSHIPS]}, ${code}, ${`${name}镇`})`)
    for (const [name, [of, code]] of Object.entries(COMMUNITIES))
      await t.execute(sql`insert into communities (id, township_id, code, name) values (${community[name as CommunityName]}, ${township[of]}, ${code}, ${`${name}社区`})`)
    for (const [name, [of, code]] of Object.entries(GRIDS)) {
      const id = grid[name as GridName]
      await t.execute(sql`insert into grids (id, community_id, code, name, place_type) values (${id}, ${community[of]}, ${COMMUNITIES[of][1] + code}, ${`${name}网格`}, 'oldCompound')`)
      await t.execute(sql`insert into rally_points (grid_id, name, address) values (${id}, ${`${name}广场`}, '')`)
    }
    for (const [name, [category, mobilisation]] of Object.entries(UNITS)) {
      await t.execute(sql`insert into units (id, name, category, mobilisation_class, valid_from) values (${unit[name as UnitName]}, ${name}, ${category}, ${mobilisation}, '2020-01-01')`)
      await t.execute(sql`insert into party_orgs (id, kind, name, unit_id, valid_from) values (${newId()}, 'unitBranch', ${`${name}党支部`}, ${unit[name as UnitName]}, '2020-01-01')`)
    }
    for (const [u, g, isLead] of PAIRINGS)
      await t.execute(sql`insert into pairings (id, unit_id, grid_id, is_lead, valid_from) values (${newId()}, ${unit[u]}, ${grid[g]}, ${isLead}, '2020-01-01')`)

    let serial = 0
    async function addPerson(name: string, of: UnitName | undefined): Promise<void> {
      const id = newId()
      const number = `1540932${String(++serial).padStart(4, '0')}`
      person[name] = id
      phone[name] = number
      await t.execute(sql`insert into persons (id, name, phone_cipher, phone_hash, birth_year, political_status)
        values (${id}, ${name}, decode(${vault.seal(number).toString('hex')}, 'hex'), decode(${vault.hash(number)?.toString('hex') ?? ''}, 'hex'), 1985, 'partyMember')`)
      if (of === undefined)
        return
      await t.execute(sql`insert into employments (person_id, unit_id, valid_from) values (${id}, ${unit[of]}, '2020-01-01')`)
      await t.execute(sql`insert into memberships (person_id, party_org_id, kind, valid_from) select ${id}, id, 'inService', '2020-01-01' from party_orgs where unit_id = ${unit[of]}`)
    }
    for (const [name, { role, at, place, unit: of }] of Object.entries(OFFICERS)) {
      await addPerson(name, of)
      if (at === 'grid')
        await t.execute(sql`insert into grid_posts (person_id, grid_id, post, valid_from) values (${person[name]}, ${placeId(at, place)}, ${role}, '2020-01-01')`)
      else
        await t.execute(sql`insert into role_grants (id, person_id, role, scope_type, scope_id, valid_from) values (${newId()}, ${person[name]}, ${role}, ${at}, ${placeId(at, place)}, '2020-01-01')`)
    }
    for (const [name, [, , members]] of Object.entries(UNITS)) {
      const already = Object.values(OFFICERS).filter(o => o.unit === name).length
      for (let i = 1; i <= members - already; i++)
        await addPerson(`${name}${String(i).padStart(2, '0')}`, name as UnitName)
    }
    await seedPlans(t)
  })

  const built = await buildApp({ config, secrets, db, log, clock, demoAccounts: [], jobs: false, webRoot: null })
  afterAll(() => built.app.close())

  const speak: House['speak'] = cookie => async (method, url, body) => {
    const reply = await built.app.inject({
      method,
      url,
      headers: { 'x-requested-with': 'pingji', ...(cookie === null ? {} : { cookie }), ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
    })
    const parsed: unknown = reply.headers['content-type']?.toString().includes('json') === true && reply.body !== '' ? JSON.parse(reply.body) : null
    return { status: reply.statusCode, body: parsed, code: (parsed as { error?: { code?: string } } | null)?.error?.code, headers: reply.headers }
  }
  const cookieOf: House['cookieOf'] = async (name, link) => {
    const personId = person[name]
    if (personId === undefined)
      throw new Error(`nobody is called ${name}`)
    const { token } = await tx(t => insertSession(t, { kind: link === undefined ? 'account' : 'link', personId, emergencyId: link?.emergencyId ?? null, userAgent: '', now, expiresAt: new Date(now.getTime() + 12 * 3_600_000) }))
    return `sid=${token}`
  }
  return { db, built, clock, vault, township, community, grid, unit, person, phone, as: async name => speak(name === null ? null : await cookieOf(name)), cookieOf, speak, tx, errors }
}
