import type { z } from 'zod'
import type { SandboxMessages, SandboxQuery } from '../../../contract/calls.ts'
import type { ChannelSender, HandoverResult } from '../../modules/calls/index.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Database } from '../../platform/db/index.ts'
import type { App } from '../../platform/http/index.ts'
import { sql } from 'drizzle-orm'
import { SandboxMessages as Messages, SandboxQuery as Query } from '../../../contract/calls.ts'
import { ErrorBody } from '../../../contract/common.ts'
import { requireScopes } from '../../modules/identity/index.ts'
import { maskPhone } from '../../modules/registry/index.ts'
import { callerOf } from '../../platform/http/index.ts'

/** The demo's SMS channel: simulated phones with an inbox each. */
export function createSandboxSms(db: Database, clock: Clock): ChannelSender {
  return {
    takes: 'fictional',
    batchSize: 500,
    async send(batch) {
      const json = JSON.stringify(batch.map(m => ({ p: m.personId, phone: maskPhone(m.phone), text: m.text })))
      await db.work.tx(tx => tx.execute(sql`
        insert into sandbox_messages (person_id, phone_masked, text, at)
        select n.p, n.phone, n.text, ${clock.now().toISOString()}::timestamptz from json_to_recordset(${json}::json) as n(p uuid, phone text, text text)`))
      return batch.map((m): HandoverResult => ({ state: 'accepted', providerId: m.key }))
    },
  }
}

async function readInbox(db: Database, query: z.output<typeof SandboxQuery>): Promise<z.output<typeof SandboxMessages>> {
  const rows = await db.read.tx(tx => tx.execute<{ id: number, person_id: string, name: string, phone_masked: string, text: string, at: string }>(sql`
    select m.id, m.person_id, p.name, m.phone_masked, m.text, m.at from sandbox_messages m join persons p on p.id = m.person_id
    where m.id > ${query.after} and (${query.personId ?? null}::uuid is null or m.person_id = ${query.personId ?? null}::uuid) order by m.id limit ${query.limit}`), { readOnly: true })
  return { messages: rows.map(r => ({ id: r.id, personId: r.person_id, name: r.name, phoneMasked: r.phone_masked, text: r.text, at: new Date(r.at).toISOString() })) }
}

/** The inboxes of the sandbox's phones; registered in demo mode alone. */
export function registerSandboxRoutes(app: App, db: Database): void {
  app.get('/api/sandbox/messages', { config: { access: 'sandbox.view' }, schema: { tags: ['sandbox'], summary: 'Messages that the sandbox phones received (demo only)', querystring: Query, response: { '200': Messages, '4xx': ErrorBody } } }, (request) => {
    requireScopes(callerOf(request).actor, 'sandbox.view')
    return readInbox(db, request.query)
  })
}
