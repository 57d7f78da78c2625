import type { SQL } from 'drizzle-orm'
/**
 * The only place that emits. It follows the event log, so that every process of the deployment serves
 * its own sockets with whatever any process wrote.
 */
import type { EmergencyEvent, EmergencyEventType, EmergencyHeader } from '../../../contract/events.ts'
import type { AlertPacket } from '../../../contract/realtime.ts'
import type { Mode } from '../../../contract/vocabulary.ts'
import type { Database, Tx } from '../../platform/db/index.ts'
import type { StoredEvent } from '../../platform/eventlog/index.ts'
import type { Actor } from '../../platform/http/index.ts'
import type { Logger } from '../../platform/logger.ts'
import type { Realtime } from '../../platform/realtime/index.ts'
import type { LiveBoards } from './live-boards.ts'
import { sql } from 'drizzle-orm'
import { isMilestone } from '../../../contract/events.ts'
import { uuids } from '../../platform/db/index.ts'
import { ADDRESSED, fillTemplate } from '../calls/index.ts'
import { getEmergency, headerOf } from '../emergencies/index.ts'
import { communityTitle } from '../registry/index.ts'
import { namesOf } from './timeline.repo.ts'
import { toEvent } from './timeline.rules.ts'

/** What could not be emitted is tried again this often and this long; after that the phones have asked by themselves. */
const RETRY_MS = 1_000
const RETRIES = 120
/** How long an ended session or a lost right may go on listening. */
const RECHECK_MS = 10_000

export interface GatewayDeps {
  db: Database
  log: Logger
  realtime: Realtime
  boards: LiveBoards
  countyMode: () => Promise<Mode>
  /** Tells the calls module which alerts this process has put on open sockets. */
  recordShown: (alertId: string, emergencyId: string, personIds: string[]) => Promise<void>
  /** The living sessions among these; with their present rights where `withGrants` names them. */
  recheckSessions: (sessionIds: readonly string[], withGrants: ReadonlySet<string>) => Promise<Map<string, Pick<Actor, 'grants'> | null>>
}

export interface Gateway {
  hear: (emergencyId: string, events: StoredEvent[]) => Promise<void>
  /** When no alert is on its way out: what is not urgent waits for that. */
  alarmsOut: () => Promise<void>
  /** Sessions and rights are looked at again; runs by itself every few seconds. */
  recheck: () => Promise<void>
  close: () => Promise<void>
}

interface Place { [column: string]: unknown, grid_id: string, team_id: string | null, team_name: string | null, captain_name: string | null, community_name: string, rally_point: string }

/** These move a grid's or the county's mode. */
const MOVES_MODE: ReadonlySet<EmergencyEventType> = new Set(['emergency.preAlerted', 'emergency.activated', 'emergency.scopeExtended', 'emergency.lifted', 'emergency.revoked', 'emergency.terminated', 'emergency.reviewOpened'])

/** Whoever is called by these learns of the emergency from his alert, which carries the same header. */
const BEGINS: ReadonlySet<EmergencyEventType> = new Set(['emergency.preAlerted', 'emergency.activated'])

type Said = Pick<AlertPacket, 'kind' | 'audience' | 'text'>

/** What an alert tells everyone, and where: the words that differ by team. */
async function whatIsSaid(tx: Tx, emergencyId: string, alertId: string): Promise<{ alert: Said | undefined, places: Map<string, Place>, header: EmergencyHeader }> {
  const header = headerOf(await getEmergency(tx, emergencyId))
  const [alert] = await tx.execute<Said & Record<string, unknown>>(sql`select kind, audience, text from alerts where id = ${alertId}`)
  const places = await tx.execute<Place>(sql`
    select g.id as grid_id, t.id as team_id, t.name as team_name, p.name as captain_name, c.name as community_name, coalesce(t.rally_point, r.name, '') as rally_point
    from emergency_grids eg join grids g on g.id = eg.grid_id join communities c on c.id = g.community_id
    left join vanguard_teams t on t.emergency_id = eg.emergency_id and t.grid_id = g.id left join persons p on p.id = t.captain_id left join rally_points r on r.grid_id = g.id
    where eg.emergency_id = ${emergencyId}`)
  return { alert, places: new Map(places.map(p => [p.grid_id, p])), header }
}

/** Of `participants p`: one text, not a row per person, since thousands of rows would hold up the alarm. */
const PEOPLE = sql.raw(`string_agg(p.person_id::text, ',') as people`)

