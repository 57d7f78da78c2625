import type { PersonFacts } from '../../src/contract/counting.ts'
import type { BulkChange, EmergencyEvent, EmergencyHeader, PersonChange, Standing, TeamTile } from '../../src/contract/events.ts'
import type { Board, BoardFilter } from '../../src/contract/reducer.ts'
import type { EmergencyState } from '../../src/contract/vocabulary.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addCounts, arrived, emptyCounts, funnel, letGo, PERSON_STATUSES, personStatus, tally, toCall } from '../../src/contract/counting.ts'
import { emptyDelta, fold, merge, PEOPLE_NAMED } from '../../src/contract/reducer.ts'
import { ANSWERS, AUDIENCES, CALL_STATES, MEMBER_STATES, PRESENCES } from '../../src/contract/vocabulary.ts'

const facts = fc.record({
  audience: fc.constantFrom(...AUDIENCES),
  memberState: fc.constantFrom(...MEMBER_STATES),
  callState: fc.constantFrom(...CALL_STATES),
  presence: fc.constantFrom(...PRESENCES),
  word: fc.constantFrom(...ANSWERS),
}).map(({ word, ...f }): PersonFacts => ({ ...f, answer: f.callState === 'answered' ? word : null }))

describe('counting', () => {
  it('puts everyone into exactly one state, and takes him out of it again', () => {
    fc.assert(fc.property(fc.array(facts), (people) => {
      const counts = emptyCounts()
      for (const p of people)
        tally(counts, p, 1)
      expect(toCall(counts)).toBe(people.length)
      expect(counts.answered).toBe(people.filter(p => p.callState === 'answered').length)
      for (const p of people)
        tally(counts, p, -1)
      expect(counts).toEqual(emptyCounts())
    }))
  })

  it.each([
    [{ presence: 'checkedIn', callState: 'answered', answer: 'cannot', memberState: 'released' }, 'onSite', 'who is there is there, whatever he said'],
    [{ presence: 'checkedOut', callState: 'called', answer: null, memberState: 'active' }, 'left', ''],
    [{ presence: 'none', callState: 'answered', answer: 'cannot', memberState: 'substituted' }, 'cannot', 'a refusal outranks the release that follows it'],
    [{ presence: 'none', callState: 'unreachable', answer: null, memberState: 'substituted' }, 'unreachable', 'stays visible after a stand-in took the post'],
    [{ presence: 'none', callState: 'answered', answer: 'going', memberState: 'released' }, 'released', ''],
    [{ presence: 'none', callState: 'pending', answer: null, memberState: 'preempted' }, 'released', ''],
    [{ presence: 'none', callState: 'pending', answer: null, memberState: 'active' }, 'pending', ''],
    [{ presence: 'none', callState: 'called', answer: null, memberState: 'active' }, 'silent', ''],
    [{ presence: 'none', callState: 'answered', answer: 'later', memberState: 'active' }, 'later', ''],
    [{ presence: 'none', callState: 'answered', answer: 'alreadyThere', memberState: 'active' }, 'going', 'by his word only'],
  ] as const)('%j is %s %s', (f, status, _why) => {
    expect(personStatus({ audience: 'team', ...f })).toBe(status)
  })

  it('tells those who were let go unanswered from those who were heard from', () => {
    // Who checks in has answered by it.
    const people = facts.map(p => p.presence === 'none' ? p : { ...p, callState: 'answered' as const })
    fc.assert(fc.property(fc.array(people), (everybody) => {
      const counts = emptyCounts()
      for (const p of everybody)
        tally(counts, p, 1)
      const unheard = everybody.filter(p => personStatus(p) === 'released' && p.callState !== 'answered')
      expect(letGo(funnel([{ required: 0, counts }]))).toBe(unheard.length)
    }))
  })

  it('fills no post of one team with the surplus of another', () => {
    const counts = (onSite: number, left = 0) => ({ ...emptyCounts(), onSite, left })
    expect(funnel([{ required: 5, counts: counts(7, 1) }, { required: 5, counts: counts(1) }])).toMatchObject({ required: 10, arrivedPosts: 6, surplus: 3, onSite: 8, left: 1, toCall: 9 })
  })

  it('sums teams to what it says of all people together', () => {
    const counts = fc.record(Object.fromEntries([...PERSON_STATUSES, 'answered'].map(k => [k, fc.nat(20)]))) as unknown as fc.Arbitrary<ReturnType<typeof emptyCounts>>
    fc.assert(fc.property(fc.array(fc.record({ required: fc.nat(20), counts })), (teams) => {
      const whole = emptyCounts()
      for (const t of teams)
        addCounts(whole, t.counts)
      const sum = funnel(teams)
      expect(sum.toCall).toBe(toCall(whole))
      expect(sum.arrivedPosts + sum.surplus).toBe(arrived(whole))
      expect(sum.arrivedPosts).toBeLessThanOrEqual(sum.required)
    }))
  })
})

