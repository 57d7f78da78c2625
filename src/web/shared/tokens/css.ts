import type { Colour, Theme } from './tokens.ts'
import { mix, parseHex } from './colour.ts'
import { FONT_SANS, RADIUS, SHADOW, SPACE, THEMES, TOUCH, TYPE_SCALE } from './tokens.ts'

const rem = (px: number): string => `${px / 16}rem`
const kebab = (name: string): string => name.replace(/[A-Z]|(?<=[a-z])\d/g, c => `-${c.toLowerCase()}`)
function rule(selector: string, declarations: readonly (readonly [string, string])[]): string {
  return `${selector}{${declarations.map(([name, value]) => `${name}:${value}`).join(';')}}`
}

/** `level1` → `var(--c-level-1)`. */
const v = (colour: Colour): string => `var(--c-${kebab(colour)})`

function themeRule(selector: string, theme: Theme): string {
  const colours = Object.entries(THEMES[theme]).map(([name, value]) => [`--c-${kebab(name)}`, value] as const)
  const shadows = Object.entries(SHADOW[theme]).map(([name, value]) => [`--shadow-${name}`, value] as const)
  return rule(selector, [...colours, ...shadows, ['color-scheme', theme]])
}

/** What the top bar wears. Peace is white, an emergency solid red, a drill yellow with stripes: told apart in half a second, also without hue. */
const SKINS = [
  ['', 'surface', 'text', 'accent'],
  ['standby', 'standbySoft', 'text', 'standby'],
  ['emergency', 'emergencyBar', 'onEmergencyBar', 'emergencyBar'],
  ['drill', 'drill', 'onDrill', 'drillStripe'],
] as const satisfies readonly (readonly [string, Colour, Colour, Colour])[]

function skinRules(): string[] {
  return SKINS.map(([skin, bar, onBar, edge]) =>
    rule(skin === '' ? ':root' : `:root[data-skin="${skin}"]`, [['--c-bar', v(bar)], ['--c-on-bar', v(onBar)], ['--c-bar-edge', v(edge)]]))
}

/** The custom properties of both themes and all skins. */
export function tokensCss(): string {
  const scales: [string, string][] = [
    ['--font-sans', FONT_SANS],
    ...TYPE_SCALE.map((px): [string, string] => [`--t-${px}`, rem(px)]),
    ...SPACE.map((px): [string, string] => [`--s-${px}`, rem(px)]),
    ...Object.entries(RADIUS).map(([name, px]): [string, string] => [`--r-${name}`, `${px}px`]),
    ['--touch', rem(TOUCH.target)],
    ['--touch-action', rem(TOUCH.action)],
  ]
  return [rule(':root', scales), themeRule(':root', 'light'), themeRule(':root[data-theme="dark"]', 'dark'), ...skinRules()].join('\n')
}

/** Vant reads its look from variables that its own style sheets set on `:root`; ours win by one more `:root`. */
export function vantCss(): string {
  return rule(':root:root', [
    ['--van-base-font', 'var(--font-sans)'],
    ['--van-primary-color', v('accent')],
    ['--van-success-color', v('success')],
    ['--van-danger-color', v('danger')],
    ['--van-warning-color', v('warning')],
    ['--van-text-color', v('text')],
    ['--van-text-color-2', v('muted')],
    ['--van-text-color-3', v('muted')],
    ['--van-active-color', v('sunken')],
    ['--van-background', v('page')],
    ['--van-background-2', v('surface')],
    ['--van-border-color', v('line')],
    ['--van-font-size-xs', 'var(--t-12)'],
    ['--van-font-size-sm', 'var(--t-14)'],
    ['--van-font-size-md', 'var(--t-16)'],
    ['--van-font-size-lg', 'var(--t-20)'],
    ['--van-line-height-xs', '1.4'],
    ['--van-line-height-sm', '1.4'],
    ['--van-line-height-md', '1.5'],
    ['--van-line-height-lg', '1.4'],
    ['--van-padding-base', 'var(--s-4)'],
    ['--van-padding-xs', 'var(--s-8)'],
    ['--van-padding-sm', 'var(--s-12)'],
    ['--van-padding-md', 'var(--s-16)'],
    ['--van-padding-lg', 'var(--s-24)'],
    ['--van-padding-xl', 'var(--s-32)'],
    ['--van-radius-sm', 'var(--r-s)'],
    ['--van-radius-md', 'var(--r-m)'],
    ['--van-radius-lg', 'var(--r-l)'],
    ['--van-button-default-height', 'var(--touch)'],
    ['--van-button-large-height', 'var(--touch-action)'],
    ['--van-button-small-height', 'var(--touch)'],
    ['--van-button-default-font-size', 'var(--t-16)'],
    ['--van-button-normal-font-size', 'var(--t-16)'],
    ['--van-button-default-line-height', '1.25'],
    ['--van-button-radius', 'var(--r-m)'],
    ['--van-button-default-border-color', v('lineStrong')],
    ['--van-cell-font-size', 'var(--t-16)'],
    ['--van-cell-line-height', '1.5'],
    ['--van-cell-vertical-padding', 'var(--s-12)'],
    ['--van-cell-horizontal-padding', 'var(--s-16)'],
    ['--van-cell-label-font-size', 'var(--t-14)'],
    ['--van-field-label-width', '5.5em'],
    ['--van-field-placeholder-text-color', v('muted')],
    ['--van-field-error-message-font-size', 'var(--t-14)'],
    ['--van-switch-background', v('lineStrong')],
    ['--van-tabbar-height', '3.75rem'],
    ['--van-tabbar-item-font-size', 'var(--t-12)'],
    ['--van-tabbar-item-text-color', v('muted')],
    ['--van-nav-bar-height', '3.25rem'],
    ['--van-nav-bar-title-font-size', 'var(--t-16)'],
    ['--van-nav-bar-title-text-color', 'var(--c-on-bar)'],
    ['--van-nav-bar-background', 'var(--c-bar)'],
    ['--van-picker-option-font-size', 'var(--t-20)'],
    ['--van-picker-confirm-action-color', v('accent')],
    ['--van-toast-font-size', 'var(--t-16)'],
    ['--van-toast-line-height', '1.5'],
    ['--van-toast-text-padding', 'var(--s-12) var(--s-16)'],
    ['--van-dialog-width', 'min(20rem, 92vw)'],
    ['--van-dialog-font-size', 'var(--t-16)'],
    ['--van-dialog-message-line-height', '1.5'],
    ['--van-dialog-button-height', 'var(--touch)'],
    ['--van-action-sheet-item-font-size', 'var(--t-16)'],
    ['--van-action-sheet-item-line-height', '1.5'],
    ['--van-action-sheet-max-height', '95%'],
    ['--van-popup-round-radius', 'var(--r-l)'],
  ])
}

