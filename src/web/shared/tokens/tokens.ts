/**
 * The one source of the look: colours, type, space, radius, shadow. `css.ts` turns it into custom
 * properties for both themes and for the two component kits; `tests/unit/tokens.test.ts` computes the
 * contrast of every pair declared here, and how the person states look to a colour-blind reader.
 */

const light = {
  page: '#F3F7F6',
  surface: '#FFFFFF',
  sunken: '#E7EEEC',
  text: '#12201D',
  muted: '#465652',
  line: '#D3DDDA',
  lineStrong: '#74867F',
  focus: '#0A55C4',

  accent: '#0B5F58',
  accentHover: '#084B46',
  accentSoft: '#DFF0ED',
  onAccent: '#FFFFFF',

  emergency: '#A50E23',
  emergencyHover: '#830A1B',
  emergencySoft: '#FDE9EB',
  onEmergency: '#FFFFFF',
  emergencyBar: '#A50E23',
  onEmergencyBar: '#FFFFFF',
  standby: '#8A4B00',
  standbySoft: '#FFF1DC',
  onStandby: '#FFFFFF',
  drill: '#FFD43B',
  drillStripe: '#1A1A1A',
  onDrill: '#1A1A1A',
  demo: '#3C4A57',
  onDemo: '#FFFFFF',

  success: '#0E6B3A',
  successSoft: '#E0F3E8',
  warning: '#8A4B00',
  warningSoft: '#FFF1DC',
  danger: '#A50E23',
  dangerSoft: '#FDE9EB',
  info: '#0A4FA8',
  infoSoft: '#E4EEFB',

  level1: '#A50E23',
  onLevel1: '#FFFFFF',
  level2: '#AD4600',
  onLevel2: '#FFFFFF',
  level3: '#FFD43B',
  onLevel3: '#1A1A1A',
  level4: '#0A4FA8',
  onLevel4: '#FFFFFF',

  statePending: '#5D6C67',
  stateSilent: '#66736F',
  stateGoing: '#0A4FA8',
  stateLater: '#0A4FA8',
  stateCannot: '#7A3E06',
  stateOnSite: '#0B7A48',
  stateLeft: '#0B5F58',
  stateUnreachable: '#101413',
  stateReleased: '#74867F',
  onState: '#FFFFFF',
} as const

export type Colour = keyof typeof light

/** For the wall and for desks at night. */
const dark = {
  page: '#071110',
  surface: '#0F1E1C',
  sunken: '#091715',
  text: '#EAF3F1',
  muted: '#A9BBB6',
  line: '#233B37',
  lineStrong: '#6F8A83',
  focus: '#8CC2FF',

  accent: '#4FD1C1',
  accentHover: '#7BE0D4',
  accentSoft: '#12332F',
  onAccent: '#04211E',

  emergency: '#FF6B6B',
  emergencyHover: '#FF8F8F',
  emergencySoft: '#3B1418',
  onEmergency: '#2A0508',
  // Large areas keep the signal red; the light red is for words and marks on the dark ground.
  emergencyBar: '#B80F2A',
  onEmergencyBar: '#FFFFFF',
  standby: '#FFB454',
  standbySoft: '#37260D',
  onStandby: '#2B1800',
  drill: '#FFD43B',
  drillStripe: '#1A1A1A',
  onDrill: '#1A1A1A',
  demo: '#C7D2DB',
  onDemo: '#16202A',

  success: '#5FD88F',
  successSoft: '#10301F',
  warning: '#FFB454',
  warningSoft: '#37260D',
  danger: '#FF6B6B',
  dangerSoft: '#3B1418',
  info: '#7DB7FF',
  infoSoft: '#12294A',

  level1: '#FF6B6B',
  onLevel1: '#2A0508',
  level2: '#FF9A3D',
  onLevel2: '#2B1400',
  level3: '#FFD43B',
  onLevel3: '#1A1A1A',
  level4: '#7DB7FF',
  onLevel4: '#04203F',

  statePending: '#8B9D97',
  stateSilent: '#9AA8A4',
  stateGoing: '#7DB7FF',
  stateLater: '#7DB7FF',
  stateCannot: '#D9904A',
  stateOnSite: '#5FD88F',
  stateLeft: '#4FD1C1',
  stateUnreachable: '#F4F7F6',
  stateReleased: '#6F8A83',
  onState: '#071110',
} as const satisfies Record<Colour, string>

export const THEMES: Readonly<Record<'light' | 'dark', Readonly<Record<Colour, string>>>> = { light, dark }
export type Theme = keyof typeof THEMES

