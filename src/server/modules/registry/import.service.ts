/** A county's tables into the registry: all of them or nothing, the same way for a real county and for the demo. */
import type { Database, Tx } from '../../platform/db/index.ts'
import type { PhoneVault } from './phone.ts'
import type { CountyTables, Fault, Row } from './sheets.ts'
import { sql } from 'drizzle-orm'
import { newId } from '../../platform/ids.ts'
import { audit } from '../audit/index.ts'
import { gridKey, validateCounty } from './county.rules.ts'
import { readCounty } from './csv.ts'

export interface Difference { table: string, added: number, changed: number, unchanged: number }
export interface ImportReport { faults: Fault[], differences: Difference[], applied: boolean }

export interface ImportOptions { folder: string, dryRun: boolean, today: string, actorId: string | null }

const CHUNK = 10_000

type Value = string | number | boolean | null

interface Upsert {
  table: string
  /** Column → SQL type, in order. */
  columns: Record<string, string>
  /** ON CONFLICT target. */
  conflict: string
  /** Columns that an existing row takes over when they differ. */
  update: readonly string[]
  rows: readonly Record<string, Value>[]
}

/** Inserts what is new, changes what differs, leaves the rest alone; counts all three. */
async function upsert(tx: Tx, { table, columns, conflict, update, rows }: Upsert): Promise<Difference> {
  const names = Object.keys(columns)
  let added = 0
  let changed = 0
  for (let i = 0; i < rows.length; i += CHUNK) {
    const action = update.length === 0
      ? 'do nothing'
      : `do update set ${update.map(c => `${c} = excluded.${c}`).join(', ')} where (${update.map(c => `t.${c}`).join(', ')}) is distinct from (${update.map(c => `excluded.${c}`).join(', ')})`
    const done = await tx.execute<{ added: number, changed: number }>(sql`
      with touched as (
        insert into ${sql.raw(table)} as t (${sql.raw(names.join(', '))})
        select ${sql.raw(names.map(n => columns[n] === 'bytea' ? `decode(n.${n}, 'hex')` : `n.${n}`).join(', '))}
        from json_to_recordset(${JSON.stringify(rows.slice(i, i + CHUNK))}::json) as n(${sql.raw(names.map(n => `${n} ${columns[n] === 'bytea' ? 'text' : columns[n]}`).join(', '))})
        on conflict ${sql.raw(conflict)} ${sql.raw(action)}
        returning xmax = 0 as fresh
      )
      select (count(*) filter (where fresh))::int as added, (count(*) filter (where not fresh))::int as changed from touched`)
    added += done[0]?.added ?? 0
    changed += done[0]?.changed ?? 0
  }
  return { table, added, changed, unchanged: rows.length - added - changed }
}

async function ids(tx: Tx, table: string, key: string): Promise<Map<string, string>> {
  const rows = await tx.execute<{ id: string, key: string }>(sql`select id, ${sql.raw(key)} as key from ${sql.raw(table)}`)
  return new Map(rows.map(r => [r.key, r.id]))
}

/** Ids of what is there already, new ones for the rest: an existing row keeps its identity. */
function assign(known: ReadonlyMap<string, string>, keys: Iterable<string>): Map<string, string> {
  const all = new Map(known)
  for (const key of keys) {
    if (!all.has(key))
      all.set(key, newId())
  }
  return all
}

const s = (row: Row, field: string): string => String(row.cells[field] ?? '')
const v = (row: Row, field: string): Value => {
  const cell = row.cells[field] ?? null
  return Array.isArray(cell) ? null : cell
}

class DryRun extends Error {}