// A small emergency that anything legal may happen to -------------------------------------------------

const GRIDS = ['g1', 'g2', 'g3']
const UNITS = ['u1', 'u2']
const ID = 'e1'

interface Somebody { personId: string, unitId: string | null, standing: Standing }

class World {
  events: EmergencyEvent[] = []
  people = new Map<string, Somebody>()
  tiles = new Map<string, TeamTile>()
  state: EmergencyState = 'activated'
  level: 1 | 2 | 3 | 4 = 3

  header(): EmergencyHeader {
    return { id: ID, no: '2026-0001', kind: 'response', eventClass: 'naturalDisaster', name: '雨', isDrill: false, state: this.state, level: this.level, levelAuthority: 'county', basis: '', approver: '', approvalMode: 'written', measures: '', rallyBy: null, expectedUntil: '', activatedAt: null, terminatedAt: null, warning: null }
  }

  log(type: EmergencyEvent['type'], data: object): void {
    const seq = this.events.length + 1
    this.events.push({ emergencyId: ID, seq, type, v: 1, at: `t${seq}`, actorId: null, actorName: null, data } as EmergencyEvent)
  }

  open(gridId: string): TeamTile {
    const tile: TeamTile = { teamId: `t-${gridId}`, gridId, gridName: gridId, communityId: gridId === 'g3' ? 'c2' : 'c1', communityName: '', name: gridId, state: 'provisional', required: 3, captainId: null, captainName: null, captainFlagged: false, rallyPoint: '' }
    this.tiles.set(tile.teamId, tile)
    return tile
  }

  /** Many people change at once: told as counts. */
  bulk(pick: (p: Somebody) => boolean, change: Partial<Standing>): BulkChange[] {
    const groups = new Map<string, BulkChange>()
    for (const p of this.people.values()) {
      if (!pick(p))
        continue
      const before = p.standing
      p.standing = { ...before, ...change }
      const key = JSON.stringify([before, p.standing])
      groups.set(key, { before, after: p.standing, n: (groups.get(key)?.n ?? 0) + 1 })
    }
    return [...groups.values()]
  }

  summon(gridIds: readonly string[], n: number): BulkChange[] {
    const changes: BulkChange[] = []
    for (const gridId of gridIds) {
      for (const audience of ['team', 'duty'] as const) {
        const after: Standing = { audience, teamId: audience === 'team' ? `t-${gridId}` : null, gridId, memberState: 'active', callState: 'pending', answer: null, presence: 'none' }
        for (let i = 0; i < n; i++) {
          const personId = `p${this.people.size}`
          this.people.set(personId, { personId, unitId: audience === 'team' ? UNITS[i % 2] ?? null : null, standing: after })
        }
        changes.push({ before: null, after, n })
      }
    }
    return changes
  }

  one(p: Somebody, change: Partial<Standing>): PersonChange {
    const before = p.standing
    p.standing = { ...before, ...change }
    return { personId: p.personId, name: '某人', unitId: p.unitId, post: null, before, after: change }
  }