/** Pixels at 100 %; they become rem, so that the large-text mode and the wall scale them. */
export const TYPE_SCALE = [12, 14, 16, 20, 28, 40, 64] as const
export const SPACE = [4, 8, 12, 16, 24, 32, 48, 64] as const
export const RADIUS = { s: 4, m: 8, l: 16, pill: 999 } as const
export const SHADOW = {
  light: { low: '0 1px 2px rgb(18 32 29 / 8%)', high: '0 8px 28px rgb(18 32 29 / 16%)' },
  dark: { low: '0 1px 2px rgb(0 0 0 / 50%)', high: '0 8px 28px rgb(0 0 0 / 60%)' },
} as const
/** Least heights of what a finger hits: any target, and the phone's main actions. */
export const TOUCH = { target: 48, action: 64 } as const

export const FONT_SANS = '"PingFang SC", "HarmonyOS Sans SC", "Microsoft YaHei", "Noto Sans CJK SC", "Source Han Sans SC", system-ui, sans-serif'

/** `text`: AA 4.5. `enhanced`: AAA 7, the phone's alert screen. `graphic`: 3, edges and glyphs that carry meaning. */
export const CONTRAST = { text: 4.5, enhanced: 7, graphic: 3 } as const
export interface Pair { front: Colour, back: Colour, need: keyof typeof CONTRAST }

const surfaces: readonly Colour[] = ['page', 'surface', 'sunken']
const onAll = (front: Colour, need: Pair['need']): Pair[] => surfaces.map(back => ({ front, back, need }))
const pair = (front: Colour, back: Colour, need: Pair['need'] = 'text'): Pair => ({ front, back, need })

/** Every combination that the screens use; a new one is added here first. */
export const PAIRS: readonly Pair[] = [
  ...onAll('text', 'enhanced'),
  ...onAll('muted', 'text'),
  ...(['accent', 'emergency', 'standby', 'success', 'warning', 'danger', 'info'] as const).flatMap(c => onAll(c, 'text')),
  ...onAll('lineStrong', 'graphic'),
  ...onAll('focus', 'graphic'),
  pair('onAccent', 'accent'),
  pair('onAccent', 'accentHover'),
  pair('accent', 'accentSoft'),
  pair('text', 'accentSoft', 'enhanced'),
  pair('onEmergency', 'emergency'),
  pair('onEmergency', 'emergencyHover'),
  pair('onEmergencyBar', 'emergencyBar'),
  pair('emergency', 'emergencySoft'),
  pair('text', 'emergencySoft', 'enhanced'),
  pair('onStandby', 'standby'),
  pair('standby', 'standbySoft'),
  pair('text', 'standbySoft', 'enhanced'),
  pair('onDrill', 'drill', 'enhanced'),
  pair('onDemo', 'demo', 'enhanced'),
  pair('success', 'successSoft'),
  pair('warning', 'warningSoft'),
  pair('danger', 'dangerSoft'),
  pair('info', 'infoSoft'),
  ...([1, 2, 3, 4] as const).map(level => pair(`onLevel${level}`, `level${level}`)),
  ...(['statePending', 'stateSilent', 'stateGoing', 'stateLater', 'stateCannot', 'stateOnSite', 'stateLeft', 'stateUnreachable', 'stateReleased'] as const).flatMap(c => onAll(c, 'graphic')),
  ...(['stateSilent', 'stateGoing', 'stateLater', 'stateCannot', 'stateOnSite', 'stateUnreachable'] as const).map(back => pair('onState', back)),
]

/** The phone's alert screen, which is always light: AAA throughout. */
export const ALERT_SCREEN_PAIRS: readonly Pair[] = [
  pair('onEmergency', 'emergency', 'enhanced'),
  pair('onDrill', 'drill', 'enhanced'),
  pair('text', 'surface', 'enhanced'),
  pair('text', 'page', 'enhanced'),
  pair('muted', 'surface', 'enhanced'),
  pair('onAccent', 'accent', 'enhanced'),
  pair('accent', 'surface', 'enhanced'),
]

/** States that a board shows side by side; each has a shape of its own as well (`StateGlyph.vue`). */
export const STATE_COLOURS = {
  pending: 'statePending',
  silent: 'stateSilent',
  going: 'stateGoing',
  later: 'stateLater',
  cannot: 'stateCannot',
  unreachable: 'stateUnreachable',
  onSite: 'stateOnSite',
  left: 'stateLeft',
  released: 'stateReleased',
} as const satisfies Record<string, Colour>

/** Pairs that decide what someone does next and so must differ by colour too for red- and green-blind readers. */
export const STATES_TO_TELL_APART = [
  ['onSite', 'cannot'],
  ['onSite', 'going'],
  ['going', 'cannot'],
  ['going', 'silent'],
  ['cannot', 'silent'],
  ['onSite', 'unreachable'],
  ['going', 'unreachable'],
  ['silent', 'unreachable'],
] as const satisfies readonly (readonly [keyof typeof STATE_COLOURS, keyof typeof STATE_COLOURS])[]
