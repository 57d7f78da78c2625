/** A county's tables into the registry: all of them or nothing, the same way for a real county and for the demo. */
import type { Database, Tx } from '../../platform/db/index.ts'
import type { Fault } from './import-faults.ts'
import type { PhoneVault } from './phone.ts'
import type { CountyTables, Row } from './sheets.ts'
import type { Difference, Value } from './sync.repo.ts'
import { sql } from 'drizzle-orm'
import { ADVISORY } from '../../platform/db/index.ts'
import { newId } from '../../platform/ids.ts'
import { audit } from '../audit/index.ts'
import { readCounty } from './county-files.ts'
import { gridKey, isOver, isPartyMember, validateCounty } from './county.rules.ts'
import { isNotice } from './import-faults.ts'
import { renumber } from './renumber.repo.ts'
import { sheetOf } from './sheets.ts'
import { sync } from './sync.repo.ts'

export interface ImportReport {
  /** Any of them, and nothing is written. */
  faults: Fault[]
  notices: Fault[]
  differences: Difference[]
  applied: boolean
}

export interface ImportOptions {
  folder: string
  dryRun: boolean
  /** County day. */
  today: string
  actorId: string | null
}

/** The largest county takes seconds; a form that waits for it is answered within its own deadline. */
const DEADLINE_MS = 15 * 60_000

const WRITTEN = ['townships', 'communities', 'grids', 'units', 'party_orgs', 'persons', 'memberships', 'employments', 'residences', 'person_skills', 'grid_posts', 'role_grants', 'pairings', 'rally_points', 'exemptions']

const s = (row: Row, field: string): string => String(row.cells[field] ?? '')
function v(row: Row, field: string): Value {
  const cell = row.cells[field] ?? null
  return Array.isArray(cell) ? cell.join() : cell
}

/** Ends the transaction of a dry run, which did all the work to count it. */
class DryRun extends Error {}
/** Found only beside what is registered already. */
class Refused extends Error {
  readonly faults: Fault[]
  constructor(faults: Fault[]) {
    super('import refused')
    this.faults = faults
  }
}

function must(map: ReadonlyMap<string, string>, key: string): string {
  const id = map.get(key)
  if (id === undefined)
    throw new Error('import: a reference passed the rules and leads nowhere')
  return id
}

/** The ids of rows that exist, by what tells them apart, and new ones for the rest. */
async function identify(tx: Tx, table: string, key: string, rows: readonly Row[], keyOf: (row: Row) => string): Promise<Map<string, string>> {
  const known = await tx.execute<{ id: string, key: string }>(sql`select id, ${sql.raw(key)} as key from ${sql.raw(table)}`)
  const ids = new Map(known.map(r => [r.key, r.id]))
  for (const row of rows) {
    const rowKey = keyOf(row)
    if (!ids.has(rowKey))
      ids.set(rowKey, newId())
  }
  return ids
}

/** Places carry history and boards: an import may rename them, never remove them. */
async function placesMissing(tx: Tx, t: CountyTables): Promise<Fault[]> {
  const faults: Fault[] = []
  for (const name of ['townships', 'communities', 'grids'] as const) {
    const given = new Set(t[name].map(r => s(r, 'code')))
    for (const place of await tx.execute<{ code: string, name: string }>(sql`select code, name from ${sql.raw(name)} order by code`)) {
      if (!given.has(place.code))
        faults.push({ file: sheetOf(name).file, row: 0, column: '', code: 'placeMissing', detail: `${place.code} ${place.name}` })
    }
  }
  return faults
}

/** Live rows, and those over whose date may still have to be written; a later row in the sheet speaks for an earlier one. */
function latest(rows: readonly Row[], today: string, keyOf: (row: Row) => string): Row[] {
  const byKey = new Map<string, Row>()
  for (const row of rows) {
    const other = byKey.get(keyOf(row))
    if (other === undefined || !isOver(row, today))
      byKey.set(keyOf(row), row)
  }
  return [...byKey.values()]
}

/** Every person of the tables once, by number, and the hashes by which they are found. */
function peopleOf(t: CountyTables, vault: PhoneVault) {
  const people = new Map<string, Row>()
  for (const r of [...t.members, ...t.gridStaff, ...t.roles]) {
    if (!people.has(s(r, 'phone')))
      people.set(s(r, 'phone'), r)
  }
  return { people, hashes: new Map([...people.keys()].map(phone => [phone, vault.hash(phone)?.toString('hex') ?? ''])) }
}

