import type { Scope } from '../../../contract/common.ts'
import type { CommunityNode, GridNode, TownshipNode } from '../../../contract/registry.ts'
import type { Mode, PlaceType } from '../../../contract/vocabulary.ts'
import type { Tx } from '../../platform/db/index.ts'
import { sql } from 'drizzle-orm'
import { uuids } from '../../platform/db/index.ts'

/** Where a grid lies. Grids change by registry edits only, so every process keeps them in memory. */
/** 社区, said once: county tables hold names with and without it. Team names are put together in SQL by the same rule (teams/form.repo). */
export const communityTitle = (name: string): string => name === '' || name.endsWith('社区') ? name : `${name}社区`

export interface GridPlace {
  gridId: string
  gridName: string
  communityId: string
  communityName: string
  townshipId: string
  townshipName: string
}

export class GridIndex {
  #places = new Map<string, GridPlace>()
  #communities = new Map<string, { townshipId: string, name: string }>()
  #townships = new Map<string, string>()

  async load(tx: Tx): Promise<void> {
    const rows = await tx.execute<{ grid_id: string, grid_name: string, community_id: string, community_name: string, township_id: string, township_name: string }>(sql`
      select g.id as grid_id, g.name as grid_name, c.id as community_id, c.name as community_name, t.id as township_id, t.name as township_name
      from grids g join communities c on c.id = g.community_id join townships t on t.id = c.township_id order by g.code`)
    this.#places = new Map(rows.map(r => [r.grid_id, { gridId: r.grid_id, gridName: r.grid_name, communityId: r.community_id, communityName: r.community_name, townshipId: r.township_id, townshipName: r.township_name }]))
    this.#communities = new Map(rows.map(r => [r.community_id, { townshipId: r.township_id, name: r.community_name }]))
    this.#townships = new Map(rows.map(r => [r.township_id, r.township_name]))
  }

  get size(): number {
    return this.#places.size
  }

  get(gridId: string): GridPlace | undefined {
    return this.#places.get(gridId)
  }

  community(communityId: string): { townshipId: string, name: string } | undefined {
    return this.#communities.get(communityId)
  }

  township(townshipId: string): string | undefined {
    return this.#townships.get(townshipId)
  }

  all(): Iterable<GridPlace> {
    return this.#places.values()
  }

  /** Grids inside any of these scopes; units have no grids of their own here. */
  within(scopes: readonly Scope[]): string[] {
    return [...this.#places.values()].filter(place => scopes.some(scope => isWithin(place, scope))).map(place => place.gridId)
  }
}

export function isWithin(place: GridPlace, scope: Scope): boolean {
  switch (scope.type) {
    case 'county': return true
    case 'township': return place.townshipId === scope.id
    case 'community': return place.communityId === scope.id
    case 'grid': return place.gridId === scope.id
    case 'unit': return false
  }
}

/** The ids by which a scope is matched against somebody's grants; unknown places match nothing. */
export function placeOfScope(index: GridIndex, scope: Scope): { townshipId?: string, communityId?: string, gridId?: string, unitId?: string } {
  if (scope.id === null)
    return {}
  switch (scope.type) {
    case 'county': return {}
    case 'township': return { townshipId: scope.id }
    case 'community': {
      const community = index.community(scope.id)
      return community === undefined ? {} : { communityId: scope.id, townshipId: community.townshipId }
    }
    case 'grid': {
      const place = index.get(scope.id)
      return place === undefined ? {} : { gridId: place.gridId, communityId: place.communityId, townshipId: place.townshipId }
    }
    case 'unit': return { unitId: scope.id }
  }
}

/** Is the pairing in force on this county day? */
export function pairedOn(pairing: string, day: string) {
  const p = sql.raw(pairing)
  return sql`(${p}.valid_from <= ${day} and (${p}.valid_to is null or ${p}.valid_to >= ${day}))`
}

/** Grids that a set of scopes covers; a unit's scope covers the grids that it is paired with that day. */
export async function gridsOfScopes(tx: Tx, index: GridIndex, scopes: readonly Scope[], today: string): Promise<Set<string>> {
  const grids = new Set(index.within(scopes))
  const unitIds = scopes.filter(s => s.type === 'unit' && s.id !== null).map(s => s.id)
  if (unitIds.length > 0) {
    const rows = await tx.execute<{ grid_id: string }>(sql`
      select distinct grid_id from pairings pa where unit_id = any(${uuids(unitIds)}) and ${pairedOn('pa', today)}`)
    for (const { grid_id } of rows)
      grids.add(grid_id)
  }
  return grids
}

/** The place tree, cut to these grids, with the mode that the caller derived for each. */
export async function readPlaceTree(tx: Tx, visible: ReadonlySet<string>, modes: ReadonlyMap<string, Mode>, today: string): Promise<TownshipNode[]> {
  const rows = await tx.execute<{
    township_id: string
    township_code: string
    township_name: string
    community_id: string
    community_code: string
    community_name: string
    id: string
    code: string
    name: string
    place_type: PlaceType
    rally_point: string | null
    chief: { personId: string, name: string } | null
    units: { id: string, name: string, isLead: boolean }[]
  }>(sql`
    select t.id as township_id, t.code as township_code, t.name as township_name,
      c.id as community_id, c.code as community_code, c.name as community_name,
      g.id, g.code, g.name, g.place_type, rp.name as rally_point,
      (select json_build_object('personId', p.id, 'name', p.name) from grid_posts gp join persons p on p.id = gp.person_id
        where gp.grid_id = g.id and gp.post = 'gridChief' and gp.valid_to is null) as chief,
      coalesce((select json_agg(json_build_object('id', u.id, 'name', u.name, 'isLead', pa.is_lead) order by pa.is_lead desc, u.name)
        from pairings pa join units u on u.id = pa.unit_id where pa.grid_id = g.id and ${pairedOn('pa', today)}), '[]') as units
    from grids g join communities c on c.id = g.community_id join townships t on t.id = c.township_id
    left join rally_points rp on rp.grid_id = g.id
    order by t.code, c.code, g.code`)
  const townships: TownshipNode[] = []
  const communities = new Map<string, CommunityNode>()
  for (const r of rows) {
    if (!visible.has(r.id))
      continue
    let community = communities.get(r.community_id)
    if (community === undefined) {
      community = { id: r.community_id, code: r.community_code, name: r.community_name, grids: [] }
      communities.set(r.community_id, community)
      let township = townships.find(t => t.id === r.township_id)
      if (township === undefined) {
        township = { id: r.township_id, code: r.township_code, name: r.township_name, communities: [] }
        townships.push(township)
      }
      township.communities.push(community)
    }
    const grid: GridNode = {
      id: r.id,
      code: r.code,
      name: r.name,
      placeType: r.place_type,
      mode: modes.get(r.id) ?? 'peacetime',
      pairingMode: r.units.length === 0 ? 'none' : r.units.length === 1 ? '1+1' : 'N+1',
      units: r.units,
      chief: r.chief,
      rallyPoint: r.rally_point,
    }
    community.grids.push(grid)
  }
  return townships
}
