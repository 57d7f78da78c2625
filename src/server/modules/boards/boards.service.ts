import type { z } from 'zod'
import type { BoardPeopleQuery, BoardPeopleReply, BoardQuery, EmergencyRow, EventsQuery, Home, Mine, MyEmergency } from '../../../contract/boards.ts'
import type { Scope } from '../../../contract/common.ts'
import type { EmergencyEvent } from '../../../contract/events.ts'
import type { Board, BoardScope } from '../../../contract/reducer.ts'
import type { Mode } from '../../../contract/vocabulary.ts'
import type { Database, Tx } from '../../platform/db/index.ts'
import type { Tail } from '../../platform/eventlog/index.ts'
import type { Actor, Caller } from '../../platform/http/index.ts'
import type { GridIndex, PhoneVault } from '../registry/index.ts'
import type { TimelineView } from './timeline.rules.ts'
import { DomainError } from '../../platform/errors.ts'
import { lastSeqOf } from '../../platform/eventlog/index.ts'
import { sharedRead } from '../../platform/shared-read.ts'
import { audit } from '../audit/index.ts'
import { captainOf } from '../calls/index.ts'
import { getEmergency, gridsOf, isOpen, modeOf, modesOfGrids, openEmergencies } from '../emergencies/index.ts'
import { requireAccess, requireScopes } from '../identity/index.ts'
import { findParticipant } from '../participants/index.ts'
import { findPerson, gridsOfScopes, placeOfScope } from '../registry/index.ts'
import { teamTiles } from '../teams/index.ts'
import { filterOf, hasPeopleOfUnit, readBoard, readPeople } from './board.repo.ts'
import { listEmergencies, readHome } from './home.repo.ts'
import { readCallsMe, readMine } from './mine.repo.ts'
import { readEvents } from './timeline.repo.ts'
import { timelineEntry } from './timeline.rules.ts'

export interface BoardsDeps {
  db: Database
  grids: GridIndex
  vault: PhoneVault
  countyName: string
  tail: Pick<Tail, 'subscribe'>
  /** County day. */
  today: () => string
}

export type Boards = ReturnType<typeof createBoards>

