import type { LadderRung } from '../../src/server/modules/plans/index.ts'
import { describe, expect, it } from 'vitest'
import { personStatus } from '../../src/contract/counting.ts'
import { isPlausiblePromise, ladderLevel, MAX_ATTEMPTS, partSize, pauseBeforeRetry, unreachableAt } from '../../src/server/modules/calls/calls.rules.ts'
import { appText, dutyWords, fillTemplate, smsSegments, smsText } from '../../src/server/modules/calls/texts.rules.ts'

const T0 = new Date('2026-07-01T02:00:00Z')
const after = (minutes: number) => new Date(T0.getTime() + minutes * 60_000)

describe('the end of the ladder', () => {
  const ladder: LadderRung[] = [{ afterMin: 0, action: 'inappAndSms' }, { afterMin: 30, action: 'unreachable' }]

  it('comes when its last rung is due, counted from the key', () => {
    expect(unreachableAt(ladder, T0)).toEqual(after(30))
  })

  it('never comes where the plan has no such rung', () => {
    expect(unreachableAt([{ afterMin: 0, action: 'inappAndSms' }], T0)).toBeNull()
  })

  it('runs at the pace of level Ⅳ before there is a level', () => {
    expect(ladderLevel(null)).toBe(4)
    expect(ladderLevel(2)).toBe(2)
  })
})

describe('a promise to come later', () => {
  it.each([
    ['in ten minutes', 10, true],
    ['an hour ago: the outbox waited', -60, true],
    ['before the emergency began', -121, false],
    ['in exactly a day', 24 * 60, true],
    ['in a day and a minute', 24 * 60 + 1, false],
  ])('%s', (_, minutes, plausible) => {
    expect(isPlausiblePromise(after(minutes), after(-120), T0)).toBe(plausible)
  })
})

describe('what grid staff are told', () => {
  it.each([
    ['a response', { kind: 'response', state: 'activated', level: 2 }, 'Ⅱ级已启动，请到本网格在岗待命，接应党员先锋队'],
    ['level Ⅳ, where teams stand by', { kind: 'response', state: 'activated', level: 4 }, 'Ⅳ级已启动，请到本网格在岗待命'],
    ['a pre-alert', { kind: 'response', state: 'preAlert', level: null }, '预警待命，请到本网格在岗待命，保持手机畅通'],
    ['先期处置, to which no team comes', { kind: 'initialResponse', state: 'activated', level: null }, '先期处置，请到本网格在岗处置，有情况随时报告'],
  ] as const)('in %s', (_, e, words) => expect(dutyWords(e)).toBe(words))
})

describe('trying again', () => {
  it('waits longer each time, and as long as the provider asks', () => {
    const pauses = Array.from({ length: MAX_ATTEMPTS }, (_, i) => pauseBeforeRetry(i + 1, 0))
    expect(pauses).toEqual([...pauses].sort((a, b) => a - b))
    expect(pauseBeforeRetry(1, 20)).toBe(20)
  })

  it('comes back in smaller parts until a poisoned message is alone', () => {
    expect([1, 2, 3, 4].map(attempt => partSize(500, attempt))).toEqual([500, 20, 1, 1])
  })
})

describe('texts', () => {
  const words = { 签名: '【岷县应急】', 事件: '暴雨', 级别: 'Ⅱ级', 集结点: '{集结点}', 链接: '{链接}' }

  it('keep personal braces for the sender and lose unknown ones', () => {
    expect(fillTemplate('{签名}{事件}{级别}，到{集结点}。{没有}', words)).toBe('【岷县应急】暴雨Ⅱ级，到{集结点}。')
  })

  it('of a drill say so at the front and at the end, whatever the template holds', () => {
    expect(smsText('{签名}急时响应：{事件}。', words, true)).toBe('【岷县应急】演练：急时响应：暴雨。演练，非真实险情。')
    expect(smsText('无签名：{事件}。', words, true)).toBe('【岷县应急】演练：无签名：暴雨。演练，非真实险情。')
    expect(appText('{事件}。', words, true)).toBe('【演练】暴雨。（演练，非真实险情）')
  })

  it('of a real response do not', () => {
    expect(smsText('{签名}急时响应：{事件}。', words, false)).toBe('【岷县应急】急时响应：暴雨。')
    expect(appText('{事件}。', words, false)).not.toContain('演练')
  })

  it.each([
    [70, 1],
    [71, 2],
    [134, 2],
    [135, 3],
  ])('of %i characters take %i messages', (length, segments) => {
    expect(smsSegments('应'.repeat(length))).toBe(segments)
  })

  it('count a rare character in a name as two', () => {
    expect(smsSegments(`${'应'.repeat(69)}𠮷`)).toBe(2)
  })
})

describe('what a person counts as', () => {
  const facts = { audience: 'team', memberState: 'active', callState: 'called', answer: null, presence: 'none' } as const

  it.each([
    ['called and silent', {}, 'silent'],
    ['nothing handed over yet', { callState: 'pending' }, 'pending'],
    ['going', { callState: 'answered', answer: 'going' }, 'going'],
    ['already there by his word', { callState: 'answered', answer: 'alreadyThere' }, 'going'],
    ['later', { callState: 'answered', answer: 'later' }, 'later'],
    ['let go before he answered', { memberState: 'released' }, 'released'],
    ['refused and replaced', { callState: 'answered', answer: 'cannot', memberState: 'substituted' }, 'cannot'],
    ['not reached and replaced', { callState: 'unreachable', memberState: 'substituted' }, 'unreachable'],
    ['there although he had refused', { callState: 'answered', answer: 'cannot', presence: 'checkedIn' }, 'onSite'],
    ['signed off and let go', { memberState: 'released', presence: 'checkedOut' }, 'left'],
  ] as const)('%s', (_, change, status) => {
    expect(personStatus({ ...facts, ...change })).toBe(status)
  })
})
