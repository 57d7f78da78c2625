import type { PhoneCatalogue } from './zh-CN.ts'
import { en as shared } from '../../shared/i18n/en.ts'

export const en: PhoneCatalogue = {
  ...shared,
  phone: {
    nav: { label: 'Main navigation', home: 'Home', me: 'Me' },
    home: {
      hello: 'Hello, {name}',
      quiet: 'Nothing needs your answer',
      quietHint: 'When you are called, the alert fills this screen, and you get a text message too.',
      calls: 'Alerts that need your answer',
    },
    me: {
      title: 'Me',
      unit: 'Unit',
      phone: 'Phone number',
      roles: 'Duties',
      textSize: 'Large text',
      textSizeHint: 'Everything at 150%',
      install: 'Add this page to your home screen: it opens faster when you are called.',
    },
    outbox: {
      kept: 'Kept on this phone, about to be sent',
      sending: 'Sending…',
      waiting: 'No connection: kept on this phone, sent by itself once there is one',
    },
  },
}
