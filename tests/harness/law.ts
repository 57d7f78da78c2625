/**
 * The law of the event log, held after every command: an old board and the events since make the fresh
 * board; so do an empty one and all events; in every scope; and the log has no gaps.
 */
import type { EmergencyEvent } from '../../src/contract/events.ts'
import type { Board, BoardScope } from '../../src/contract/reducer.ts'
import type { GridIndex } from '../../src/server/modules/registry/index.ts'
import type { Database } from '../../src/server/platform/db/index.ts'
import { sql } from 'drizzle-orm'
import { expect } from 'vitest'
import { emptyDelta, fold, merge } from '../../src/contract/reducer.ts'
import { filterOf, readBoard } from '../../src/server/modules/boards/board.repo.ts'
import { readEvents } from '../../src/server/modules/boards/index.ts'

export interface Law {
  check: () => Promise<void>
  /** From here on this emergency is left alone: a test has reached past the log. */
  exempt: (emergencyId: string) => void
}

export function createLaw(db: Database, grids: GridIndex): Law {
  const boards = new Map<string, Board>()
  const exempt = new Set<string>()

  function scopes(): BoardScope[] {
    const communities = new Set([...grids.all()].map(place => place.communityId))
    return [{ type: 'county', id: null }, ...[...communities].map(id => ({ type: 'community' as const, id }))]
  }

  function follow(start: Board, events: readonly EmergencyEvent[]): Board | null {
    const delta = emptyDelta(start.emergencyId, start.seq, start.asOf)
    for (const event of events) {
      if (event.seq > start.seq)
        fold(delta, event, filterOf(grids, start.scope))
    }
    return merge(start, delta)
  }

  return {
    exempt: emergencyId => void exempt.add(emergencyId),
    async check() {
      const ids = await db.read.tx(tx => tx.execute<{ id: string }>(sql`select id from emergencies order by id`), { readOnly: true })
      for (const { id } of ids.filter(e => !exempt.has(e.id))) {
        // One moment for the boards and the log alike: other processes go on writing.
        const { fresh, events } = await db.read.tx(async tx => ({
          fresh: await Promise.all(scopes().map(scope => readBoard(tx, grids, id, scope))),
          events: await readEvents(tx, id, { after: 0, before: null, limit: 1_000_000, milestones: false }),
        }), { isolation: 'repeatable read', readOnly: true })
        expect(events.map(e => e.seq), 'the log has no gaps').toEqual(events.map((_, i) => i + 1))
        for (const board of fresh) {
          const where = `${board.scope.type} ${board.scope.id ?? ''}`
          const empty: Board = { ...board, seq: 0, asOf: '', teams: {}, duty: {} }
          // Nothing has happened in this scope yet: the empty board is fresh, all but its moment.
          expect(follow(empty, events), `empty board + all events = fresh board (${where})`).toEqual(events.length === 0 ? empty : board)
          const old = boards.get(`${id} ${where}`)
          if (old !== undefined)
            expect(follow(old, events), `old board + new events = fresh board (${where})`).toEqual(board)
          boards.set(`${id} ${where}`, board)
        }
      }
    },
  }
}
