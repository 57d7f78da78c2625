/** The audit trail of the running service, and hands on it that have the database but not the key. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { audit, createAudit, readHeads } from '../../src/server/modules/audit/index.ts'
import { newId } from '../../src/server/platform/ids.ts'
import { createLogger } from '../../src/server/platform/logger.ts'
import { Secret } from '../../src/server/platform/secrets.ts'
import { openTestDatabase } from '../harness/database.ts'

const db = await openTestDatabase()
const folder = mkdtempSync(join(tmpdir(), 'pingji-audit-'))
const headsFile = join(folder, 'heads.jsonl')
const owner = postgres(db.url, { max: 1, onnotice: () => {} })
const LATER = 10 * 60_000
const trail = createAudit({ db, clock: { now: () => new Date(Date.now() + LATER) }, log: createLogger('silent'), key: new Secret(Buffer.alloc(32, 7)), headsFile })
afterAll(async () => {
  await owner.end()
  rmSync(folder, { recursive: true })
})

function write(n: number, action = 'call.urge') {
  return db.work.tx(async (tx) => {
    for (let i = 0; i < n; i++)
      await audit(tx, { actorId: newId(), action, subjectType: 'emergency', subjectId: newId(), requestId: `r${i}`, details: { 范围: '全县', n: i } })
  })
}

/** Does something that no role may do, looks, and undoes it. */
async function tampered(statement: string): Promise<Awaited<ReturnType<typeof trail.verify>>> {
  await owner.unsafe(`create table kept_log as table audit_log; create table kept_seals as table audit_seals`)
  const freely = (work: string) => owner.unsafe(`begin; set local session_replication_role = replica; ${work}; commit`)
  try {
    await freely(statement)
    return await trail.verify(await readHeads(headsFile))
  }
  finally {
    await freely(`truncate audit_log, audit_seals; insert into audit_log overriding system value table kept_log; insert into audit_seals table kept_seals; drop table kept_log, kept_seals`)
  }
}

beforeAll(async () => {
  await write(20)
  await trail.seal()
  await trail.keepHead()
})

describe('the audit trail', () => {
  it('is sealed entry by entry, also by two sealers at once, and found whole', async () => {
    await Promise.all([write(700), write(5)])
    await Promise.all([trail.seal(), trail.seal(), trail.seal()])
    await trail.keepHead()
    const verdict = await trail.verify(await readHeads(headsFile))
    expect(verdict).toMatchObject({ sealed: 725, waiting: 0, faults: [], head: { position: 725 } })
    expect(await readHeads(headsFile)).toHaveLength(2)
  })

  it('says how much still waits for its seal', async () => {
    await write(3)
    expect(await trail.verify([])).toMatchObject({ waiting: 3, faults: [] })
    await trail.seal()
    expect(await trail.verify([])).toMatchObject({ waiting: 0, faults: [] })
  })

  it('seals an entry that was committed after others with higher ids', async () => {
    let proceed = () => {}
    const held = new Promise<void>(resolve => proceed = resolve)
    const slow = db.work.tx(async (tx) => {
      await audit(tx, { actorId: null, action: 'import.apply', subjectType: 'county', subjectId: null, requestId: null })
      await held
    })
    await write(2)
    await trail.seal()
    proceed()
    await slow
    await trail.seal()
    expect(await trail.verify([])).toMatchObject({ waiting: 0, faults: [] })
  })

  it.each(['update audit_seals set entry_id = 1', 'delete from audit_seals', 'truncate audit_seals', 'update audit_log set action = $$x$$', 'delete from audit_log'])('refuses the service, and whoever owns the tables: %s', async (statement) => {
    await expect(db.work.tx(tx => tx.execute(sql.raw(statement)))).rejects.toThrow()
    await expect(owner.unsafe(statement)).rejects.toThrow(/append-only/)
  })

  it.each([
    ['a changed actor', `update audit_log set actor_id = gen_random_uuid() where id = 9`, { fault: 'altered', entryId: 9 }],
    ['a changed moment, by a millionth of a second', `update audit_log set at = at + interval '1 microsecond' where id = 9`, { fault: 'altered', entryId: 9 }],
    ['changed details', `update audit_log set details = details || '{"n": 99}' where id = 9`, { fault: 'altered', entryId: 9 }],
    ['a dropped entry', `delete from audit_log where id = 9`, { fault: 'entryMissing', entryId: 9 }],
    ['a dropped entry with its seal', `delete from audit_log where id = 9; delete from audit_seals where entry_id = 9`, { fault: 'sealsMissing' }],
    ['a trail cut off behind a head', `delete from audit_log l using audit_seals s where s.entry_id = l.id and s.position > 700; delete from audit_seals where position > 700`, { fault: 'sealsMissing', from: 701, to: 725 }],
    ['two entries in each other\'s place', `update audit_seals set entry_id = -entry_id where entry_id in (9, 12); update audit_seals set entry_id = case entry_id when -9 then 12 else 9 end where entry_id < 0`, { fault: 'altered' }],
    ['an entry slipped in', `insert into audit_log (id, at, action, subject_type, details) overriding system value values (-5, '2026-01-01', 'emergency.activate', 'emergency', '{}')`, { fault: 'unsealed', entryId: -5 }],
    ['an entry slipped in with a seal', `insert into audit_log (id, at, action, subject_type, details) overriding system value values (-5, '2026-01-01', 'emergency.activate', 'emergency', '{}'); insert into audit_seals (position, entry_id, hash) select max(position) + 1, -5, sha256('guess') from audit_seals`, { fault: 'altered', entryId: -5 }],
  ])('gives away %s', async (_, statement, fault) => {
    const { faults } = await tampered(statement)
    expect(faults).toContainEqual(expect.objectContaining(fault))
    expect(await trail.verify(await readHeads(headsFile))).toMatchObject({ faults: [] })
  })

  it('is not measured by a file of heads that is damaged', async () => {
    const damaged = join(folder, 'damaged.jsonl')
    writeFileSync(damaged, '{"position":1,"hash":"abc"}\n')
    await expect(readHeads(damaged)).rejects.toThrow(`${damaged}:1`)
  })
})
