import type { BulkChange, EmergencyEvent, EmergencyEventType } from '../../../contract/events.ts'
import type { Translate } from '../i18n/index.ts'
import type { SharedCatalogue } from '../i18n/zh-CN.ts'
import type { LiveWords } from './zh-CN.ts'
import { PERSONAL_EVENTS } from '../../../contract/events.ts'
import { nameOf } from '../i18n/index.ts'

type Words = Translate<SharedCatalogue & LiveWords>

/** A wall tells what happened to the county, not to one person. */
const NOT_ON_WALL: ReadonlySet<EmergencyEventType> = new Set([...PERSONAL_EVENTS, 'presence.unsignedListed', 'team.memberMoved', 'team.memberReleased', 'team.memberSubstituted', 'team.captainChanged', 'review.lessonAdded'])

export const isForWall = ({ type }: EmergencyEvent): boolean => !NOT_ON_WALL.has(type)

/** State and level changes stand out in a timeline; the rest is detail. */
export const isTurningPoint = ({ type }: EmergencyEvent): boolean => type.startsWith('emergency.')

const sum = (changes: readonly BulkChange[], counts: (change: BulkChange) => boolean): number => changes.reduce((n, change) => counts(change) ? n + change.n : n, 0)
const newcomers = (changes: readonly BulkChange[]): number => sum(changes, ({ before, after }) => after.audience === 'team' && (before === null || after.callState === 'pending'))

/** One line of a timeline: what happened, in numbers, without names. */
export function sentence(event: EmergencyEvent, t: Words): string {
  switch (event.type) {
    case 'emergency.preAlerted':
      return t('live.said.emergency.preAlerted', { grids: event.data.gridIds.length, people: newcomers(event.data.changes) })
    case 'emergency.activated': {
      const { header, gridIds, changes } = event.data
      if (header.kind === 'initialResponse')
        return t('emergencyKind.initialResponse')
      return t('live.said.emergency.activated', { level: header.level === null ? '' : t(`level.${header.level}`), grids: gridIds.length, people: newcomers(changes) })
    }
    case 'emergency.levelChanged':
      return t('live.said.emergency.levelChanged', { from: t(`level.${event.data.from}`), to: t(`level.${event.data.to}`) })
    case 'emergency.scopeExtended':
      return t('live.said.emergency.scopeExtended', { grids: event.data.gridIds.length, people: newcomers(event.data.changes) })
    case 'emergency.communityStoodDown':
      return t('live.said.emergency.communityStoodDown', { community: event.data.communityName, signedOff: event.data.signedOff })
    case 'alert.issued':
      return t('live.said.alert.issued', { kind: t(`alertKind.${event.data.kind}`), n: event.data.recipients })
    case 'calls.urged':
      return t('live.said.calls.urged', { n: event.data.recipients })
    case 'calls.unreachable':
      return t('live.said.calls.unreachable', { n: sum(event.data.changes, () => true) })
    case 'presence.rollCallOpened':
      return t('live.said.presence.rollCallOpened', { n: event.data.expected })
    case 'presence.rollCallClosed':
      return t('live.said.presence.rollCallClosed', { n: event.data.present, missing: event.data.missing.length })
    case 'team.confirmed':
    case 'team.captainChanged':
      return t(`live.said.${event.type}`, { team: event.data.team.name })
    case 'team.reinforced':
      return t('live.said.team.reinforced', { team: event.data.team.name, n: event.data.people.filter(({ after }) => after.teamId === event.data.team.teamId).length })
    case 'team.preempted':
      return event.data.byEmergencyId === event.emergencyId
        ? t('live.preempting', { n: event.data.taken, name: nameOf(event.data.fromName) })
        : t('live.said.team.preempted', { n: event.data.taken, name: nameOf(event.data.byName) })
    default:
      return t(`live.said.${event.type}`)
  }
}

/** What a person wrote with it: the reason of a change, the words of a correction. */
export function remark(event: EmergencyEvent): string {
  const { data } = event
  if (event.type === 'alert.issued')
    return event.data.kind === 'correction' ? event.data.text : ''
  return 'reason' in data && typeof data.reason === 'string' ? data.reason : ''
}
