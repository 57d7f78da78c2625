import type { SQL } from 'drizzle-orm'
import type { AlertKind, Audience } from '../../../contract/vocabulary.ts'
import type { Tx } from '../../platform/db/index.ts'
import { sql } from 'drizzle-orm'
import { newId } from '../../platform/ids.ts'

export interface NewAlert {
  emergencyId: string
  kind: AlertKind
  audience: Audience
  /** Variables in braces are filled per recipient when sent. */
  smsTemplate: string
  text: string
  issuedBy: string | null
  now: Date
  /** Who of the emergency's people gets it, as a condition over `participants p`. */
  recipients: SQL
}

export interface IssuedAlert { alertId: string, recipients: number }

/** Writes the alert and one message per recipient; nothing where there is nobody. Nothing is rendered or sent here. */
export async function issueAlert(tx: Tx, alert: NewAlert): Promise<IssuedAlert> {
  const alertId = newId()
  const rows = await tx.execute<{ n: number }>(sql`
    with who as materialized (
      select p.person_id from participants p
      where p.emergency_id = ${alert.emergencyId} and p.audience = ${alert.audience} and (${alert.recipients})
    ), alert as (
      insert into alerts (id, emergency_id, kind, audience, sms_template, text, issued_by, issued_at)
      select ${alertId}::uuid, ${alert.emergencyId}::uuid, ${alert.kind}, ${alert.audience}, ${alert.smsTemplate}, ${alert.text}, ${alert.issuedBy}::uuid, ${alert.now.toISOString()}::timestamptz
      where exists (select from who)
      returning id
    ), made as (
      insert into deliveries (alert_id, person_id, channel, state, updated_at)
      select alert.id, who.person_id, 'sms', 'pending', ${alert.now.toISOString()} from alert, who
    )
    select count(*)::int as n from who`)
  return { alertId, recipients: rows[0]?.n ?? 0 }
}

/**
 * Everyone to whom something was handed over, or is being handed over at this moment, whatever he said or
 * became since; as a condition over `participants p`.
 */
export const ALERTED = sql.raw(`(p.call_state <> 'pending' or exists (
  select from alerts a join deliveries d on d.alert_id = a.id
  where a.emergency_id = p.emergency_id and d.person_id = p.person_id and d.state in ('sending', 'accepted', 'delivered', 'read', 'unknown')))`)

/** Calls stop: what has not been handed over yet is not sent any more. Corrections and notices of the end are not touched. */
export async function cancelPendingCalls(tx: Tx, emergencyId: string, now: Date): Promise<void> {
  await tx.execute(sql`
    update deliveries d set state = 'cancelled', updated_at = ${now.toISOString()}
    from alerts a where a.id = d.alert_id and a.emergency_id = ${emergencyId} and d.state in ('pending', 'failedTemp')
      and a.kind in ('standby', 'activation', 'duty', 'summons', 'urge', 'levelChange')`)
}
