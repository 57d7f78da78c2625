/** Colour arithmetic: contrast (WCAG 2.2), mixing for tints, and how a colour-blind reader sees a colour. */

type Rgb = readonly [number, number, number]

export function parseHex(hex: string): Rgb {
  const n = Number.parseInt(hex.slice(1), 16)
  return [(n >> 16) & 255, (n >> 8) & 255, n & 255]
}

function toHex(rgb: Rgb): string {
  return `#${rgb.map(c => Math.round(Math.min(255, Math.max(0, c))).toString(16).padStart(2, '0')).join('')}`
}

function linear(channel: number): number {
  const c = channel / 255
  return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
}
const encoded = (channel: number): number => 255 * (channel <= 0.0031308 ? channel * 12.92 : 1.055 * channel ** (1 / 2.4) - 0.055)

function luminance(hex: string): number {
  const [r, g, b] = parseHex(hex)
  return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}

export function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number]
  return (high + 0.05) / (low + 0.05)
}

/** `share` of `b` in `a`. */
export function mix(a: string, b: string, share: number): string {
  const [from, to] = [parseHex(a), parseHex(b)]
  const at = (i: 0 | 1 | 2): number => from[i] + (to[i] - from[i]) * share
  return toHex([at(0), at(1), at(2)])
}

/** Machado, Oliveira and Fernandes 2009, severity 1.0, in linear RGB. */
const BLINDNESS = {
  protanopia: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deuteranopia: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
} as const
export type Blindness = keyof typeof BLINDNESS
export const BLINDNESSES = Object.keys(BLINDNESS) as Blindness[]

export function seenWith(blindness: Blindness, hex: string): string {
  const [r, g, b] = parseHex(hex).map(linear) as [number, number, number]
  const [red, green, blue] = BLINDNESS[blindness].map(([x, y, z]) => encoded(Math.min(1, Math.max(0, x * r + y * g + z * b)))) as [number, number, number]
  return toHex([red, green, blue])
}

function lab(hex: string): Rgb {
  const [r, g, b] = parseHex(hex).map(linear) as [number, number, number]
  const f = (t: number): number => t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116
  const x = f((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047)
  const y = f(0.2126729 * r + 0.7151522 * g + 0.072175 * b)
  const z = f((0.0193339 * r + 0.119192 * g + 0.9503041 * b) / 1.08883)
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)]
}

/** CIE76: below about 10 two patches side by side are hard to tell apart. */
export function difference(a: string, b: string): number {
  const [p, q] = [lab(a), lab(b)]
  return Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2])
}
