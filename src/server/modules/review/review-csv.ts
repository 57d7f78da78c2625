import type { Review, ReviewRow } from '../../../contract/review.ts'
import { stringify } from 'csv-stringify/sync'

/** A spreadsheet must show these, not run them (also in full width). */
const FORMULA = /^[=+\-@\t\r＝＋－＠]/

function safe(value: string | number | null): string {
  const text = value === null ? '' : String(value)
  return typeof value === 'string' && FORMULA.test(text) ? `'${text}` : text
}

export interface Watermark { by: string, at: string, isDemo: boolean }

/** The review as tables for a spreadsheet: UTF-8 with BOM, Chinese headings, marked with who exported it and when. */
export function reviewCsv(review: Review, { by, at, isDemo }: Watermark): string {
  const { header, funnel } = review
  const rows: (string | number | null)[][] = [
    ['复盘', header.no, header.name, header.isDrill ? '演练' : '实战'],
    ['导出人', by, '导出时间', at, ...isDemo ? ['演示数据（虚构）'] : []],
    [],
    ['应到', '应叫应', '已叫应', '在途', '不能到', '未叫应', '未呼叫', '未联系上', '到岗', '超额到岗', '在场', '已签离', '已释放'],
    [funnel.required, funnel.toCall, funnel.answered, funnel.coming, funnel.cannot, funnel.silent, funnel.pending, funnel.unreachable, funnel.arrivedPosts, funnel.surplus, funnel.onSite, funnel.left, funnel.released],
    [],
    ['指标', '分子', '分母'],
    ...review.rates.map(r => [{ reach: '触达率', ack: '叫应率', turnout: '出动率', arrival: '到岗率', unreachable: '未联系上率' }[r.code], r.num, r.den]),
    ...review.ackAt.map(r => [`${r.minute} 分钟叫应率`, r.num, r.den]),
    [],
    ...table('社区', review.communities),
    ...table('网格', review.grids),
    ...table('单位', review.units),
    ['未叫应人员', '单位', '网格', '状态', '已尝试', '原因'],
    ...review.silent.map(s => [s.name, s.unitName, s.gridName, s.status, s.tried.join('；'), s.reason]),
    [],
    ['未签离人员', '网格', '原因'],
    ...review.unsigned.map(u => [u.name, u.gridName, u.reason]),
    [],
    ['经验教训', '记录人', '时间'],
    ...review.lessons.map(l => [l.text, l.authorName, l.at]),
    [],
    ['核对', '左', '右', '相符'],
    ...review.reconciliation.map(r => [r.check, r.left, r.right, r.holds ? '是' : '否']),
  ]
  return `\uFEFF${stringify(rows.map(r => r.map(safe)), { quoted: true, record_delimiter: 'windows' })}`
}

function table(name: string, rows: readonly ReviewRow[]): (string | number | null)[][] {
  return [
    [name, '应到', '应叫应', '已叫应', '在途', '不能到', '未叫应', '未联系上', '到岗', '首个叫应(秒)', '叫应中位数(秒)', '首个到岗(秒)', '到岗中位数(秒)'],
    ...rows.map(({ name: label, funnel: f, ...t }) => [label, f.required, f.toCall, f.answered, f.coming, f.cannot, f.silent, f.unreachable, f.arrivedPosts, t.firstAnswerSec, t.medianAnswerSec, t.firstArrivalSec, t.medianArrivalSec]),
    [],
  ]
}
