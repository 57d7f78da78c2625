import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { DEFAULT_PLANS } from '../../../src/server/modules/plans/default-plans.ts'
import { en as board } from '../../../src/web/board/i18n/en.ts'
import { zhCN as 大屏 } from '../../../src/web/board/i18n/zh-CN.ts'
import { en as desk } from '../../../src/web/console/i18n/en.ts'
import { offeredName } from '../../../src/web/console/i18n/message-words.ts'
import { zhCN as 指挥中心 } from '../../../src/web/console/i18n/zh-CN.ts'
import { en as phone } from '../../../src/web/phone/i18n/en.ts'
import { zhCN as 手机 } from '../../../src/web/phone/i18n/zh-CN.ts'
import { nameOf, percent, setLanguage, setUpI18n } from '../../../src/web/shared/i18n/index.ts'
import { flatten, say } from '../../../src/web/shared/i18n/message.ts'
import { tabTitle, titleOf } from '../../../src/web/shared/title.ts'

/** All that speaks, without the catalogues. */
const WEB = join(import.meta.dirname, '../../../src/web')
const CODE = globSync('**/*.{vue,ts}', { cwd: WEB }).filter(file => !/\/i18n\/(?:zh-CN|en)\.ts$|board\/(?:zh-CN|en)\.ts$/.test(file)).map(file => readFileSync(join(WEB, file), 'utf8')).join('\n')

const apps = [['console', 指挥中心, desk], ['phone', 手机, phone], ['board', 大屏, board]] as const
const places = (message: string): string[] => [...new Set([...message.matchAll(/\{(\w+)\}/g)].map(m => m[1] ?? ''))].sort()

describe.each(apps)('catalogues of the %s', (_app, zhCN, en) => {
  const [zh, english] = [flatten(zhCN), flatten(en)]

  it('say the same things in both languages', () => {
    // The Chinese of an offered name is the name itself.
    expect(Object.keys(english).filter(key => !key.startsWith('offeredName.')).sort()).toEqual(Object.keys(zh).sort())
    // English leaves out the county's name, which has no English form; it asks for nothing that the callers do not give.
    const unlike = Object.keys(zh).filter(key => key !== 'platform' && places(zh[key] ?? '').join() !== places(english[key] ?? '').join())
    expect(unlike).toEqual([])
  })

  it('do not mix the languages', () => {
    expect(Object.entries(english).filter(([, message]) => /\p{Script=Han}/u.test(message))).toEqual([])
    const latinAllowed = /\{\w+\}|JavaScript|JSON|XLSX|CSV|PDF/g
    expect(Object.entries(zh).filter(([, message]) => /[a-z]{2,}/i.test(message.replace(latinAllowed, '')))).toEqual([])
  })

  it('hold no sentence that no screen says', () => {
    // Whole, or by the word that ends it: t('a.b.c'), t(`a.b.${c}`).
    const isSaid = (key: string): boolean => CODE.includes(`'${key}'`) || key.split('.').some((_, n, parts) => n > 0 && CODE.includes(`\`${parts.slice(0, n).join('.')}.\${`))
    expect(Object.keys(zh).filter(key => !isSaid(key))).toEqual([])
  })

  it('leave no sentence empty', () => {
    expect([...Object.entries(zh), ...Object.entries(english)].filter(([, message]) => message.trim() === '')).toEqual([])
  })

  it('never say "state of emergency", and 未联系上 instead of 失联', () => {
    expect(Object.values(english).filter(message => /state of emergency/i.test(message))).toEqual([])
    expect(Object.values(zh).filter(message => /失联|重点人员/.test(message))).toEqual([])
  })
})

describe('names that the product offers', () => {
  afterEach(() => vi.unstubAllGlobals())

  it('have English, whatever the plan and the kind of start', async () => {
    const shown = flatten(desk)
    for (const { name } of DEFAULT_PLANS) {
      expect(shown[`offeredName.${name}`], name).toBeDefined()
      for (const action of ['activate', 'preAlert', 'initialResponse'] as const)
        expect(shown[`offeredName.${offeredName(action, name, '')}`], action).toBeDefined()
    }
    vi.stubGlobal('document', { documentElement: {}, cookie: '' })
    vi.stubGlobal('location', { protocol: 'http:' })
    vi.stubGlobal('navigator', { language: 'zh-CN' })
    await setUpI18n(指挥中心, () => Promise.resolve(desk))
    await setLanguage('en')
    expect(nameOf('防汛应急响应')).toBe('Flood response')
    expect(nameOf(offeredName('initialResponse', '地震', '东城社区'))).toBe('东城社区 Earthquake: initial response')
    expect(nameOf('叠藏河防汛应急响应')).toBe('叠藏河防汛应急响应')
    expect(titleOf({ name: '防汛应急响应', isDrill: true })).toBe('Flood response (drill)')
    expect(tabTitle('Wall', { skin: 'drill', level: 2 })).toBe('[DRILL Level Ⅱ] Wall')
    await setLanguage('zh-CN')
    expect(nameOf('防汛应急响应')).toBe('防汛应急响应')
    expect(tabTitle('大屏', { skin: 'emergency', level: 3 })).toBe('【急时 Ⅲ级】大屏')
  })
})

describe('a rate', () => {
  it('says neither nobody of somebody nor all of most', () => {
    expect([percent(0, 827), percent(3, 827), percent(818, 827), percent(826, 827), percent(827, 827), percent(0, 0)]).toEqual(['0%', '<1%', '99%', '>99%', '100%', '—'])
  })
})

describe('a message', () => {
  it('is filled by name', () => {
    expect(say('将动员 {grids} 个网格', { grids: 59 })).toBe('将动员 59 个网格')
    expect(say('{missing}!', {})).toBe('!')
  })

  it('tells one from many', () => {
    expect(say('{n} team | {n} teams', { n: 1 })).toBe('1 team')
    expect(say('{n} team | {n} teams', { n: 59 })).toBe('59 teams')
    expect(say('{n} 支队伍', { n: 1 })).toBe('1 支队伍')
  })
})
