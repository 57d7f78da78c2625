import type { Role, ScopeType } from '../../../contract/vocabulary.ts'
import type { Tx } from '../../platform/db/index.ts'
import type { Actor, ActorGrant } from '../../platform/http/index.ts'
import type { SessionKind } from './identity.tables.ts'
import { createHash } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { uuids } from '../../platform/db/index.ts'
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

/** How exactly an idle session must be known; writing it at every request would cost each of them a commit. */
const SEEN_EVERY_MS = 60_000

/** The living session of a token with the person's roles of that county day. Null: unknown, expired, idle, revoked, or of a disabled account. */
export async function findActor(tx: Tx, token: string, now: Date, today: string, accountIdleMs: number): Promise<Actor | null> {
  const ago = (ms: number) => new Date(now.getTime() - ms).toISOString()
  const rows = await tx.execute<{ id: string, kind: SessionKind, person_id: string, emergency_id: string | null, expires_at: string, grants: { role: Role, scopeType: ScopeType, scopeId: string | null }[] | null }>(sql`
    with session as (
      select s.id, s.kind, s.person_id, s.emergency_id, s.expires_at, s.last_seen_at from sessions s
      where s.token_hash = decode(${hashOf(token)}, 'hex') and s.revoked_at is null and s.expires_at > ${now.toISOString()}
        and (s.kind = 'link' or (s.last_seen_at > ${ago(accountIdleMs)}
          and not exists (select from accounts a where a.person_id = s.person_id and a.disabled)))
    ), seen as (
      update sessions set last_seen_at = ${now.toISOString()} from session
      where sessions.id = session.id and session.kind = 'account' and session.last_seen_at < ${ago(SEEN_EVERY_MS)}
    )
    select id, kind, person_id, emergency_id, expires_at,
      (select json_agg(json_build_object('role', r.role, 'scopeType', r.scope_type, 'scopeId', r.scope_id) order by r.role, r.scope_id) from roles_on(${today}::date) r where r.person_id = session.person_id) as grants
    from session`)
  const row = rows[0]
  if (row === undefined)
    return null
  const grants: ActorGrant[] = row.grants ?? []
  return { kind: row.kind, sessionId: row.id, personId: row.person_id, grants, emergencyId: row.emergency_id, expiresAt: new Date(row.expires_at) }
}

/**
 * The living sessions among these, with the present rights of those in `withGrants`. They are in use at
 * this moment, so none of them is idle: a wall that nobody touches stays on through the shift.
 */
export async function recheckSessions(tx: Tx, sessionIds: readonly string[], withGrants: ReadonlySet<string>, now: Date, today: string): Promise<Map<string, Pick<Actor, 'grants'> | null>> {
  const rows = await tx.execute<{ id: string, grants: ActorGrant[] | null }>(sql`
    with living as (
      select s.id, s.person_id, s.kind, s.last_seen_at from sessions s
      where s.id = any(${uuids(sessionIds)}) and s.revoked_at is null and s.expires_at > ${now.toISOString()}
        and (s.kind = 'link' or not exists (select from accounts a where a.person_id = s.person_id and a.disabled))
    ), seen as (
      update sessions set last_seen_at = ${now.toISOString()} from living
      where sessions.id = living.id and living.kind = 'account' and living.last_seen_at < ${new Date(now.getTime() - SEEN_EVERY_MS).toISOString()}
    )
    select id, case when id = any(${uuids(withGrants)}) then
      (select coalesce(json_agg(json_build_object('role', r.role, 'scopeType', r.scope_type, 'scopeId', r.scope_id) order by r.role, r.scope_id), '[]') from roles_on(${today}::date) r where r.person_id = living.person_id) end as grants
    from living`)
  return new Map(rows.map(r => [r.id, r.grants === null ? null : { grants: r.grants }]))
}

export async function revokeSession(tx: Tx, sessionId: string, now: Date): Promise<void> {
  await tx.execute(sql`update sessions set revoked_at = ${now.toISOString()} where id = ${sessionId} and revoked_at is null`)
}

/** Whoever came by a link of this emergency may stay until then, and no longer. */
export async function endLinkSessions(tx: Tx, emergencyId: string, at: Date): Promise<void> {
  await tx.execute(sql`update sessions set expires_at = ${at.toISOString()} where emergency_id = ${emergencyId} and expires_at > ${at.toISOString()}`)
}

/** Rows say who signed in when, from what; after that they are of no use to anyone. */
export async function forgetSessions(tx: Tx, endedBefore: Date): Promise<void> {
  await tx.execute(sql`delete from sessions where expires_at < ${endedBefore.toISOString()}`)
}

export interface AccountRow { personId: string, passwordHash: string, disabled: boolean }

export async function findAccountByPhone(tx: Tx, phoneHash: Buffer): Promise<AccountRow | null> {
  const rows = await tx.execute<{ person_id: string, password_hash: string, disabled: boolean }>(sql`
    select a.person_id, a.password_hash, a.disabled from accounts a join persons p on p.id = a.person_id
    where p.phone_hash = decode(${phoneHash.toString('hex')}, 'hex')`)
  const row = rows[0]
  return row === undefined ? null : { personId: row.person_id, passwordHash: row.password_hash, disabled: row.disabled }
}

/** Gives the person this password; whoever signed in with an older one is signed out. */
export async function saveAccount(tx: Tx, personId: string, passwordHash: string): Promise<void> {
  await tx.execute(sql`
    insert into accounts (id, person_id, password_hash) values (${newId()}, ${personId}, ${passwordHash})
    on conflict on constraint accounts_person_key do update set password_hash = excluded.password_hash, disabled = false`)
  await revokeAccountSessions(tx, personId)
}

/** Keeps the account's owner out until he is given a password again. False: he has no account. */
export async function disableAccount(tx: Tx, personId: string): Promise<boolean> {
  const rows = await tx.execute(sql`update accounts set disabled = true where person_id = ${personId} returning id`)
  await revokeAccountSessions(tx, personId)
  return rows.length > 0
}

async function revokeAccountSessions(tx: Tx, personId: string): Promise<void> {
  await tx.execute(sql`update sessions set revoked_at = now() where person_id = ${personId} and kind = 'account' and revoked_at is null`)
}
