import { zhCN as shared } from '../../shared/i18n/zh-CN.ts'

export const zhCN = {
  ...shared,
  console: {
    nav: { label: '主导航', home: '平时态势', switch: '一键响应', live: '急时指挥', review: '复盘', plans: '预案', registry: '台账', sandbox: '短信沙箱' },
    duty: '值班',
    home: {
      title: '平时态势',
      members: '党员',
      candidates: '可动员',
      gridStaff: '网格力量',
      grids: '网格',
      units: '结对单位',
      ready: '就绪网格',
      underStrength: 'Ⅲ级下不足 8 人的网格',
      underStrengthHint: '启动Ⅲ级响应时，这些网格的队伍将少于 8 人',
      lastDrill: '上次演练',
      neverDrilled: '还没有演练过',
      open: '进行中的响应与演练',
      none: '当前没有响应或演练',
      noneHint: '全县处于平时状态，各网格按日常结对开展服务。',
      startedAt: '{time} 启动',
    },
  },
}

export type ConsoleCatalogue = typeof zhCN
