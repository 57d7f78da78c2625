import type { EmergencyKind, EmergencyState, ResponseLevel } from '../../src/contract/vocabulary.ts'
import type { StateCommand } from '../../src/server/modules/emergencies/index.ts'
import type { Claimant } from '../../src/server/modules/mobilization/mobilization.rules.ts'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EMERGENCY_KINDS, EMERGENCY_STATES, RESPONSE_LEVELS } from '../../src/contract/vocabulary.ts'
import { countsAnswers, isOpen, numberOf } from '../../src/server/modules/emergencies/emergencies.rules.ts'
import { modeOf, nextState, STATE_COMMANDS } from '../../src/server/modules/emergencies/index.ts'
import { isApprovalEnough, isStandby, mayPreempt, shortfallReasons } from '../../src/server/modules/mobilization/mobilization.rules.ts'

/** Domain rule §4.1 written out: state, command, where it leads; whatever is not here is refused. */
const TABLE: readonly (readonly [EmergencyState, StateCommand, EmergencyState, EmergencyKind?])[] = [
  ['preAlert', 'activate', 'activated'],
  ['preAlert', 'extend', 'preAlert'],
  ['preAlert', 'correct', 'preAlert'],
  ['preAlert', 'supplyBasis', 'preAlert'],
  ['preAlert', 'lift', 'lifted'],
  ['activated', 'confirm', 'activated', 'initialResponse'],
  ['activated', 'adjust', 'activated', 'response'],
  ['activated', 'extend', 'activated'],
  ['activated', 'correct', 'activated'],
  ['activated', 'supplyBasis', 'activated'],
  ['activated', 'terminate', 'standDown'],
  ['activated', 'revoke', 'revoked'],
  ['standDown', 'standDown', 'standDown'],
  ['standDown', 'correct', 'standDown'],
  ['standDown', 'supplyBasis', 'standDown'],
  ['standDown', 'openReview', 'review'],
  ['review', 'supplyBasis', 'review'],
  ['review', 'archive', 'archived'],
]

function expected(state: EmergencyState, kind: EmergencyKind, command: StateCommand): EmergencyState | null {
  return TABLE.find(([from, by, , only]) => from === state && by === command && (only === undefined || only === kind))?.[2] ?? null
}

describe('the state machine', () => {
  it('allows what the table says and nothing else, for every state, kind and command', () => {
    const cells = EMERGENCY_STATES.flatMap(state => EMERGENCY_KINDS.flatMap(kind => STATE_COMMANDS.map(command => ({ state, kind, command }))))
    expect(cells.map(c => ({ ...c, to: nextState(c.state, c.kind, c.command) }))).toEqual(cells.map(c => ({ ...c, to: expected(c.state, c.kind, c.command) })))
  })

  it('has the same steps in the database\'s trigger', () => {
    const [, listed = ''] = /old\.state \|\| '>' \|\| new\.state\) not in \(([^)]+)\)/.exec(readFileSync('drizzle/0002_rules.sql', 'utf8')) ?? []
    const held = [...listed.matchAll(/'(\w+)>(\w+)'/g)].map(([, from, to]) => `${from}>${to}`)
    const steps = TABLE.filter(([from, , to]) => from !== to).map(([from, , to]) => `${from}>${to}`)
    expect(held.toSorted()).toEqual(steps.toSorted())
  })

  it('leaves only legal histories, whatever is commanded in whatever order', () => {
    const rank: Record<EmergencyState, number> = { preAlert: 0, activated: 1, standDown: 2, review: 3, archived: 4, lifted: 9, revoked: 9 }
    fc.assert(fc.property(fc.constantFrom<EmergencyState>('preAlert', 'activated'), fc.constantFrom(...EMERGENCY_KINDS), fc.array(fc.constantFrom(...STATE_COMMANDS), { maxLength: 40 }), (start, kind, commands) => {
      const history: EmergencyState[] = [start]
      let state = start
      for (const command of commands) {
        const next = nextState(state, kind, command)
        if (next !== null && next !== state) {
          // Only forwards, so never back to life; an exit leads nowhere.
          expect(rank[next]).toBeGreaterThan(rank[state])
          history.push(next)
          state = next
        }
      }
      expect(new Set(history).size).toBe(history.length)
      if (history.includes('archived'))
        expect(history.slice(-4)).toEqual(['activated', 'standDown', 'review', 'archived'])
      if (history.includes('lifted'))
        expect(history).toEqual(['preAlert', 'lifted'])
      if (history.includes('revoked'))
        expect(history.slice(-2)).toEqual(['activated', 'revoked'])
    }), { numRuns: 2_000 })
  })

  it('is open while it holds people, and counts answers while calls run', () => {
    expect(EMERGENCY_STATES.filter(isOpen)).toEqual(['preAlert', 'activated', 'standDown'])
    expect(EMERGENCY_STATES.filter(countsAnswers)).toEqual(['preAlert', 'activated'])
  })

  it('numbers a drill as a drill', () => {
    expect(numberOf('2026', false, 7)).toBe('2026-0007')
    expect(numberOf('2026', true, 7)).toBe('演练-2026-0007')
    expect(numberOf('2026', false, 12_345)).toBe('2026-12345')
  })
})

