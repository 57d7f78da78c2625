import type { Tx } from '../../platform/db/index.ts'
import type { EmergencyPatch, EmergencyRow } from '../emergencies/index.ts'
import { sql } from 'drizzle-orm'
import { LINK_GRACE_MS } from '../calls/index.ts'
import { updateEmergency } from '../emergencies/index.ts'
import { endLinkSessions } from '../identity/index.ts'
import { dissolveTeams } from '../teams/index.ts'

/** The emergency leaves the open states: it holds nobody any more, its teams are dissolved, and who came by a link may look for another day. */
export async function close(tx: Tx, emergencyId: string, patch: EmergencyPatch, now: Date): Promise<EmergencyRow> {
  const e = await updateEmergency(tx, emergencyId, patch)
  await tx.execute(sql`update participants set holds = false where emergency_id = ${emergencyId} and holds`)
  await dissolveTeams(tx, emergencyId)
  await endLinkSessions(tx, emergencyId, new Date(now.getTime() + LINK_GRACE_MS))
  return e
}