async function apply(tx: Tx, t: CountyTables, vault: PhoneVault, today: string): Promise<Difference[]> {
  const out: Difference[] = []
  const wish = async (target: Omit<Parameters<typeof sync>[1], 'today'>) => void out.push(await sync(tx, { today, ...target }))

  // Places are matched by their codes, so that they can be renamed.
  const byCode = async (name: 'townships' | 'communities' | 'grids', nameOf: (row: Row) => string) => {
    const ids = await identify(tx, name, 'code', t[name], r => s(r, 'code'))
    return new Map(t[name].map(r => [nameOf(r), must(ids, s(r, 'code'))]))
  }
  const townships = await byCode('townships', r => s(r, 'name'))
  const communities = await byCode('communities', r => s(r, 'name'))
  const grids = await byCode('grids', r => gridKey(s(r, 'community'), s(r, 'name')))
  const gridOf = (r: Row) => must(grids, gridKey(s(r, 'community'), s(r, 'grid')))
  await wish({
    table: 'townships',
    columns: { id: 'uuid', code: 'text', name: 'text' },
    key: ['code'],
    values: ['name'],
    aside: { name: 't.id::text' },
    absent: 'keep',
    rows: t.townships.map(r => ({ id: must(townships, s(r, 'name')), code: v(r, 'code'), name: v(r, 'name') })),
  })
  await wish({
    table: 'communities',
    columns: { id: 'uuid', township_id: 'uuid', code: 'text', name: 'text', duty_phone: 'text' },
    key: ['code'],
    values: ['name', 'township_id', 'duty_phone'],
    aside: { name: 't.id::text' },
    absent: 'keep',
    rows: t.communities.map(r => ({ id: must(communities, s(r, 'name')), township_id: must(townships, s(r, 'township')), code: v(r, 'code'), name: v(r, 'name'), duty_phone: v(r, 'dutyPhone') })),
  })
  await wish({
    table: 'grids',
    columns: { id: 'uuid', community_id: 'uuid', code: 'text', name: 'text', place_type: 'text' },
    key: ['code'],
    values: ['name', 'community_id', 'place_type'],
    aside: { name: 't.id::text' },
    absent: 'keep',
    rows: t.grids.map(r => ({ id: must(grids, gridKey(s(r, 'community'), s(r, 'name'))), community_id: must(communities, s(r, 'community')), code: v(r, 'code'), name: v(r, 'name'), place_type: v(r, 'placeType') })),
  })

  const units = await identify(tx, 'units', 'name', t.units, r => s(r, 'name'))
  await wish({
    table: 'units',
    columns: { id: 'uuid', name: 'text', category: 'text', mobilisation_class: 'text', valid_from: 'date', valid_to: 'date' },
    key: ['name'],
    values: ['category', 'mobilisation_class', 'valid_to'],
    absent: 'valid_to',
    rows: t.units.map(r => ({ id: must(units, s(r, 'name')), name: v(r, 'name'), category: v(r, 'category'), mobilisation_class: v(r, 'mobilisationClass'), valid_from: today, valid_to: null })),
  })
  const orgs = await identify(tx, 'party_orgs', 'name', t.partyOrgs, r => s(r, 'name'))
  await wish({
    table: 'party_orgs',
    columns: { id: 'uuid', kind: 'text', name: 'text', parent_id: 'uuid', township_id: 'uuid', community_id: 'uuid', grid_id: 'uuid', unit_id: 'uuid', valid_from: 'date', dissolved_on: 'date' },
    key: ['name'],
    values: ['kind', 'parent_id', 'township_id', 'community_id', 'grid_id', 'unit_id', 'dissolved_on'],
    aside: { grid_id: 'null' },
    absent: 'dissolved_on',
    // A temporary branch of an emergency is no matter of the tables.
    endable: `t.kind <> 'temporaryBranch'`,
    rows: t.partyOrgs.map(r => ({
      id: must(orgs, s(r, 'name')),
      kind: v(r, 'kind'),
      name: v(r, 'name'),
      parent_id: s(r, 'parent') === '' ? null : must(orgs, s(r, 'parent')),
      township_id: s(r, 'township') === '' ? null : must(townships, s(r, 'township')),
      community_id: s(r, 'community') === '' ? null : must(communities, s(r, 'community')),
      grid_id: s(r, 'grid') === '' ? null : gridOf(r),
      unit_id: s(r, 'unit') === '' ? null : must(units, s(r, 'unit')),
      valid_from: today,
      dissolved_on: null,
    })),
  })

  // People are matched by the keyed hash of their number: the number itself cannot be searched.
  const { people, hashes } = peopleOf(t, vault)
  const renumbered = await renumber(tx, t, vault, hashes, today)
  if (renumbered.faults.length > 0)
    throw new Refused(renumbered.faults)
  const ids = await identify(tx, 'persons', `encode(phone_hash, 'hex')`, [...people.values()], r => must(hashes, s(r, 'phone')))
  const personOf = (r: Row) => must(ids, must(hashes, s(r, 'phone')))
  await wish({
    table: 'persons',
    columns: { id: 'uuid', name: 'text', phone_cipher: 'bytea', phone_hash: 'bytea', birth_year: 'smallint', political_status: 'text' },
    key: ['phone_hash'],
    values: ['name', 'birth_year', 'political_status'],
    absent: 'keep',
    rows: [...people.values()].map(r => ({ id: personOf(r), name: v(r, 'name'), phone_cipher: vault.seal(s(r, 'phone')).toString('hex'), phone_hash: must(hashes, s(r, 'phone')), birth_year: v(r, 'birthYear'), political_status: v(r, 'politicalStatus') })),
  })
  const persons = out.at(-1)
  if (persons !== undefined) {
    // Found under their new numbers they seem to be as they were.
    persons.changed += renumbered.changed
    persons.unchanged -= renumbered.changed
  }

  const orgOfUnit = new Map(t.partyOrgs.filter(r => s(r, 'unit') !== '').map(r => [s(r, 'unit'), must(orgs, s(r, 'name'))]))
  const orgOfGrid = new Map(t.partyOrgs.filter(r => s(r, 'grid') !== '').map(r => [gridKey(s(r, 'community'), s(r, 'grid')), must(orgs, s(r, 'name'))]))
  const memberships = new Map<string, Record<string, Value>>()
  for (const r of t.members.filter(isPartyMember))
    memberships.set(s(r, 'phone'), { person_id: personOf(r), party_org_id: must(orgOfUnit, s(r, 'unit')), kind: s(r, 'politicalStatus') === 'probationaryMember' ? 'probationary' : 'inService', valid_from: today })
  for (const r of t.gridStaff.filter(isPartyMember)) {
    if (!memberships.has(s(r, 'phone')))
      memberships.set(s(r, 'phone'), { person_id: personOf(r), party_org_id: must(orgOfGrid, gridKey(s(r, 'community'), s(r, 'grid'))), kind: 'resident', valid_from: today })
  }
  await wish({
    table: 'memberships',
    columns: { person_id: 'uuid', party_org_id: 'uuid', kind: 'text', valid_from: 'date' },
    key: ['person_id', 'party_org_id'],
    values: ['kind'],
    isRelation: true,
    absent: 'valid_to',
    rows: [...memberships.values()],
  })
  await wish({
    table: 'employments',
    columns: { person_id: 'uuid', unit_id: 'uuid', post: 'text', tier: 'smallint', valid_from: 'date' },
    key: ['person_id', 'unit_id'],
    values: ['post', 'tier'],
    isRelation: true,
    absent: 'valid_to',
    rows: t.members.map(r => ({ person_id: personOf(r), unit_id: must(units, s(r, 'unit')), post: s(r, 'post'), tier: v(r, 'tier'), valid_from: today })),
  })
  await wish({
    table: 'residences',
    columns: { person_id: 'uuid', community_id: 'uuid' },
    key: ['person_id'],
    values: ['community_id'],
    absent: 'remove',
    rows: t.members.filter(r => s(r, 'residence') !== '').map(r => ({ person_id: personOf(r), community_id: must(communities, s(r, 'residence')) })),
  })
  await wish({
    table: 'person_skills',
    columns: { person_id: 'uuid', skill: 'text' },
    key: ['person_id', 'skill'],
    values: [],
    absent: 'remove',
    rows: t.members.flatMap(r => Array.isArray(r.cells.skills) ? r.cells.skills.map(skill => ({ person_id: personOf(r), skill })) : []),
  })
  await wish({
    table: 'grid_posts',
    columns: { person_id: 'uuid', grid_id: 'uuid', post: 'text', source: 'text', recruited: 'boolean', valid_from: 'date' },
    key: ['person_id', 'grid_id', 'post'],
    values: ['source', 'recruited'],
    isRelation: true,
    absent: 'valid_to',
    rows: t.gridStaff.map(r => ({ person_id: personOf(r), grid_id: gridOf(r), post: v(r, 'post'), source: v(r, 'source'), recruited: v(r, 'recruited'), valid_from: today })),
  })

  const scopes: Partial<Record<string, ReadonlyMap<string, string>>> = { township: townships, community: communities, unit: units }
  await wish({
    table: 'role_grants',
    columns: { id: 'uuid', person_id: 'uuid', role: 'text', scope_type: 'text', scope_id: 'uuid', valid_from: 'date', valid_to: 'date' },
    key: ['person_id', 'role', 'scope_type'],
    nullableKey: 'scope_id',
    values: ['valid_from', 'valid_to'],
    isRelation: true,
    absent: 'valid_to',
    // Administrators are appointed by command as well: a table that forgets them must not lock everyone out. Their end is a date in the sheet.
    endable: `t.scope_type <> 'county'`,
    rows: latest(t.roles, today, r => `${s(r, 'phone')} ${s(r, 'role')} ${s(r, 'scopeName')}`).map(r => ({
      id: newId(),
      person_id: personOf(r),
      role: v(r, 'role'),
      scope_type: v(r, 'scopeType'),
      scope_id: s(r, 'scopeName') === '' ? null : must(scopes[s(r, 'scopeType')] ?? new Map(), s(r, 'scopeName')),
      valid_from: v(r, 'validFrom'),
      valid_to: v(r, 'validTo'),
    })),
  })
  await wish({
    table: 'pairings',
    columns: { id: 'uuid', unit_id: 'uuid', grid_id: 'uuid', is_lead: 'boolean', valid_from: 'date', valid_to: 'date' },
    key: ['unit_id', 'grid_id'],
    values: ['is_lead', 'valid_from', 'valid_to'],
    aside: { is_lead: 'false' },
    isRelation: true,
    absent: 'valid_to',
    rows: latest(t.pairings, today, r => `${s(r, 'unit')} ${gridKey(s(r, 'community'), s(r, 'grid'))}`).map(r => ({ id: newId(), unit_id: must(units, s(r, 'unit')), grid_id: gridOf(r), is_lead: v(r, 'isLead'), valid_from: v(r, 'validFrom'), valid_to: v(r, 'validTo') })),
  })
  await wish({
    table: 'rally_points',
    columns: { grid_id: 'uuid', name: 'text', address: 'text', latitude: 'float8', longitude: 'float8', fence_m: 'int' },
    key: ['grid_id'],
    values: ['name', 'address', 'latitude', 'longitude', 'fence_m'],
    absent: 'remove',
    rows: t.rallyPoints.map(r => ({ grid_id: gridOf(r), name: v(r, 'name'), address: v(r, 'address'), latitude: v(r, 'latitude'), longitude: v(r, 'longitude'), fence_m: v(r, 'fenceM') ?? 300 })),
  })
  await wish({
    table: 'exemptions',
    columns: { id: 'uuid', person_id: 'uuid', reason: 'text', note: 'text', valid_from: 'date', valid_to: 'date' },
    key: ['person_id', 'reason', 'valid_from'],
    values: ['note', 'valid_to'],
    // Units report them in the application as well, between two imports; they end by their date.
    absent: 'keep',
    rows: t.exemptions.map(r => ({ id: newId(), person_id: personOf(r), reason: v(r, 'reason'), note: s(r, 'note'), valid_from: v(r, 'validFrom'), valid_to: v(r, 'validTo') })),
  })
  return out
}

