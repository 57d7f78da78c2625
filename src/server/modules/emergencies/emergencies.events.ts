import type { EmergencyEventMap, EmergencyEventType } from '../../../contract/events.ts'
import type { NewEvent } from '../../platform/eventlog/index.ts'

/** An event of an emergency's log, its data checked against its type. */
export function event<T extends EmergencyEventType>(actorId: string | null, at: Date, type: T, data: EmergencyEventMap[T]): NewEvent {
  return { type, v: 1, data, actorId, at }
}
