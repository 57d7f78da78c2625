import { describe, expect, it } from 'vitest'
import { en as board } from '../../../src/web/board/i18n/en.ts'
import { zhCN as 大屏 } from '../../../src/web/board/i18n/zh-CN.ts'
import { en as desk } from '../../../src/web/console/i18n/en.ts'
import { zhCN as 指挥中心 } from '../../../src/web/console/i18n/zh-CN.ts'
import { en as phone } from '../../../src/web/phone/i18n/en.ts'
import { zhCN as 手机 } from '../../../src/web/phone/i18n/zh-CN.ts'
import { flatten, say } from '../../../src/web/shared/i18n/message.ts'

const apps = [['console', 指挥中心, desk], ['phone', 手机, phone], ['board', 大屏, board]] as const
const places = (message: string): string[] => [...new Set([...message.matchAll(/\{(\w+)\}/g)].map(m => m[1] ?? ''))].sort()

describe.each(apps)('catalogues of the %s', (_app, zhCN, en) => {
  const [zh, english] = [flatten(zhCN), flatten(en)]

  it('say the same things in both languages', () => {
    expect(Object.keys(english).sort()).toEqual(Object.keys(zh).sort())
    // English leaves out the county's name, which has no English form; it asks for nothing that the callers do not give.
    const unlike = Object.keys(zh).filter(key => key !== 'platform' && places(zh[key] ?? '').join() !== places(english[key] ?? '').join())
    expect(unlike).toEqual([])
  })

  it('do not mix the languages', () => {
    expect(Object.entries(english).filter(([, message]) => /\p{Script=Han}/u.test(message))).toEqual([])
    const latinAllowed = /\{\w+\}|JavaScript|JSON|XLSX|CSV|PDF/g
    expect(Object.entries(zh).filter(([, message]) => /[a-z]{2,}/i.test(message.replace(latinAllowed, '')))).toEqual([])
  })

  it('leave no sentence empty', () => {
    expect([...Object.entries(zh), ...Object.entries(english)].filter(([, message]) => message.trim() === '')).toEqual([])
  })

  it('never say "state of emergency", and 未联系上 instead of 失联', () => {
    expect(Object.values(english).filter(message => /state of emergency/i.test(message))).toEqual([])
    expect(Object.values(zh).filter(message => /失联|重点人员/.test(message))).toEqual([])
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