export function createGateway({ db, log, realtime, boards, countyMode, recordShown, recheckSessions }: GatewayDeps): Gateway {
  const names = new Map<string, string>()
  const waiting = new Set<NodeJS.Timeout>()
  const underWay = new Set<Promise<void>>()
  let alarms: Promise<void> = Promise.resolve()
  let closed = false

  /** A database that is away for a moment must not cost anybody his alarm, nor hold up what comes after it. */
  async function surely(what: string, work: () => Promise<void>, triesLeft = RETRIES): Promise<void> {
    try {
      await work()
    }
    catch (error) {
      if (closed)
        return
      if (triesLeft === 0) {
        log.error({ err: error, what }, 'given up: could not be sent to the open sockets')
        return
      }
      log.warn({ err: error, what }, 'could not be sent to the open sockets yet; trying again')
      const timer = setTimeout(() => {
        waiting.delete(timer)
        void surely(what, work, triesLeft - 1)
      }, RETRY_MS)
      waiting.add(timer)
    }
  }

  function inBackground(work: Promise<void>): void {
    const run = work.catch(error => log.warn({ err: error }, 'alerts on open sockets could not be recorded; receipts will'))
      .finally(() => underWay.delete(run))
    underWay.add(run)
  }

  const read = <T>(work: (tx: Tx) => Promise<T>) => db.read.tx(work, { readOnly: true })

  const connectedOf = (people: string | null): string[] => people === null ? [] : people.split(',').filter(id => realtime.socketsOf(id).size > 0)

  /** Who of an emergency's people is connected here. */
  async function connectedIn(emergencyId: string, where: SQL): Promise<string[]> {
    if (realtime.size() === 0)
      return []
    const [found] = await read(tx => tx.execute<{ people: string | null }>(sql`select ${PEOPLE} from participants p where p.emergency_id = ${emergencyId} and ${where}`))
    return connectedOf(found?.people ?? null)
  }

  /** One packet per team (per grid for duty people) to the recipients who are connected here; notes who they are. */
  async function emitAlert(emergencyId: string, alertId: string, seq: number, alerted: Set<string>): Promise<void> {
    if (realtime.size() === 0)
      return
    // Both on their way at once: the alarm waits for nothing that can be known meanwhile.
    const [groups, { alert, places, header }] = await Promise.all([
      read(tx => tx.execute<{ grid_id: string, people: string | null }>(sql`
        select p.grid_id, ${PEOPLE} from deliveries d join participants p on p.emergency_id = ${emergencyId} and p.person_id = d.person_id
        where d.alert_id = ${alertId} and ${ADDRESSED} group by p.grid_id`)),
      read(tx => whatIsSaid(tx, emergencyId, alertId)),
    ])
    const recipients = groups.map(g => ({ gridId: g.grid_id, personIds: connectedOf(g.people) })).filter(g => g.personIds.length > 0)
    if (recipients.length === 0 || alert === undefined)
      return
    for (const { gridId, personIds } of recipients) {
      const place = places.get(gridId)
      const packet: AlertPacket = {
        emergencyId,
        alertId,
        kind: alert.kind,
        audience: alert.audience,
        text: fillTemplate(alert.text, { 集结点: place?.rally_point ?? '', 队名: place?.team_name ?? '', 队长: place?.captain_name ?? '', 社区: communityTitle(place?.community_name ?? '') }),
        header,
        team: place === undefined || place.team_id === null || place.team_name === null
          ? null
          : { teamId: place.team_id, name: place.team_name, captainName: place.captain_name, communityName: place.community_name, rallyPoint: place.rally_point },
        seq,
      }
      realtime.toPeople(personIds)?.emit('alert', packet)
    }
    const reached = recipients.flatMap(r => r.personIds)
    reached.forEach(id => alerted.add(id))
    inBackground(recordShown(alertId, emergencyId, reached))
  }

  /** State, level or basis changed: everyone connected whom the emergency concerns hears it, except those whose alert has just told them that it begins. */
  async function emitHeader(emergencyId: string, header: EmergencyHeader, seq: number, alerted: ReadonlySet<string>): Promise<void> {
    const concerned = await connectedIn(emergencyId, sql`true`)
    realtime.toPeople(concerned.filter(id => !alerted.has(id)))?.emit('emergency:changed', { header, seq })
  }

  /** The captain or the standing of a whole team changed: its members' screens show it. */
  async function emitToTeams(emergencyId: string, teamIds: readonly string[], seq: number): Promise<void> {
    const members = await connectedIn(emergencyId, sql`team_id = any(${uuids(teamIds)})`)
    realtime.toPeople(members)?.emit('me:changed', { emergencyId, seq })
  }

  /** Everyone hears that the mode moved, except those whose alert has just said that much. */
  async function emitMode(alerted: ReadonlySet<string>): Promise<void> {
    const mode = await countyMode()
    realtime.toPeople([...realtime.personIds()].filter(id => !alerted.has(id)))?.emit('mode:changed', { mode })
  }

  function peopleOf({ data }: EmergencyEvent): string[] {
    if ('change' in data)
      return [data.change.personId]
    if ('incoming' in data)
      return [data.incoming.personId, ...data.outgoing === null ? [] : [data.outgoing.personId]]
    if ('people' in data)
      return data.people.map(p => p.personId)
    return []
  }

  /** Tells people about their own rows; the phone that made the change has its reply already. */
  function emitToPeople(emergencyId: string, events: readonly EmergencyEvent[]): void {
    for (const event of events) {
      const { data, seq } = event
      const cause = 'answerId' in data ? data.answerId : 'checkInId' in data ? data.checkInId : null
      for (const personId of peopleOf(event)) {
        for (const socket of realtime.socketsOf(personId)) {
          if (cause === null || socket.data.lastCommandId !== cause)
            socket.emit('me:changed', { emergencyId, seq })
        }
      }
    }
  }

  async function learnNames(stored: readonly StoredEvent[]): Promise<void> {
    const unknown = new Set(stored.flatMap(e => isMilestone(e) && e.actorId !== null && !names.has(e.actorId) ? [e.actorId] : []))
    if (unknown.size === 0)
      return
    for (const [id, name] of await read(tx => namesOf(tx, [...unknown])))
      names.set(id, name)
  }

  async function recheck(): Promise<void> {
    const sessions = [...realtime.sessionIds()]
    if (sessions.length === 0)
      return
    const watchers = boards.watchers()
    const living = await recheckSessions(sessions, watchers)
    for (const id of sessions) {
      const actor = living.get(id)
      if (actor === undefined)
        realtime.endSession(id, 'revoked')
      else if (actor !== null)
        realtime.renewGrants(id, actor.grants)
    }
    boards.recheck()
  }

  const clockwork = setInterval(() => {
    // Away for a moment: nobody loses his session for that.
    recheck().catch(error => log.warn({ err: error }, 'sessions of open sockets could not be checked'))
  }, RECHECK_MS)
  clockwork.unref()

  return {
    async hear(emergencyId, stored) {
      // The alarm goes out before anything else is worked out.
      const alerted = new Set<string>()
      const mine = (async () => {
        for (const { type, data, seq } of stored) {
          if (type === 'alert.issued')
            await surely('alert', () => emitAlert(emergencyId, (data as { alertId: string }).alertId, seq, alerted))
        }
      })()
      alarms = Promise.all([alarms, mine]).then(() => {})
      await mine
      await learnNames(stored).catch(error => log.warn({ err: error }, 'a timeline goes out without names'))
      const events = stored.map(e => toEvent(e, e.actorId === null ? null : names.get(e.actorId) ?? null))
      boards.hear(emergencyId, events)
      emitToPeople(emergencyId, events)
      const last = events.at(-1)
      const teamIds = events.flatMap(e => 'team' in e.data ? [e.data.team.teamId] : [])
      if (last !== undefined && teamIds.length > 0)
        await surely('me:changed', () => emitToTeams(emergencyId, teamIds, last.seq))
      const headed = events.findLast(e => 'header' in e.data)
      if (headed !== undefined && 'header' in headed.data) {
        const { header } = headed.data
        await surely('emergency:changed', () => emitHeader(emergencyId, header, headed.seq, BEGINS.has(headed.type) ? alerted : new Set()))
      }
      if (events.some(e => MOVES_MODE.has(e.type)))
        await surely('mode:changed', () => emitMode(alerted))
    },
    alarmsOut: () => alarms,
    recheck,
    async close() {
      closed = true
      clearInterval(clockwork)
      waiting.forEach(clearTimeout)
      await Promise.all(underWay)
    },
  }
}
