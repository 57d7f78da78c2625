import type { Role, ScopeType } from '../../../contract/vocabulary.ts'
import type { Tx } from '../../platform/db/index.ts'
import type { Actor, ActorGrant } from '../../platform/http/index.ts'
import type { SessionKind } from './identity.tables.ts'
import { createHash } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { newId, randomToken } from '../../platform/ids.ts'

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

export interface NewSession { kind: SessionKind, personId: string, emergencyId: string | null, userAgent: string, now: Date, expiresAt: Date }

/** @returns the token that only the client keeps. */
export async function insertSession(tx: Tx, session: NewSession): Promise<{ id: string, token: string }> {
  const id = newId()
  const token = randomToken(32)
  await tx.execute(sql`
    insert into sessions (id, token_hash, kind, person_id, emergency_id, user_agent, created_at, last_seen_at, expires_at)
    values (${id}, decode(${hashOf(token)}, 'hex'), ${session.kind}, ${session.personId}, ${session.emergencyId}, ${session.userAgent.slice(0, 200)},
      ${session.now.toISOString()}, ${session.now.toISOString()}, ${session.expiresAt.toISOString()})`)
  return { id, token }
}

/** The living session of a token with the person's roles of today. Null: unknown, expired, idle or revoked. */
export async function findActor(tx: Tx, token: string, now: Date, accountIdleMs: number): Promise<Actor | null> {
  const idleSince = new Date(now.getTime() - accountIdleMs)
  const rows = await tx.execute<{ id: string, kind: SessionKind, person_id: string, emergency_id: string | null, expires_at: string, grants: { role: Role, scopeType: ScopeType, scopeId: string | null }[] | null }>(sql`
    with session as (
      update sessions set last_seen_at = greatest(last_seen_at, ${now.toISOString()}::timestamptz)
      where token_hash = decode(${hashOf(token)}, 'hex') and revoked_at is null and expires_at > ${now.toISOString()}
        and (kind = 'link' or last_seen_at > ${idleSince.toISOString()})
      returning id, kind, person_id, emergency_id, expires_at
    )
    select s.*, (select json_agg(json_build_object('role', r.role, 'scopeType', r.scope_type, 'scopeId', r.scope_id)) from current_roles r where r.person_id = s.person_id) as grants
    from session s`)
  const row = rows[0]
  if (row === undefined)
    return null
  const grants: ActorGrant[] = row.grants ?? []
  return { kind: row.kind, sessionId: row.id, personId: row.person_id, grants, emergencyId: row.emergency_id, expiresAt: new Date(row.expires_at) }
}

export async function revokeSession(tx: Tx, sessionId: string, now: Date): Promise<void> {
  await tx.execute(sql`update sessions set revoked_at = ${now.toISOString()} where id = ${sessionId} and revoked_at is null`)
}

export interface AccountRow { personId: string, passwordHash: string, disabled: boolean }

export async function findAccountByPhone(tx: Tx, phoneHash: Buffer): Promise<AccountRow | null> {
  const rows = await tx.execute<{ person_id: string, password_hash: string, disabled: boolean }>(sql`
    select a.person_id, a.password_hash, a.disabled from accounts a join persons p on p.id = a.person_id
    where p.phone_hash = decode(${phoneHash.toString('hex')}, 'hex')`)
  const row = rows[0]
  return row === undefined ? null : { personId: row.person_id, passwordHash: row.password_hash, disabled: row.disabled }
}

export async function saveAccount(tx: Tx, personId: string, passwordHash: string): Promise<void> {
  await tx.execute(sql`
    insert into accounts (id, person_id, password_hash) values (${newId()}, ${personId}, ${passwordHash})
    on conflict on constraint accounts_person_key do update set password_hash = excluded.password_hash`)
}
