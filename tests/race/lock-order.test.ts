/** The order of locks that every writer keeps, shown by standing in its way: what comes later is still free. */
import type { SQL } from 'drizzle-orm'
import { sql } from 'drizzle-orm'
import { afterEach, describe, expect, it } from 'vitest'
import { lockEmergency } from '../../src/server/modules/emergencies/index.ts'
import { ADVISORY } from '../../src/server/platform/db/index.ts'
import { openStage } from '../harness/stage.ts'
import { until } from '../harness/until.ts'

const stage = await openStage()
afterEach(() => stage.peace())

const waiting = async () => (await stage.read(sql`select 1 from pg_locks where not granted`)).length > 0

/** Holds `first`, lets the work run into it, and takes `then` without waiting: that fails where the work holds any of it already. */
async function standsInTheWay(first: SQL, work: () => Promise<unknown>, then: SQL): Promise<void> {
  let running: Promise<unknown> = Promise.resolve()
  await stage.db.work.tx(async (tx) => {
    await tx.execute(first)
    running = work()
    await until(waiting, 'the work has run into the lock')
    await tx.execute(then)
  })
  await running
}

const activationOf = async (e: { id: string }) => (await stage.read<{ id: string }>(sql`select id from alerts where emergency_id = ${e.id} and kind = 'activation'`))[0]?.id ?? ''

describe('deliveries', () => {
  it('are recorded in the order in which receipts lock them', async () => {
    const e = await stage.press()
    const alertId = await activationOf(e)
    const people = (await stage.read<{ person_id: string }>(sql`select distinct person_id from deliveries where alert_id = ${alertId} order by person_id desc`)).map(d => d.person_id)
    const inapp = (personId?: string) => sql`insert into deliveries (alert_id, person_id, channel, state, updated_at) select ${alertId}, ${personId}, 'inapp', 'delivered', now() where set_config('lock_timeout', '200ms', true) is not null`
    await standsInTheWay(
      inapp(people.at(-1)),
      () => stage.services.calls.recordShown(alertId, e.id, people),
      inapp(people[0]),
    )
    expect(await stage.read(sql`select state, count(*)::int as n from deliveries where alert_id = ${alertId} and channel = 'inapp' group by state order by state`)).toEqual([{ state: 'accepted', n: people.length - 2 }, { state: 'delivered', n: 2 }])
  })
})

describe('a captain who leaves while the rest of his team is answering', () => {
  it('waits for nobody\'s row, and the team has an heir as soon as one is free', async () => {
    const e = await stage.press()
    const { id, captainId } = await e.team(0)
    const captain = await e.member(captainId ?? '')
    await stage.db.work.tx(async (tx) => {
      await tx.execute(sql`select from participants where team_id = ${id} and person_id <> ${captainId} for no key update`)
      expect((await captain.answers('cannot')).status).toBe(200)
    })
    expect((await e.team(0)).captainId).toBeNull()
    await stage.runs('team-leads')
    const heir = (await e.team(0)).captainId
    expect(heir).not.toBeNull()
    expect((await e.events('team.captainChanged')).map(ev => [ev.data.from, ev.data.to])).toEqual([[captainId, null], [null, heir]])
  })
})

describe('receipts of two emergencies', () => {
  it('lock the people of both before the log of either', async () => {
    const earlier = await stage.press({ grids: [0] })
    const later = await stage.press({ grids: [2] })
    const receiptOf = async (e: typeof earlier, grid: number) => {
      const personId = (await e.members(grid))[0]?.personId ?? ''
      const caller = await stage.callerOf(personId, e.id)
      const receipt = { alertId: await activationOf(e), read: true }
      return { personId, give: () => stage.services.calls.receipt(caller, e.id, receipt) }
    }
    const [first, second] = [await receiptOf(earlier, 0), await receiptOf(later, 2)]
    await standsInTheWay(
      sql`select from participants where emergency_id = ${later.id} and person_id = ${second.personId} for no key update`,
      () => Promise.all([first.give(), second.give()]),
      sql`select from event_streams where id = ${earlier.id} for update nowait`,
    )
    for (const e of [earlier, later])
      expect(await e.events('calls.called')).toHaveLength(1)
  })
})

describe('whoever may not command', () => {
  it('is told so while others hold the emergency and the switch: he never asks for a lock', async () => {
    const e = await stage.press()
    const [member] = await e.members(0)
    const stranger = await stage.as('secretaryOfUnit0')
    const codes = await stage.db.work.tx(async (tx) => {
      await tx.execute(sql`select pg_advisory_xact_lock(${ADVISORY.switch})`)
      await lockEmergency(tx, e.id, 'update')
      const replies = await Promise.all([
        member?.post(`/api/emergencies/${e.id}/level`, { level: 1, reason: '雨势加大' }),
        stranger.post(`/api/emergencies/${e.id}/revoke`, { reason: '误启动' }),
        stranger.post(`/api/emergencies/${e.id}/urges`, { scope: { type: 'county', id: null } }),
      ])
      return replies.map(r => r?.body.error.code)
    })
    expect(codes).toEqual(['NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND'])
  })
})