describe('the mode', () => {
  it.each<[string, EmergencyState[], ReturnType<typeof modeOf>]>([
    ['of nothing', [], 'peacetime'],
    ['of what is over', ['review', 'archived', 'lifted', 'revoked'], 'peacetime'],
    ['of a pre-alert', ['preAlert'], 'standby'],
    ['of a response', ['activated'], 'emergency'],
    ['of people who are still being signed off', ['standDown'], 'emergency'],
    ['of a pre-alert beside a response', ['preAlert', 'activated'], 'emergency'],
    ['of a pre-alert beside an ended one', ['revoked', 'preAlert', 'archived'], 'standby'],
  ])('%s', (_, states, mode) => {
    expect(modeOf(states)).toBe(mode)
    expect(modeOf(states.toReversed())).toBe(mode)
  })
})

describe('pre-emption', () => {
  const drill: Claimant = { isDrill: true, state: 'activated', level: 1 }
  const alert: Claimant = { isDrill: false, state: 'preAlert', level: null }
  const at = (level: ResponseLevel): Claimant => ({ isDrill: false, state: 'activated', level })

  it.each<[string, Claimant, Claimant, boolean]>([
    ['a drill never takes: not from a drill', drill, { ...drill, level: 4 }, false],
    ['… nor from real standby', drill, at(4), false],
    ['… nor from a pre-alert', drill, alert, false],
    ['a real response takes from the highest drill', at(4), drill, true],
    ['… and from one that stands down', at(4), { ...drill, state: 'standDown' }, true],
    ['… and from a drilled pre-alert', at(3), { ...alert, isDrill: true }, true],
    ['a pre-alert takes from a drill', alert, drill, true],
    ['… but from no standby', alert, at(4), false],
    ['… and from no pre-alert', alert, alert, false],
    ['level Ⅳ takes from a pre-alert', at(4), alert, true],
    ['… but not from its like', at(4), at(4), false],
    ['level Ⅲ takes from level Ⅳ', at(3), at(4), true],
    ['Ⅰ does not take from Ⅲ, whose people move', at(1), at(3), false],
    ['Ⅰ does not take from Ⅰ', at(1), at(1), false],
  ])('%s', (_, taker, holder, may) => {
    expect(mayPreempt(taker, holder)).toBe(may)
  })

  it('never goes both ways', () => {
    const claimant = fc.record({ isDrill: fc.boolean(), state: fc.constantFrom<EmergencyState>('preAlert', 'activated'), level: fc.constantFrom<ResponseLevel | null>(null, ...RESPONSE_LEVELS) })
    fc.assert(fc.property(claimant, claimant, (a, b) => !(mayPreempt(a, b) && mayPreempt(b, a))))
  })

  it('knows standby', () => {
    expect([alert, at(4), at(3), at(1)].map(isStandby)).toEqual([true, true, false, false])
  })
})

describe('an oral approval', () => {
  it('is enough for Ⅰ and Ⅱ', () => {
    expect(RESPONSE_LEVELS.filter(level => isApprovalEnough(level, 'oral'))).toEqual([1, 2])
    expect(RESPONSE_LEVELS.filter(level => isApprovalEnough(level, 'written'))).toEqual([1, 2, 3, 4])
  })
})

describe('a shortfall', () => {
  it('has its reasons: the roster\'s, then other emergencies, then plain numbers', () => {
    expect(shortfallReasons({ required: 5, available: 5, candidates: 5, shortfalls: [{ reason: 'exempt', people: 3 }] })).toEqual([])
    expect(shortfallReasons({ required: 5, available: 2, candidates: 2, shortfalls: [{ reason: 'exempt', people: 8 }] })).toEqual([{ reason: 'exempt', people: 8 }])
    expect(shortfallReasons({ required: 5, available: 3, candidates: 9, shortfalls: [] })).toEqual([{ reason: 'inOtherEmergency', people: 2 }])
    expect(shortfallReasons({ required: 5, available: 3, candidates: 3, shortfalls: [] })).toEqual([{ reason: 'tooFewMembers', people: 2 }])
    expect(shortfallReasons({ required: 5, available: 1, candidates: 4, shortfalls: [{ reason: 'exempt', people: 6 }] })).toEqual([{ reason: 'exempt', people: 6 }, { reason: 'inOtherEmergency', people: 3 }])
  })

  it('is never without a reason', () => {
    fc.assert(fc.property(fc.nat(60), fc.nat(60), fc.nat(60), (required, candidates, held) => {
      const available = Math.max(0, Math.min(required, candidates - held))
      const reasons = shortfallReasons({ required, available, candidates, shortfalls: [] })
      expect(reasons.length > 0).toBe(available < required)
      expect(reasons.reduce((sum, r) => sum + r.people, 0)).toBe(required - available)
    }))
  })
})
