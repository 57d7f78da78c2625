import type { EmergencyEventType } from '../../../contract/events.ts'
import type { TileState } from './tiles.ts'

/** Words of the live picture, which the console and the wall share; the phone does not load them. */
export const liveWords = {
  live: {
    tile: { pending: '待通知', silent: '等待叫应', coming: '在途', arriving: '部分到岗', full: '满员到岗' } satisfies Record<TileState, string>,
    short: '力量不足',
    shortHint: '可用人数少于 {n} 人，需增援',
    strength: '{grid}：{state}，到岗 {arrived}，在途 {coming}，应到 {required}',
    legend: '图例',
    tileFigure: '到岗/应到',
    community: '到岗 {arrived}/{required}',
    surplus: '另有 {n} 人超员',
    dutyLine: '网格力量应答 {answered}/{toCall}，到岗 {arrived}',
    preempting: '自《{name}》改编 {n} 人',
    said: {
      'emergency.preAlerted': '进入预警待命，{grids} 个网格、{people} 人待令',
      'emergency.activated': '启动{level}响应，{grids} 个网格、{people} 人',
      'emergency.levelChanged': '响应由{from}调为{to}',
      'emergency.scopeExtended': '范围扩大 {grids} 个网格，增加 {people} 人',
      'emergency.lifted': '待命解除',
      'emergency.revoked': '误启动，响应撤销',
      'emergency.terminated': '终止响应，转入撤收',
      'emergency.communityStoodDown': '{community}撤收完毕，签离 {signedOff} 人',
      'emergency.reviewOpened': '全部撤收，转入复盘',
      'emergency.archived': '归档',
      'emergency.basisSupplied': '书面依据已补齐',
      'alert.issued': '{kind}发出，{n} 人',
      'calls.called': '通知到达通道',
      'call.answered': '叫应',
      'call.answeredLate': '结束后叫应',
      'call.unreachable': '登记未联系上 1 人',
      'calls.unreachable': '登记未联系上 {n} 人',
      'calls.urged': '催办 {n} 人',
      'presence.checkedIn': '到岗签到',
      'presence.checkedOut': '签离',
      'presence.unsignedListed': '登记未签离 1 人',
      'presence.rollCallOpened': '开始点名，应到 {n} 人',
      'presence.rollCallClosed': '点名结束，在场 {n} 人，缺 {missing} 人',
      'team.confirmed': '{team}编队确认',
      'team.captainChanged': '{team}更换队长',
      'team.memberMoved': '1 名队员调整到其他网格',
      'team.memberReleased': '1 名队员解除',
      'team.memberSubstituted': '1 名替补到位',
      'team.reinforced': '{team}得到增援 {n} 人',
      'team.preempted': '{n} 人改编至《{name}》',
      'review.lessonAdded': '记录一条经验教训',
    } satisfies Record<EmergencyEventType, string>,
  },
}

export type LiveWords = typeof liveWords
