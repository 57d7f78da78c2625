import type { AlertKind, Channel, DeliveryState } from '../../../contract/vocabulary.ts'
import type { Tx } from '../../platform/db/index.ts'
import { sql } from 'drizzle-orm'
import { uuids } from '../../platform/db/index.ts'
import { MAX_ATTEMPTS } from './calls.rules.ts'

export interface ClaimedDelivery {
  alertId: string
  personId: string
  /** Which try this is, 1 and up. */
  attempt: number
  template: string
  emergencyId: string
  serial: number
  ordinal: number
  name: string
  phoneCipher: Buffer
  unitName: string | null
  teamName: string | null
  captainName: string | null
  rallyPoint: string | null
  communityName: string
}

/**
 * Whom an alert is for, as a condition over `deliveries d`: everyone has his message's row from the start. On
 * the app there is a row once it was shown.
 */
export const ADDRESSED = sql.raw(`d.channel = 'sms'`)

const LEASE_SEC = 8

const WAITING = sql.raw(`('pending', 'sending', 'failedTemp')`)

/** Kinds that ask for an answer: pointless once it is given, the person is let go, or calls have stopped. */
export const CALLS: readonly AlertKind[] = ['standby', 'activation', 'duty', 'summons', 'urge']
const calls = sql.raw(`(${CALLS.map(kind => `'${kind}'`).join(', ')})`)

/**
 * Claims what is due on a channel: real before drill, the nearest rally limit first, then the oldest. Rows whose sender died in the middle come again
 * once their lease is over: that may repeat a message, which is better than losing one; after the last
 * try nobody can say what became of it, which is `unknown`. A call that has lost its purpose meanwhile
 * is cancelled instead of sent; corrections and notices of the end always go.
 * `more`: rows were touched, so there may be others waiting.
 */
export async function claimDeliveries(tx: Tx, channel: Channel, limit: number, now: Date): Promise<{ claimed: ClaimedDelivery[], more: boolean }> {
  const rows = await tx.execute<{ state: DeliveryState, alert_id: string, person_id: string, attempts: number, sms_template: string, emergency_id: string, serial: number, ordinal: number, name: string, phone_cipher: Buffer, unit_name: string | null, team_name: string | null, captain_name: string | null, rally_point: string | null, community_name: string }>(sql`
    with recursive waiting (alert_id) as (
      -- The few alerts that have anything waiting, by jumps through the queue's index.
      (select alert_id from deliveries where channel = ${channel} and state in ${WAITING} order by alert_id limit 1)
      union all
      select (select d.alert_id from deliveries d where d.channel = ${channel} and d.state in ${WAITING} and d.alert_id > w.alert_id order by d.alert_id limit 1)
      from waiting w where w.alert_id is not null
    ), urgent as (
      select a.id as alert_id, row_number() over (order by e.is_drill, e.rally_by nulls last, a.id) as nth
      from waiting w join alerts a on a.id = w.alert_id join emergencies e on e.id = a.emergency_id
    ), due as (
      select d.alert_id, d.person_id, d.channel from (select * from urgent order by nth) u join deliveries d on d.alert_id = u.alert_id
      where d.channel = ${channel} and d.state in ${WAITING} and (d.state = 'pending'
        or (d.state = 'sending' and d.lease_until < clock_timestamp())
        or (d.state = 'failedTemp' and d.not_before <= clock_timestamp()))
      order by u.nth limit ${limit} for update of d skip locked
    ), claimed as (
      update deliveries d set
        state = case
          when a.kind in ${calls} and (p.call_state = 'answered' or p.member_state <> 'active' or e.state not in ('preAlert', 'activated')) then 'cancelled'
          when d.attempts >= ${MAX_ATTEMPTS} then 'unknown'
          else 'sending' end,
        attempts = d.attempts + 1, lease_until = clock_timestamp() + make_interval(secs => ${LEASE_SEC}), updated_at = ${now.toISOString()}
      from due, alerts a, participants p, emergencies e
      where d.alert_id = due.alert_id and d.person_id = due.person_id and d.channel = due.channel
        and a.id = d.alert_id and p.emergency_id = a.emergency_id and p.person_id = d.person_id and e.id = a.emergency_id
      returning d.alert_id, d.person_id, d.state, d.attempts
    )
    select c.state, c.alert_id, c.person_id, c.attempts, a.sms_template, a.emergency_id, e.serial, p.ordinal, pe.name, pe.phone_cipher,
      u.name as unit_name, t.name as team_name, ca.name as captain_name, coalesce(t.rally_point, rp.name) as rally_point, cm.name as community_name
    from claimed c join urgent on urgent.alert_id = c.alert_id join alerts a on a.id = c.alert_id join emergencies e on e.id = a.emergency_id
    join participants p on p.emergency_id = a.emergency_id and p.person_id = c.person_id
    join persons pe on pe.id = c.person_id join grids g on g.id = p.grid_id join communities cm on cm.id = g.community_id
    left join rally_points rp on rp.grid_id = p.grid_id
    left join vanguard_teams t on t.id = p.team_id left join persons ca on ca.id = t.captain_id left join units u on u.id = p.unit_id
    order by urgent.nth, p.ordinal`)
  const claimed = rows.filter(r => r.state === 'sending').map(r => ({
    alertId: r.alert_id,
    personId: r.person_id,
    attempt: r.attempts,
    template: r.sms_template,
    emergencyId: r.emergency_id,
    serial: r.serial,
    ordinal: r.ordinal,
    name: r.name,
    phoneCipher: r.phone_cipher,
    unitName: r.unit_name,
    teamName: r.team_name,
    captainName: r.captain_name,
    rallyPoint: r.rally_point,
    communityName: r.community_name,
  }))
  return { claimed, more: rows.length > 0 }
}

