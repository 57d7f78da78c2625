import type { AlertKind, Channel } from '../../../contract/vocabulary.ts'
import type { Tx } from '../../platform/db/index.ts'
import { sql } from 'drizzle-orm'

export interface ClaimedDelivery {
  alertId: string
  personId: string
  kind: AlertKind
  template: string
  emergencyId: string
  serial: number
  ordinal: number
  name: string
  phoneCipher: Buffer
  unitName: string | null
  teamName: string | null
  rallyPoint: string | null
  communityName: string
}

const LEASE_SEC = 8
/** After this many tries a temporary failure is final. */
export const MAX_ATTEMPTS = 5

/**
 * Claims what is due on a channel, oldest alert first. Rows whose sender died in the middle come again
 * once their lease is over: that may repeat a message, which is better than losing one. A call to
 * somebody who has answered meanwhile is cancelled instead of sent.
 */
export async function claimDeliveries(tx: Tx, channel: Channel, limit: number, now: Date): Promise<ClaimedDelivery[]> {
  const rows = await tx.execute<{ alert_id: string, person_id: string, kind: AlertKind, sms_template: string, emergency_id: string, serial: number, ordinal: number, name: string, phone_cipher: Buffer, unit_name: string | null, team_name: string | null, rally_point: string | null, community_name: string }>(sql`
    with due as (
      select d.alert_id, d.person_id, d.channel from deliveries d
      where d.channel = ${channel} and (d.state = 'pending'
        or (d.state = 'sending' and d.lease_until < clock_timestamp())
        or (d.state = 'failedTemp' and d.not_before <= clock_timestamp()))
      order by d.alert_id limit ${limit} for update skip locked
    ), claimed as (
      update deliveries d set
        state = case when a.kind in ('urge', 'activation', 'standby', 'summons') and p.call_state = 'answered' then 'cancelled' else 'sending' end,
        attempts = d.attempts + 1, lease_until = clock_timestamp() + make_interval(secs => ${LEASE_SEC}), updated_at = ${now.toISOString()}
      from due, alerts a, participants p
      where d.alert_id = due.alert_id and d.person_id = due.person_id and d.channel = due.channel
        and a.id = d.alert_id and p.emergency_id = a.emergency_id and p.person_id = d.person_id
      returning d.alert_id, d.person_id, d.state
    )
    select c.alert_id, c.person_id, a.kind, a.sms_template, a.emergency_id, e.serial, p.ordinal, pe.name, pe.phone_cipher,
      u.name as unit_name, t.name as team_name, coalesce(t.rally_point, rp.name) as rally_point, cm.name as community_name
    from claimed c join alerts a on a.id = c.alert_id join emergencies e on e.id = a.emergency_id
    join participants p on p.emergency_id = a.emergency_id and p.person_id = c.person_id
    join persons pe on pe.id = c.person_id join grids g on g.id = p.grid_id join communities cm on cm.id = g.community_id
    left join rally_points rp on rp.grid_id = p.grid_id
    left join vanguard_teams t on t.id = p.team_id left join units u on u.id = p.unit_id
    where c.state = 'sending'`)
  return rows.map(r => ({
    alertId: r.alert_id,
    personId: r.person_id,
    kind: r.kind,
    template: r.sms_template,
    emergencyId: r.emergency_id,
    serial: r.serial,
    ordinal: r.ordinal,
    name: r.name,
    phoneCipher: r.phone_cipher,
    unitName: r.unit_name,
    teamName: r.team_name,
    rallyPoint: r.rally_point,
    communityName: r.community_name,
  }))
}

export interface DeliveryOutcome { alertId: string, personId: string, state: 'accepted' | 'failedTemp' | 'failedPerm' | 'unknown', providerId: string | null, failure: string | null, retryAfterSec: number }

/** Records what the provider said; a state only moves up its lattice. */
export async function recordOutcomes(tx: Tx, channel: Channel, outcomes: readonly DeliveryOutcome[], now: Date): Promise<void> {
  const json = JSON.stringify(outcomes.map(o => ({ a: o.alertId, p: o.personId, state: o.state, provider_id: o.providerId, failure: o.failure, retry: o.retryAfterSec })))
  await tx.execute(sql`
    update deliveries d set
      state = case when n.state = 'failedTemp' and d.attempts >= ${MAX_ATTEMPTS} then 'failedPerm' else n.state end,
      provider_id = n.provider_id, failure = n.failure, lease_until = null, not_before = clock_timestamp() + make_interval(secs => n.retry), updated_at = ${now.toISOString()}
    from json_to_recordset(${json}::json) as n(a uuid, p uuid, state text, provider_id text, failure text, retry int)
    where d.alert_id = n.a and d.person_id = n.p and d.channel = ${channel} and d.state in ('pending', 'sending', 'failedTemp', 'unknown')`)
}

/** The phone shows the alert (delivered), or the person has opened it (read). */
export async function recordReceipt(tx: Tx, alertId: string, emergencyId: string, personId: string, read: boolean, now: Date): Promise<boolean> {
  const rows = await tx.execute(sql`
    update deliveries d set state = ${read ? 'read' : 'delivered'}, lease_until = null, updated_at = ${now.toISOString()}
    from alerts a where a.id = d.alert_id and a.emergency_id = ${emergencyId} and d.alert_id = ${alertId} and d.person_id = ${personId} and d.channel = 'inapp'
      and d.state <> all(${sql.raw(read ? `'{read}'` : `'{delivered,read}'`)}::text[])
    returning 1`)
  if (rows.length > 0)
    return true
  const known = await tx.execute(sql`select 1 from deliveries d join alerts a on a.id = d.alert_id where d.alert_id = ${alertId} and d.person_id = ${personId} and a.emergency_id = ${emergencyId} limit 1`)
  return known.length > 0
}
