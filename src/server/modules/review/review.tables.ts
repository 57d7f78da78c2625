import { index, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { id, moment } from '../../platform/db/columns.ts'
import { emergencies } from '../emergencies/emergencies.tables.ts'

/** What people learned, written by people. */
export const lessons = pgTable('lessons', {
  id: id(),
  emergencyId: uuid('emergency_id').notNull().references(() => emergencies.id),
  authorId: uuid('author_id').notNull(),
  text: text('text').notNull(),
  at: moment('at').notNull(),
}, t => [
  index('lessons_emergency_idx').on(t.emergencyId),
])
