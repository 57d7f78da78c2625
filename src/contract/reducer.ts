/**
 * The one reducer of boards. Law, tested after every command: old snapshot + events = fresh snapshot.
 *
 * A server process folds many events into one small delta per watched scope (at most four a second)
 * and the client merges it; folding the whole log of an emergency into an empty board gives the same
 * board as reading the tables. Free of zod and of platform code: phone, console, wall and tests share it.
 */
import type { Counts } from './counting.ts'
import type { BulkChange, EmergencyEvent, EmergencyHeader, PersonChange, Standing, TeamTile } from './events.ts'
import type { AnswerVia, CheckInFlag, ScopeType, TeamPost } from './vocabulary.ts'
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

/** True when the scope shows this grid; `communityOf`/`townshipOf` come from the registry. */
export type GridFilter = (gridId: string) => boolean

function add(delta: BoardDelta, standing: Standing, n: number, sees: GridFilter): void {
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

function addBulk(delta: BoardDelta, changes: readonly BulkChange[], sees: GridFilter): void {
  for (const { before, after, n } of changes) {
    if (before !== null)
      add(delta, before, -n, sees)
    add(delta, after, n, sees)
  }
  if (changes.length > 0)
    delta.people = 'all'
}

function addOne(delta: BoardDelta, change: PersonChange, sees: GridFilter): void {
  const seen = [change.before, change.after].some(s => s !== null && s.gridId !== null && sees(s.gridId))
  if (!seen)
    return
  if (change.before !== null)
    add(delta, change.before, -1, sees)
  add(delta, change.after, 1, sees)
  if (delta.people !== 'all' && !delta.people.includes(change.personId))
    delta.people.push(change.personId)
}

function setTeams(delta: BoardDelta, tiles: readonly TeamTile[], sees: GridFilter): void {
  for (const tile of tiles) {
    if (!sees(tile.gridId))
      continue
    delta.teams = delta.teams.filter(t => t.teamId !== tile.teamId)
    delta.teams.push(tile)
  }
}

/** Folds one event into a delta, in place. Events must come in order, without gaps. */
export function fold(delta: BoardDelta, event: EmergencyEvent, sees: GridFilter): void {
  delta.toSeq = event.seq
  delta.asOf = event.at
  const { data } = event
  if ('header' in data)
    delta.header = data.header
  if ('teams' in data)
    setTeams(delta, data.teams, sees)
  if ('team' in data)
    setTeams(delta, [data.team], sees)
  if ('changes' in data)
    addBulk(delta, data.changes, sees)
  if ('change' in data)
    addOne(delta, data.change, sees)
  if ('people' in data) {
    for (const change of data.people)
      addOne(delta, change, sees)
  }
  if ('incoming' in data) {
    if (data.outgoing !== null)
      addOne(delta, data.outgoing, sees)
    addOne(delta, data.incoming, sees)
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
