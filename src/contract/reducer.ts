/**
 * The one reducer of boards. Law, tested after every command: old snapshot + events = fresh snapshot.
 *
 * A server process folds many events into one small delta per watched scope (some four a second in a storm)
 * and the client merges it; folding the whole log of an emergency into an empty board gives the same
 * board as reading the tables. Free of zod and of platform code: phone, console, wall and tests share it.
 */
import type { Counts } from './counting.ts'
import type { BulkChange, EmergencyEvent, EmergencyHeader, PersonChange, Standing, TeamTile } from './events.ts'
import type { AnswerVia, CheckInFlag, EmergencyState, ScopeType, TeamPost } from './vocabulary.ts'
import { emptyCounts, tally } from './counting.ts'

/** Which part of an emergency a board shows. People are named only below county and township. */
export interface BoardScope { type: ScopeType, id: string | null }

export interface BoardTeam extends TeamTile { counts: Counts }

export interface BoardPerson {
  personId: string
  name: string
  unitId: string | null
  unitName: string | null
  post: TeamPost | null
  standing: Standing
  promisedAt: string | null
  reason: string | null
  via: AnswerVia | null
  answeredAt: string | null
  checkedInAt: string | null
  checkedOutAt: string | null
  flags: CheckInFlag[]
}

export interface Board {
  emergencyId: string
  scope: BoardScope
  /** Sequence number of the last event that this board contains. */
  seq: number
  /** When that event happened (ISO). */
  asOf: string
  header: EmergencyHeader
  teams: Record<string, BoardTeam>
  /** Grid staff and volunteers by grid, counted apart. */
  duty: Record<string, Counts>
}

/** What changed between two sequence numbers, in the smallest form that a screen needs. */
export interface BoardDelta {
  emergencyId: string
  fromSeq: number
  toSeq: number
  asOf: string
  header?: EmergencyHeader
  teams: TeamTile[]
  /** teamId → what to add to its counts. */
  teamCounts: Record<string, Counts>
  /** gridId → what to add to its duty counts. */
  dutyCounts: Record<string, Counts>
  /** People whose rows changed; the screen fetches them if it shows people. `all` after a bulk change. */
  people: string[] | 'all'
}

export function emptyDelta(emergencyId: string, seq: number, asOf: string): BoardDelta {
  return { emergencyId, fromSeq: seq, toSeq: seq, asOf, teams: [], teamCounts: {}, dutyCounts: {}, people: [] }
}

/** True when the scope shows this grid; which grids a community or township has, the registry knows. */
export type GridFilter = (gridId: string) => boolean

/** What a scope shows of an emergency: some grids, or, for a unit, its own people wherever they serve. */
export interface BoardFilter {
  sees: GridFilter
  unitId: string | null
}

/** A delta names this many people at most; a screen then asks for its page anew. */
export const PEOPLE_NAMED = 200

/** In these states an emergency's teams are dissolved. */
const DISSOLVED: readonly EmergencyState[] = ['review', 'archived', 'lifted', 'revoked']

function shows({ sees }: BoardFilter, standing: Partial<Standing> | null): boolean {
  const gridId = standing?.gridId ?? null
  return gridId !== null && sees(gridId)
}

function add(delta: BoardDelta, standing: Standing, n: number, { sees }: BoardFilter): void {
  if (standing.gridId === null || !sees(standing.gridId))
    return
  if (standing.audience === 'team') {
    if (standing.teamId !== null)
      tally(delta.teamCounts[standing.teamId] ??= emptyCounts(), standing, n)
  }
  else {
    tally(delta.dutyCounts[standing.gridId] ??= emptyCounts(), standing, n)
  }
}

function addBulk(delta: BoardDelta, changes: readonly BulkChange[], filter: BoardFilter): void {
  for (const { before, after, n } of changes) {
    if (before !== null)
      add(delta, before, -n, filter)
    add(delta, after, n, filter)
    // Whose units they are is not said: a unit's screen asks again.
    if (filter.unitId !== null || shows(filter, before) || shows(filter, after))
      delta.people = 'all'
  }
}

export function standingAfter({ before, after }: PersonChange): Standing {
  return before === null ? after : { ...before, ...after }
}

/** Does the scope show this person, before or after the change? */
export function concerns(filter: BoardFilter, change: PersonChange): boolean {
  return shows(filter, change.before) || shows(filter, change.after) || (filter.unitId !== null && change.unitId === filter.unitId)
}

function addOne(delta: BoardDelta, change: PersonChange, filter: BoardFilter): void {
  if (!concerns(filter, change))
    return
  if (change.before !== null)
    add(delta, change.before, -1, filter)
  add(delta, standingAfter(change), 1, filter)
  if (delta.people === 'all' || delta.people.includes(change.personId))
    return
  if (delta.people.length < PEOPLE_NAMED)
    delta.people.push(change.personId)
  else
    delta.people = 'all'
}

function setTeams(delta: BoardDelta, tiles: readonly TeamTile[], { sees }: BoardFilter): void {
  const seen = tiles.filter(tile => sees(tile.gridId))
  if (seen.length > 0)
    delta.teams = [...new Map([...delta.teams, ...seen].map(tile => [tile.teamId, tile])).values()]
}

/** Folds one event into a delta, in place. Events must come in order, without gaps. */
export function fold(delta: BoardDelta, event: EmergencyEvent, sees: GridFilter, unitId: string | null = null): void {
  const filter = { sees, unitId }
  delta.toSeq = event.seq
  delta.asOf = event.at
  const { data } = event
  if ('header' in data)
    delta.header = data.header
  if ('teams' in data)
    setTeams(delta, data.teams, filter)
  if ('team' in data)
    setTeams(delta, [data.team], filter)
  if ('changes' in data)
    addBulk(delta, data.changes, filter)
  if ('change' in data)
    addOne(delta, data.change, filter)
  if ('people' in data) {
    for (const change of data.people)
      addOne(delta, change, filter)
  }
  if ('incoming' in data) {
    if (data.outgoing !== null)
      addOne(delta, data.outgoing, filter)
    addOne(delta, data.incoming, filter)
  }
}

/**
 * Merges a delta into a board and returns the new board, or null where the delta does not continue it
 * (a gap): the caller then asks for a snapshot.
 */
export function merge(board: Board, delta: BoardDelta): Board | null {
  if (delta.toSeq <= board.seq)
    return board
  if (delta.fromSeq !== board.seq)
    return null
  const teams = { ...board.teams }
  for (const tile of delta.teams)
    teams[tile.teamId] = { ...tile, counts: teams[tile.teamId]?.counts ?? emptyCounts() }
  for (const [teamId, counts] of Object.entries(delta.teamCounts)) {
    const team = teams[teamId]
    if (team === undefined)
      return null
    teams[teamId] = { ...team, counts: plus(team.counts, counts) }
  }
  if (delta.header !== undefined && DISSOLVED.includes(delta.header.state)) {
    for (const [teamId, team] of Object.entries(teams))
      teams[teamId] = { ...team, state: 'dissolved' }
  }
  const duty = { ...board.duty }
  for (const [gridId, counts] of Object.entries(delta.dutyCounts))
    duty[gridId] = plus(duty[gridId] ?? emptyCounts(), counts)
  return { ...board, seq: delta.toSeq, asOf: delta.asOf, header: delta.header ?? board.header, teams, duty }
}

function plus(a: Counts, b: Counts): Counts {
  const sum = { ...a }
  for (const key of Object.keys(b) as (keyof Counts)[])
    sum[key] += b[key]
  return sum
}
