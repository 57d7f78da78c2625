/**
 * Everything that travels on the socket. The socket is a live view and a faster way for three commands,
 * never the alarm itself: on resume a client asks again over HTTP.
 */
import type { GiveAnswer, GiveReceipt } from './calls.ts'
import type { ErrorBody } from './common.ts'
import type { EmergencyEvent, EmergencyHeader } from './events.ts'
import type { CheckIn, CheckInReply } from './presence.ts'
import type { Board, BoardDelta, BoardScope } from './reducer.ts'
import type { AlertKind, Mode } from './vocabulary.ts'

export type Ack<T> = (reply: { ok: true, data: T } | ({ ok: false } & ErrorBody)) => void

/** The full-screen alert, one encoded packet per team (or per grid for duty people). */
export interface AlertPacket {
  emergencyId: string
  alertId: string
  kind: AlertKind
  audience: 'team' | 'duty'
  text: string
  header: EmergencyHeader
  team: { teamId: string, name: string, captainName: string | null, communityName: string, rallyPoint: string } | null
  seq: number
}

export interface ServerToClientEvents {
  'alert': (packet: AlertPacket) => void
  /** The person's own row or team changed: fetch GET /api/emergencies/:id/mine. */
  'me:changed': (packet: { emergencyId: string, seq: number }) => void
  /** State, level or text of an emergency that concerns this phone. */
  'emergency:changed': (packet: { header: EmergencyHeader, seq: number }) => void
  /** A grid's or the county's mode changed; screens that show it ask again. Whoever is sent an alert at that moment is not told twice. */
  'mode:changed': (packet: { mode: Mode }) => void
  'board:delta': (packet: { watchId: string, delta: BoardDelta, timeline: EmergencyEvent[] }) => void
  /** This watcher was too slow or the server restarted its view: watch again. */
  'board:resync': (packet: { watchId: string }) => void
  'session:ended': (packet: { reason: 'revoked' | 'expired' | 'signedOut' }) => void
  /** Every 5 s to watchers, so that silence is told from quiet. */
  'pulse': (packet: { now: string }) => void
}

export interface ClientToServerEvents {
  'call:receipt': (command: GiveReceipt & { emergencyId: string }, ack?: Ack<{ state: 'delivered' | 'read' }>) => void
  'call:answer': (command: GiveAnswer & { emergencyId: string }, ack?: Ack<{ answerId: string, answer: string, at: string, isLate: boolean, replayed: boolean }>) => void
  'presence:checkIn': (command: CheckIn & { emergencyId: string }, ack?: Ack<CheckInReply>) => void
  /** The reply is the board as of the last delta, so that the next delta continues it. */
  'board:watch': (command: { emergencyId: string, scope: BoardScope }, ack?: Ack<{ watchId: string, board: Board }>) => void
  'board:unwatch': (command: { watchId: string }, ack?: Ack<Record<string, never>>) => void
}
