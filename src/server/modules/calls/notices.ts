/** What people are told, in a plan's words: one alert with a delivery per recipient and channel, and the event that says so. */
import type { SQL } from 'drizzle-orm'
import type { AlertKind, Audience } from '../../../contract/vocabulary.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Tx } from '../../platform/db/index.ts'
import type { NewEvent } from '../../platform/eventlog/index.ts'
import type { EmergencyRow } from '../emergencies/index.ts'
import type { MessageTemplates } from '../plans/index.ts'
import type { GridIndex } from '../registry/index.ts'
import type { TextVariables } from './texts.rules.ts'
import { dayOf, timeOf } from '../../platform/clock.ts'
import { event } from '../emergencies/index.ts'
import { communityTitle } from '../registry/index.ts'
import { issueAlert } from './alerts.repo.ts'
import { appText, dutyWords, LEVEL_WORDS, smsText } from './texts.rules.ts'

export interface Notice {
  kind: AlertKind
  audience: Audience
  template: keyof MessageTemplates
  /** Condition over `participants p`. */
  recipients: SQL
  words?: TextVariables
  /** Words of the app where they differ from the message's. */
  text?: string
}

export interface Notices {
  /** Variables of a text that are the same for every recipient; personal ones stay in braces for the sender. */
  commonWords: (e: EmergencyRow, gridIds: readonly string[]) => TextVariables
  /** Issues an alert and returns its event. Nothing is issued to nobody. */
  notify: (tx: Tx, e: EmergencyRow, gridIds: readonly string[], actorId: string | null, now: Date, notice: Notice) => Promise<NewEvent[]>
}

/** The part of a message that invites to tap the link, which the app does not need. */
const INVITATION = /\{签名\}|，并点 \{链接\} (?:答复|确认)|点 \{链接\} |\{链接\}/g

export function createNotices({ clock, timeZone, countyName, grids }: { clock: Clock, timeZone: string, countyName: string, grids: GridIndex }): Notices {
  function scopeWords(gridIds: readonly string[]): string {
    if (gridIds.length === grids.size)
      return `${countyName}全县`
    const communities = [...new Set(gridIds.map(id => communityTitle(grids.get(id)?.communityName ?? '')))]
    return communities.length <= 4 ? communities.join('、') : `${communities.slice(0, 3).join('、')}等 ${communities.length} 个社区`
  }

  function commonWords(e: EmergencyRow, gridIds: readonly string[]): TextVariables {
    const level = e.level === null ? null : e.plan.levels[e.level]
    const now = clock.now()
    return {
      签名: `【${countyName}应急】`,
      事件: e.name,
      类别: e.plan.planName,
      级别: e.level === null ? '' : LEVEL_WORDS[e.level],
      状态: dutyWords(e),
      时间: `${dayOf(now, timeZone)} ${timeOf(now, timeZone)}`,
      依据: e.basis,
      范围: scopeWords(gridIds),
      期限: `${dayOf(e.expectedUntil, timeZone)} ${timeOf(e.expectedUntil, timeZone)}`,
      时限: e.rallyBy === null ? '集结令下达' : timeOf(e.rallyBy, timeZone),
      任务: level?.tasks ?? '',
      警示: level?.caution ?? '',
      措施: e.measures,
      集结点: '{集结点}',
      队名: '{队名}',
      队长: '{队长}',
      社区: '{社区}',
      链接: '{链接}',
      姓名: '{姓名}',
      单位: '{单位}',
    }
  }

  return {
    commonWords,
    async notify(tx, e, gridIds, actorId, now, notice) {
      const templates = e.plan.levels[e.level ?? 4].templates
      const words = { ...commonWords(e, gridIds), ...notice.words }
      const template = notice.kind === 'activation' || (notice.kind === 'summons' && notice.template === 'activationSms') ? templates.activationText : templates[notice.template].replace(INVITATION, '')
      const text = notice.text === undefined ? appText(template, words, e.isDrill) : appText('{全文}', { 全文: notice.text }, e.isDrill)
      const { alertId, recipients } = await issueAlert(tx, {
        emergencyId: e.id,
        kind: notice.kind,
        audience: notice.audience,
        smsTemplate: smsText(templates[notice.template], words, e.isDrill),
        text,
        issuedBy: actorId,
        now,
        recipients: notice.recipients,
      })
      return recipients === 0 ? [] : [event(actorId, now, 'alert.issued', { alertId, kind: notice.kind, text, recipients })]
    },
  }
}
