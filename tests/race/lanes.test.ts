/** What waits for one emergency keeps nobody else waiting. */
import { sql } from 'drizzle-orm'
import { afterEach, expect, it } from 'vitest'
import { lockEmergency } from '../../src/server/modules/emergencies/index.ts'
import { openStage } from '../harness/stage.ts'
import { until } from '../harness/until.ts'

const stage = await openStage({ pace: { batch: 4, batches: 3, from: 1 } })
afterEach(() => stage.peace())

it('a command that holds its emergency leaves room for sessions beside waiting answers, receipts and arrivals', async () => {
  const e = await stage.press({ grids: [0, 1, 2, 3] })
  const members = (await Promise.all([0, 1, 2, 3].map(grid => e.members(grid)))).flat()
  const [alert] = await stage.read<{ id: string }>(sql`select id from alerts where emergency_id = ${e.id} and audience = 'team'`)
  let proceed = () => {}
  let isHeld = true
  const held = new Promise<void>(resolve => proceed = () => {
    isHeld = false
    resolve()
  })
  await stage.storm(async () => {
    const command = stage.db.work.tx(async (tx) => {
      await lockEmergency(tx, e.id, 'update')
      await held
    })
    const waiting = async () => (await stage.read<{ n: number }>(sql`select count(*)::int as n from pg_locks where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())`))[0]?.n ?? 0
    await until(async () => (await stage.read(sql`select 1 from pg_locks where locktype = 'advisory' and granted`)).length > 0, 'the command holds the emergency')
    const answers = members.slice(0, 20).map(m => m.answers('going'))
    const receipt = members[20]?.post(`/api/emergencies/${e.id}/receipts`, { alertId: alert?.id, read: true })
    const arrival = members[21]?.checksIn({ at: { latitude: 34.44, longitude: 104.04 } })
    await until(async () => await waiting() >= 5, 'three batches of answers, a receipt and an arrival wait')
    await stage.db.answers.tx(tx => tx.execute(sql`select 1`))
    expect(isHeld).toBe(true)
    proceed()
    await command
    expect((await Promise.all(answers)).map(r => r.status)).toEqual(answers.map(() => 200))
    expect([(await receipt)?.status, (await arrival)?.status]).toEqual([200, 200])
  })
})
