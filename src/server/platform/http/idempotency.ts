import type { Database, Tx } from '../db/index.ts'
import type { Scheduler } from '../scheduler.ts'
import { createHash } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { DomainError } from '../errors.ts'

/** Requests are repeated within minutes; a week outlasts any outage. */
const KEPT_DAYS = 7

export interface IdempotentRequest { actorId: string, key: string, route: string, body: unknown }

/**
 * Claims the key inside the business transaction. A concurrent request with the same key waits here
 * for the first one's commit and then gets its reply.
 * @returns the first reply if the key was used before, else null: the caller does its work and calls `rememberReply`.
 * @throws IDEMPOTENCY_KEY_REUSED where the key came with another body.
 */
export async function recallReply(tx: Tx, { actorId, key, route, body }: IdempotentRequest): Promise<object | null> {
  const hash = createHash('sha256').update(`${route}\n${JSON.stringify(body)}`).digest('hex')
  const claimed = await tx.execute(sql`
    insert into idempotency_keys (actor_id, key, request_hash) values (${actorId}, ${key}, decode(${hash}, 'hex'))
    on conflict do nothing returning key`)
  if (claimed.length > 0)
    return null
  const rows = await tx.execute<{ same: boolean, reply: object }>(sql`
    select request_hash = decode(${hash}, 'hex') as same, reply from idempotency_keys where actor_id = ${actorId} and key = ${key}`)
  const first = rows[0]
  if (first === undefined || !first.same)
    throw new DomainError('IDEMPOTENCY_KEY_REUSED')
  return first.reply
}

export async function rememberReply(tx: Tx, { actorId, key }: IdempotentRequest, reply: object): Promise<void> {
  await tx.execute(sql`update idempotency_keys set reply = ${JSON.stringify(reply)}::jsonb where actor_id = ${actorId} and key = ${key}`)
}

/** By the database's clock, which stamped the keys. */
async function forgetReplies(tx: Tx): Promise<void> {
  await tx.execute(sql`delete from idempotency_keys where created_at < now() - make_interval(days => ${KEPT_DAYS})`)
}

export function startIdempotencyJobs(scheduler: Scheduler, db: Database): void {
  scheduler.cron('old-idempotency-keys', '50 3 * * *', () => db.work.tx(forgetReplies, { deadlineMs: 60_000 }))
}
