/**
 * A county small enough to hold in one's head, written in a few statements: two communities with two
 * grids each, six units of ten members, grid staff, one officer of each role that tests need.
 */
import type { Role, ScopeType } from '../../src/contract/vocabulary.ts'
import type { PhoneVault } from '../../src/server/modules/registry/index.ts'
import type { Tx } from '../../src/server/platform/db/index.ts'
import { sql } from 'drizzle-orm'
import { refreshRosters, seedPlans } from '../../src/server/modules/plans/index.ts'
import { newId } from '../../src/server/platform/ids.ts'

export interface SmallCounty {
  townshipId: string
  communities: { id: string, name: string }[]
  /** Grids 0 and 1 lie in the first community, 2 and 3 in the second; grid 1's rally point was never measured. */
  grids: { id: string, name: string, communityId: string, chiefId: string }[]
  /** Units 0 (lead) and 1 serve grid 0, 2 grid 1, 3 (lead) and 4 grid 2, 5 grid 3. Members in roster order. */
  units: { id: string, name: string, gridId: string, memberIds: string[] }[]
  officers: Record<Officer, string>
}

export const OFFICERS = {
  countyAdmin: ['countyAdmin', 'county'],
  countyCommander: ['countyCommander', 'county'],
  countyDuty: ['countyDuty', 'county'],
  auditor: ['auditor', 'county'],
  townshipSecretary: ['townshipSecretary', 'township'],
  secretaryOfFirst: ['communitySecretary', 'community', 0],
  secretaryOfSecond: ['communitySecretary', 'community', 1],
  secretaryOfUnit0: ['unitSecretary', 'unit', 0],
  secretaryOfUnit2: ['unitSecretary', 'unit', 2],
} as const satisfies Record<string, readonly [Role, ScopeType, number?]>
export type Officer = keyof typeof OFFICERS

/** The measured rally points: a few hundred metres apart in the county seat. */
export const RALLY = { latitude: 34.44, longitude: 104.04 }

const LEADS = [true, false, true, true, false, true]
const GRID_OF_UNIT = [0, 0, 1, 2, 2, 3]
const MEMBERS = 10

export async function seedSmallCounty(tx: Tx, vault: PhoneVault, today: string): Promise<SmallCounty> {
  let serial = 0
  const persons: { id: string, name: string, cipher: string, hash: string }[] = []
  const person = (name: string): string => {
    const phone = `1540932${String(++serial).padStart(4, '0')}`
    const id = newId()
    persons.push({ id, name, cipher: vault.seal(phone).toString('hex'), hash: vault.hash(phone)?.toString('hex') ?? '' })
    return id
  }

  const townshipId = newId()
  const communities = ['东城', '西城'].map((name, i) => ({ id: newId(), name, code: `62112610090${i + 1}` }))
  const grids = [0, 1, 2, 3].map((n) => {
    const community = communities[n >> 1]
    if (community === undefined)
      throw new Error('no such community')
    return { id: newId(), name: `第${'一二三四'[n]}网格`, code: `${community.code}00${n % 2 + 1}`, communityId: community.id, chiefId: person(`网格长${n + 1}`), assistantId: person(`网格员${n + 1}`) }
  })
  const units = GRID_OF_UNIT.map((grid, n) => ({
    id: newId(),
    orgId: newId(),
    name: `单位${n + 1}`,
    gridId: grids[grid]?.id ?? '',
    isLead: LEADS[n] ?? false,
    memberIds: Array.from({ length: MEMBERS }, (_, i) => person(`成员${n + 1}-${i + 1}`)),
  }))
  const officers = Object.fromEntries(Object.keys(OFFICERS).map(key => [key, person(key)])) as Record<Officer, string>
  const scopeId = { county: () => null, township: () => townshipId, community: (n: number) => communities[n]?.id, unit: (n: number) => units[n]?.id, grid: (n: number) => grids[n]?.id }

  const insert = (table: string, columns: string, rows: object[]) => tx.execute(sql`
    insert into ${sql.raw(table)} (${sql.raw(columns.replace(/ \w+(?=,|$)/g, ''))})
    select ${sql.raw(columns.split(', ').map(c => `n.${c.split(' ')[0]}`).join(', '))} from json_to_recordset(${JSON.stringify(rows)}::json) as n(${sql.raw(columns)})`)
  await insert('townships', 'id uuid, code text, name text', [{ id: townshipId, code: '621126100', name: '岷阳镇' }])
  await insert('communities', 'id uuid, township_id uuid, code text, name text', communities.map(c => ({ ...c, township_id: townshipId })))
  await insert('grids', 'id uuid, community_id uuid, code text, name text, place_type text', grids.map(g => ({ ...g, community_id: g.communityId, place_type: 'backStreets' })))
  await insert('rally_points', 'grid_id uuid, name text, address text, latitude float8, longitude float8', grids.map((g, n) => ({ grid_id: g.id, name: `${g.name}集结点`, address: '', latitude: n === 1 ? null : RALLY.latitude, longitude: n === 1 ? null : RALLY.longitude + n / 1_000 })))
  await tx.execute(sql`
    insert into persons (id, name, phone_cipher, phone_hash, political_status)
    select id, name, decode(cipher, 'hex'), decode(hash, 'hex'), 'partyMember' from json_to_recordset(${JSON.stringify(persons)}::json) as n(id uuid, name text, cipher text, hash text)`)
  await insert('units', 'id uuid, name text, category text, mobilisation_class text, valid_from date', units.map(u => ({ ...u, category: 'government', mobilisation_class: 'general', valid_from: '2020-01-01' })))
  await insert('party_orgs', 'id uuid, kind text, name text, unit_id uuid, valid_from date', units.map(u => ({ id: u.orgId, kind: 'unitBranch', name: `${u.name}党支部`, unit_id: u.id, valid_from: '2020-01-01' })))
  const members = units.flatMap(u => u.memberIds.map(id => ({ person_id: id, unit_id: u.id, party_org_id: u.orgId, kind: 'inService', tier: 1, valid_from: '2020-01-01' })))
  await insert('employments', 'person_id uuid, unit_id uuid, tier int2, valid_from date', members)
  await insert('memberships', 'person_id uuid, party_org_id uuid, kind text, valid_from date', members)
  await insert('pairings', 'id uuid, unit_id uuid, grid_id uuid, is_lead boolean, valid_from date', units.map(u => ({ id: newId(), unit_id: u.id, grid_id: u.gridId, is_lead: u.isLead, valid_from: '2020-01-01' })))
  await insert('grid_posts', 'person_id uuid, grid_id uuid, post text, valid_from date', grids.flatMap(g => [{ person_id: g.chiefId, grid_id: g.id, post: 'gridChief', valid_from: '2020-01-01' }, { person_id: g.assistantId, grid_id: g.id, post: 'gridAssistant', valid_from: '2020-01-01' }]))
  await insert('role_grants', 'id uuid, person_id uuid, role text, scope_type text, scope_id uuid, valid_from date', Object.entries(OFFICERS).map(([key, [role, type, n]]) => ({ id: newId(), person_id: officers[key as Officer], role, scope_type: type, scope_id: scopeId[type](n ?? 0) ?? null, valid_from: '2020-01-01' })))
  await seedPlans(tx)
  await refreshRosters(tx, 'all', today)
  return { townshipId, communities, grids, units, officers }
}
