import type { Tx } from '../../platform/db/index.ts'
import type { Head, Seal, SealedEntry } from './seals.rules.ts'
import { sql } from 'drizzle-orm'
import { BEGINNING, sealOf } from './seals.rules.ts'

/** An entry may be committed later than others with higher ids: so far behind the furthest seal it is still looked for. */
const STRAGGLERS = 10_000

const COLUMNS = sql.raw(`l.id as entry_id, to_char(l.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') as at, l.actor_id, l.action, l.subject_type, l.subject_id, l.request_id, l.details::text as details`)

interface RawEntry {
  [column: string]: unknown
  entry_id: number
  at: string
  actor_id: string | null
  action: string
  subject_type: string
  subject_id: string | null
  request_id: string | null
  details: string
}

function toEntry(r: RawEntry): SealedEntry {
  return { entryId: r.entry_id, at: r.at, actorId: r.actor_id, action: r.action, subjectType: r.subject_type, subjectId: r.subject_id, requestId: r.request_id, details: r.details }
}

/** Seals what is not sealed yet, `limit` entries at most; returns how many. Two at once would fork the chain: one waits for the other. */
export async function sealNext(tx: Tx, key: Buffer, limit: number): Promise<number> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended('audit-seals', 0))`)
  const [last] = await tx.execute<{ position: number, hash: Buffer }>(sql`select position, hash from audit_seals order by position desc limit 1`)
  const entries = await tx.execute<RawEntry>(sql`
    select ${COLUMNS} from audit_log l
    where l.id > coalesce((select max(entry_id) from audit_seals), 0) - ${STRAGGLERS}::bigint and not exists (select from audit_seals s where s.entry_id = l.id)
    order by l.id limit ${limit}`)
  let position = last?.position ?? 0
  let before = last?.hash ?? BEGINNING
  const seals = entries.map((r) => {
    before = sealOf(key, before, ++position, toEntry(r))
    return { position, entry_id: r.entry_id, hash: before.toString('hex') }
  })
  if (seals.length > 0) {
    await tx.execute(sql`
      insert into audit_seals (position, entry_id, hash)
      select position, entry_id, decode(hash, 'hex') from json_to_recordset(${JSON.stringify(seals)}::json) as n(position bigint, entry_id bigint, hash text)`)
  }
  return seals.length
}

/** Seals behind a position, in order, each with its entry as it stands now. */
export async function readSeals(tx: Tx, after: number, limit: number): Promise<Seal[]> {
  const rows = await tx.execute<RawEntry & { position: number, sealed_id: number, hash: Buffer, found: boolean }>(sql`
    select s.position, s.entry_id as sealed_id, s.hash, l.id is not null as found, ${COLUMNS}
    from audit_seals s left join audit_log l on l.id = s.entry_id where s.position > ${after} order by s.position limit ${limit}`)
  return rows.map(r => ({ position: r.position, entryId: r.sealed_id, hash: r.hash, entry: r.found ? toEntry(r) : null }))
}

/** Entries of before `until` without a seal among sealed ones. */
export async function unsealed(tx: Tx, until: Date, limit: number): Promise<number[]> {
  const rows = await tx.execute<{ id: number }>(sql`
    select l.id from audit_log l
    where l.id < (select max(entry_id) from audit_seals) and l.at < ${until.toISOString()} and not exists (select from audit_seals s where s.entry_id = l.id)
    order by l.id limit ${limit}`)
  return rows.map(r => r.id)
}

/** How many are behind the last sealed one: what was written a moment ago, or by commands at the machine while no service ran. */
export async function countWaiting(tx: Tx): Promise<number> {
  const [row] = await tx.execute<{ n: number }>(sql`select count(*)::int as n from audit_log where id > coalesce((select max(entry_id) from audit_seals), 0)`)
  return row?.n ?? 0
}

export async function headOf(tx: Tx): Promise<Head | null> {
  const [row] = await tx.execute<{ position: number, hash: Buffer }>(sql`select position, hash from audit_seals order by position desc limit 1`)
  return row === undefined ? null : { position: row.position, hash: row.hash.toString('hex') }
}
