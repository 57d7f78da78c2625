/**
 * PostgreSQL's own array types for the driver. Left to itself it asks the server for them on every new
 * connection, and dies of an unhandled rejection when the connection breaks at that moment.
 */
interface ArrayType { to: number, from: number[], serialize: (value: unknown) => unknown, parse: (text: string) => unknown }

const asText = (element: string): string => element
const asBoolean = (element: string): boolean => element === 't'
const asJson = (element: string): unknown => JSON.parse(element)

const ELEMENTS: Record<number, (element: string) => unknown> = {
  1000: asBoolean, // boolean[]
  1005: Number, // smallint[]
  1007: Number, // integer[]
  1016: Number, // bigint[]: counts and sequence numbers, far below 2^53
  1021: Number, // real[]
  1022: Number, // double precision[]
  1009: asText, // text[]
  1015: asText, // varchar[]
  2951: asText, // uuid[]
  199: asJson, // json[]
  3807: asJson, // jsonb[]
}

/** One dimension; that is all that is used. */
export function parseArray<T>(text: string, parse: (element: string) => T): (T | null)[] {
  return Array.from(text.matchAll(/"((?:[^"\\]|\\.)*)"|([^,{}"]+)/gs), ([, quoted, plain = '']) => {
    if (quoted !== undefined)
      return parse(quoted.replace(/\\(.)/gs, '$1'))
    return plain === 'NULL' ? null : parse(plain)
  })
}

/** A string is taken for an array literal that is ready. */
export function serializeArray(value: unknown): unknown {
  if (!Array.isArray(value))
    return value
  let text = '{'
  let last: unknown
  let lastText = ''
  for (const [i, element] of value.entries()) {
    // Columns of a burst mostly say the same again and again.
    if (i === 0 || element !== last)
      lastText = serializeElement(element)
    last = element
    text += i === 0 ? lastText : `,${lastText}`
  }
  return `${text}}`
}

function serializeElement(element: unknown): string {
  if (element === null || element === undefined)
    return 'NULL'
  const text = typeof element === 'string' ? element : typeof element === 'object' ? JSON.stringify(element) : String(element)
  // A quoted word is never taken for NULL, nor an empty one for nothing.
  return /["\\]/.test(text) ? `"${text.replace(/["\\]/g, '\\$&')}"` : `"${text}"`
}

export const arrayTypes: Record<string, ArrayType> = Object.fromEntries(Object.entries(ELEMENTS).map(([oid, parse]) => [
  `array${oid}`,
  { to: Number(oid), from: [Number(oid)], serialize: serializeArray, parse: (text: string) => parseArray(text, parse) },
]))
