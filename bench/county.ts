/** A scaled invented county in an embedded PostgreSQL of the bench's own, durable as in service; and known sessions. */
import type { Sql } from 'postgres'
import type { Database } from '../src/server/platform/db/index.ts'
import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { writeCounty } from '../src/demo-county/write.ts'
import { insertSession } from '../src/server/modules/identity/sessions.repo.ts'
import { refreshRosters, seedPlans } from '../src/server/modules/plans/index.ts'
import { createPhoneVault, importCounty } from '../src/server/modules/registry/index.ts'
import { dayOf } from '../src/server/platform/clock.ts'
import { newId } from '../src/server/platform/ids.ts'
import { loadSecrets } from '../src/server/platform/secrets.ts'

/** Imports the county as a clerk's tables would come in, and forms the standing rosters. Returns its people. */
export async function loadCounty(db: Database, dataDir: string, scale: number): Promise<number> {
  const today = dayOf(new Date(), 'Asia/Shanghai')
  const folder = join(dataDir, 'county')
  writeCounty(folder, { scale, seed: 1 })
  await db.work.tx(tx => seedPlans(tx))
  const report = await importCounty(db, createPhoneVault(loadSecrets(dataDir, {})), { folder, dryRun: false, today, actorId: null })
  if (!report.applied)
    throw new Error(`the county does not import: ${JSON.stringify(report.faults.slice(0, 3))}`)
  await db.work.tx(tx => refreshRosters(tx, 'all', today), { deadlineMs: 300_000 })
  const [row] = await db.read.tx(tx => tx.execute<{ n: number }>(sql`select count(*)::int as n from persons`))
  return row?.n ?? 0
}

/** A session of the officer who holds this role for the county. */
export async function officerCookie(db: Database, role: string): Promise<string> {
  return db.work.tx(async (tx) => {
    const [holder] = await tx.execute<{ person_id: string }>(sql`select person_id from role_grants where role = ${role} and scope_type = 'county' limit 1`)
    if (holder === undefined)
      throw new Error(`nobody is ${role}`)
    const now = new Date()
    const { token } = await insertSession(tx, { kind: 'account', personId: holder.person_id, emergencyId: null, userAgent: 'bench', now, expiresAt: new Date(now.getTime() + 3_600_000) })
    return `sid=${token}`
  })
}

/** Sessions of many people, their rows written at once: ten thousand sign-ins are not what is measured here. */
export async function insertSessions(owner: Sql, personIds: readonly string[]): Promise<string[]> {
  const tokens = personIds.map(() => randomBytes(32).toString('base64url'))
  const hashes = tokens.map(token => createHash('sha256').update(token).digest('hex'))
  await owner`
    insert into sessions (id, token_hash, kind, person_id, user_agent, expires_at)
    select n.id, decode(n.hash, 'hex'), 'account', n.person, 'bench', now() + interval '1 hour'
    from unnest(${personIds.map(() => newId())}::uuid[], ${hashes}::text[], ${personIds}::uuid[]) as n(id, hash, person)`
  return tokens.map(token => `sid=${token}`)
}
