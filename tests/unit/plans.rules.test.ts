import type { MobilisationClass, ResponseLevel } from '../../src/contract/vocabulary.ts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Plan } from '../../src/contract/plans.ts'
import { EVENT_CLASSES, RESPONSE_LEVELS } from '../../src/contract/vocabulary.ts'
import { LEVEL_WORDS, smsSegments, smsText } from '../../src/server/modules/calls/texts.rules.ts'
import { DEFAULT_PLANS, ladderOf } from '../../src/server/modules/plans/default-plans.ts'
import { stampPlan } from '../../src/server/modules/plans/plans.repo.ts'
import { pctOf, quotaOf } from '../../src/server/modules/plans/plans.rules.ts'

function plan(code: string): Plan {
  const found = DEFAULT_PLANS.find(p => p.code === code)
  if (found === undefined)
    throw new Error(code)
  return { ...found, id: crypto.randomUUID(), version: 1 }
}

describe('quotas', () => {
  it.each([
    // 0.1 × 30 and 0.05 × 60 are not exact in floating point; 0.2 × 35 neither.
    [30, 10, 3],
    [60, 5, 3],
    [35, 20, 7],
    [41, 20, 9],
    [111, 10, 12],
    [1, 5, 1],
    [0, 80, 0],
    [50, 0, 0],
    [50, 100, 50],
  ])('%i members at %i %% fill %i posts', (members, pct, posts) => {
    expect(quotaOf(members, pct)).toBe(posts)
  })

  it('round up, never past the members, and never fall when members or rate rise', () => {
    fc.assert(fc.property(fc.nat(5_000), fc.integer({ min: 0, max: 100 }), (members, pct) => {
      const posts = quotaOf(members, pct)
      expect(posts * 100).toBeGreaterThanOrEqual(members * pct)
      expect((posts - 1) * 100).toBeLessThan(members * pct || 1)
      expect(posts).toBeLessThanOrEqual(members)
      expect(quotaOf(members + 1, pct)).toBeGreaterThanOrEqual(posts)
    }))
  })

  it.each([
    ['general', [80, 50, 20, 10]],
    ['professional', [30, 20, 10, 5]],
    ['restricted', [0, 0, 0, 0]],
  ] as const)('of %s units follow the rates of the rule', (kind, rates) => {
    const { levels } = stampPlan(plan('flood'))
    expect(RESPONSE_LEVELS.map(level => pctOf(levels, level, kind satisfies MobilisationClass))).toEqual(rates)
  })
})

describe('the ladder', () => {
  const minutes = (level: ResponseLevel, isNight: boolean) => Object.fromEntries(ladderOf(level).map(r => [r.action, isNight ? r.nightAfterMin ?? r.afterMin : r.afterMin]))

  it.each([
    [1, false, { inappAndSms: 0, voice: 0, secondCall: 5, liaisonList: 5, secretaryAndStandIn: 10, relay: 15, unreachable: 30 }],
    [2, false, { inappAndSms: 0, voice: 3, secondCall: 5, liaisonList: 5, secretaryAndStandIn: 10, relay: 15, unreachable: 30 }],
    [2, true, { inappAndSms: 0, voice: 0, secondCall: 5, liaisonList: 5, secretaryAndStandIn: 10, relay: 15, unreachable: 30 }],
    [3, false, { inappAndSms: 0, voice: 10, liaisonList: 20, secretaryAndStandIn: 30, relay: 45, unreachable: 60 }],
    [4, true, { inappAndSms: 0, voice: 10, liaisonList: 20, secretaryAndStandIn: 30, relay: 45, unreachable: 60 }],
  ] as const)('of level %i (night: %s)', (level, isNight, rungs) => {
    expect(minutes(level, isNight)).toEqual(rungs)
  })
})

