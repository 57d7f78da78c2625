import { integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { moment } from './db/columns.ts'

/** Wall-clock slots that some process has won; never deleted while they could still be contested. */
export const cronFires = pgTable('cron_fires', {
  name: text('name').notNull(),
  slot: text('slot').notNull(),
  firedAt: moment('fired_at').notNull().defaultNow(),
}, t => [
  primaryKey({ name: 'cron_fires_pk', columns: [t.name, t.slot] }),
])

/** Who runs a loop. `generation` fences a holder that lost its lease and does not know it yet. */
export const leases = pgTable('leases', {
  name: text('name').primaryKey(),
  holder: text('holder').notNull(),
  generation: integer('generation').notNull(),
  until: moment('until').notNull(),
})
