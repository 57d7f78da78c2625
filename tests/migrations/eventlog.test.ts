import { randomUUID } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { expect, it } from 'vitest'
import { openTestDatabase } from '../harness/database.ts'

const db = await openTestDatabase()
it('runs as the service', async () => {
  const rows = await db.work.tx(tx => tx.execute(sql`select current_user as u`))
  expect(rows[0]?.u).toBe('pingji_app')
  expect(randomUUID()).toBeTruthy()
})
