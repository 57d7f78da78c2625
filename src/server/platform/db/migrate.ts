import type { Logger } from '../logger.ts'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import postgres from 'postgres'
import { ADVISORY } from './locks.ts'
import { postgresFault } from './pg-errors.ts'

export const MIGRATIONS_FOLDER = fileURLToPath(new URL('../../../../drizzle/', import.meta.url))

export interface Migration { name: string, sql: string, hash: string }

/** The migrations of a folder in the order of drizzle-kit's journal. */
export function readMigrations(folder: string): Migration[] {
  const journal = JSON.parse(readFileSync(join(folder, 'meta/_journal.json'), 'utf8')) as { entries: { tag: string }[] }
  return journal.entries.map(({ tag }) => {
    // The same file on every system, whatever git makes of its line ends.
    const sql = readFileSync(join(folder, `${tag}.sql`), 'utf8').replaceAll('\r\n', '\n')
    return { name: tag, sql, hash: createHash('sha256').update(sql).digest('hex') }
  })
}

/** The database cannot be brought to this version; the message says what to do. */
export class MigrationError extends Error {
  constructor(zh: string, en: string) {
    super(`${zh}\n${en}`)
    this.name = 'MigrationError'
  }
}

export interface MigrateOptions { url: string, log: Logger, folder?: string }

/**
 * Brings the database to this version: each file of `drizzle/` once, in order, each in a transaction of
 * its own, under an advisory lock so that of two processes one migrates and the other waits. Refuses a
 * database that a newer version has migrated, and files that were edited after they ran. Not
 * drizzle's own migrator: that one has no lock and applies what is newest by date.
 */
export async function migrate({ url, log, folder = MIGRATIONS_FOLDER }: MigrateOptions): Promise<void> {
  const migrations = readMigrations(folder)
  const sql = postgres(url, { max: 1, onnotice: () => {}, connect_timeout: 10, idle_timeout: 0, max_lifetime: null, connection: { application_name: 'pingji migrate' } })
  try {
    await takeLock(sql, log)
    // A table that someone else holds must not queue the whole service behind this migration.
    await sql`set lock_timeout = '20s'`
    await sql`create schema if not exists migrations`
    await sql`create table if not exists migrations.applied (position integer primary key, name text not null, hash text not null, applied_at timestamptz not null default now())`
    const applied = await sql<{ position: number, name: string, hash: string }[]>`select position, name, hash from migrations.applied order by position`
    compare(applied, migrations)
    for (const [position, migration] of migrations.entries()) {
      if (position < applied.length)
        continue
      log.info({ migration: migration.name }, 'migrating')
      await apply(sql, position, migration)
    }
  }
  finally {
    await sql.end({ timeout: 5 })
  }
}

async function takeLock(sql: postgres.Sql, log: Logger): Promise<void> {
  const [tried] = await sql<{ taken: boolean }[]>`select pg_try_advisory_lock(${ADVISORY.migrate}) as taken`
  if (tried?.taken === true)
    return
  log.info('another process is migrating this database: waiting for it')
  await sql`select pg_advisory_lock(${ADVISORY.migrate})`
}

function compare(applied: readonly { position: number, name: string, hash: string }[], ours: readonly Migration[]): void {
  for (const [position, done] of applied.entries()) {
    const own = ours[position]
    if (own === undefined) {
      throw new MigrationError(
        `数据库由更新的版本升级过（${applied.at(-1)?.name}）：请安装原来的新版本。`,
        `The database was migrated by a newer version (${applied.at(-1)?.name}): install that version again.`,
      )
    }
    if (done.position !== position || own.name !== done.name || own.hash !== done.hash) {
      throw new MigrationError(
        `迁移 ${done.name} 在本数据库执行后被改动：请恢复该文件，另写新的迁移。`,
        `Migration ${done.name} was changed after it ran on this database: restore the file, and write a new migration instead.`,
      )
    }
  }
}

async function apply(sql: postgres.Sql, position: number, migration: Migration): Promise<void> {
  try {
    await sql.begin(async (tx) => {
      for (const statement of migration.sql.split('--> statement-breakpoint'))
        await tx.unsafe(statement)
      await tx`insert into migrations.applied (position, name, hash) values (${position}, ${migration.name}, ${migration.hash})`
    })
  }
  catch (error) {
    const fault = postgresFault(error)
    if (fault === null)
      throw error
    // Of a failing constraint only its name may be shown, since the message would print a row of the
    // registry; a fault of the statement itself (class 42) or one that it raises (P0) speaks of no row.
    const speaksOfNoRow = /^(?:42|P0)/.test(fault.code)
    const detail = fault.constraint ?? (speaksOfNoRow && error instanceof Error ? error.message : null)
    const reason = detail === null ? fault.code : `${fault.code}: ${detail}`
    throw new MigrationError(
      `迁移 ${migration.name} 失败（${reason}），数据库保持原样。`,
      `Migration ${migration.name} failed (${reason}); the database is as it was.`,
    )
  }
}
