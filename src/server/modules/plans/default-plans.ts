/**
 * The plans that a county starts with; it edits them afterwards. Rates, limits and ladder are defaults
 * of domain rules §4.2 and §4.3 (level Ⅳ is standby). Texts speak Chinese because the messages do:
 * they are data of a plan, not words of a screen. Variables in braces are filled per recipient.
 */
import type { PlanLevel } from '../../../contract/plans.ts'
import type { EventClass, ResponseLevel } from '../../../contract/vocabulary.ts'
import type { LadderRung, MessageTemplates } from './plans.tables.ts'

export interface DefaultPlan { code: string, name: string, eventClass: EventClass, mobilises: boolean, levels: PlanLevel[] }

const RATES: Record<ResponseLevel, { generalPct: number, professionalPct: number, rallyLimitMin: number | null, expectedHours: number }> = {
  1: { generalPct: 80, professionalPct: 30, rallyLimitMin: 30, expectedHours: 72 },
  2: { generalPct: 50, professionalPct: 20, rallyLimitMin: 30, expectedHours: 48 },
  3: { generalPct: 20, professionalPct: 10, rallyLimitMin: 60, expectedHours: 24 },
  4: { generalPct: 10, professionalPct: 5, rallyLimitMin: null, expectedHours: 24 },
}

const FAST: LadderRung[] = [
  { afterMin: 0, action: 'inappAndSms' },
  { afterMin: 3, nightAfterMin: 0, action: 'voice' },
  { afterMin: 5, action: 'secondCall' },
  { afterMin: 5, action: 'liaisonList' },
  { afterMin: 10, action: 'secretaryAndStandIn' },
  { afterMin: 15, action: 'relay' },
  { afterMin: 30, action: 'unreachable' },
]

const SLOW: LadderRung[] = [
  { afterMin: 0, action: 'inappAndSms' },
  { afterMin: 10, action: 'voice' },
  { afterMin: 20, action: 'liaisonList' },
  { afterMin: 30, action: 'secretaryAndStandIn' },
  { afterMin: 45, action: 'relay' },
  { afterMin: 60, action: 'unreachable' },
]

/** Level Ⅰ calls by voice at once; Ⅱ does so at night. */
export function ladderOf(level: ResponseLevel): LadderRung[] {
  if (level === 1)
    return FAST.map(rung => rung.action === 'voice' ? { afterMin: 0, action: 'voice' } : rung)
  return level === 2 ? FAST : SLOW
}

/** Spaces around a link: many phones take the characters that follow for a part of it. */
const SMS: MessageTemplates = {
  activationSms: '{签名}急时响应：{事件}{级别}。请{时限}前到{集结点}报到，并点 {链接} 答复。',
  standbySms: '{签名}预警待命：{事件}。请保持手机畅通、备齐装备、待令集结，并点 {链接} 确认。',
  dutySms: '{签名}{事件}{状态}，并点 {链接} 确认。',
  correctionSms: '{签名}更正：{内容}。以此为准。{链接}',
  levelChangeSms: '{签名}响应调整：{事件}现为{级别}。已到岗人员听社区指挥，其余人员待令。{链接}',
  urgeSms: '{签名}催办：您尚未确认{事件}{级别}响应，请立即点 {链接} 答复，稍后将电话叫应。',
  releaseSms: '{签名}{事件}：{内容}，您无需到岗，感谢待命。',
  terminationSms: '{签名}响应终止：{事件}已解除。请向队长报告、签离后撤收，返程注意安全。{链接}',
  revocationSms: '{签名}误启动撤销：{事件}系误发，您无需到岗，给您带来不便，敬请谅解。',
  liftedSms: '{签名}预警解除：{事件}待命结束，感谢坚守。',
  activationText: '{事件}，经会商研判，决定于{时间}启动{类别}{级别}应急响应（依据：{依据}）。影响范围：{范围}；预计期限：{期限}。请于{时限}前到{集结点}报到，编入{队名}，服从{社区}党组织统一指挥。主要任务：{任务}。注意：{警示}。',
}

