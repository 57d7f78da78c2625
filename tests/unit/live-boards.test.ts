import type { EmergencyEvent, EmergencyHeader } from '../../src/contract/events.ts'
import type { Board, BoardDelta } from '../../src/contract/reducer.ts'
import type { Realtime, RealtimeSocket } from '../../src/server/platform/realtime/index.ts'
import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createLiveBoards } from '../../src/server/modules/boards/live-boards.ts'
import { createLogger } from '../../src/server/platform/logger.ts'

const ID = 'e1'
const HEADER: EmergencyHeader = { id: ID, no: '2026-0001', kind: 'response', eventClass: 'naturalDisaster', name: '雨', isDrill: false, state: 'activated', level: 3, levelAuthority: 'county', basis: '', approver: '', approvalMode: 'written', measures: '', rallyBy: null, expectedUntil: '', activatedAt: null, terminatedAt: null, warning: null }
const BOARD: Board = { emergencyId: ID, scope: { type: 'county', id: null }, seq: 0, asOf: 't0', header: HEADER, teams: {}, duty: {} }

/** One watcher; what is sent to his room, and when. */
function aRoom() {
  const rooms = new Map<string, Set<string>>()
  const adapter = Object.assign(new EventEmitter(), { rooms })
  const sent: { at: number, delta: BoardDelta }[] = []
  const io = {
    of: () => ({ adapter }),
    sockets: { sockets: new Map() },
    in: () => ({ socketsLeave: () => {} }),
    to: () => ({ emit: (name: string, body: { delta: BoardDelta }) => name === 'board:delta' && sent.push({ at: performance.now(), delta: body.delta }) }),
  } as unknown as Realtime['io']
  const socket = { id: 's1', connected: true, rooms: new Set(), join: (room: string) => rooms.set(room, new Set(['s1'])) } as unknown as RealtimeSocket
  return { io, socket, sent }
}

describe('the packets of a live board', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  async function watched() {
    const { io, socket, sent } = aRoom()
    const boards = createLiveBoards({ io, log: createLogger('silent'), read: () => Promise.resolve(BOARD), viewOf: () => ({ sees: () => true, unitId: null, masksNames: false }), requireBoard: () => {} })
    await boards.watch(socket, ID, { type: 'county', id: null })
    let seq = 0
    const happen = () => boards.hear(ID, [{ emergencyId: ID, seq: ++seq, type: 'emergency.basisSupplied', v: 1, at: `t${seq}`, actorId: null, actorName: null, data: { header: HEADER } } as EmergencyEvent])
    return { boards, sent, happen }
  }

  it('go out as soon as the log falls silent', async () => {
    const { boards, sent, happen } = await watched()
    // Long after the last packet.
    await vi.advanceTimersByTimeAsync(1_000)
    const from = performance.now()
    happen()
    await vi.advanceTimersByTimeAsync(10)
    happen()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(sent.map(({ at, delta }) => [at - from, delta.fromSeq, delta.toSeq])).toEqual([[30, 0, 2]])
    boards.close()
  })

  it('in a storm are four a second, each continuing the last, and the last one comes', async () => {
    const { boards, sent, happen } = await watched()
    await vi.advanceTimersByTimeAsync(1_000)
    const from = performance.now()
    for (let i = 0; i < 400; i++) {
      happen()
      await vi.advanceTimersByTimeAsync(5)
    }
    await vi.advanceTimersByTimeAsync(1_000)
    const times = sent.map(({ at }) => at - from)
    expect(times.length).toBeGreaterThanOrEqual(7)
    expect(times.length).toBeLessThanOrEqual(9)
    expect(sent.map(({ delta }) => delta.fromSeq)).toEqual([0, ...sent.slice(0, -1).map(({ delta }) => delta.toSeq)])
    expect(sent.at(-1)?.delta.toSeq).toBe(400)
    boards.close()
  })

  it('keep their distance: changes that come in drops do not send a packet each', async () => {
    const { boards, sent, happen } = await watched()
    await vi.advanceTimersByTimeAsync(1_000)
    for (let i = 0; i < 40; i++) {
      happen()
      await vi.advanceTimersByTimeAsync(25)
    }
    await vi.advanceTimersByTimeAsync(1_000)
    expect(sent.length).toBeGreaterThanOrEqual(5)
    const gaps = sent.slice(1).map(({ at }, i) => at - (sent[i]?.at ?? 0))
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(100)
    expect(sent.at(-1)?.delta.toSeq).toBe(40)
    boards.close()
  })
})
