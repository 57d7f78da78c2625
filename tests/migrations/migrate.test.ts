import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { checkMigrations, driftOf } from '../../scripts/check-migrations.ts'
import { migrate } from '../../src/server/platform/db/index.ts'
import { MIGRATIONS_FOLDER, readMigrations } from '../../src/server/platform/db/migrate.ts'
import { createLogger } from '../../src/server/platform/logger.ts'
import { asOwner, createTestDatabase, makeDatabase } from '../harness/database.ts'

const log = createLogger('silent')
const scratch = mkdtempSync(join(tmpdir(), 'pingji-migrations-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

let copies = 0

/** A copy of the migrations that a test may spoil. */
function folderWith(spoil: (folder: string) => void): string {
  const folder = join(scratch, String(++copies), 'drizzle')
  cpSync(MIGRATIONS_FOLDER, folder, { recursive: true })
  spoil(folder)
  return folder
}

interface Journal { entries: { idx: number, version: string, when: number, tag: string, breakpoints: boolean }[] }

function editJournal(folder: string, edit: (journal: Journal) => void): void {
  const file = join(folder, 'meta/_journal.json')
  const journal = JSON.parse(readFileSync(file, 'utf8')) as Journal
  edit(journal)
  writeFileSync(file, JSON.stringify(journal))
}

function addMigration(folder: string, name: string, text: string): void {
  writeFileSync(join(folder, `${name}.sql`), text)
  editJournal(folder, ({ entries }) => {
    entries.push({ idx: entries.length, version: '7', when: (entries.at(-1)?.when ?? 0) + 1, tag: name, breakpoints: true })
  })
}

const nextName = (label: string): string => `${String(readMigrations(MIGRATIONS_FOLDER).length).padStart(4, '0')}_${label}`

const applied = (url: string): Promise<string[]> => asOwner(url, async sql => (await sql<{ name: string }[]>`select name from migrations.applied order by position`).map(r => r.name))

describe('the migrator', () => {
  const all = readMigrations(MIGRATIONS_FOLDER).map(m => m.name)

  it('runs each migration once when five processes start together, and nothing the second time', async () => {
    const database = await makeDatabase({ empty: true })
    await Promise.all(Array.from({ length: 5 }, () => migrate({ url: database.url, log })))
    expect(await applied(database.url)).toEqual(all)
    await migrate({ url: database.url, log })
    expect(await applied(database.url)).toEqual(all)
    await database.drop()
  })

  it('refuses a migration that was edited after it ran', async () => {
    const { url, drop } = await makeDatabase()
    const folder = folderWith(f => writeFileSync(join(f, `${all.at(-1)}.sql`), 'select 1'))
    await expect(migrate({ url, log, folder })).rejects.toThrow(/was changed after it ran.*/)
    expect(await applied(url)).toEqual(all)
    await drop()
  })

  it('does not mind other line ends', async () => {
    const { url, drop } = await makeDatabase()
    const folder = folderWith((f) => {
      for (const name of all)
        writeFileSync(join(f, `${name}.sql`), readFileSync(join(f, `${name}.sql`), 'utf8').replaceAll('\n', '\r\n'))
    })
    await migrate({ url, log, folder })
    await drop()
  })

  it('refuses a database that a newer version has migrated', async () => {
    const { url, drop } = await makeDatabase()
    await migrate({ url, log, folder: folderWith(f => addMigration(f, nextName('newer'), 'create table newer (id integer)')) })
    await expect(migrate({ url, log })).rejects.toThrow(/migrated by a newer version/)
    await drop()
  })

  it('leaves the database as it was when a migration fails, without telling of its rows', async () => {
    const { url, drop } = await makeDatabase()
    const failing = folderWith(f => addMigration(f, nextName('failing'), `create table half (phone text check (phone <> '13800000000'));--> statement-breakpoint\ninsert into half values ('13800000000')`))
    const failure = await migrate({ url, log, folder: failing }).catch((error: unknown) => String(error))
    expect(failure).toContain('half_phone_check')
    expect(failure).not.toContain('13800000000')
    expect(await applied(url)).toEqual(all)
    expect(await asOwner(url, sql => sql`select to_regclass('half') as t`)).toEqual([{ t: null }])
    await drop()
  })
})

describe('the service role', async () => {
  const { url } = await createTestDatabase()

  const asService = (statement: string) => asOwner(url, sql => sql.begin(async (tx) => {
    await tx`set local role pingji_app`
    await tx.unsafe(statement)
  }))

  it('reads and writes, but owns nothing', async () => {
    await asService('insert into event_streams (id) values (gen_random_uuid())')
    for (const statement of ['create table mine (id integer)', 'alter table event_streams add column x integer', 'drop table event_streams', 'truncate event_streams', 'select * from migrations.applied', 'create role another'])
      await expect(asService(statement), statement).rejects.toMatchObject({ code: '42501' })
  })

  it('cannot rewrite the event log or the audit trail; neither can the owner', async () => {
    for (const table of ['emergency_events', 'audit_log']) {
      for (const statement of [`delete from ${table}`, `truncate ${table}`]) {
        await expect(asService(statement), statement).rejects.toMatchObject({ code: '42501' })
        await expect(asOwner(url, sql => sql.unsafe(statement)), statement).rejects.toMatchObject({ code: '23001' })
      }
    }
    await expect(asService('update emergency_events set type = \'x\'')).rejects.toMatchObject({ code: '42501' })
    await expect(asOwner(url, sql => sql`update emergency_events set type = 'x'`)).rejects.toMatchObject({ code: '23001' })
  })
})

describe('what others refer to without a foreign key', async () => {
  const { url } = await createTestDatabase()

  it('is never removed and keeps its id, whoever asks', async () => {
    for (const table of ['event_streams', 'emergencies', 'vanguard_teams', 'alerts', 'persons', 'units', 'grids']) {
      for (const statement of [`delete from ${table}`, `truncate ${table} cascade`, `update ${table} set id = gen_random_uuid()`])
        await expect(asOwner(url, sql => sql.unsafe(statement)), statement).rejects.toMatchObject({ code: '23001' })
    }
  })
})

describe('the check of migrations', () => {
  it('finds this repository in order', async () => {
    expect(await checkMigrations(MIGRATIONS_FOLDER)).toEqual([])
    expect(await driftOf(MIGRATIONS_FOLDER)).toEqual([])
  })

  it.each([
    ['an edit', (f: string) => writeFileSync(join(f, '0000_roles.sql'), 'select 1'), /was edited/],
    ['a back-dated migration', (f: string) => {
      addMigration(f, nextName('late'), 'select 1')
      editJournal(f, ({ entries }) => {
        const last = entries.at(-1)
        if (last !== undefined)
          last.when = 1
      })
    }, /is dated before/],
    ['a file that would never run', (f: string) => writeFileSync(join(f, '0099_lost.sql'), 'select 1'), /not in the journal/],
    ['a removed migration', (f: string) => editJournal(f, ({ entries }) => entries.pop()), /is gone/],
    ['an unrecorded migration', (f: string) => addMigration(f, nextName('fresh'), 'select 1'), /no checksum yet/],
  ])('finds %s', async (_, spoil, fault) => {
    expect((await checkMigrations(folderWith(spoil))).join('\n')).toMatch(fault)
  })

  it('records what is new and in order', async () => {
    const folder = folderWith(f => addMigration(f, nextName('fresh'), 'select 1'))
    expect(await checkMigrations(folder, { record: true })).toEqual([])
    expect(await checkMigrations(folder)).toEqual([])
  })
})
