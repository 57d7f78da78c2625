import type { SQL } from 'drizzle-orm'
import type { AlertKind, Audience, Channel } from '../../../contract/vocabulary.ts'
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
  channels?: readonly Channel[]
}

export interface IssuedAlert { alertId: string, recipients: number }

/** Writes the alert and one delivery per recipient and channel. Nothing is rendered or sent here. */
export async function issueAlert(tx: Tx, alert: NewAlert): Promise<IssuedAlert> {
  const alertId = newId()
  const channels = alert.channels ?? ['inapp', 'sms']
  await tx.execute(sql`
    insert into alerts (id, emergency_id, kind, audience, sms_template, text, issued_by, issued_at)
    values (${alertId}, ${alert.emergencyId}, ${alert.kind}, ${alert.audience}, ${alert.smsTemplate}, ${alert.text}, ${alert.issuedBy}, ${alert.now.toISOString()})`)
  const rows = await tx.execute<{ n: number }>(sql`
    with made as (
      insert into deliveries (alert_id, person_id, channel, state, updated_at)
      select ${alertId}, p.person_id, c.channel, 'pending', ${alert.now.toISOString()}
      from participants p cross join unnest(${sql.param(`{${channels.join(',')}}`)}::text[]) as c(channel)
      where p.emergency_id = ${alert.emergencyId} and p.audience = ${alert.audience} and (${alert.recipients})
      returning 1
    )
    select count(*)::int as n from made`)
  return { alertId, recipients: (rows[0]?.n ?? 0) / channels.length }
}

/** Calls stop: what has not been handed over yet is not sent any more. Corrections and notices of the end are not touched. */
export async function cancelPendingCalls(tx: Tx, emergencyId: string, now: Date): Promise<void> {
  await tx.execute(sql`
    update deliveries d set state = 'cancelled', updated_at = ${now.toISOString()}
    from alerts a where a.id = d.alert_id and a.emergency_id = ${emergencyId} and d.state in ('pending', 'failedTemp')
      and a.kind in ('standby', 'activation', 'duty', 'summons', 'urge', 'levelChange')`)
}
