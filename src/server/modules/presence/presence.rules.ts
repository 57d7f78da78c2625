import type { CheckInFlag } from '../../../contract/vocabulary.ts'
import type { Secret } from '../../platform/secrets.ts'
import { createHmac, timingSafeEqual } from 'node:crypto'

/** A code lives this long, and once more as long in its successor's time: nobody is refused for walking slowly. */
export const CODE_SLOT_SEC = 60

function macOf(key: Secret, teamSerial: string, slot: number): Buffer {
  return createHmac('sha256', key.bytes).update(`check-in ${teamSerial} ${slot}`).digest().subarray(0, 9)
}

/** Rotating check-in code of a team: `<team id as base64url>.<MAC of the time slot>`. */
export function checkInCode(key: Secret, teamId: string, now: Date): { code: string, expiresAt: Date } {
  const slot = Math.floor(now.getTime() / 1_000 / CODE_SLOT_SEC)
  const team = Buffer.from(teamId.replaceAll('-', ''), 'hex').toString('base64url')
  return { code: `${team}.${macOf(key, teamId, slot).toString('base64url')}`, expiresAt: new Date((slot + 1) * CODE_SLOT_SEC * 1_000) }
}

/** The team whose code this is, now or a slot ago. Null: forged, foreign or too old. */
export function readCheckInCode(key: Secret, code: string, now: Date): string | null {
  const [team, mac] = code.split('.')
  if (team === undefined || mac === undefined)
    return null
  const hex = Buffer.from(team, 'base64url').toString('hex')
  const given = Buffer.from(mac, 'base64url')
  if (hex.length !== 32 || given.length !== 9)
    return null
  const teamId = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  const slot = Math.floor(now.getTime() / 1_000 / CODE_SLOT_SEC)
  return [slot, slot - 1].some(s => timingSafeEqual(given, macOf(key, teamId, s))) ? teamId : null
}

export interface Coordinates { latitude: number, longitude: number }

const EARTH_RADIUS_M = 6_371_008.8
const rad = (degrees: number) => degrees * Math.PI / 180

/** Great-circle distance in metres (haversine). */
export function distanceM(a: Coordinates, b: Coordinates): number {
  const dLat = rad(b.latitude - a.latitude)
  const dLon = rad(b.longitude - a.longitude)
  const h = Math.sin(dLat / 2) ** 2 + Math.cos(rad(a.latitude)) * Math.cos(rad(b.latitude)) * Math.sin(dLon / 2) ** 2
  return 2 * EARTH_RADIUS_M * Math.asin(Math.sqrt(h))
}

/**
 * Chinese map coordinates (GCJ-02) to WGS-84 by the published approximation on the Krasovsky 1940
 * ellipsoid; good to a few metres, far inside the fence.
 */
export function gcj02ToWgs84({ latitude, longitude }: Coordinates): Coordinates {
  const a = 6_378_245
  const ee = 0.006_693_421_622_965_943
  const x = longitude - 105
  const y = latitude - 35
  const wave = (v: number) => (20 * Math.sin(6 * v * Math.PI) + 20 * Math.sin(2 * v * Math.PI)) * 2 / 3
  let dLat = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * Math.sqrt(Math.abs(x)) + wave(x)
  dLat += (20 * Math.sin(y * Math.PI) + 40 * Math.sin(y / 3 * Math.PI)) * 2 / 3 + (160 * Math.sin(y / 12 * Math.PI) + 320 * Math.sin(y * Math.PI / 30)) * 2 / 3
  let dLon = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * Math.sqrt(Math.abs(x)) + wave(x)
  dLon += (20 * Math.sin(x * Math.PI) + 40 * Math.sin(x / 3 * Math.PI)) * 2 / 3 + (150 * Math.sin(x / 12 * Math.PI) + 300 * Math.sin(x / 30 * Math.PI)) * 2 / 3
  const magic = 1 - ee * Math.sin(rad(latitude)) ** 2
  const root = Math.sqrt(magic)
  return {
    latitude: latitude - dLat * 180 / ((a * (1 - ee)) / (magic * root) * Math.PI),
    longitude: longitude - dLon * 180 / (a / root * Math.cos(rad(latitude)) * Math.PI),
  }
}

/** A position vaguer than this says little about the fence. */
const VAGUE_M = 500

export interface Judged { flags: CheckInFlag[], distanceM: number | null }

/** What is worth a second look. Nothing here ever refuses a check-in (domain rule §4.4). */
export function judgePosition(at: Coordinates & { accuracyM: number }, rally: (Coordinates & { fenceM: number }) | null): Judged {
  if (rally === null)
    return { flags: ['noRallyPosition'], distanceM: null }
  const distance = Math.round(distanceM(at, rally))
  const flags: CheckInFlag[] = []
  if (at.accuracyM > VAGUE_M)
    flags.push('lowAccuracy')
  if (distance > rally.fenceM)
    flags.push('outOfFence')
  return { flags, distanceM: distance }
}

export function isAfterLimit(now: Date, rallyBy: Date | null): boolean {
  return rallyBy !== null && now > rallyBy
}