  act(op: number, a: number, b: number): void {
    const members = [...this.people.values()]
    const p = members[a % members.length]
    const tile = [...this.tiles.values()][b % this.tiles.size]
    if (p === undefined || tile === undefined)
      return
    switch (op % 12) {
      case 0: return this.log('calls.called', { changes: this.bulk(x => x.standing.callState === 'pending' && x.personId.length % 2 === a % 2, { callState: 'called' }) })
      case 1: return this.log('call.answered', { answerId: 'a', change: this.one(p, { callState: 'answered', answer: ANSWERS[b % 4] ?? 'going' }) })
      case 2: return this.log('presence.checkedIn', { checkInId: 'k', change: this.one(p, { presence: 'checkedIn', callState: 'answered', answer: p.standing.answer ?? 'alreadyThere' }) })
      case 3: return p.standing.presence === 'checkedIn' ? this.log('presence.checkedOut', { method: 'self', change: this.one(p, { presence: 'checkedOut' }) }) : undefined
      case 4: return p.standing.audience === 'team' ? this.log('team.memberMoved', { change: this.one(p, { teamId: tile.teamId, gridId: tile.gridId }) }) : undefined
      case 5: return this.log('calls.unreachable', { reason: 'ladder', changes: this.bulk(x => x.standing.callState === 'called', { callState: 'unreachable' }) })
      case 6: {
        if (p.standing.audience !== 'team')
          return
        const outgoing = this.one(p, { memberState: 'substituted' })
        const after: Standing = { ...p.standing, memberState: 'active', callState: 'pending', answer: null, presence: 'none' }
        const personId = `p${this.people.size}`
        this.people.set(personId, { personId, unitId: p.unitId, standing: after })
        return this.log('team.memberSubstituted', { outgoing, incoming: { personId, name: '替补', unitId: p.unitId, post: null, before: null, after }, reason: '' })
      }
      case 7: {
        const moved = { ...tile, state: 'confirmed' as const }
        this.tiles.set(tile.teamId, moved)
        return this.log('team.confirmed', { team: moved })
      }
      case 8: {
        const from = this.level
        this.level = [1, 2, 3, 4][a % 4] as 1 | 2 | 3 | 4
        for (const t of this.tiles.values())
          this.tiles.set(t.teamId, { ...t, required: 5 - this.level })
        return this.log('emergency.levelChanged', { header: this.header(), from, to: this.level, reason: '', teams: [...this.tiles.values()], changes: [...this.bulk(x => x.standing.callState === 'pending', { memberState: 'released' }), ...this.summon([tile.gridId], b % 3)] })
      }
      case 9: {
        const gridId = GRIDS[a % 3] ?? 'g1'
        const isNew = !this.tiles.has(`t-${gridId}`)
        const team = isNew ? this.open(gridId) : tile
        return this.log('emergency.scopeExtended', { header: this.header(), reason: '', teams: [team], gridIds: [gridId], changes: isNew ? this.summon([gridId], 1 + b % 3) : [] })
      }
      case 10: {
        const people = members.filter(m => m.standing.audience === 'team' && m.standing.teamId !== tile.teamId).slice(0, b % 3).map(m => this.one(m, { teamId: tile.teamId, gridId: tile.gridId }))
        return this.log('team.reinforced', { fromTeamId: null, team: tile, reason: '', people })
      }
      case 11: return this.log('alert.issued', { alertId: 'x', kind: 'correction', text: '', recipients: 1 })
    }
  }

  end(): void {
    this.state = 'revoked'
    for (const t of this.tiles.values())
      this.tiles.set(t.teamId, { ...t, state: 'dissolved' })
    this.log('emergency.revoked', { header: this.header(), reason: '', changes: this.bulk(x => x.standing.audience === 'team', { memberState: 'released' }) })
  }

  /** What reading the tables would give. */
  board({ sees }: BoardFilter): Board {
    const last = this.events.at(-1)
    const board: Board = { emergencyId: ID, scope: { type: 'county', id: null }, seq: last?.seq ?? 0, asOf: last?.at ?? '', header: this.header(), teams: {}, duty: {} }
    for (const t of this.tiles.values()) {
      if (sees(t.gridId))
        board.teams[t.teamId] = { ...t, counts: emptyCounts() }
    }
    for (const { standing: s } of this.people.values()) {
      if (s.gridId === null || !sees(s.gridId))
        continue
      const counts = s.teamId === null ? (board.duty[s.gridId] ??= emptyCounts()) : board.teams[s.teamId]?.counts
      if (counts !== undefined)
        tally(counts, s, 1)
    }
    return board
  }
}

