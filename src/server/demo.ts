/** Demo mode's county: generated as tables, imported like any other county's, with a password for a score of accounts. */
import type { z } from 'zod'
import type { DemoAccounts } from '../contract/identity.ts'
import type { Clock } from './platform/clock.ts'
import type { Database } from './platform/db/index.ts'
import type { Logger } from './platform/logger.ts'
import type { Secrets } from './platform/secrets.ts'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { DEMO_PASSWORD } from '../demo-county/accounts.ts'
import { generateCounty } from '../demo-county/generate.ts'
import { writeCounty } from '../demo-county/write.ts'
import { hashPassword, saveAccount } from './modules/identity/index.ts'
import { refreshRosters } from './modules/plans/index.ts'
import { createPhoneVault, faultText, importCounty } from './modules/registry/index.ts'
import { dayOf } from './platform/clock.ts'
import { ADVISORY } from './platform/db/index.ts'

const OPTIONS = { scale: 1, seed: 1 }

export interface DemoOptions { db: Database, secrets: Secrets, log: Logger, dataDir: string, timeZone: string, clock: Clock }

/** Loads the demo county into an empty database; finds it already there on later starts. Returns the accounts to print. */
export function loadDemoCounty(options: DemoOptions): Promise<z.output<typeof DemoAccounts>['accounts']> {
  return options.db.work.tx(async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(${ADVISORY.demo})`)
    return load(options)
  }, { deadlineMs: 120_000 })
}

async function load({ db, secrets, log, dataDir, timeZone, clock }: DemoOptions): Promise<z.output<typeof DemoAccounts>['accounts']> {
  const vault = createPhoneVault(secrets)
  const present = await db.read.tx(tx => tx.execute<{ communities: number, accounts: number }>(sql`select (select count(*)::int from communities) as communities, (select count(*)::int from accounts) as accounts`), { readOnly: true })
  const { communities = 0, accounts: known = 0 } = present[0] ?? {}
  if (communities > 0 && known > 0)
    return generateCounty(OPTIONS).accounts
  const today = dayOf(clock.now(), timeZone)
  const folder = join(dataDir, 'demo-county')
  const { accounts } = writeCounty(folder, OPTIONS)
  if (communities === 0) {
    log.info({ folder }, 'loading the demo county (invented)')
    const report = await importCounty(db, vault, { folder, dryRun: false, today, actorId: null })
    if (!report.applied)
      throw new Error(`the demo county does not import: ${report.faults.slice(0, 5).map(f => `${f.file} ${f.row} ${f.column} ${faultText(f)}`).join('; ')}`)
    await db.work.tx(tx => refreshRosters(tx, 'all', today), { deadlineMs: 60_000 })
  }
  // One hash for all: the password is public, and a score of argon2 runs would only delay the first start.
  const passwordHash = await hashPassword(DEMO_PASSWORD)
  await db.work.tx(async (tx) => {
    for (const { phone } of accounts) {
      const rows = await tx.execute<{ id: string }>(sql`select id from persons where phone_hash = decode(${vault.hash(phone)?.toString('hex') ?? ''}, 'hex')`)
      if (rows[0] !== undefined)
        await saveAccount(tx, rows[0].id, passwordHash)
    }
  })
  return accounts
}
