import type { Scope } from '../../../../contract/common.ts'
import type { PlaceTree } from '../../../../contract/registry.ts'
import type { PlaceNames } from '../../../shared/board/tiles.ts'

export const gridIdsOf = (tree: PlaceTree): string[] => tree.townships.flatMap(town => town.communities.flatMap(community => community.grids.map(grid => grid.id)))

/**
 * The chosen grids in the fewest words: the county, townships, communities, and what is left of grids.
 * A tree that is cut to one community (`isPartial`) knows no whole township.
 */
export function scopeOfGrids(tree: PlaceTree, chosen: ReadonlySet<string>, isPartial: boolean): Scope[] {
  const all = gridIdsOf(tree)
  if (!isPartial && all.length > 0 && all.every(id => chosen.has(id)))
    return [{ type: 'county', id: null }]
  return tree.townships.flatMap((town): Scope[] => {
    const grids = town.communities.flatMap(community => community.grids)
    if (!isPartial && grids.length > 0 && grids.every(grid => chosen.has(grid.id)))
      return [{ type: 'township', id: town.id }]
    return town.communities.flatMap((community): Scope[] =>
      community.grids.length > 0 && community.grids.every(grid => chosen.has(grid.id))
        ? [{ type: 'community', id: community.id }]
        : community.grids.filter(grid => chosen.has(grid.id)).map(grid => ({ type: 'grid', id: grid.id })))
  })
}

/** In the registry's order. */
export function placeNames(tree: PlaceTree | null): PlaceNames {
  return new Map(tree?.townships.flatMap(town => town.communities.flatMap(community => community.grids.map(grid => [grid.id, { gridName: grid.name, communityId: community.id, communityName: community.name }] as const))))
}