const VIEWS: BoardFilter[] = [
  { sees: () => true, unitId: null },
  { sees: g => g !== 'g3', unitId: null },
  { sees: g => g === 'g2', unitId: null },
  { sees: () => false, unitId: 'u1' },
]

const steps = fc.array(fc.tuple(fc.nat(), fc.nat(1_000), fc.nat(1_000), fc.nat(4)), { maxLength: 60 })

describe('the law of the log', () => {
  it('old board + events, folded in any portions, = fresh board; from the empty board, too; in every scope', () => {
    fc.assert(fc.property(steps, fc.boolean(), fc.nat(), (ops, ends, from) => {
      const world = new World()
      const teams = [world.open('g1'), world.open('g2')]
      world.log('emergency.activated', { header: world.header(), teams, gridIds: ['g1', 'g2'], changes: world.summon(['g1', 'g2'], 3) })
      // Boards as of every moment of the history, and where a portion ends.
      const history = [VIEWS.map(v => world.board(v))]
      const cuts = new Set<number>()
      for (const [op, a, b, cut] of ops) {
        const before = world.events.length
        world.act(op, a, b)
        if (world.events.length > before)
          history.push(VIEWS.map(v => world.board(v)))
        if (cut === 0)
          cuts.add(world.events.length)
      }
      if (ends) {
        world.end()
        history.push(VIEWS.map(v => world.board(v)))
      }
      for (const [i, view] of VIEWS.entries()) {
        const fresh = world.board(view)
        const start = from % history.length
        for (const old of [history[start]?.[i], { ...fresh, seq: 0, asOf: '', teams: {}, duty: {} }]) {
          let board: Board | null = old ?? null
          let delta = emptyDelta(ID, board?.seq ?? 0, board?.asOf ?? '')
          for (const event of world.events) {
            if (board === null || event.seq <= delta.toSeq)
              continue
            fold(delta, event, view.sees, view.unitId)
            if (cuts.has(event.seq)) {
              board = merge(board, delta)
              delta = emptyDelta(ID, event.seq, event.at)
            }
          }
          expect(board === null ? null : merge(board, delta)).toEqual(fresh)
        }
      }
    }), { numRuns: 300 })
  })

  it('merges nothing twice and nothing with a gap', () => {
    const world = new World()
    world.log('emergency.activated', { header: world.header(), teams: [world.open('g1')], gridIds: ['g1'], changes: world.summon(['g1'], 2) })
    const board = world.board(VIEWS[0] as BoardFilter)
    expect(merge(board, { ...emptyDelta(ID, 0, ''), toSeq: 1 })).toBe(board)
    expect(merge(board, { ...emptyDelta(ID, 5, ''), toSeq: 6 })).toBeNull()
    expect(merge(board, { ...emptyDelta(ID, 1, ''), toSeq: 2, teamCounts: { nobody: emptyCounts() } })).toBeNull()
  })

  it('names the people who changed while they are few', () => {
    const world = new World()
    world.log('emergency.activated', { header: world.header(), teams: [world.open('g1')], gridIds: ['g1'], changes: world.summon(['g1'], PEOPLE_NAMED + 1) })
    const delta = emptyDelta(ID, 1, '')
    const members = [...world.people.values()].filter(p => p.standing.audience === 'team')
    for (const [i, p] of members.entries()) {
      world.log('call.answered', { answerId: 'a', change: world.one(p, { callState: 'answered', answer: 'going' }) })
      fold(delta, world.events.at(-1) as EmergencyEvent, () => true)
      expect(delta.people === 'all' ? 'all' : delta.people.length).toBe(i < PEOPLE_NAMED ? i + 1 : 'all')
    }
  })
})
