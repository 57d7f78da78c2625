/** What must hold between the rows of a county (invariants 1–6 of domain rules §3). Pure: tables in, faults and notices out. */
import type { PartyOrgKind, ScopeType } from '../../../contract/vocabulary.ts'
import type { Fault, FaultCode } from './import-faults.ts'
import type { CountyTables, Row, SheetName } from './sheets.ts'
import { PARTY_ORG_WORDS, ROLE_WORDS, SCOPE_WORDS, sheetOf, wordFor } from './sheets.ts'

const str = (row: Row, field: string) => String(row.cells[field] ?? '')
export const gridKey = (community: string, grid: string) => `${community}/${grid}`
const gridOf = (row: Row) => gridKey(str(row, 'community'), str(row, 'grid'))
export const isPartyMember = (row: Row) => str(row, 'politicalStatus') === 'partyMember' || str(row, 'politicalStatus') === 'probationaryMember'
/** Over by this county day: a clerk may leave such rows in the sheet as a record. */
export const isOver = (row: Row, day: string) => row.cells.validTo != null && str(row, 'validTo') < day
const isOn = (row: Row, day: string) => str(row, 'validFrom') <= day && !isOver(row, day)

/** Adults only (Art. 39 of the Emergency Response Law). */
const ADULT_YEARS = 18

interface OrgRule {
  /** Fields that name its place: these and no others. */
  place: readonly ('township' | 'community' | 'grid' | 'unit')[]
  /**
   * Kinds that may stand above it; none named, none asked. A group's parent is a branch, never a general
   * branch, and a branch's parent is never a branch (invariant 2).
   */
  parents: readonly string[]
}

const ORG_RULES: Partial<Record<string, OrgRule>> = {
  townshipCommittee: { place: ['township'], parents: [] },
  communityGeneralBranch: { place: ['community'], parents: ['townshipCommittee'] },
  communityBranch: { place: ['community'], parents: ['townshipCommittee'] },
  gridBranch: { place: ['community', 'grid'], parents: ['communityGeneralBranch'] },
  gridGroup: { place: ['community', 'grid'], parents: ['communityBranch', 'gridBranch'] },
  unitCommittee: { place: ['unit'], parents: [] },
  unitGeneralBranch: { place: ['unit'], parents: [] },
  unitBranch: { place: ['unit'], parents: [] },
}

const SCOPE_OF: Partial<Record<string, ScopeType>> = { townshipSecretary: 'township', communitySecretary: 'community', communityCadre: 'community', unitSecretary: 'unit', unitLiaison: 'unit' }

const PLACE_HEADINGS = { township: '所属乡镇', community: '所属社区', grid: '所属网格', unit: '所属单位' } as const

/** Which kind suits a unit's party organisation by its number of members (invariant 3). */
export function unitOrgKind(members: number): PartyOrgKind {
  return members >= 100 ? 'unitCommittee' : members >= 50 ? 'unitGeneralBranch' : 'unitBranch'
}

function grouped<T>(rows: readonly Row[], key: (row: Row) => string, pick: (row: Row) => T): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const row of rows) {
    const group = groups.get(key(row))
    if (group === undefined)
      groups.set(key(row), [pick(row)])
    else
      group.push(pick(row))
  }
  return groups
}

