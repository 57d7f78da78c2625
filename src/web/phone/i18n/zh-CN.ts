import { zhCN as shared } from '../../shared/i18n/zh-CN.ts'

export const zhCN = {
  ...shared,
  phone: {
    nav: { label: '主导航', home: '首页', me: '我的' },
    home: {
      hello: '{name}，您好',
      quiet: '当前没有需要您应答的通知',
      quietHint: '收到应急通知时，这里会出现整屏提醒；您也会收到短信。',
      calls: '需要您应答的通知',
    },
    me: {
      title: '我的',
      unit: '单位',
      phone: '手机号',
      roles: '职责',
      textSize: '大字版',
      textSizeHint: '文字放大到 150%',
      install: '把本页添加到手机桌面，收到通知时打开更快。',
    },
    outbox: {
      kept: '已存在手机上，等待发送',
      sending: '正在发送…',
      waiting: '网络不通，已存在手机上，有网后自动发送',
    },
  },
}

export type PhoneCatalogue = typeof zhCN
