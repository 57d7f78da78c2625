/**
 * The baseline of the key: the rows of an earlier press once more, for a new emergency, by the least SQL
 * that writes them into the same tables with the same indexes, constraints and triggers. Nobody is chosen
 * and nothing is read but the rows to copy.
 */
import type { Sql } from 'postgres'
import { newId } from '../src/server/platform/ids.ts'

/** Milliseconds from `begin` to the committed rows. */
export async function plainKey(owner: Sql, model: string): Promise<{ ms: number, people: number }> {
  const id = newId()
  const from = performance.now()
  const people = await owner.begin(async (tx) => {
    await tx`insert into event_streams (id, last_seq) values (${id}, (select count(*) from emergency_events where emergency_id = ${model} and seq <= 3))`
    await tx`
      insert into emergencies (id, no, kind, event_class, name, is_drill, state, level, level_authority, basis, approver, approval_mode, measures, rally_by, expected_until, warning, plan, initiator_id, created_at, activated_at)
      select ${id}, ${id}, kind, event_class, name, is_drill, 'activated', level, level_authority, basis, approver, approval_mode, measures, rally_by, expected_until, warning, plan, initiator_id, created_at, activated_at
      from emergencies where id = ${model}`
    await tx`insert into emergency_grids (emergency_id, grid_id, added_at) select ${id}, grid_id, added_at from emergency_grids where emergency_id = ${model}`
    await tx`
      insert into vanguard_teams (id, emergency_id, grid_id, community_id, name, grid_name, community_name, rally_point, lead_unit_id, state, required, captain_id, captain_flagged, created_at)
      select gen_random_uuid(), ${id}, grid_id, community_id, name, grid_name, community_name, rally_point, lead_unit_id, 'provisional', required, captain_id, captain_flagged, created_at
      from vanguard_teams where emergency_id = ${model}`
    const placed = await tx`
      insert into participants (emergency_id, person_id, ordinal, audience, team_id, grid_id, unit_id, post, member_state, call_state, presence, holds, joined_at)
      select ${id}, p.person_id, p.ordinal, p.audience, t.id, p.grid_id, p.unit_id, p.post, 'active', 'pending', 'none', p.audience = 'team', p.joined_at
      from participants p left join vanguard_teams t on t.emergency_id = ${id} and t.grid_id = p.grid_id and p.audience = 'team'
      where p.emergency_id = ${model} order by p.ordinal`
    for (const audience of ['team', 'duty']) {
      const alertId = newId()
      await tx`
        insert into alerts (id, emergency_id, kind, audience, sms_template, text, issued_by, issued_at)
        select ${alertId}, ${id}, kind, audience, sms_template, text, issued_by, issued_at from alerts where emergency_id = ${model} and audience = ${audience} order by issued_at limit 1`
      await tx`
        insert into deliveries (alert_id, person_id, channel, state, updated_at)
        select ${alertId}, p.person_id, 'sms', 'pending', now() from participants p
        where p.emergency_id = ${id} and p.audience = ${audience}`
    }
    await tx`
      insert into emergency_events (emergency_id, seq, type, v, at, actor_id, data)
      select ${id}, seq, type, v, at, actor_id, data from emergency_events where emergency_id = ${model} and seq <= 3`
    return placed.count
  })
  const ms = performance.now() - from
  await owner.begin(async (tx) => {
    await tx`update participants set holds = false, member_state = 'released' where emergency_id = ${id}`
    await tx`update emergencies set state = 'revoked' where id = ${id}`
  })
  return { ms, people }
}