/** Begins the lease of these anew. Returns those that nobody else has claimed meanwhile. */
export async function renewClaims(tx: Tx, channel: Channel, part: readonly ClaimedDelivery[]): Promise<ClaimedDelivery[]> {
  const json = JSON.stringify(part.map(d => ({ a: d.alertId, p: d.personId, attempt: d.attempt })))
  const rows = await tx.execute<{ alert_id: string, person_id: string }>(sql`
    with ours as materialized (
      select d.alert_id, d.person_id from json_to_recordset(${json}::json) as n(a uuid, p uuid, attempt int)
      join deliveries d on d.alert_id = n.a and d.person_id = n.p and d.channel = ${channel}
      where d.state = 'sending' and d.attempts = n.attempt order by d.alert_id, d.person_id for no key update of d
    )
    update deliveries d set lease_until = clock_timestamp() + make_interval(secs => ${LEASE_SEC})
    from ours where d.alert_id = ours.alert_id and d.person_id = ours.person_id and d.channel = ${channel} returning d.alert_id, d.person_id`)
  const kept = new Set(rows.map(r => `${r.alert_id} ${r.person_id}`))
  return part.filter(d => kept.has(`${d.alertId} ${d.personId}`))
}

export interface DeliveryOutcome { alertId: string, personId: string, state: 'accepted' | 'failedTemp' | 'failedPerm', providerId: string | null, failure: string | null, retryAfterSec: number }

/** Records what the provider said; a state only moves up its lattice. Rows are locked in the order in which receipts, which come at the same moment, lock them. */
export async function recordOutcomes(tx: Tx, channel: Channel, outcomes: readonly DeliveryOutcome[], now: Date): Promise<void> {
  const json = JSON.stringify(outcomes.map(o => ({ a: o.alertId, p: o.personId, state: o.state, provider_id: o.providerId, failure: o.failure, retry: o.retryAfterSec })))
  await tx.execute(sql`
    with n as materialized (
      select d.alert_id, d.person_id, o.state, o.provider_id, o.failure, o.retry
      from json_to_recordset(${json}::json) as o(a uuid, p uuid, state text, provider_id text, failure text, retry int)
      join deliveries d on d.alert_id = o.a and d.person_id = o.p and d.channel = ${channel}
      where d.state in ('pending', 'sending', 'failedTemp', 'unknown') order by d.alert_id, d.person_id for no key update of d
    )
    update deliveries d set
      state = case when n.state = 'failedTemp' and d.attempts >= ${MAX_ATTEMPTS} then 'failedPerm' else n.state end,
      provider_id = n.provider_id, failure = n.failure, lease_until = null, not_before = clock_timestamp() + make_interval(secs => n.retry), updated_at = ${now.toISOString()}
    from n where d.alert_id = n.alert_id and d.person_id = n.person_id and d.channel = ${channel}`)
}

export interface Receipt { alertId: string, emergencyId: string, personId: string, read: boolean }

/** The app showed it on an open socket. What its receipt has said meanwhile stays. Rows come in the order in which receipts bring them. */
export async function recordShown(tx: Tx, alertId: string, personIds: readonly string[], now: Date): Promise<void> {
  await tx.execute(sql`
    insert into deliveries (alert_id, person_id, channel, state, updated_at)
    select ${alertId}, id, 'inapp', 'accepted', ${now.toISOString()} from unnest(${uuids(personIds)}) as shown(id) order by id
    on conflict do nothing`)
}

/**
 * Phones show the alert (delivered), or people have opened it (read); a state only moves up. Returns
 * `alert person` of every receipt of somebody to whom the alert went.
 */
export async function recordReceipts(tx: Tx, receipts: readonly Receipt[], now: Date): Promise<Set<string>> {
  const json = JSON.stringify(receipts.map(r => ({ a: r.alertId, e: r.emergencyId, p: r.personId, read: r.read })))
  const rows = await tx.execute<{ alert_id: string, person_id: string }>(sql`
    with given as (
      select n.a, n.p, bool_or(n.read) as read from json_to_recordset(${json}::json) as n(a uuid, e uuid, p uuid, read boolean)
      join alerts al on al.id = n.a and al.emergency_id = n.e group by n.a, n.p
    ), known as (
      select d.alert_id, d.person_id, given.read from given join deliveries d on d.alert_id = given.a and d.person_id = given.p and ${ADDRESSED}
    ), raised as (
      insert into deliveries (alert_id, person_id, channel, state, updated_at)
      select alert_id, person_id, 'inapp', case when read then 'read' else 'delivered' end, ${now.toISOString()}::timestamptz from known order by alert_id, person_id
      on conflict (alert_id, person_id, channel) do update set state = excluded.state, updated_at = excluded.updated_at
      where deliveries.state not in ('delivered', 'read') or (excluded.state = 'read' and deliveries.state = 'delivered')
    )
    select alert_id, person_id from known`)
  return new Set(rows.map(r => `${r.alert_id} ${r.person_id}`))
}