const ELEMENT_TONES = [['primary', 'accent'], ['success', 'success'], ['warning', 'warning'], ['danger', 'danger'], ['error', 'danger'], ['info', 'muted']] as const

function elementTones(theme: Theme): [string, string][] {
  const colours = THEMES[theme]
  return ELEMENT_TONES.flatMap(([tone, colour]): [string, string][] => {
    const base = colours[colour]
    return [
      [`--el-color-${tone}`, base],
      [`--el-color-${tone}-rgb`, parseHex(base).join(',')],
      ...[3, 5, 7, 8, 9].map((step): [string, string] => [`--el-color-${tone}-light-${step}`, mix(base, colours.surface, step / 10)]),
      [`--el-color-${tone}-dark-2`, mix(base, theme === 'dark' ? '#ffffff' : '#000000', 0.2)],
    ]
  })
}

/** Element Plus, by the same rule. Its light theme serves the console, the dark one the wall. */
export function elementCss(): string {
  const common: [string, string][] = [
    ['--el-font-family', 'var(--font-sans)'],
    ['--el-font-size-extra-large', 'var(--t-20)'],
    ['--el-font-size-large', 'var(--t-16)'],
    ['--el-font-size-medium', 'var(--t-16)'],
    ['--el-font-size-base', 'var(--t-14)'],
    ['--el-font-size-small', 'var(--t-14)'],
    ['--el-font-size-extra-small', 'var(--t-12)'],
    ['--el-component-size-large', '3rem'],
    ['--el-component-size', '2.25rem'],
    ['--el-component-size-small', '1.75rem'],
    ['--el-border-radius-base', 'var(--r-m)'],
    ['--el-border-radius-small', 'var(--r-s)'],
    ['--el-text-color-primary', v('text')],
    ['--el-text-color-regular', v('text')],
    ['--el-text-color-secondary', v('muted')],
    ['--el-text-color-placeholder', v('muted')],
    ['--el-text-color-disabled', v('lineStrong')],
    ['--el-border-color', v('lineStrong')],
    ['--el-border-color-hover', v('muted')],
    ['--el-border-color-light', v('line')],
    ['--el-border-color-lighter', v('line')],
    ['--el-border-color-extra-light', v('line')],
    ['--el-bg-color', v('surface')],
    ['--el-bg-color-page', v('page')],
    ['--el-bg-color-overlay', v('surface')],
    ['--el-fill-color', v('sunken')],
    ['--el-fill-color-light', v('page')],
    ['--el-fill-color-lighter', v('page')],
    ['--el-fill-color-extra-light', v('page')],
    ['--el-fill-color-blank', v('surface')],
    ['--el-box-shadow', 'var(--shadow-high)'],
    ['--el-box-shadow-light', 'var(--shadow-high)'],
    ['--el-box-shadow-lighter', 'var(--shadow-low)'],
    ['--el-color-white', v('onAccent')],
  ]
  return [
    rule(':root:root', [...common, ...elementTones('light')]),
    rule(':root:root[data-theme="dark"]', elementTones('dark')),
  ].join('\n')
}
