import type { ReviewExport } from '../../src/contract/review.ts'
import { parse } from 'csv-parse/sync'
import { describe, expect, it } from 'vitest'
import { funnel } from '../../src/contract/counting.ts'
import { reviewCsv } from '../../src/server/modules/review/review-csv.ts'
import { arrivalTimes, curveStep } from '../../src/server/modules/review/review.rules.ts'

describe('arrivals', () => {
  const teams = [{ teamId: 'a', required: 2 }, { teamId: 'b', required: 2 }]
  const at = (teamId: string, minute: number) => ({ teamId, at: `2026-06-01T00:${String(minute).padStart(2, '0')}:00Z` })

  it('fill posts team by team: a surplus elsewhere does not make all arrive earlier', () => {
    const arrivals = [at('a', 5), at('a', 1), at('a', 2), at('a', 3), at('b', 9), at('b', 20)]
    expect(arrivalTimes(teams, arrivals)).toEqual({ first: at('', 1).at, half: at('', 2).at, all: at('', 20).at })
    expect(arrivalTimes(teams, arrivals.slice(0, 5))).toMatchObject({ all: null })
  })

  it('are none where nobody came or no post is to be filled', () => {
    expect(arrivalTimes(teams, [])).toEqual({ first: null, half: null, all: null })
    expect(arrivalTimes([], [at('x', 1)])).toEqual({ first: at('', 1).at, half: null, all: null })
  })
})

describe('a curve', () => {
  it.each([[-3, 0.25, 4], [0.5, 0.25, 4], [5, 0.25, 20], [59.5, 1, 60], [61, 2, 31], [180, 2, 90], [10_000, 2, 90]])('of %d minutes has steps of %d, %d of them', (minutes, stepMin, steps) => {
    expect(curveStep(minutes)).toEqual({ stepMin, steps })
  })
})

const none = funnel([])
const review: ReviewExport = {
  header: { id: 'e', no: '演练-2026-0001', kind: 'response', eventClass: 'naturalDisaster', name: '=HYPERLINK("http://x")', isDrill: true, state: 'review', level: 2, levelAuthority: 'county', basis: '', approver: '', approvalMode: 'written', measures: '', rallyBy: null, expectedUntil: '', activatedAt: '2026-06-01T04:00:00.000Z', terminatedAt: null, warning: null },
  drillOrReal: 'drill',
  funnel: none,
  duty: none,
  rates: [{ code: 'ack', num: 911, den: 972 }],
  ackAt: [{ minute: 5, num: 1, den: 2 }],
  milestones: [{ code: 'firstAnswer', at: '2026-06-01T04:00:30.000Z', seconds: 30 }],
  curve: [{ minute: 0, called: 1, answered: 0, going: 0, arrived: 0 }],
  communities: [],
  grids: [],
  units: [],
  silent: [{ personId: 'p', name: '+86', unitName: '＝cmd', gridName: 'a"b,c\nd', status: 'unreachable', tried: [{ channel: 'sms', state: 'accepted', times: 2 }], reason: 'ladder' }],
  unsigned: [{ personId: 'p', name: '王', gridName: '甲', reason: ' @SUM(A1)' }],
  lessons: [{ id: 'l', authorName: '李', text: '-1+1', at: '2026-06-01T16:30:00.000Z' }],
  reconciliation: [{ check: 'calledBoardVsLog', left: 1, right: 2, holds: false }],
  watermark: { exportedBy: '管理员', exportedAt: '2026-06-02T00:00:00.000Z', notes: ['演示数据（虚构）', '演练，非真实险情'] },
}

describe('the spreadsheet', () => {
  const csv = reviewCsv(review, 'Asia/Shanghai')
  const rows = parse(csv, { bom: true, relax_column_count: true, record_delimiter: ['\r\n'] }) as string[][]

  it('starts with a BOM, says who took it out, when, and what it is not, in county time', () => {
    expect(csv.startsWith('\uFEFF')).toBe(true)
    expect(rows[0]).toEqual(['复盘', '演练-2026-0001', '\'=HYPERLINK("http://x")', '演练'])
    expect(rows[1]).toEqual(['导出人', '管理员', '导出时间', '2026-06-02 08:00', '演示数据（虚构）', '演练，非真实险情'])
    expect(rows).toContainEqual(['\'-1+1', '李', '2026-06-02 00:30'])
  })

  it('shows numerators and denominators, in words that a clerk reads', () => {
    expect(rows).toContainEqual(['叫应率', '911', '972'])
    expect(rows).toContainEqual(['5 分钟叫应率', '1', '2'])
    expect(rows).toContainEqual(['首个叫应', '2026-06-01 12:00', '30'])
    expect(rows).toContainEqual(['应叫应：看板与事件日志', '1', '2', '否'])
  })

  it('runs nothing in a spreadsheet and survives quotes, commas and line ends', () => {
    expect(rows).toContainEqual(['\'+86', '\'＝cmd', 'a"b,c\nd', '未联系上', '短信已受理×2', '叫应阶梯走完仍无答复'])
    expect(rows).toContainEqual(['王', '甲', '\' @SUM(A1)'])
    expect(rows.flat().filter(cell => /^[=+\-@＝＋－＠\t\r]/.test(cell))).toEqual([])
  })
})
