/** What a timeline shows to whom: the log names people, a county-wide wall must not (domain rule §5.1). */
import type { BulkChange, EmergencyEvent, EmergencyEventType, PersonChange, Standing } from '../../../contract/events.ts'
import type { BoardFilter } from '../../../contract/reducer.ts'
import type { StoredEvent } from '../../platform/eventlog/index.ts'
import { concerns } from '../../../contract/reducer.ts'

/** Events about single people come by the thousand; a timeline of milestones leaves them out. */
export const PERSONAL: readonly EmergencyEventType[] = ['call.answered', 'call.answeredLate', 'call.unreachable', 'presence.checkedIn', 'presence.checkedOut', 'calls.called']

export function isMilestone(type: string): boolean {
  return !(PERSONAL as readonly string[]).includes(type)
}

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

/**
 * An event as a timeline of this view carries it, or null where it is none of its business. Tiles and
 * bulk rows stay behind: the delta beside it has them, and an entry must stay small.
 */
export function timelineEntry(event: EmergencyEvent, view: TimelineView): EmergencyEvent | null {
  const named = (change: PersonChange): PersonChange => view.masksNames ? { ...change, name: maskName(change.name) } : change
  const data: Record<string, unknown> = { ...event.data }
  if ('change' in event.data) {
    if (!concerns(view, event.data.change))
      return null
    data.change = named(event.data.change)
  }
  if ('incoming' in event.data) {
    const { incoming, outgoing } = event.data
    if (!concerns(view, incoming) && (outgoing === null || !concerns(view, outgoing)))
      return null
    data.incoming = named(incoming)
    data.outgoing = outgoing === null ? null : named(outgoing)
  }
  if ('people' in event.data) {
    const people = event.data.people.filter(change => concerns(view, change))
    if (people.length === 0)
      return null
    data.people = people.map(named)
  }
  else if ('team' in event.data && !view.sees(event.data.team.gridId)) {
    return null
  }
  if ('changes' in event.data) {
    const changes = collapse(event.data.changes, view)
    if (changes.length === 0 && !('header' in event.data))
      return null
    data.changes = changes
  }
  if ('teams' in event.data)
    data.teams = []
  if ('gridIds' in event.data)
    data.gridIds = event.data.gridIds.filter(view.sees)
  if ('name' in event.data) {
    // A late answer and 未签离 name a person beside the change, or without any.
    if (!('change' in event.data) && !view.masksNames)
      return null
    data.name = view.masksNames ? maskName(event.data.name) : event.data.name
  }
  // The roll call itself names who was missing, to those who called it.
  if ('missing' in event.data)
    data.missing = []
  return { ...event, data } as EmergencyEvent
}
