/** From a board to what a screen draws: one tile per grid, grouped by community. Pure. */
import type { Counts } from '../../../contract/counting.ts'
import type { Board, BoardTeam } from '../../../contract/reducer.ts'
import { arrived, emptyCounts, toCall } from '../../../contract/counting.ts'
import { UNDER_STRENGTH_BELOW } from '../../../contract/vocabulary.ts'

/** Where a grid is on its way to full strength; each has a glyph and a ground of its own. */
export const TILE_STATES = ['pending', 'silent', 'coming', 'arriving', 'full'] as const
export type TileState = typeof TILE_STATES[number]

export interface Tile {
  gridId: string
  gridName: string
  communityId: string
  communityName: string
  team: BoardTeam | null
  required: number
  counts: Counts
  duty: Counts | null
  state: TileState
  arrived: number
  coming: number
  /** How many posts nobody on the way or on site fills. */
  gap: number
  /** Fewer people than a team needs can still come. */
  isShort: boolean
}

export interface CommunityTiles { id: string, name: string, tiles: Tile[], required: number, arrived: number }

/** The names of grids, for an initial response, which has no teams. */
export type PlaceNames = ReadonlyMap<string, { gridName: string, communityId: string, communityName: string }>

export function tileState(required: number, counts: Counts): TileState {
  const here = arrived(counts)
  if (required > 0 && here >= required)
    return 'full'
  if (here > 0)
    return 'arriving'
  if (counts.going + counts.later > 0)
    return 'coming'
  return toCall(counts) > counts.pending ? 'silent' : 'pending'
}

function tile(place: { gridId: string, gridName: string, communityId: string, communityName: string }, team: BoardTeam | null, duty: Counts | null): Tile {
  const counts = team?.counts ?? duty ?? emptyCounts()
  const required = team?.required ?? toCall(counts)
  const coming = counts.going + counts.later
  const here = arrived(counts)
  const able = counts.pending + counts.silent + coming + here
  return {
    gridId: place.gridId,
    gridName: place.gridName,
    communityId: place.communityId,
    communityName: place.communityName,
    team,
    required,
    counts,
    duty: team === null ? null : duty,
    state: tileState(required, counts),
    arrived: here,
    coming,
    gap: Math.max(0, required - here - coming),
    isShort: team !== null && able < UNDER_STRENGTH_BELOW,
  }
}

/** One tile per grid; an initial response counts its grid staff instead of teams. */
export function tilesOf(board: Board, names: PlaceNames): Tile[] {
  const teams = Object.values(board.teams)
  if (teams.length > 0)
    return teams.map(team => tile(team, team, board.duty[team.gridId] ?? null))
  return Object.entries(board.duty).map(([gridId, counts]) => tile({ gridId, ...(names.get(gridId) ?? { gridName: '', communityId: '', communityName: '' }) }, null, counts))
}

/** In the order of the registry where it is known, so that a community always stands in the same place. */
export function byCommunity(tiles: readonly Tile[], names: PlaceNames): CommunityTiles[] {
  const rank = new Map([...names.keys()].map((gridId, at) => [gridId, at]))
  const groups = new Map<string, CommunityTiles>()
  for (const one of [...tiles].sort((a, b) => (rank.get(a.gridId) ?? 0) - (rank.get(b.gridId) ?? 0))) {
    const group = groups.get(one.communityId) ?? { id: one.communityId, name: one.communityName, tiles: [], required: 0, arrived: 0 }
    group.tiles.push(one)
    group.required += one.required
    group.arrived += Math.min(one.arrived, one.required)
    groups.set(one.communityId, group)
  }
  return [...groups.values()]
}

/** A gap of fewer than one post in five is the ordinary course of things. */
const GAP_SHARE = 0.2

/**
 * Operational order: teams that are too small, then the widest gap, then who could not be reached. While
 * people are still answering (`isEarly`) a gap counts only where nobody is left who could fill it. Console
 * only (domain rule §9).
 */
export function needingAttention(tiles: readonly Tile[], isEarly: boolean): Tile[] {
  const lack = ({ gap, counts }: Tile): number => isEarly ? Math.max(0, gap - counts.silent - counts.pending) : gap
  const share = (one: Tile): number => one.required === 0 ? 0 : lack(one) / one.required
  return tiles.filter(one => one.isShort || share(one) >= GAP_SHARE)
    .sort((a, b) => Number(b.isShort) - Number(a.isShort) || share(b) - share(a) || b.counts.unreachable - a.counts.unreachable)
}
