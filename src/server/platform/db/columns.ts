/** Column shapes that every table shares, so that a row reads the same everywhere. */
import type { AnyPgColumn } from 'drizzle-orm/pg-core'
import { sql } from 'drizzle-orm'
import { check, customType, timestamp, uuid } from 'drizzle-orm/pg-core'

/** A uuid v7 made in the app, never by the database. */
export const id = () => uuid('id').primaryKey()

/** A moment; the database's clock decides, the county's zone only shows. */
export const moment = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' })

export const bytes = customType<{ data: Buffer, driverData: Buffer }>({ dataType: () => 'bytea' })

/** A named CHECK made of the same const array as the contract. */
export function oneOf(name: string, column: AnyPgColumn, values: readonly (string | number)[]) {
  const list = values.map(v => typeof v === 'number' ? String(v) : `'${v}'`).join(', ')
  return check(name, sql`${column} in (${sql.raw(list)})`)
}
