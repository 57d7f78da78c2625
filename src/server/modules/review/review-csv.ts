/** The review as tables for a spreadsheet: UTF-8 with BOM, Chinese headings, marked with who took it out and when. */
import type { PersonStatus } from '../../../contract/counting.ts'
import type { ReconciliationCheck, Review, ReviewExport, ReviewRow } from '../../../contract/review.ts'
import type { Channel, DeliveryState } from '../../../contract/vocabulary.ts'
import { stringify } from 'csv-stringify/sync'
import { dayOf, timeOf } from '../../platform/clock.ts'

type Cell = string | number | null

const STATUS: Record<PersonStatus, string> = { pending: '待通知', silent: '未叫应', going: '在途', later: '稍后到', cannot: '不能到', unreachable: '未联系上', onSite: '在场', left: '已签离', released: '已解除' }
const CHANNEL: Record<Channel, string> = { inapp: '应用内', sms: '短信' }
const DELIVERY: Record<DeliveryState, string> = { pending: '待发', sending: '发送中', accepted: '已受理', delivered: '已送达', read: '已读', failedTemp: '暂时失败', failedPerm: '失败', unknown: '结果不明', cancelled: '已取消' }
const RATE: Record<Review['rates'][number]['code'], string> = { reach: '触达率', ack: '叫应率', turnout: '出动率', arrival: '到岗率', unreachable: '未联系上率' }
const MILESTONE: Record<Review['milestones'][number]['code'], string> = { firstAnswer: '首个叫应', halfAnswered: '半数叫应', firstArrival: '首个到岗', halfArrived: '半数到岗', allArrived: '全员到岗', teamsConfirmed: '编队确认完毕' }
const CHECK: Record<ReconciliationCheck, string> = {
  calledBoardVsPeople: '应叫应：看板与人员',
  calledBoardVsDatabase: '应叫应：看板与数据库',
  calledBoardVsLog: '应叫应：看板与事件日志',
  answeredBoardVsPeople: '已叫应：看板与人员',
  answeredBoardVsDatabase: '已叫应：看板与数据库',
  answeredBoardVsLog: '已叫应：看板与事件日志',
  arrivedBoardVsPeople: '到场：看板与人员',
  arrivedBoardVsDatabase: '到场：看板与数据库',
  arrivedBoardVsLog: '到场：看板与事件日志',
  statesBoardVsPeople: '状态不符人数：看板与人员',
  statesBoardVsLog: '状态不符人数：看板与事件日志',
  arrivedBoardVsCheckIns: '到场：看板与签到记录',
}
/** Reasons that the ladder gives; an officer's own words stand as they are. */
const LADDER: Record<string, string> = { ladder: '叫应阶梯走完仍无答复', notHandedOver: '各渠道均未能送出' }

/** A spreadsheet must show these, not run them (also in full width, and behind blanks). */
const FORMULA = /^\s*[=+\-@＝＋－＠]|^[\t\r\n]/

function safe(value: Cell): string {
  return typeof value === 'string' && FORMULA.test(value) ? `'${value}` : String(value ?? '')
}

const FUNNEL = ['应到', '应叫应', '已叫应', '在途', '不能到', '未叫应', '待通知', '未联系上', '到岗', '超额到岗', '在场', '已签离', '已解除']

function funnelCells(f: Review['funnel']): Cell[] {
  return [f.required, f.toCall, f.answered, f.coming, f.cannot, f.silent, f.pending, f.unreachable, f.arrivedPosts, f.surplus, f.onSite, f.left, f.released]
}

function table(name: string, rows: readonly ReviewRow[]): Cell[][] {
  return [
    [name, ...FUNNEL, '首个叫应（秒）', '叫应中位数（秒）', '首个到岗（秒）', '到岗中位数（秒）'],
    ...rows.map(r => [r.name, ...funnelCells(r.funnel), r.firstAnswerSec, r.medianAnswerSec, r.firstArrivalSec, r.medianArrivalSec]),
    [],
  ]
}

export function reviewCsv(review: ReviewExport, timeZone: string): string {
  const { header, watermark } = review
  const local = (at: string | null) => at === null ? null : `${dayOf(new Date(at), timeZone)} ${timeOf(new Date(at), timeZone)}`
  const rows: Cell[][] = [
    ['复盘', header.no, header.name, review.drillOrReal === 'drill' ? '演练' : '实战'],
    ['导出人', watermark.exportedBy, '导出时间', local(watermark.exportedAt), ...watermark.notes],
    ['启动', local(header.activatedAt), '终止', local(header.terminatedAt)],
    [],
    ['', ...FUNNEL],
    ['先锋队', ...funnelCells(review.funnel)],
    ['网格力量', ...funnelCells(review.duty)],
    [],
    ['指标', '分子', '分母'],
    ...review.rates.map(r => [RATE[r.code], r.num, r.den]),
    ...review.ackAt.map(r => [`${r.minute} 分钟叫应率`, r.num, r.den]),
    [],
    ['节点', '时间', '启动后（秒）'],
    ...review.milestones.map(m => [MILESTONE[m.code], local(m.at), m.seconds]),
    [],
    ...table('社区', review.communities),
    ...table('网格', review.grids),
    ...table('单位', review.units),
    ['未叫应人员', '单位', '网格', '状态', '已尝试', '原因'],
    ...review.silent.map(s => [s.name, s.unitName, s.gridName, STATUS[s.status], s.tried.map(t => `${CHANNEL[t.channel]}${DELIVERY[t.state]}×${t.times}`).join('；'), s.reason === null ? null : LADDER[s.reason] ?? s.reason]),
    [],
    ['未签离人员', '网格', '原因'],
    ...review.unsigned.map(u => [u.name, u.gridName, u.reason ?? '仍在场']),
    [],
    ['启动后（分钟）', '已呼叫', '已叫应', '能到', '到场'],
    ...review.curve.map(c => [c.minute, c.called, c.answered, c.going, c.arrived]),
    [],
    ['经验教训', '记录人', '时间'],
    ...review.lessons.map(l => [l.text, l.authorName, local(l.at)]),
    [],
    ['核对', '左', '右', '相符'],
    ...review.reconciliation.map(r => [CHECK[r.check], r.left, r.right, r.holds ? '是' : '否']),
  ]
  return stringify(rows.map(r => r.map(safe)), { bom: true, quoted: true, record_delimiter: 'windows' })
}
