import type { Prepare } from '../../../contract/mobilization.ts'
import type { ResponseLevel } from '../../../contract/vocabulary.ts'
import type { Tx } from '../../platform/db/index.ts'
import { createHash } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { ADVISORY } from '../../platform/db/index.ts'
import { DomainError } from '../../platform/errors.ts'

const hashOf = (nonce: string) => createHash('sha256').update(nonce).digest('hex')

export interface NewPreparation { id: string, nonce: string, operatorId: string, sessionId: string, request: Prepare, audienceHash: string, expiresAt: Date }

export async function insertPreparation(tx: Tx, p: NewPreparation): Promise<void> {
  await tx.execute(sql`
    insert into switch_preparations (id, nonce_hash, operator_id, session_id, request, audience_hash, expires_at)
    values (${p.id}, decode(${hashOf(p.nonce)}, 'hex'), ${p.operatorId}, ${p.sessionId}, ${JSON.stringify(p.request)}::jsonb, ${p.audienceHash}, ${p.expiresAt.toISOString()})`)
}

/**
 * Takes the preparation for one press.
 * @throws NOT_FOUND for another operator's, another session's or a forged nonce; PREPARATION_USED; PREPARATION_EXPIRED.
 */
export async function usePreparation(tx: Tx, id: string, nonce: string, operatorId: string, sessionId: string, now: Date): Promise<{ request: Prepare, audienceHash: string }> {
  const rows = await tx.execute<{ request: Prepare, audience_hash: string, used_at: string | null, expires_at: string }>(sql`
    select request, audience_hash, used_at, expires_at from switch_preparations
    where id = ${id} and nonce_hash = decode(${hashOf(nonce)}, 'hex') and operator_id = ${operatorId} and session_id = ${sessionId} for update`)
  const row = rows[0]
  if (row === undefined)
    throw new DomainError('NOT_FOUND')
  if (row.used_at !== null)
    throw new DomainError('PREPARATION_USED')
  if (new Date(row.expires_at) < now)
    throw new DomainError('PREPARATION_EXPIRED')
  await tx.execute(sql`update switch_preparations set used_at = ${now.toISOString()} where id = ${id}`)
  return { request: row.request, audienceHash: row.audience_hash }
}

export async function recordPressed(tx: Tx, id: string, emergencyId: string): Promise<void> {
  await tx.execute(sql`update switch_preparations set emergency_id = ${emergencyId} where id = ${id}`)
}

/** The level that the latest press of this emergency asked for; a pre-alert has none of its own yet (invariant 10). */
export async function pressedLevel(tx: Tx, emergencyId: string): Promise<ResponseLevel | null> {
  const rows = await tx.execute<{ level: ResponseLevel | null }>(sql`
    select (request ->> 'level')::int as level from switch_preparations where emergency_id = ${emergencyId} order by used_at desc limit 1`)
  return rows[0]?.level ?? null
}

/** All presses of the key meet here: numbers, twins and pre-emption are decided one at a time. */
export async function lockSwitch(tx: Tx): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(${ADVISORY.switch})`)
}