describe('default plans', () => {
  it.each(DEFAULT_PLANS.map(p => p.code))('%s holds what the contract asks of a plan', (code) => {
    expect(Plan.parse(plan(code)).levels.map(l => l.level)).toEqual([1, 2, 3, 4])
  })

  it('cover every class of event, and mobilise for all but social security', () => {
    expect(new Set(DEFAULT_PLANS.map(p => p.eventClass))).toEqual(new Set(EVENT_CLASSES))
    expect(DEFAULT_PLANS.filter(p => !p.mobilises).map(p => p.eventClass)).toEqual(['socialSecurity'])
    expect(new Set(DEFAULT_PLANS.map(p => p.code)).size).toBe(DEFAULT_PLANS.length)
  })

  it('give half an hour at Ⅰ and Ⅱ, an hour at Ⅲ, and stand by at Ⅳ', () => {
    for (const { levels } of DEFAULT_PLANS)
      expect(levels.map(l => l.rallyLimitMin)).toEqual([30, 30, 60, null])
  })

  const words = (link: string) => ({ 签名: '【岷县应急】', 事件: '城区暴雨山洪', 级别: 'Ⅱ级', 状态: 'Ⅱ级已启动，请到本网格在岗待命，接应党员先锋队', 时限: '集结令下达', 集结点: '药材市场党群服务中心', 链接: link, 内容: '集结点改为东城社区文化广场北门', 社区: '东城社区', 姓名: '张三', 单位: '市场监管局', 队名: '东城社区当归城商圈网格党员先锋队', 队长: '李四', 时间: '2026-06-15 12:00', 类别: '防汛', 依据: '依据', 范围: '岷县全县', 期限: '2026-06-17 12:00', 任务: '任务', 警示: '警示', 措施: '措施' })
  const messages = DEFAULT_PLANS.flatMap(p => p.levels.flatMap(l => Object.entries(l.templates).filter(([name]) => name !== 'activationText').map(([name, template]) => ({ name, template: template satisfies string }))))
  const distinct = [...new Map(messages.map(m => [m.name, m])).values()]

  it.each(distinct)('$name fits one message beside its link, two with it, drill included', ({ template }) => {
    expect(smsText(template, words(''), false).length).toBeLessThanOrEqual(70)
    for (const isDrill of [false, true])
      expect(smsSegments(smsText(template, words(`https://pj.minxian.gov.cn/a/${'A'.repeat(19)}`), isDrill))).toBeLessThanOrEqual(2)
  })

  it.each(distinct)('$name keeps its link apart from the words around it', ({ template }) => {
    const link = `https://pj.minxian.gov.cn/a/${'A'.repeat(19)}`
    for (const isDrill of [false, true]) {
      const text = smsText(template, words(link), isDrill)
      if (text.includes(link))
        expect(text.split(link)[1]).toMatch(/^(?: .*)?$/)
    }
  })

  it.each(distinct)('$name says in a drill that it is one, first and last', ({ template }) => {
    const text = smsText(template, words('https://x.example/a/b'), true)
    expect(text).toMatch(/^【岷县应急】演练：/)
    expect(text).toMatch(/演练，非真实险情。$/)
  })

  it('use no variable that nobody fills, and name no county', () => {
    const known = new Set(Object.keys(words('')))
    for (const { levels } of DEFAULT_PLANS) {
      for (const level of levels) {
        for (const template of Object.values(level.templates))
          expect([...template.matchAll(/\{([^{}]+)\}/g)].map(m => m[1]).filter(v => !known.has(v ?? ''))).toEqual([])
        expect(JSON.stringify(level)).not.toContain('岷县')
      }
    }
    expect(Object.keys(LEVEL_WORDS)).toHaveLength(4)
  })

  it('are stamped whole: a later edit of the plan does not reach the stamp', () => {
    const edited = plan('flood')
    const stamp = stampPlan(edited)
    const before = structuredClone(stamp)
    edited.levels = edited.levels.map(l => ({ ...l, generalPct: 1 }))
    expect(stamp).toEqual(before)
    expect(stamp).toMatchObject({ planName: '防汛', planVersion: 1, levels: { 4: { rallyLimitMin: null } } })
  })
})
