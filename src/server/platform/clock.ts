/** Where business time comes from; tests own it. Timeouts and leases use the monotonic and the database clock instead. */
export interface Clock {
  now: () => Date
}

export const systemClock: Clock = { now: () => new Date() }

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE

/** Making a formatter takes longer than a whole session check; a deployment has one zone. */
function formatter(locale: string, options: Intl.DateTimeFormatOptions): (timeZone: string) => Intl.DateTimeFormat {
  const made = new Map<string, Intl.DateTimeFormat>()
  return (timeZone) => {
    const known = made.get(timeZone) ?? new Intl.DateTimeFormat(locale, { timeZone, ...options })
    made.set(timeZone, known)
    return known
  }
}

const dayFormat = formatter('en-CA', { year: 'numeric', month: '2-digit', day: '2-digit' })
const timeFormat = formatter('en-GB', { hour: '2-digit', minute: '2-digit' })

/** Calendar day (YYYY-MM-DD) of a moment in a zone. */
export function dayOf(at: Date, timeZone: string): string {
  return dayFormat(timeZone).format(at)
}

/** `HH:MM` of a moment in a zone. */
export function timeOf(at: Date, timeZone: string): string {
  return timeFormat(timeZone).format(at)
}
