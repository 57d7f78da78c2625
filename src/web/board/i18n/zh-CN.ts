import { liveWords } from '../../shared/board/zh-CN.ts'
import { zhCN as shared } from '../../shared/i18n/zh-CN.ts'

export const zhCN = {
  ...shared,
  ...liveWords,
  board: {
    title: '指挥大屏',
    peace: '全县平时状态',
    peaceHint: '当前没有应急响应或演练',
    signInFirst: '请先在指挥中心登录，再打开大屏',
    signIn: '去登录',
    readyGrids: '就绪网格',
    units: '结对单位',
    members: '党员',
    candidates: '可动员',
    gridStaff: '网格力量',
    communities: '社区',
    others: '同时进行：{names}',
    timeline: '进展',
    timelineNone: '还没有进展',
    rallyBy: '集结时限 {time}',
  },
}

export type BoardCatalogue = typeof zhCN
