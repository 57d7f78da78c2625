import type { Tx } from '../../platform/db/index.ts'
import { sql } from 'drizzle-orm'

export interface AuditEntry {
  /** Null: the system itself, or a command at the machine. */
  actorId: string | null
  action: string
  subjectType: string
  subjectId: string | null
  requestId: string | null
  details?: Record<string, unknown>
}

/** Writes who did what into the trail, inside the transaction that does it (invariant 14). */
export async function audit(tx: Tx, entry: AuditEntry): Promise<void> {
  await tx.execute(sql`
    insert into audit_log (actor_id, action, subject_type, subject_id, request_id, details)
    values (${entry.actorId}, ${entry.action}, ${entry.subjectType}, ${entry.subjectId}, ${entry.requestId}, ${JSON.stringify(entry.details ?? {})}::jsonb)`)
}
