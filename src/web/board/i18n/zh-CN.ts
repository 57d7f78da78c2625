import { zhCN as shared } from '../../shared/i18n/zh-CN.ts'

export const zhCN = {
  ...shared,
  board: {
    title: '指挥大屏',
    peace: '全县平时状态',
    peaceHint: '当前没有应急响应或演练',
    signInFirst: '请先在指挥中心登录，再打开大屏',
  },
}

export type BoardCatalogue = typeof zhCN