interface Outline { code: string, name: string, eventClass: EventClass, mobilises?: boolean, basis: string, measures: string, tasks: string, caution: string }

const OUTLINES: Outline[] = [
  { code: 'flood', name: '防汛', eventClass: 'naturalDisaster', basis: '《县防汛应急预案》及气象、水务部门会商意见', measures: '转移低洼、沿河、危房群众，封控险路险桥，开放安置点，24 小时值守', tasks: '排查低洼、沿河、危房；按转移名单逐户叫应；警戒封路；安置点登记；积水清淤；独居老人巡访', caution: '不单人夜间行动，不涉水过桥，转移群众不擅自返回' },
  { code: 'landslide', name: '山洪地质灾害', eventClass: 'naturalDisaster', basis: '《县突发地质灾害应急预案》及自然资源部门会商意见', measures: '隐患点紧急撤离，切断危险路段，开放安置点，专人盯守', tasks: '隐患点逐户叫应撤离；警戒封路；安置点登记；行动不便群众转移；巡查观测', caution: '紧急撤离优先，雨中雨后不进入沟道和坡脚' },
  { code: 'earthquake', name: '地震', eventClass: 'naturalDisaster', basis: '《县地震应急预案》及地震部门通报', measures: '疏散安置，排查房屋，保障饮水食品与医疗', tasks: '楼栋疏散；伤员报告与转运；危房警戒；安置点搭建；物资发放；心理安抚', caution: '余震中不进入受损建筑，先查燃气和电' },
  { code: 'snow', name: '雨雪冰冻', eventClass: 'naturalDisaster', basis: '《县低温雨雪冰冻灾害应急预案》及气象部门会商意见', measures: '除雪保畅，供暖供水抢修，困难群众走访', tasks: '背街小巷除雪；独居老人走访送暖；结冰路段警戒；供暖供水报修', caution: '注意防滑防冻，除雪作业与车辆保持距离' },
  { code: 'fire', name: '火灾事故', eventClass: 'accidentDisaster', basis: '《县火灾事故应急预案》及消防救援机构通报', measures: '外围警戒，疏散安置，配合专业队伍', tasks: '外围警戒；疏散引导；家属联络；物资保障', caution: '专业队伍在前，不进入热区' },
  { code: 'utility', name: '停水停电停暖停气', eventClass: 'accidentDisaster', basis: '《县城市生命线工程突发事件应急预案》及主管部门通报', measures: '应急供应，困难群众保障，抢修配合', tasks: '逐户告知；送水送暖；独居老人巡访；燃气泄漏警戒疏散', caution: '燃气泄漏现场禁火禁电，等待专业人员' },
  { code: 'epidemic', name: '公共卫生', eventClass: 'publicHealth', basis: '《县突发公共卫生事件应急预案》及疾控机构研判意见', measures: '社区排查，重点场所消毒，困难群体帮扶，物资配送', tasks: '政策宣传；劝导值守；排查登记；环境消杀；关爱代办与物资配送', caution: '按规范防护，做好自身健康监测' },
  { code: 'social', name: '社会安全事件', eventClass: 'socialSecurity', mobilises: false, basis: '《县社会安全事件应急预案》及主管部门决定', measures: '劝解疏导，情况报告，配合公安机关', tasks: '劝解疏导；情况报告', caution: '公安机关在前，不发生冲突' },
]

export const DEFAULT_PLANS: DefaultPlan[] = OUTLINES.map(({ code, name, eventClass, mobilises, basis, measures, tasks, caution }) => ({
  code,
  name,
  eventClass,
  mobilises: mobilises ?? true,
  levels: ([1, 2, 3, 4] as const).map((level): PlanLevel => ({
    level,
    ...RATES[level],
    basis,
    approver: '县应急指挥部',
    measures,
    tasks,
    caution,
    ladder: ladderOf(level),
    templates: SMS,
  })),
}))
