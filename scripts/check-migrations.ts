/**
 * `npm run db:check`: migrations are never edited, renamed or slipped in before others, and together
 * they make exactly the tables that the code declares. `--record` adds the checksums of new migrations.
 */
import { existsSync, globSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { MIGRATIONS_FOLDER, readMigrations } from '../src/server/platform/db/migrate.ts'

interface JournalEntry { idx: number, when: number, tag: string }

export async function checkMigrations(folder: string, { record = false } = {}): Promise<string[]> {
  const faults: string[] = []
  const { entries } = JSON.parse(readFileSync(join(folder, 'meta/_journal.json'), 'utf8')) as { entries: JournalEntry[] }
  const migrations = readMigrations(folder)

  const listed = new Set(entries.map(e => `${e.tag}.sql`))
  for (const file of readdirSync(folder)) {
    if (file.endsWith('.sql') && !listed.has(file))
      faults.push(`${file} is not in the journal: it would never run`)
  }
  for (const [i, entry] of entries.entries()) {
    if (entry.idx !== i || !entry.tag.startsWith(`${String(i).padStart(4, '0')}_`))
      faults.push(`${entry.tag} stands at place ${i} of the journal`)
    const before = entries[i - 1]
    if (before !== undefined && entry.when <= before.when)
      faults.push(`${entry.tag} is dated before ${before.tag}`)
  }

  const checksumFile = join(folder, 'checksums.json')
  const recorded = (existsSync(checksumFile) ? JSON.parse(readFileSync(checksumFile, 'utf8')) : {}) as Record<string, string>
  const names = Object.keys(recorded)
  for (const [i, { name, hash }] of migrations.entries()) {
    const known = recorded[name]
    if (known === undefined && record && i >= names.length)
      recorded[name] = hash
    else if (known === undefined)
      faults.push(i >= names.length ? `${name} has no checksum yet: run \`npm run db:check -- --record\`` : `${name} was put before migrations that are already recorded`)
    else if (known !== hash)
      faults.push(`${name} was edited after it was recorded: restore it and write a new migration (only while no database has run it: remove its line from drizzle/checksums.json and record again)`)
    else if (names[i] !== name)
      faults.push(`${name} has changed places with ${names[i]}`)
  }
  for (const name of names) {
    if (!migrations.some(m => m.name === name))
      faults.push(`${name} was recorded but is gone`)
  }
  if (record && faults.length === 0)
    writeFileSync(checksumFile, `${JSON.stringify(recorded, null, 2)}\n`)
  return faults
}

/** Statements that would still be needed to bring the last snapshot to the tables declared in code. */
export async function driftOf(folder: string): Promise<string[]> {
  // The package's ES build calls `require`, so its CommonJS build is taken.
  const { generateDrizzleJson, generateMigration } = createRequire(import.meta.url)('drizzle-kit/api') as typeof import('drizzle-kit/api')
  const root = resolve(folder, '..')
  const tables: Record<string, unknown> = {}
  for (const file of globSync('src/server/**/*.tables.ts', { cwd: root }))
    Object.assign(tables, await import(join(root, file)))
  const last = readdirSync(join(folder, 'meta')).filter(name => name.endsWith('_snapshot.json')).sort().at(-1)
  if (last === undefined)
    return ['no snapshot']
  const snapshot = JSON.parse(readFileSync(join(folder, 'meta', last), 'utf8')) as Parameters<typeof generateMigration>[0]
  return generateMigration(snapshot, generateDrizzleJson(tables, snapshot.id))
}

if (import.meta.main) {
  const faults = await checkMigrations(MIGRATIONS_FOLDER, { record: process.argv.includes('--record') })
  for (const statement of await driftOf(MIGRATIONS_FOLDER))
    faults.push(`the tables in code have changed without a migration (npm run db:new): ${statement.split('\n')[0]}`)
  for (const fault of faults)
    console.error(`- ${fault}`)
  console.log(faults.length === 0 ? 'migrations: in order' : `migrations: ${faults.length} fault(s)`)
  process.exitCode = faults.length === 0 ? 0 : 1
}