/**
 * Reads, checks and applies a folder of tables: afterwards the registry says what they say, and what they
 * no longer name has ended. With any fault nothing is written; a dry run does all the work and takes it
 * back, so that its numbers are those of the real run.
 */
export async function importCounty(db: Database, vault: PhoneVault, { folder, dryRun, today, actorId }: ImportOptions): Promise<ImportReport> {
  const { tables, faults: unreadable } = await readCounty(folder)
  // Between broken rows the rules would only find echoes of the same fault.
  const found = unreadable.some(fault => !isNotice(fault)) ? unreadable : [...unreadable, ...validateCounty(tables, today)]
  const notices = found.filter(isNotice)
  const faults = found.filter(fault => !isNotice(fault))
  if (faults.length > 0)
    return { faults, notices, differences: [], applied: false }
  let differences: Difference[] = []
  try {
    await db.work.tx(async (tx) => {
      // Between two statements the rows of a large county are sealed and hashed, on a busy machine for longer than a transaction may idle.
      await tx.execute(sql.raw(`set local idle_in_transaction_session_timeout = ${DEADLINE_MS}`))
      await tx.execute(sql`select pg_advisory_xact_lock(${ADVISORY.import})`)
      // What the rules found to hold between the tables must still hold when they stand: forms wait meanwhile.
      await tx.execute(sql.raw(`lock table ${WRITTEN.join(', ')} in share row exclusive mode`))
      const missing = await placesMissing(tx, tables)
      if (missing.length > 0)
        throw new Refused(missing)
      differences = await apply(tx, tables, vault, today)
      if (dryRun)
        throw new DryRun()
      await audit(tx, { actorId, action: 'registry.import', subjectType: 'county', subjectId: null, requestId: null, details: { differences } })
    }, { deadlineMs: DEADLINE_MS })
  }
  catch (error) {
    if (error instanceof Refused)
      return { faults: error.faults, notices, differences: [], applied: false }
    if (!(error instanceof DryRun))
      throw error
  }
  return { faults: [], notices, differences, applied: !dryRun }
}