/** `today` is a county day: pairings and appointments hold by day. */
export function validateCounty(t: CountyTables, today: string): Fault[] {
  const faults: Fault[] = []
  const add = (name: SheetName, row: Row | null, field: string, code: FaultCode, detail = '') => void faults.push({
    file: row?.file ?? sheetOf(name).file,
    row: row?.line ?? 0,
    column: sheetOf(name).columns.find(c => c.field === field)?.heading ?? '',
    code,
    detail,
  })

  function unique(name: SheetName, field: string, key: (row: Row) => string = row => str(row, field)): Map<string, Row> {
    const seen = new Map<string, Row>()
    for (const row of t[name]) {
      const first = seen.get(key(row))
      if (first === undefined)
        seen.set(key(row), row)
      else
        add(name, row, field, 'duplicate', first.file === row.file ? String(first.line) : `${first.file} ${first.line}`)
    }
    return seen
  }
  function reference(name: SheetName, row: Row, field: string, known: ReadonlyMap<string, Row>): Row | undefined {
    const value = str(row, field)
    if (value !== '' && !known.has(value))
      add(name, row, field, 'unknownReference', value)
    return known.get(value)
  }

  for (const name of ['townships', 'communities', 'grids', 'units', 'members'] as const) {
    if (t[name].length === 0)
      add(name, null, '', 'emptySheet')
  }

  // Places ---------------------------------------------------------------------------------------------
  const townships = unique('townships', 'name')
  const communities = unique('communities', 'name')
  const grids = unique('grids', 'name', r => gridKey(str(r, 'community'), str(r, 'name')))
  for (const name of ['townships', 'communities', 'grids'] as const)
    unique(name, 'code')
  for (const [name, field, parents] of [['communities', 'township', townships], ['grids', 'community', communities]] as const) {
    for (const row of t[name]) {
      const parent = reference(name, row, field, parents)
      if (parent !== undefined && !str(row, 'code').startsWith(str(parent, 'code')))
        add(name, row, 'code', 'codeOutsideParent', str(parent, 'code'))
    }
  }
  function gridReference(name: SheetName, row: Row): void {
    if (reference(name, row, 'community', communities) !== undefined && !grids.has(gridOf(row)))
      add(name, row, 'grid', 'unknownReference', gridOf(row))
  }
  unique('rallyPoints', 'grid', gridOf)
  for (const row of t.rallyPoints)
    gridReference('rallyPoints', row)

  // People ---------------------------------------------------------------------------------------------
  const units = unique('units', 'name')
  const members = unique('members', 'phone')
  unique('gridStaff', 'phone', r => `${str(r, 'phone')} ${str(r, 'post')} ${gridOf(r)}`)
  unique('roles', 'role', r => isOver(r, today) ? `${r.file} ${r.line}` : `${str(r, 'phone')} ${str(r, 'role')} ${str(r, 'scopeName')}`)
  unique('exemptions', 'phone', r => `${str(r, 'phone')} ${str(r, 'reason')} ${str(r, 'validFrom')}`)

  // One number, one person, whichever sheet he stands in.
  const names = new Map<string, string>()
  for (const name of ['members', 'gridStaff', 'roles', 'exemptions'] as const) {
    for (const row of t[name]) {
      const known = names.get(str(row, 'phone'))
      if (known !== undefined && known !== str(row, 'name'))
        add(name, row, 'name', 'nameDiffers', `${known} / ${str(row, 'name')}`)
      else if (known === undefined && name === 'exemptions')
        add(name, row, 'phone', 'unknownReference', str(row, 'name'))
      names.set(str(row, 'phone'), known ?? str(row, 'name'))
      if (typeof row.cells.birthYear === 'number' && row.cells.birthYear > Number(today.slice(0, 4)) - ADULT_YEARS)
        add(name, row, 'birthYear', 'minor')
    }
  }
  for (const row of t.members) {
    const unit = reference('members', row, 'unit', units)
    reference('members', row, 'residence', communities)
    if (unit !== undefined && str(unit, 'mobilisationClass') === 'restricted')
      add('members', row, 'unit', 'restrictedRoster', str(row, 'unit'))
  }
  for (const row of t.gridStaff) {
    gridReference('gridStaff', row)
    const member = members.get(str(row, 'phone'))
    if (member !== undefined)
      add('gridStaff', row, 'phone', 'alsoMember', `${member.file} ${member.line}`)
  }
  const scopes = { township: townships, community: communities, unit: units }
  for (const row of t.roles) {
    const wanted = SCOPE_OF[str(row, 'role')] ?? 'county'
    if (str(row, 'scopeType') !== wanted || (wanted === 'county') !== (str(row, 'scopeName') === ''))
      add('roles', row, 'scopeType', 'wrongScope', `${wordFor(ROLE_WORDS, str(row, 'role'))} / ${wordFor(SCOPE_WORDS, str(row, 'scopeType'))} ${str(row, 'scopeName')}`.trim())
    else if (wanted === 'township' || wanted === 'community' || wanted === 'unit')
      reference('roles', row, 'scopeName', scopes[wanted])
  }
  for (const name of ['pairings', 'roles', 'exemptions'] as const) {
    for (const row of t[name]) {
      if (row.cells.validTo != null && str(row, 'validTo') < str(row, 'validFrom'))
        add(name, row, 'validTo', 'endBeforeStart')
    }
  }

  // Party tree -----------------------------------------------------------------------------------------
  const orgs = unique('partyOrgs', 'name')
  const townshipOf = (org: Row) => str(org, 'township') || str(communities.get(str(org, 'community')) ?? org, 'township')
  for (const row of t.partyOrgs) {
    const parent = reference('partyOrgs', row, 'parent', orgs)
    reference('partyOrgs', row, 'township', townships)
    reference('partyOrgs', row, 'unit', units)
    if (str(row, 'grid') === '')
      reference('partyOrgs', row, 'community', communities)
    else
      gridReference('partyOrgs', row)
    const rule = ORG_RULES[str(row, 'kind')]
    if (rule === undefined)
      continue
    const place = (['township', 'community', 'grid', 'unit'] as const).filter(field => str(row, field) !== '')
    if (place.join() !== rule.place.join())
      add('partyOrgs', row, 'kind', 'wrongPlace', rule.place.map(field => PLACE_HEADINGS[field]).join('、'))
    if (rule.parents.length > 0 && (parent === undefined ? str(row, 'parent') === '' : !rule.parents.includes(str(parent, 'kind'))))
      add('partyOrgs', row, 'parent', 'wrongParent', rule.parents.map(kind => wordFor(PARTY_ORG_WORDS, kind)).join('、'))
    else if (rule.parents.length > 0 && parent !== undefined && (townshipOf(parent) !== townshipOf(row) || (str(parent, 'community') !== '' && str(parent, 'community') !== str(row, 'community'))))
      add('partyOrgs', row, 'parent', 'foreignParent', str(row, 'parent'))
  }
  // Each cycle once, at its first row: whatever hangs below it is not at fault.
  const settled = new Set<Row>()
  for (const row of t.partyOrgs) {
    const path: Row[] = []
    let up: Row | undefined = row
    while (up !== undefined && !settled.has(up) && !path.includes(up)) {
      path.push(up)
      up = orgs.get(str(up, 'parent'))
    }
    if (up !== undefined && !settled.has(up))
      add('partyOrgs', up, 'parent', 'cycle', [...path.slice(path.indexOf(up)), up].map(r => str(r, 'name')).join(' → '))
    for (const visited of path)
      settled.add(visited)
  }
  const orgsOf = (kinds: readonly string[], key: (row: Row) => string) => grouped(t.partyOrgs.filter(r => kinds.includes(str(r, 'kind'))), key, r => r)
  const townshipOrgs = orgsOf(['townshipCommittee'], r => str(r, 'township'))
  const communityOrgs = orgsOf(['communityGeneralBranch', 'communityBranch'], r => str(r, 'community'))
  const gridOrgs = orgsOf(['gridBranch', 'gridGroup'], gridOf)
  const unitOrgs = orgsOf(['unitCommittee', 'unitGeneralBranch', 'unitBranch'], r => str(r, 'unit'))
  for (const [name, row] of townships) {
    if (townshipOrgs.get(name)?.length !== 1)
      add('townships', row, 'name', 'noTownshipOrg', name)
  }
  for (const [name, row] of communities) {
    if (communityOrgs.get(name)?.length !== 1)
      add('communities', row, 'name', 'noCommunityOrg', name)
  }

  // Cooperation and staff ------------------------------------------------------------------------------
  unique('pairings', 'unit', r => isOver(r, today) ? `${r.file} ${r.line}` : `${str(r, 'unit')} ${gridOf(r)}`)
  for (const row of t.pairings) {
    reference('pairings', row, 'unit', units)
    gridReference('pairings', row)
  }
  const active = t.pairings.filter(row => isOn(row, today))
  const pairedUnits = new Set(active.map(row => str(row, 'unit')))
  const partyMembers = grouped(t.members.filter(isPartyMember), r => str(r, 'unit'), r => r)
  const secretaries = new Set(t.roles.filter(r => /^(?:community|unit)Secretary$/.test(str(r, 'role')) && isOn(r, today)).map(r => str(r, 'scopeName')))
  for (const [name, row] of units) {
    if (!pairedUnits.has(name))
      add('units', row, 'name', 'bareUnit', name)
    const count = partyMembers.get(name)?.length ?? 0
    const own = unitOrgs.get(name) ?? []
    if (own.length > 1 || (own.length === 0 && count > 0))
      add('units', row, 'name', 'noUnitOrg', name)
    const [org] = own
    if (org !== undefined && count > 0 && str(org, 'kind') !== unitOrgKind(count))
      add('partyOrgs', org, 'kind', 'orgKindBySize', `${wordFor(PARTY_ORG_WORDS, unitOrgKind(count))} (${count})`)
    if (count > 0 && !secretaries.has(name))
      add('units', row, 'name', 'noSecretary', name)
  }
  for (const [name, row] of communities) {
    if (!secretaries.has(name))
      add('communities', row, 'name', 'noSecretary', name)
  }
  const leads = grouped(active, gridOf, r => r.cells.isLead === true)
  const staff = grouped(t.gridStaff, gridOf, r => str(r, 'post'))
  const rallyPoints = new Set(t.rallyPoints.map(gridOf))
  for (const [key, row] of grids) {
    const pairs = leads.get(key) ?? []
    const leading = pairs.filter(Boolean).length
    if (pairs.length === 0)
      add('grids', row, 'name', 'bareGrid', key)
    else if (leading !== 1)
      add('grids', row, 'name', leading === 0 ? 'noLead' : 'twoLeads', key)
    const posts = staff.get(key) ?? []
    const chiefs = posts.filter(p => p === 'gridChief').length
    if (chiefs !== 1)
      add('grids', row, 'name', chiefs === 0 ? 'noChief' : 'twoChiefs', key)
    if (!posts.includes('gridOfficer'))
      add('grids', row, 'name', 'noOfficer', key)
    if (posts.filter(p => p === 'gridAssistant').length < 2)
      add('grids', row, 'name', 'fewAssistants', key)
    if (gridOrgs.get(key)?.length !== 1)
      add('grids', row, 'name', 'noGridOrg', key)
    if (!rallyPoints.has(key))
      add('grids', row, 'name', 'noRallyPoint', key)
  }
  return faults
}
