import type { IdempotentRequest } from '../../src/server/platform/http/index.ts'
import { sql } from 'drizzle-orm'
import { describe, expect, it } from 'vitest'
import { recallReply, rememberReply } from '../../src/server/platform/http/index.ts'
import { newId } from '../../src/server/platform/ids.ts'
import { openTestDatabase } from '../harness/database.ts'

const db = await openTestDatabase()

const request = (patch: Partial<IdempotentRequest> = {}): IdempotentRequest => ({ actorId: newId(), key: 'press-1', route: 'POST /api/things', body: { level: 2 }, ...patch })

/** An act that leaves a trace: a won slot of its own. */
function act(r: IdempotentRequest, { fails = false } = {}): Promise<object> {
  return db.work.tx(async (tx) => {
    const first = await recallReply(tx, r)
    if (first !== null)
      return first
    const reply = { id: newId() }
    await tx.execute(sql`insert into cron_fires (name, slot) values (${r.actorId}, ${reply.id})`)
    if (fails)
      throw new Error('broke off')
    await rememberReply(tx, r, reply)
    return reply
  })
}

const acts = (r: IdempotentRequest) => db.read.tx(tx => tx.execute(sql`select slot from cron_fires where name = ${r.actorId}`)).then(rows => rows.length)

describe('one key', () => {
  it('pressed by 50 hands at once is one act, and all hear its reply', async () => {
    for (let trial = 0; trial < 3; trial++) {
      const r = request()
      const replies = await Promise.all(Array.from({ length: 50 }, () => act(r)))
      expect([new Set(replies.map(reply => JSON.stringify(reply))).size, await acts(r)]).toEqual([1, 1])
    }
  })

  it.each([['body', { body: { level: 3 } }], ['address', { route: 'POST /api/others' }]])('with another %s is refused', async (_, other) => {
    const r = request()
    await act(r)
    await expect(act({ ...r, ...other })).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' })
    expect(await acts(r)).toBe(1)
  })

  it('of another person is another key', async () => {
    const r = request()
    const other = request()
    expect(await act(r)).not.toEqual(await act(other))
  })

  it('an act that broke off leaves no reply: the next press does it', async () => {
    const r = request()
    await expect(act(r, { fails: true })).rejects.toThrow('broke off')
    expect(await acts(r)).toBe(0)
    await act(r)
    expect(await acts(r)).toBe(1)
  })
})