async function apply(tx: Tx, t: CountyTables, vault: PhoneVault, today: string): Promise<Difference[]> {
  const must = (map: ReadonlyMap<string, string>, key: string): string => {
    const id = map.get(key)
    if (id === undefined)
      throw new Error(`import: no id for ${key}`)
    return id
  }
  const out: Difference[] = []
  const townships = assign(await ids(tx, 'townships', 'name'), t.townships.map(r => s(r, 'name')))
  out.push(await upsert(tx, { table: 'townships', columns: { id: 'uuid', code: 'text', name: 'text' }, conflict: '(id)', update: ['code', 'name'], rows: t.townships.map(r => ({ id: must(townships, s(r, 'name')), code: v(r, 'code'), name: v(r, 'name') })) }))
  const communities = assign(await ids(tx, 'communities', 'name'), t.communities.map(r => s(r, 'name')))
  out.push(await upsert(tx, { table: 'communities', columns: { id: 'uuid', township_id: 'uuid', code: 'text', name: 'text', duty_phone: 'text' }, conflict: '(id)', update: ['township_id', 'code', 'duty_phone'], rows: t.communities.map(r => ({ id: must(communities, s(r, 'name')), township_id: must(townships, s(r, 'township')), code: v(r, 'code'), name: v(r, 'name'), duty_phone: v(r, 'dutyPhone') })) }))
  const grids = await gridIds(tx)
  for (const r of t.grids) {
    const key = gridKey(s(r, 'community'), s(r, 'name'))
    if (!grids.has(key))
      grids.set(key, newId())
  }
  const grid = (r: Row) => must(grids, gridKey(s(r, 'community'), s(r, 'grid')))
  out.push(await upsert(tx, { table: 'grids', columns: { id: 'uuid', community_id: 'uuid', code: 'text', name: 'text', place_type: 'text' }, conflict: '(id)', update: ['code', 'place_type'], rows: t.grids.map(r => ({ id: must(grids, gridKey(s(r, 'community'), s(r, 'name'))), community_id: must(communities, s(r, 'community')), code: v(r, 'code'), name: v(r, 'name'), place_type: v(r, 'placeType') })) }))
  const units = assign(await ids(tx, 'units', 'name'), t.units.map(r => s(r, 'name')))
  out.push(await upsert(tx, { table: 'units', columns: { id: 'uuid', name: 'text', category: 'text', mobilisation_class: 'text', valid_from: 'date' }, conflict: '(id)', update: ['category', 'mobilisation_class'], rows: t.units.map(r => ({ id: must(units, s(r, 'name')), name: v(r, 'name'), category: v(r, 'category'), mobilisation_class: v(r, 'mobilisationClass'), valid_from: today })) }))

  const orgs = assign(await ids(tx, 'party_orgs', 'name'), t.partyOrgs.map(r => s(r, 'name')))
  out.push(await upsert(tx, {
    table: 'party_orgs',
    columns: { id: 'uuid', kind: 'text', name: 'text', parent_id: 'uuid', township_id: 'uuid', community_id: 'uuid', grid_id: 'uuid', unit_id: 'uuid', valid_from: 'date' },
    conflict: '(id)',
    update: ['kind', 'parent_id', 'township_id', 'community_id', 'grid_id', 'unit_id'],
    rows: t.partyOrgs.map(r => ({
      id: must(orgs, s(r, 'name')),
      kind: v(r, 'kind'),
      name: v(r, 'name'),
      parent_id: orgs.get(s(r, 'parent')) ?? null,
      township_id: townships.get(s(r, 'township')) ?? null,
      community_id: communities.get(s(r, 'community')) ?? null,
      grid_id: s(r, 'grid') === '' ? null : grid(r),
      unit_id: units.get(s(r, 'unit')) ?? null,
      valid_from: today,
    })),
  }))

  // People are matched by the keyed hash of their number.
  const known = await ids(tx, 'persons', 'encode(phone_hash, \'hex\')')
  const persons = new Map<string, string>()
  const personRows = new Map<string, Record<string, Value>>()
  for (const r of [...t.members, ...t.gridStaff, ...t.roles]) {
    const phone = s(r, 'phone')
    if (persons.has(phone))
      continue
    const hash = vault.hash(phone)?.toString('hex') ?? ''
    const id = known.get(hash) ?? newId()
    persons.set(phone, id)
    personRows.set(phone, { id, name: v(r, 'name'), phone_cipher: vault.seal(phone).toString('hex'), phone_hash: hash, birth_year: v(r, 'birthYear'), political_status: v(r, 'politicalStatus') })
  }
  const person = (r: Row) => must(persons, s(r, 'phone'))
  out.push(await upsert(tx, { table: 'persons', columns: { id: 'uuid', name: 'text', phone_cipher: 'bytea', phone_hash: 'bytea', birth_year: 'smallint', political_status: 'text' }, conflict: '(phone_hash)', update: ['name', 'birth_year', 'political_status'], rows: [...personRows.values()] }))

  const orgOfUnit = new Map(t.partyOrgs.filter(r => s(r, 'unit') !== '').map(r => [s(r, 'unit'), must(orgs, s(r, 'name'))]))
  const orgOfGrid = new Map(t.partyOrgs.filter(r => s(r, 'grid') !== '').map(r => [gridKey(s(r, 'community'), s(r, 'grid')), must(orgs, s(r, 'name'))]))
  const isPartyMember = (r: Row) => s(r, 'politicalStatus') === 'partyMember' || s(r, 'politicalStatus') === 'probationaryMember'
  const memberships = new Map<string, Record<string, Value>>()
  for (const r of t.members) {
    const org = orgOfUnit.get(s(r, 'unit'))
    if (org !== undefined && isPartyMember(r))
      memberships.set(person(r), { person_id: person(r), party_org_id: org, kind: s(r, 'politicalStatus') === 'probationaryMember' ? 'probationary' : 'inService', valid_from: today })
  }
  for (const r of t.gridStaff) {
    const org = orgOfGrid.get(gridKey(s(r, 'community'), s(r, 'grid')))
    if (org !== undefined && isPartyMember(r) && !memberships.has(person(r)))
      memberships.set(person(r), { person_id: person(r), party_org_id: org, kind: 'resident', valid_from: today })
  }
  out.push(await upsert(tx, { table: 'memberships', columns: { person_id: 'uuid', party_org_id: 'uuid', kind: 'text', valid_from: 'date' }, conflict: '(person_id) where valid_to is null', update: ['party_org_id', 'kind'], rows: [...memberships.values()] }))
  out.push(await upsert(tx, { table: 'employments', columns: { person_id: 'uuid', unit_id: 'uuid', post: 'text', tier: 'smallint', valid_from: 'date' }, conflict: '(person_id) where valid_to is null', update: ['unit_id', 'post', 'tier'], rows: t.members.map(r => ({ person_id: person(r), unit_id: must(units, s(r, 'unit')), post: s(r, 'post'), tier: v(r, 'tier') === null ? null : Number(v(r, 'tier')), valid_from: today })) }))
  out.push(await upsert(tx, { table: 'residences', columns: { person_id: 'uuid', community_id: 'uuid' }, conflict: '(person_id)', update: ['community_id'], rows: t.members.filter(r => s(r, 'residence') !== '').map(r => ({ person_id: person(r), community_id: must(communities, s(r, 'residence')) })) }))
  out.push(await upsert(tx, { table: 'person_skills', columns: { person_id: 'uuid', skill: 'text' }, conflict: '(person_id, skill)', update: [], rows: t.members.flatMap(r => Array.isArray(r.cells.skills) ? r.cells.skills.map(skill => ({ person_id: person(r), skill })) : []) }))

  const currentPosts = await tx.execute<{ key: string, valid_from: string }>(sql`select person_id || post || grid_id as key, valid_from::text from grid_posts where valid_to is null`)
  const postSince = new Map(currentPosts.map(p => [p.key, p.valid_from]))
  out.push(await upsert(tx, { table: 'grid_posts', columns: { person_id: 'uuid', grid_id: 'uuid', post: 'text', source: 'text', recruited: 'boolean', valid_from: 'date' }, conflict: '(person_id, grid_id, post, valid_from)', update: ['source', 'recruited'], rows: t.gridStaff.map(r => ({ person_id: person(r), grid_id: grid(r), post: v(r, 'post'), source: v(r, 'source'), recruited: v(r, 'recruited'), valid_from: postSince.get(`${person(r)}${s(r, 'post')}${grid(r)}`) ?? today })) }))

  const scopeId = (r: Row) => ({ county: null, township: townships.get(s(r, 'scopeName')) ?? null, community: communities.get(s(r, 'scopeName')) ?? null, unit: units.get(s(r, 'scopeName')) ?? null })[s(r, 'scopeType')] ?? null
  out.push(await upsert(tx, { table: 'role_grants', columns: { id: 'uuid', person_id: 'uuid', role: 'text', scope_type: 'text', scope_id: 'uuid', valid_from: 'date' }, conflict: '(person_id, role, scope_type, scope_id, valid_from)', update: [], rows: t.roles.map(r => ({ id: newId(), person_id: person(r), role: v(r, 'role'), scope_type: v(r, 'scopeType'), scope_id: scopeId(r), valid_from: v(r, 'validFrom') })) }))
  out.push(await upsert(tx, { table: 'pairings', columns: { id: 'uuid', unit_id: 'uuid', grid_id: 'uuid', is_lead: 'boolean', valid_from: 'date' }, conflict: '(unit_id, grid_id) where valid_to is null', update: ['is_lead', 'valid_from'], rows: t.pairings.map(r => ({ id: newId(), unit_id: must(units, s(r, 'unit')), grid_id: grid(r), is_lead: v(r, 'isLead'), valid_from: v(r, 'validFrom') })) }))
  out.push(await upsert(tx, { table: 'rally_points', columns: { grid_id: 'uuid', name: 'text', address: 'text', latitude: 'float8', longitude: 'float8' }, conflict: '(grid_id)', update: ['name', 'address', 'latitude', 'longitude'], rows: t.rallyPoints.map(r => ({ grid_id: grid(r), name: v(r, 'name'), address: v(r, 'address'), latitude: v(r, 'latitude'), longitude: v(r, 'longitude') })) }))
  out.push(await upsert(tx, { table: 'exemptions', columns: { id: 'uuid', person_id: 'uuid', reason: 'text', note: 'text', valid_from: 'date', valid_to: 'date' }, conflict: '(person_id, reason, valid_from)', update: ['note', 'valid_to'], rows: t.exemptions.map(r => ({ id: newId(), person_id: person(r), reason: v(r, 'reason'), note: s(r, 'note'), valid_from: v(r, 'validFrom'), valid_to: v(r, 'validTo') })) }))
  return out
}

