import { bigint, index, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { moment } from '../../platform/db/columns.ts'

/** The inboxes of the sandbox's phones; exists only in demo mode, never a real message. */
export const sandboxMessages = pgTable('sandbox_messages', {
  id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  personId: uuid('person_id').notNull(),
  phoneMasked: text('phone_masked').notNull(),
  text: text('text').notNull(),
  at: moment('at').notNull(),
}, t => [
  index('sandbox_messages_person_idx').on(t.personId, t.id),
])
