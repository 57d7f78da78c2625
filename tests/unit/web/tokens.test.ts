import type { Theme } from '../../../src/web/shared/tokens/tokens.ts'
import { describe, expect, it } from 'vitest'
import { PERSON_STATUSES } from '../../../src/contract/counting.ts'
import { BLINDNESSES, contrast, difference, seenWith } from '../../../src/web/shared/tokens/colour.ts'
import { elementCss, tokensCss, vantCss } from '../../../src/web/shared/tokens/css.ts'
import { ALERT_SCREEN_PAIRS, CONTRAST, PAIRS, STATE_COLOURS, STATES_TO_TELL_APART, THEMES } from '../../../src/web/shared/tokens/tokens.ts'

const themes = Object.keys(THEMES) as Theme[]

describe('contrast', () => {
  it('is computed as WCAG defines it', () => {
    expect(contrast('#000000', '#FFFFFF')).toBeCloseTo(21, 5)
    expect(contrast('#767676', '#FFFFFF')).toBeCloseTo(4.54, 2)
  })

  it.each(themes)('of every declared pair is enough in the %s theme', (theme) => {
    const colours = THEMES[theme]
    const weak = PAIRS
      .map(({ front, back, need }) => ({ pair: `${front} on ${back}`, is: contrast(colours[front], colours[back]), need: CONTRAST[need] }))
      .filter(({ is, need }) => is < need)
    expect(weak).toEqual([])
  })

  it('is AAA throughout the phone\'s alert screen', () => {
    const weak = ALERT_SCREEN_PAIRS
      .map(({ front, back }) => ({ pair: `${front} on ${back}`, is: contrast(THEMES.light[front], THEMES.light[back]) }))
      .filter(({ is }) => is < CONTRAST.enhanced)
    expect(weak).toEqual([])
  })
})

describe('person states', () => {
  it('each have a colour', () => {
    expect(Object.keys(STATE_COLOURS).sort()).toEqual([...PERSON_STATUSES].sort())
  })

  it.each(themes.flatMap(theme => BLINDNESSES.map(blindness => [theme, blindness] as const)))('differ in the %s theme with %s', (theme, blindness) => {
    const seen = (state: keyof typeof STATE_COLOURS) => seenWith(blindness, THEMES[theme][STATE_COLOURS[state]])
    const alike = STATES_TO_TELL_APART
      .map(([a, b]) => ({ pair: `${a} / ${b}`, difference: difference(seen(a), seen(b)) }))
      .filter(row => row.difference < 15)
    expect(alike).toEqual([])
  })
})

describe('style sheets made from the tokens', () => {
  it('name only properties that exist', () => {
    const sheets = [tokensCss(), vantCss(), elementCss()].join('\n')
    const defined = new Set([...sheets.matchAll(/(--[\w-]+):/g)].map(m => m[1]))
    const used = [...sheets.matchAll(/var\((--[\w-]+)\)/g)].map(m => m[1])
    expect(used.filter(name => !defined.has(name))).toEqual([])
  })
})
