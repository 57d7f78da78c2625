/** What must hold between the rows of a county (invariants 1–6 of domain rules §3). Pure: tables in, faults out. */
import type { PartyOrgKind } from '../../../contract/vocabulary.ts'
import type { CountyTables, Fault, FaultCode, Row, SheetName } from './sheets.ts'
import { SHEETS } from './sheets.ts'

const str = (row: Row, field: string) => String(row.cells[field] ?? '')
export const gridKey = (community: string, grid: string) => `${community}/${grid}`

/** Which kinds may stand above which. A group's parent is a branch, never a general branch; a branch's parent is never a branch (invariant 2). */
const PARENTS: Partial<Record<PartyOrgKind, readonly PartyOrgKind[]>> = {
  communityGeneralBranch: ['townshipCommittee'],
  communityBranch: ['townshipCommittee'],
  gridBranch: ['communityGeneralBranch'],
  gridGroup: ['communityBranch', 'gridBranch'],
}

export function validateCounty(t: CountyTables): Fault[] {
  const faults: Fault[] = []
  const fileOf = (name: SheetName) => SHEETS.find(s => s.name === name)?.file ?? name
  const headingOf = (name: SheetName, field: string) => SHEETS.find(s => s.name === name)?.columns.find(c => c.field === field)?.heading ?? ''
  const add = (name: SheetName, row: Row | null, field: string, code: FaultCode, detail: string) => faults.push({ file: fileOf(name), row: row?.line ?? 0, column: headingOf(name, field), code, detail })

  function unique(name: SheetName, field: string, key: (row: Row) => string): Map<string, Row> {
    const seen = new Map<string, Row>()
    for (const row of t[name]) {
      const k = key(row)
      const first = seen.get(k)
      if (first === undefined)
        seen.set(k, row)
      else
        add(name, row, field, 'duplicate', String(first.line))
    }
    return seen
  }

  const townships = unique('townships', 'name', r => str(r, 'name'))
  unique('townships', 'code', r => str(r, 'code'))
  const communities = unique('communities', 'name', r => str(r, 'name'))
  unique('communities', 'code', r => str(r, 'code'))
  const grids = unique('grids', 'name', r => gridKey(str(r, 'community'), str(r, 'name')))
  unique('grids', 'code', r => str(r, 'code'))
  const units = unique('units', 'name', r => str(r, 'name'))
  const orgs = unique('partyOrgs', 'name', r => str(r, 'name'))
  const members = unique('members', 'phone', r => str(r, 'phone'))
  unique('rallyPoints', 'grid', r => gridKey(str(r, 'community'), str(r, 'grid')))
  unique('pairings', 'unit', r => `${str(r, 'unit')}|${gridKey(str(r, 'community'), str(r, 'grid'))}`)
  unique('gridStaff', 'phone', r => `${str(r, 'phone')}|${str(r, 'post')}|${gridKey(str(r, 'community'), str(r, 'grid'))}`)
  unique('roles', 'role', r => `${str(r, 'phone')}|${str(r, 'role')}|${str(r, 'scopeType')}|${str(r, 'scopeName')}`)
  unique('exemptions', 'phone', r => `${str(r, 'phone')}|${str(r, 'reason')}|${str(r, 'validFrom')}`)

  function reference(name: SheetName, row: Row, field: string, known: ReadonlyMap<string, Row>, value = str(row, field)): void {
    if (value !== '' && !known.has(value))
      add(name, row, field, 'unknownReference', value)
  }
  const gridReference = (name: SheetName, row: Row) => {
    reference(name, row, 'community', communities)
    if (communities.has(str(row, 'community')))
      reference(name, row, 'grid', grids, gridKey(str(row, 'community'), str(row, 'grid')))
  }
  for (const row of t.communities)
    reference('communities', row, 'township', townships)
  for (const row of t.grids)
    reference('grids', row, 'community', communities)
  for (const row of t.pairings) {
    reference('pairings', row, 'unit', units)
    gridReference('pairings', row)
  }
  for (const row of t.members) {
    reference('members', row, 'unit', units)
    reference('members', row, 'residence', communities)
  }
  for (const name of ['gridStaff', 'rallyPoints'] as const) {
    for (const row of t[name])
      gridReference(name, row)
  }

  // One number, one person, whichever sheet he stands in.
  const names = new Map<string, string>()
  for (const name of ['members', 'gridStaff', 'roles'] as const) {
    for (const row of t[name]) {
      const known = names.get(str(row, 'phone'))
      if (known !== undefined && known !== str(row, 'name'))
        add(name, row, 'phone', 'nameDiffers', `${known} / ${str(row, 'name')}`)
      names.set(str(row, 'phone'), known ?? str(row, 'name'))
    }
  }
  for (const row of t.gridStaff) {
    if (members.has(str(row, 'phone')))
      add('gridStaff', row, 'phone', 'duplicate', String(members.get(str(row, 'phone'))?.line ?? ''))
  }
  for (const row of t.exemptions) {
    if (!names.has(str(row, 'phone')))
      add('exemptions', row, 'phone', 'unknownReference', str(row, 'name'))
    if (row.cells.validTo !== null && str(row, 'validTo') < str(row, 'validFrom'))
      add('exemptions', row, 'validTo', 'endBeforeStart', '')
  }

  const places: Record<string, ReadonlyMap<string, Row>> = { township: townships, community: communities, unit: units, grid: grids }
  const SCOPE_OF: Record<string, string> = { townshipSecretary: 'township', communitySecretary: 'community', communityCadre: 'community', unitSecretary: 'unit', unitLiaison: 'unit' }
  for (const row of t.roles) {
    const wanted = SCOPE_OF[str(row, 'role')] ?? 'county'
    if (str(row, 'scopeType') !== wanted)
      add('roles', row, 'scopeType', 'wrongScope', `${str(row, 'role')} / ${str(row, 'scopeType')}`)
    else if (wanted !== 'county')
      reference('roles', row, 'scopeName', places[wanted] ?? new Map())
  }

  for (const row of t.partyOrgs) {
    reference('partyOrgs', row, 'parent', orgs)
    reference('partyOrgs', row, 'township', townships)
    reference('partyOrgs', row, 'community', communities)
    reference('partyOrgs', row, 'unit', units)
    if (str(row, 'grid') !== '')
      reference('partyOrgs', row, 'grid', grids, gridKey(str(row, 'community'), str(row, 'grid')))
    const parent = orgs.get(str(row, 'parent'))
    const allowed = PARENTS[str(row, 'kind') as PartyOrgKind]
    if (allowed !== undefined && (parent === undefined || !allowed.includes(str(parent, 'kind') as PartyOrgKind)) && (str(row, 'parent') === '' || parent !== undefined))
      add('partyOrgs', row, 'parent', 'wrongParent', str(row, 'parent'))
    const path = [str(row, 'name')]
    for (let up = parent; up !== undefined; up = orgs.get(str(up, 'parent'))) {
      if (path.includes(str(up, 'name'))) {
        add('partyOrgs', row, 'parent', 'cycle', [...path, str(up, 'name')].join(' → '))
        break
      }
      path.push(str(up, 'name'))
    }
  }

  const pairedUnits = new Set(t.pairings.map(r => str(r, 'unit')))
  for (const [name, row] of units) {
    if (!pairedUnits.has(name))
      add('units', row, 'name', 'bareUnit', name)
  }
  const byGrid = <T>(rows: readonly Row[], pick: (row: Row) => T) => {
    const map = new Map<string, T[]>()
    for (const row of rows) {
      const key = gridKey(str(row, 'community'), str(row, 'grid'))
      map.set(key, [...map.get(key) ?? [], pick(row)])
    }
    return map
  }
  const leads = byGrid(t.pairings, r => r.cells.isLead === true)
  const staff = byGrid(t.gridStaff, r => str(r, 'post'))
  const gridOrgs = byGrid(t.partyOrgs.filter(r => str(r, 'kind') === 'gridBranch' || str(r, 'kind') === 'gridGroup'), r => str(r, 'kind'))
  for (const [key, row] of grids) {
    const pairs = leads.get(key) ?? []
    const leading = pairs.filter(Boolean).length
    if (pairs.length === 0)
      add('grids', row, 'name', 'bareGrid', key)
    else if (leading !== 1)
      add('grids', row, 'name', leading === 0 ? 'noLead' : 'twoLeads', key)
    const posts = staff.get(key) ?? []
    if (posts.filter(p => p === 'gridChief').length !== 1)
      add('grids', row, 'name', 'noChief', key)
    if (!posts.includes('gridOfficer'))
      add('grids', row, 'name', 'noOfficer', key)
    if (posts.filter(p => p === 'gridAssistant').length < 2)
      add('grids', row, 'name', 'fewAssistants', key)
    if ((gridOrgs.get(key) ?? []).length !== 1)
      add('grids', row, 'name', 'noPartyOrg', key)
  }
  return faults
}
