/**
 * Brings tables to what an import wants of them, set by set: however many rows, a few statements a table.
 * Whoever wants rows hands in all of them, so that what is no longer among them can be ended.
 */
import type { Tx } from '../../platform/db/index.ts'
import { sql } from 'drizzle-orm'

export type Value = string | number | boolean | null

/** What an import did to one table. `ended`: no longer in force, or taken out where the table keeps no history. */
export interface Difference { table: string, added: number, changed: number, ended: number, unchanged: number }

interface Wish {
  table: string
  /** Every column that is written, with its SQL type. `bytea` is handed in as hex. */
  columns: Readonly<Record<string, string>>
  /** What tells rows apart. */
  key: readonly string[]
  /** Part of the key that may be null. Apart, because only plain equality lets rows be matched by hash. */
  nullableKey?: string
  /** What an existing row takes over where it differs. */
  values: readonly string[]
  rows: readonly Readonly<Record<string, Value>>[]
  /** A relation with validity dates: only the row in force is matched, so that history stays what it was. Otherwise a row is one thing for ever. */
  isRelation?: boolean
  /**
   * What becomes of a row that nobody wants any more: `keep` it, `remove` it, or set the end of its
   * validity in this column to yesterday. A row that began today, or has yet to begin, never was: it is removed.
   */
  absent: 'keep' | 'remove' | 'valid_to' | 'dissolved_on'
  /** Restricts what may be ended; the row is `t`. */
  endable?: string
  /** Values that only one row may have are put aside before they change hands: column → what it holds meanwhile. */
  aside?: Readonly<Record<string, string>>
  today: string
}

const ROWS_AT_ONCE = 10_000

async function stage(tx: Tx, columns: Wish['columns'], rows: Wish['rows']): Promise<void> {
  const list = (map: (name: string, type: string) => string) => sql.raw(Object.entries(columns).map(([name, type]) => map(name, type)).join(', '))
  await tx.execute(sql`create temporary table wanted (${list((name, type) => `${name} ${type}`)}) on commit drop`)
  for (let i = 0; i < rows.length; i += ROWS_AT_ONCE) {
    await tx.execute(sql`
      insert into wanted select ${list((name, type) => type === 'bytea' ? `decode(${name}, 'hex')` : name)}
      from json_to_recordset(${JSON.stringify(rows.slice(i, i + ROWS_AT_ONCE))}::json) as r(${list((name, type) => `${name} ${type === 'bytea' ? 'text' : type}`)})`)
  }
  // Without statistics the planner would loop over the rows.
  await tx.execute(sql`analyze wanted`)
}

export async function sync(tx: Tx, { table, columns, key, nullableKey, values, rows, absent, isRelation = false, endable = 'true', aside = {}, today }: Wish): Promise<Difference> {
  await stage(tx, columns, rows)
  const t = sql.raw(table)
  const names = Object.keys(columns)
  const same = [...key.map(c => `t.${c} = w.${c}`), ...nullableKey === undefined ? [] : [`t.${nullableKey} is not distinct from w.${nullableKey}`]].join(' and ')
  const inForce = sql.raw(absent === 'valid_to' || absent === 'dissolved_on' ? `(t.${absent} is null or t.${absent} >= '${today}')` : 'true')
  const match = sql`${sql.raw(same)} and ${isRelation ? inForce : sql`true`}`
  const count = async (statement: ReturnType<typeof sql>): Promise<number> =>
    (await tx.execute<{ n: number }>(sql`with done as (${statement} returning 1) select count(*)::int as n from done`))[0]?.n ?? 0

  if (isRelation && values.includes('valid_from')) {
    // A relation that was ended and is wanted again begins after what is history.
    const keys = sql.raw([...key, ...nullableKey === undefined ? [] : [nullableKey]].join(', '))
    await tx.execute(sql`
      update wanted w set valid_from = t.last + 1, valid_to = case when w.valid_to is not null then greatest(w.valid_to, t.last + 1) end
      from (select ${keys}, max(valid_to) as last from ${t} t where not ${inForce} group by ${keys}) t
      where ${sql.raw(same)} and w.valid_from <= t.last and (w.valid_to is null or w.valid_to >= ${today})`)
  }

  let ended = 0
  if (absent !== 'keep') {
    const unwanted = sql`${inForce} and ${sql.raw(endable)} and not exists (select from wanted w where ${sql.raw(same)})`
    if (absent === 'remove') {
      ended += await count(sql`delete from ${t} t where ${unwanted}`)
    }
    else {
      if (isRelation)
        ended += await count(sql`delete from ${t} t where t.valid_from >= ${today} and ${unwanted}`)
      ended += await count(sql`update ${t} t set ${sql.raw(absent)} = ${today}::date - 1 where ${unwanted}`)
    }
  }

  let changed = 0
  if (values.length > 0) {
    const differs = sql`from wanted w where ${match} and (${sql.raw(values.map(c => `t.${c}`).join(', '))}) is distinct from (${sql.raw(values.map(c => `w.${c}`).join(', '))})`
    const takeOver = sql`update ${t} t set ${sql.raw(values.map(c => `${c} = w.${c}`).join(', '))} ${differs}`
    const parked = Object.entries(aside)
    if (parked.length === 0) {
      changed = await count(takeOver)
    }
    else {
      // Some rows may already be what they shall be once their value is put aside: they have changed as well.
      changed = await count(sql`update ${t} t set ${sql.raw(parked.map(([column, meanwhile]) => `${column} = ${meanwhile}`).join(', '))} ${differs}`)
      await tx.execute(takeOver)
    }
  }

  const fresh = sql`not exists (select from ${t} t where ${match})`
  const live = isRelation && names.includes('valid_to') ? sql`(w.valid_to is null or w.valid_to >= ${today})` : sql`true`
  const added = await count(sql`insert into ${t} (${sql.raw(names.join(', '))}) select ${sql.raw(names.map(n => `w.${n}`).join(', '))} from wanted w where ${live} and ${fresh}`)
  await tx.execute(sql`drop table wanted`)
  return { table, added, changed, ended, unchanged: rows.length - added - changed }
}