async function gridIds(tx: Tx): Promise<Map<string, string>> {
  const rows = await tx.execute<{ id: string, community: string, name: string }>(sql`select g.id, c.name as community, g.name from grids g join communities c on c.id = g.community_id`)
  return new Map(rows.map(r => [gridKey(r.community, r.name), r.id]))
}

/**
 * Reads, checks and applies a folder of tables. With any fault nothing is written; a dry run does all the
 * work and takes it back, so that its numbers are those of the real run.
 */
export async function importCounty(db: Database, vault: PhoneVault, { folder, dryRun, today, actorId }: ImportOptions): Promise<ImportReport> {
  const { tables, faults } = readCounty(folder)
  // Between broken rows the rules would only find echoes of the same fault.
  const all = faults.length > 0 ? faults : validateCounty(tables)
  if (all.length > 0)
    return { faults: all, differences: [], applied: false }
  let differences: Difference[] = []
  try {
    await db.work.tx(async (tx) => {
      differences = await apply(tx, tables, vault, today)
      if (dryRun)
        throw new DryRun()
      await audit(tx, { actorId, action: 'registry.import', subjectType: 'county', subjectId: null, requestId: null, details: { differences } })
    }, { deadlineMs: 15 * 60_000 })
  }
  catch (error) {
    if (!(error instanceof DryRun))
      throw error
  }
  return { faults: [], differences, applied: !dryRun }
}
