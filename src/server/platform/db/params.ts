/** Many rows as one parameter per column: statements stay the same whatever their number, and stay prepared. */
import type { SQL } from 'drizzle-orm'
import { sql } from 'drizzle-orm'
import { serializeArray } from './array-types.ts'

/** Ids as one array, without those that are none. They have no characters that would need quotes. */
export function uuids(ids: Iterable<string | null>): SQL {
  return sql`${sql.param(`{${[...ids].filter(id => id !== null).join(',')}}`)}::uuid[]`
}

/** Anything that PostgreSQL reads from text, as one array of this type. */
export function arrayOf(type: 'uuid' | 'text' | 'boolean' | 'smallint' | 'timestamptz', values: readonly (string | number | boolean | null)[]): SQL {
  return sql`${sql.param(serializeArray(values))}::${sql.raw(type)}[]`
}

/** Ends a JSON text among others; inside one it would be escaped. */
const SEPARATOR = '\x1E'

/** JSON documents as one text, to be taken apart by `string_to_table`: as an array each of their quotes would be escaped. */
export function jsonTable(documents: readonly object[]): SQL {
  return sql`string_to_table(${documents.map(document => JSON.stringify(document)).join(SEPARATOR)}, ${SEPARATOR})`
}
