import type { Database, DatabaseOptions } from '../../src/server/platform/db/index.ts'
import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import { afterAll, inject } from 'vitest'
import { openDatabase } from '../../src/server/platform/db/index.ts'
import { createLogger } from '../../src/server/platform/logger.ts'
import { databaseUrl, TEMPLATE } from './cluster.ts'

export interface TestDatabase {
  name: string
  /** Owner's connection string: for the migrator and for looking behind the service's back. */
  url: string
  drop: () => Promise<void>
}

async function onCluster<T>(work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(inject('clusterUrl'), { max: 1, onnotice: () => {} })
  try {
    return await work(sql)
  }
  finally {
    await sql.end()
  }
}

/** A database of the caller's own, which he drops: a clone of the migrated template, or an empty one. */
export async function makeDatabase({ empty = false } = {}): Promise<TestDatabase> {
  const name = `test_${randomBytes(5).toString('hex')}`
  await onCluster(sql => sql.unsafe(`create database ${name} template ${empty ? 'template0' : TEMPLATE}`))
  return {
    name,
    url: databaseUrl(inject('clusterUrl'), name),
    drop: () => onCluster(async (sql) => {
      await sql.unsafe(`drop database if exists ${name} with (force)`)
    }),
  }
}

interface Task { result?: { state?: string } | undefined, tasks?: readonly Task[] }

const hasFailed = (task: Task): boolean => task.result?.state === 'fail' || (task.tasks?.some(hasFailed) ?? false)

/** A migrated database for this test file, dropped at its end unless a test failed; then its name is printed. Call at file level. */
export async function createTestDatabase(options?: { empty?: boolean }): Promise<TestDatabase> {
  const database = await makeDatabase(options)
  afterAll(async ({}, suite) => { // eslint-disable-line no-empty-pattern -- vitest asks for a pattern
    if (hasFailed(suite))
      console.error(`kept the database of this failed file: ${database.name}`)
    else
      await database.drop()
  })
  return database
}

/** The service's own guarded way to a fresh migrated database; both are closed at the end of the file. */
export async function openTestDatabase(options: Partial<DatabaseOptions> = {}): Promise<Database & { url: string }> {
  const database = await createTestDatabase()
  const db = openDatabase({ url: database.url, log: createLogger('warn'), role: 'pingji_app', ...options })
  // Hooks run in reverse order: closed first, dropped after.
  afterAll(() => db.close())
  return Object.assign(db, { url: database.url })
}

/** Runs `work` as the owner, whom no privilege binds. */
export async function asOwner<T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    return await work(sql)
  }
  finally {
    await sql.end()
  }
}
