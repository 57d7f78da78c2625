/** What a timeline shows to whom: the log names people, a county-wide wall must not (domain rule §5.1). */
import type { BulkChange, EmergencyEvent, PersonChange, Standing } from '../../../contract/events.ts'
import type { BoardFilter } from '../../../contract/reducer.ts'
import type { StoredEvent } from '../../platform/eventlog/index.ts'
import { concerns } from '../../../contract/reducer.ts'

/** What the log stored, as the union that both sides read. The writers check data against type (`event`). */
export function toEvent(e: StoredEvent, actorName: string | null): EmergencyEvent {
  return { emergencyId: e.emergencyId, seq: e.seq, type: e.type, v: e.v, at: e.at.toISOString(), actorId: e.actorId, actorName, data: e.data } as EmergencyEvent
}

export interface TimelineView extends BoardFilter {
  /** County and township see what happens, not to whom. */
  masksNames: boolean
}

/** 李建国 → 李**. */
export function maskName(name: string): string {
  const [first = '', ...rest] = name
  return first + '*'.repeat(rest.length)
}

/** However many teams and grids a change touched: one row per kind of change. */
function collapse(changes: readonly BulkChange[], { sees }: TimelineView): BulkChange[] {
  const placeless = (s: Standing): Standing => ({ ...s, teamId: null, gridId: null })
  const sums = new Map<string, BulkChange>()
  for (const { before, after, n } of changes) {
    if (after.gridId === null || !sees(after.gridId))
      continue
    const row = { before: before === null ? null : placeless(before), after: placeless(after) }
    const key = JSON.stringify(row)
    sums.set(key, { ...row, n: n + (sums.get(key)?.n ?? 0) })
  }
  return [...sums.values()]
}

/** Nothing in the event belongs to the scope. Cheap: most events of a storm end here, once for every board that is watched. */
function isElsewhere({ data }: EmergencyEvent, view: TimelineView): boolean {
  if ('change' in data)
    return !concerns(view, data.change)
  if ('incoming' in data)
    return !concerns(view, data.incoming) && (data.outgoing === null || !concerns(view, data.outgoing))
  if ('people' in data)
    return !data.people.some(change => concerns(view, change))
  if ('team' in data)
    return !view.sees(data.team.gridId)
  // Late answers name a person and no place.
  return 'name' in data && !view.masksNames
}

/**
 * An event as a timeline of this view carries it, or null where it is none of its business. Tiles and
 * bulk rows stay behind: the delta beside it has them, and an entry must stay small.
 */
export function timelineEntry(event: EmergencyEvent, view: TimelineView): EmergencyEvent | null {
  if (isElsewhere(event, view))
    return null
  const nameOf = (name: string): string => view.masksNames ? maskName(name) : name
  const named = (change: PersonChange): PersonChange => ({ ...change, name: nameOf(change.name) })
  const data: Record<string, unknown> = { ...event.data }
  if ('change' in event.data)
    data.change = named(event.data.change)
  if ('incoming' in event.data) {
    data.incoming = named(event.data.incoming)
    data.outgoing = event.data.outgoing === null ? null : named(event.data.outgoing)
  }
  if ('people' in event.data)
    data.people = event.data.people.filter(change => concerns(view, change)).map(named)
  if ('changes' in event.data) {
    const changes = collapse(event.data.changes, view)
    // Nothing here; unlike the taker's side of a pre-emption, whose changes stand with his own news.
    if (changes.length === 0 && event.data.changes.length > 0 && !('header' in event.data))
      return null
    data.changes = changes
  }
  if ('teams' in event.data)
    data.teams = []
  if ('gridIds' in event.data)
    data.gridIds = event.data.gridIds.filter(view.sees)
  if ('name' in event.data)
    data.name = nameOf(event.data.name)
  // How many were missing. The roll call itself names them, to those who called it.
  if ('missing' in event.data)
    data.missing = event.data.missing.map(() => '')
  return { ...event, data } as EmergencyEvent
}

/** The newest of these milestones, in order, as this view shows them. */
export function timelineOf(milestones: readonly EmergencyEvent[], view: TimelineView, limit: number): EmergencyEvent[] {
  return milestones.map(event => timelineEntry(event, view)).filter(entry => entry !== null).slice(-limit)
}
