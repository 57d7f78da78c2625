import type { Logger } from '../logger.ts'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'

const FOLDER = new URL('../../../../drizzle/', import.meta.url).pathname

/** Any constant: all migrators of one database meet at this advisory lock. */
const LOCK = 7_155_201

interface Migration { name: string, sql: string, hash: string }

function readMigrations(folder: string): Migration[] {
  const journal = JSON.parse(readFileSync(join(folder, 'meta/_journal.json'), 'utf8')) as { entries: { tag: string }[] }
  return journal.entries.map(({ tag }) => {
    const text = readFileSync(join(folder, `${tag}.sql`), 'utf8')
    return { name: tag, sql: text, hash: createHash('sha256').update(text).digest('hex') }
  })
}

export interface MigrateOptions { url: string, log: Logger, folder?: string }

/**
 * Brings the database to this version: each file of `drizzle/` once, in order, each in a transaction of
 * its own, under an advisory lock so that of two processes one migrates and the other waits. Refuses a
 * database that a newer version has migrated, and files that were edited after they ran.
 */
export async function migrate({ url, log, folder = FOLDER }: MigrateOptions): Promise<void> {
  const migrations = readMigrations(folder)
  const sql = postgres(url, { max: 1, onnotice: () => {}, connect_timeout: 10, idle_timeout: 0, connection: { application_name: 'pingji migrate' } })
  try {
    await sql`select pg_advisory_lock(${LOCK})`
    await sql`create schema if not exists migrations`
    await sql`create table if not exists migrations.applied (position integer primary key, name text not null, hash text not null, applied_at timestamptz not null default now())`
    const applied = await sql<{ position: number, name: string, hash: string }[]>`select position, name, hash from migrations.applied order by position`
    if (applied.length > migrations.length)
      throw new Error(`the database is newer than this version (it has ${applied.at(-1)?.name}): install the newer version again`)
    for (const [position, done] of applied.entries()) {
      const ours = migrations[position]
      if (ours === undefined || done.position !== position || ours.name !== done.name || ours.hash !== done.hash)
        throw new Error(`migration ${done.name} was changed after it ran on this database: restore the file, and write a new migration instead`)
    }
    for (const [position, migration] of migrations.entries()) {
      if (position < applied.length)
        continue
      log.info({ migration: migration.name }, 'migrating')
      await sql.begin(async (tx) => {
        for (const statement of migration.sql.split('--> statement-breakpoint'))
          await tx.unsafe(statement)
        await tx`insert into migrations.applied (position, name, hash) values (${position}, ${migration.name}, ${migration.hash})`
      })
    }
  }
  finally {
    await sql.end({ timeout: 5 })
  }
}