export function createBoards({ db, grids, vault, countyName, tail, today }: BoardsDeps) {
  const issuer = `${countyName}应急指挥部`

  function requireBoard(actor: Actor, scope: BoardScope): void {
    if (scope.type === 'county' ? scope.id !== null : scope.id === null)
      throw new DomainError('NOT_FOUND')
    requireAccess(actor, 'board.view', placeOfScope(grids, scope), 'board.view')
  }

  /** One consistent moment: REPEATABLE READ. */
  const snapshot = <T>(work: (tx: Tx) => Promise<T>) => db.read.tx(work, { isolation: 'repeatable read', readOnly: true })

  const openNow = sharedRead(() => db.read.tx(tx => openEmergencies(tx), { readOnly: true }))

  async function countyMode(): Promise<Mode> {
    // A drill never makes the county look as if it were in an emergency; screens show the drill by its own skin.
    return modeOf((await openNow()).filter(e => !e.isDrill).map(e => e.state))
  }

  /** An emergency elsewhere is none of the scope's business: as absent as one that does not exist. */
  async function requireTouched(tx: Tx, emergencyId: string, scope: BoardScope): Promise<void> {
    await getEmergency(tx, emergencyId)
    const touched = scope.type === 'county'
      || (scope.type === 'unit' ? await hasPeopleOfUnit(tx, emergencyId, scope.id) : (await gridsOf(tx, emergencyId)).some(filterOf(grids, scope)))
    if (!touched)
      throw new DomainError('NOT_FOUND')
  }

  const read = (emergencyId: string, scope: BoardScope) => snapshot(async (tx) => {
    await requireTouched(tx, emergencyId, scope)
    return readBoard(tx, grids, emergencyId, scope)
  })

  function viewOf(scopes: readonly Scope[]): TimelineView {
    const visible = new Set(grids.within(scopes))
    return {
      sees: gridId => visible.has(gridId),
      unitId: scopes.find(s => s.type === 'unit')?.id ?? null,
      masksNames: scopes.some(s => s.type === 'county' || s.type === 'township'),
    }
  }

  /** Long polls under way; they end when something happens, when their time is up, or with the service. */
  const polls = new Set<() => void>()

  const chiefOf = (actor: Actor) => (gridId: string) => actor.grants.some(g => g.role === 'gridChief' && g.scopeId === gridId)

  return {
    openNow,
    countyMode,
    viewOf: (scope: BoardScope) => viewOf([scope]),
    read,
    requireBoard,
    close: () => polls.forEach(end => end()),

    board({ actor }: Caller, emergencyId: string, query: z.output<typeof BoardQuery>): Promise<Board> {
      const scope = { type: query.scope, id: query.scopeId ?? null }
      requireBoard(actor, scope)
      return read(emergencyId, scope)
    },

    /** People by name, for whoever may see the scope's board. */
    async people({ actor }: Caller, emergencyId: string, query: z.output<typeof BoardPeopleQuery>): Promise<BoardPeopleReply> {
      const scope = { type: query.scope, id: query.scopeId ?? null }
      requireBoard(actor, scope)
      const ids = query.ids?.split(',') ?? null
      return snapshot(async (tx) => {
        await requireTouched(tx, emergencyId, scope)
        const { people, next } = await readPeople(tx, grids, { emergencyId, scope, ids, after: query.after ?? null, limit: query.limit })
        return { seq: await lastSeqOf(tx, emergencyId), people, next }
      })
    },

    /** The captain's and the grid chief's own team, by name: whom they sign in and call. */
    teamMembers: ({ actor }: Caller, emergencyId: string, teamId: string): Promise<BoardPeopleReply> => snapshot(async (tx) => {
      const e = await getEmergency(tx, emergencyId)
      const [team] = await teamTiles(tx, emergencyId, [teamId])
      if (team === undefined)
        throw new DomainError('NOT_FOUND')
      requireAccess(actor, 'presence.showCode', { ...placeOfScope(grids, { type: 'grid', id: team.gridId }), emergencyId, captainId: team.captainId, mode: modeOf([e.state]) }, actor.kind === 'link' ? undefined : 'board.view')
      const { people } = await readPeople(tx, grids, { emergencyId, scope: { type: 'grid', id: team.gridId }, ids: null, after: null, limit: 2_000 })
      return { seq: await lastSeqOf(tx, emergencyId), people: people.filter(p => p.standing.teamId === teamId), next: null }
    }),

    /** The county reads the log as it is; everyone else what concerns his own places, as on his timeline. */
    async events({ actor }: Caller, emergencyId: string, query: z.output<typeof EventsQuery>): Promise<{ events: EmergencyEvent[] }> {
      const scopes = requireScopes(actor, 'board.view')
      const isCounty = scopes.some(s => s.type === 'county')
      const view = viewOf(scopes)
      const page = (after: number, before: number | null) => db.read.tx(async (tx) => {
        await getEmergency(tx, emergencyId)
        const touched = isCounty || (await gridsOf(tx, emergencyId)).some(view.sees) || (view.unitId !== null && await hasPeopleOfUnit(tx, emergencyId, view.unitId))
        if (!touched)
          throw new DomainError('NOT_FOUND')
        return readEvents(tx, emergencyId, { after, before, limit: query.limit, milestones: query.milestones === 'true' })
      }, { readOnly: true })
      // Heard from before the first look on, so that nothing falls between a look and the waiting.
      const news = signal()
      const stop = tail.subscribe(id => id === emergencyId ? news.set() : undefined)
      let isOver = query.wait === 0
      const end = () => {
        isOver = true
        news.set()
      }
      const timer = setTimeout(end, query.wait * 1_000)
      polls.add(end)
      try {
        for (let after = query.after, before = query.before ?? null; ;) {
          const found = await page(after, before)
          const events = isCounty ? found : found.flatMap(e => timelineEntry(e, view) ?? [])
          const last = found.at(-1)
          if (events.length > 0 || (isOver && found.length < query.limit))
            return { events }
          // All of it was others' business: on from there.
          if (last !== undefined && before === null)
            after = last.seq
          else if (last !== undefined)
            before = last.seq
          if (found.length < query.limit)
            await news.wait()
        }
      }
      finally {
        clearTimeout(timer)
        stop()
        polls.delete(end)
      }
    },

    async list({ actor }: Caller): Promise<{ emergencies: EmergencyRow[] }> {
      const scopes = requireScopes(actor, 'emergency.list')
      return db.read.tx(async tx => ({
        emergencies: await listEmergencies(tx, new Set(grids.within(scopes)), scopes.flatMap(s => s.type === 'unit' && s.id !== null ? [s.id] : [])),
      }), { readOnly: true })
    },

    async home({ actor }: Caller): Promise<z.output<typeof Home>> {
      const scopes = requireScopes(actor, 'home.view')
      const mode = await countyMode()
      return db.read.tx(async (tx) => {
        const visible = await gridsOfScopes(tx, grids, scopes, today())
        return readHome(tx, visible, scopes.some(s => s.type === 'county'), mode, await modesOfGrids(tx, [...visible]))
      }, { readOnly: true })
    },

    async mine({ actor }: Caller): Promise<z.output<typeof Mine>> {
      const where = { issuer, isGridChief: chiefOf(actor) }
      const [mode, emergencies] = await Promise.all([countyMode(), db.read.tx(async (tx) => {
        if (actor.emergencyId === null)
          return readCallsMe(tx, actor.personId, where)
        const own = await readMine(tx, actor.emergencyId, actor.personId, where)
        return own === null ? [] : [own]
      }, { readOnly: true })])
      return { mode, emergencies }
    },

    async myEmergency({ actor }: Caller, emergencyId: string): Promise<MyEmergency> {
      requireAccess(actor, 'mine.view', { personId: actor.personId, emergencyId })
      const found = await db.read.tx(tx => readMine(tx, emergencyId, actor.personId, { issuer, isGridChief: chiefOf(actor) }), { readOnly: true })
      if (found === null)
        throw new DomainError('NOT_FOUND')
      return found
    },

    /** The captain's number for a member of his team who taps "call"; written into the trail (invariant 14). */
    callCaptain: ({ actor, requestId }: Caller, emergencyId: string): Promise<{ phone: string }> => db.work.tx(async (tx) => {
      requireAccess(actor, 'mine.view', { personId: actor.personId, emergencyId })
      const { state } = await getEmergency(tx, emergencyId)
      if (!isOpen(state))
        throw new DomainError('EMERGENCY_CLOSED')
      const me = await findParticipant(tx, emergencyId, actor.personId)
      const captainId = me === null ? null : await captainOf(tx, me.teamId)
      const captain = captainId === null ? null : await findPerson(tx, captainId)
      if (captain === null)
        throw new DomainError('NOT_FOUND')
      await audit(tx, { actorId: actor.personId, action: 'person.revealPhone', subjectType: 'person', subjectId: captain.personId, requestId, details: { emergencyId, reason: 'call the captain' } })
      return { phone: vault.open(captain.phoneCipher) }
    }),
  }
}

/** Something happened since the last time that somebody waited for it. */
function signal(): { set: () => void, wait: () => Promise<void> } {
  let isSet = false
  let resolve = () => {}
  return {
    set() {
      isSet = true
      resolve()
    },
    async wait() {
      if (!isSet) {
        await new Promise<void>((done) => {
          resolve = done
        })
      }
      isSet = false
    },
  }
}
