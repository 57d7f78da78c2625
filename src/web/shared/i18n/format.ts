import type { Language } from '../../../contract/errors.ts'
import { ref } from 'vue'

/** The language on the screen; set through `setLanguage` only. */
export const language = ref<Language>('zh-CN')
const timeZone = ref('Asia/Shanghai')

/** The county's zone, from GET /api/county: a clerk abroad reads the county's time. */
export function setTimeZone(zone: string): void {
  timeZone.value = zone
}

type Instant = string | number | Date

const dateFormats = new Map<string, Intl.DateTimeFormat>()
const numberFormats = new Map<string, Intl.NumberFormat>()

function formatDate(at: Instant, options: Intl.DateTimeFormatOptions): string {
  const key = `${language.value}|${timeZone.value}|${JSON.stringify(options)}`
  let format = dateFormats.get(key)
  if (format === undefined) {
    format = new Intl.DateTimeFormat(language.value === 'en' ? 'en-GB' : 'zh-CN', { ...options, timeZone: timeZone.value, hourCycle: 'h23' })
    dateFormats.set(key, format)
  }
  return format.format(new Date(at))
}

function formatNumber(value: number, options: Intl.NumberFormatOptions): string {
  const key = `${language.value}|${JSON.stringify(options)}`
  let format = numberFormats.get(key)
  if (format === undefined) {
    format = new Intl.NumberFormat(language.value, options)
    numberFormats.set(key, format)
  }
  return format.format(value)
}

/** 14:30 */
export const timeOfDay = (at: Instant): string => formatDate(at, { hour: '2-digit', minute: '2-digit' })
/** 14:30:05 */
export const clockTime = (at: Instant): string => formatDate(at, { hour: '2-digit', minute: '2-digit', second: '2-digit' })
/** 11月24日星期二 · Tue 24 Nov */
export const day = (at: Instant): string => formatDate(at, language.value === 'en' ? { weekday: 'short', day: 'numeric', month: 'short' } : { weekday: 'long', day: 'numeric', month: 'long' })
/** 11月24日 14:30 · 24 Nov, 14:30 */
export const dateTime = (at: Instant): string => formatDate(at, { day: 'numeric', month: language.value === 'en' ? 'short' : 'long', hour: '2-digit', minute: '2-digit' })

/** 1,939 */
export const number = (value: number): string => formatNumber(value, {})

/** A rate is always given as part and whole; nothing out of nothing has no rate. */
export function percent(part: number, whole: number): string {
  if (whole === 0)
    return '—'
  const say = (rate: number) => formatNumber(rate, { style: 'percent', maximumFractionDigits: 0 })
  const rate = part / whole
  // Somebody is not nobody, and not all is not all.
  if (rate > 0 && rate < 0.01)
    return `<${say(0.01)}`
  return rate > 0.99 && rate < 1 ? `>${say(0.99)}` : say(rate)
}

/** 0:42 · 12:05 · 3:04:09 · 2 days read as 51:04:09: what has elapsed is never rounded. */
export function duration(ms: number): string {
  const total = Math.max(0, Math.floor(ms / 1_000))
  const [hours, minutes, seconds] = [Math.floor(total / 3_600), Math.floor(total / 60) % 60, total % 60]
  const two = (n: number): string => String(n).padStart(2, '0')
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`
}

/** Seconds from the key to something that may never have happened. */
export const durationOf = (seconds: number | null): string => seconds === null ? '—' : duration(seconds * 1_000)
