import type postgres from 'postgres'
/** What the database refuses by itself, whoever writes: the service, an import, a statement by hand. */
import type { EmergencyState } from '../../src/contract/vocabulary.ts'
import { randomUUID } from 'node:crypto'
import postgresClient from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EMERGENCY_STATES } from '../../src/contract/vocabulary.ts'
import { createTestDatabase } from '../harness/database.ts'

const { url } = await createTestDatabase()
const db = postgresClient(url, { max: 2, onnotice: () => {} })
afterAll(() => db.end())

const id = { township: randomUUID(), community: randomUUID(), grid: randomUUID(), otherGrid: randomUUID(), unit: randomUUID(), otherUnit: randomUUID(), person: randomUUID(), other: randomUUID() }

/** Runs the statements and takes them back; the name of what was violated, or null. */
async function violated(work: (tx: postgres.TransactionSql) => Promise<unknown>): Promise<string | null> {
  const undo = new Error('undo')
  try {
    await db.begin(async (tx) => {
      await work(tx)
      await tx`set constraints all immediate`
      throw undo
    })
  }
  catch (error) {
    if (error === undo)
      return null
    const { constraint_name: constraint, code } = error as { constraint_name?: string, code?: string }
    return constraint ?? code ?? String(error)
  }
  return null
}

beforeAll(() => db.begin(async (tx) => {
  await tx`insert into townships (id, code, name) values (${id.township}, '621126100', '岷阳镇')`
  await tx`insert into communities (id, township_id, code, name) values (${id.community}, ${id.township}, '621126100901', '东城')`
  await tx`insert into grids (id, community_id, code, name, place_type) values (${id.grid}, ${id.community}, '621126100901001', '一', 'suburb'), (${id.otherGrid}, ${id.community}, '621126100901002', '二', 'suburb')`
  await tx`insert into units (id, name, category, mobilisation_class, valid_from) values (${id.unit}, '甲', 'party', 'general', '2020-01-01'), (${id.otherUnit}, '乙', 'party', 'general', '2020-01-01')`
  await tx`insert into persons (id, name, phone_cipher, phone_hash, political_status) values (${id.person}, '张', '\\x00', '\\x01', 'masses'), (${id.other}, '李', '\\x00', '\\x02', 'masses')`
}))

async function emergency(tx: postgres.TransactionSql, row: { state?: EmergencyState, kind?: string, level?: number | null, isDrill?: boolean } = {}): Promise<string> {
  const emergencyId = randomUUID()
  await tx`insert into event_streams (id) values (${emergencyId})`
  await tx`
    insert into emergencies (id, no, kind, event_class, name, is_drill, state, level, level_authority, basis, approver, approval_mode, measures, expected_until, plan, initiator_id, created_at)
    values (${emergencyId}, ${emergencyId}, ${row.kind ?? 'response'}, 'naturalDisaster', '汛', ${row.isDrill ?? false}, ${row.state ?? 'activated'}, ${row.level === undefined ? 3 : row.level}, 'county', '', '', 'written', '', now(), '{}', ${id.person}, now())`
  return emergencyId
}

/** domain rule §4.1 */
const STEPS: Partial<Record<EmergencyState, readonly EmergencyState[]>> = {
  preAlert: ['activated', 'lifted'],
  activated: ['standDown', 'revoked'],
  standDown: ['review'],
  review: ['archived'],
}
const WAY: Record<EmergencyState, readonly EmergencyState[]> = {
  preAlert: ['preAlert'],
  activated: ['activated'],
  standDown: ['activated', 'standDown'],
  review: ['activated', 'standDown', 'review'],
  archived: ['activated', 'standDown', 'review', 'archived'],
  lifted: ['preAlert', 'lifted'],
  revoked: ['activated', 'revoked'],
}

describe('an emergency', () => {
  it.each(EMERGENCY_STATES.flatMap(from => EMERGENCY_STATES.filter(to => to !== from).map(to => [from, to] as const)))('from %s to %s', async (from, to) => {
    const result = await violated(async (tx) => {
      const [first, ...rest] = WAY[from]
      const emergencyId = await emergency(tx, { state: first ?? from })
      for (const state of [...rest, to])
        await tx`update emergencies set state = ${state} where id = ${emergencyId}`
    })
    expect(result).toBe(STEPS[from]?.includes(to) === true ? null : 'emergencies_legal_step')
  })

  it.each(EMERGENCY_STATES)('beginning as %s', async (state) => {
    expect(await violated(tx => emergency(tx, { state }))).toBe(state === 'preAlert' || state === 'activated' ? null : 'emergencies_legal_start')
  })

  it('of the community begins activated, and alone needs no level', async () => {
    expect(await violated(tx => emergency(tx, { kind: 'initialResponse', level: null }))).toBeNull()
    expect(await violated(tx => emergency(tx, { kind: 'initialResponse', level: null, state: 'preAlert' }))).toBe('emergencies_legal_start')
    expect(await violated(tx => emergency(tx, { level: null }))).toBe('emergencies_level_present_check')
    expect(await violated(tx => emergency(tx, { level: null, state: 'preAlert' }))).toBeNull()
    expect(await violated(tx => emergency(tx, { level: 5 }))).toBe('emergencies_level_check')
  })

  it('stays what it was begun as: a drill or real', async () => {
    for (const isDrill of [true, false])
      expect(await violated(async tx => tx`update emergencies set is_drill = ${!isDrill} where id = ${await emergency(tx, { isDrill })}`)).toBe('emergencies_is_drill_immutable')
  })
})

describe('a participant', () => {
  const take = (tx: postgres.TransactionSql, emergencyId: string, row: { audience: 'team' | 'duty', teamId: string | null, holds: boolean, ordinal?: number, personId?: string }) => tx`
    insert into participants (emergency_id, person_id, ordinal, audience, team_id, grid_id, member_state, call_state, presence, holds, joined_at)
    values (${emergencyId}, ${row.personId ?? id.person}, ${row.ordinal ?? 1}, ${row.audience}, ${row.teamId}, ${id.grid}, 'active', 'pending', 'none', ${row.holds}, now())`
  async function team(tx: postgres.TransactionSql, emergencyId: string): Promise<string> {
    const teamId = randomUUID()
    await tx`
      insert into vanguard_teams (id, emergency_id, grid_id, community_id, name, grid_name, community_name, rally_point, state, required, created_at)
      values (${teamId}, ${emergencyId}, ${id.grid}, ${id.community}, '队', '一', '东城', '点', 'provisional', 1, now())`
    return teamId
  }

  it('is held by one emergency at a time', async () => {
    const twice = (holds: boolean) => violated(async (tx) => {
      for (const held of [true, holds]) {
        const e = await emergency(tx)
        await take(tx, e, { audience: 'team', teamId: await team(tx, e), holds: held })
      }
    })
    expect(await twice(true)).toBe('participants_holds_key')
    expect(await twice(false)).toBeNull()
  })

  it('is in a team or on duty, never both and never neither', async () => {
    const as = (row: (teamId: string) => Parameters<typeof take>[2]) => violated(async (tx) => {
      const e = await emergency(tx)
      await take(tx, e, row(await team(tx, e)))
    })
    expect(await as(teamId => ({ audience: 'team', teamId, holds: true }))).toBeNull()
    expect(await as(() => ({ audience: 'duty', teamId: null, holds: false }))).toBeNull()
    expect(await as(() => ({ audience: 'team', teamId: null, holds: true }))).toBe('participants_team_audience_check')
    expect(await as(teamId => ({ audience: 'duty', teamId, holds: false }))).toBe('participants_team_audience_check')
    expect(await as(() => ({ audience: 'duty', teamId: null, holds: true }))).toBe('participants_holds_check')
    expect(await as(() => ({ audience: 'team', teamId: randomUUID(), holds: true }))).toBe('participants_team_fk')
  })

  it('refers to people and places that exist, among many rows and when he moves', async () => {
    const many = (column: 'person_id' | 'grid_id' | 'unit_id' | 'emergency_id', value: string) => violated(async (tx) => {
      const e = await emergency(tx)
      const rows = [id.person, id.other].map((person_id, i) => ({ emergency_id: e, person_id, ordinal: i + 1, audience: 'duty', grid_id: id.grid, unit_id: id.unit, member_state: 'active', call_state: 'pending', presence: 'none', holds: false, joined_at: new Date() }))
      await tx`insert into participants ${tx(rows.map((row, i) => i === 1 ? { ...row, [column]: value } : row))}`
    })
    expect(await many('unit_id', id.unit)).toBeNull()
    for (const [column, constraint] of [['person_id', 'participants_person_fk'], ['grid_id', 'participants_grid_fk'], ['unit_id', 'participants_unit_fk'], ['emergency_id', 'participants_emergency_fk']] as const)
      expect(await many(column, randomUUID()), column).toBe(constraint)

    const moved = (set: (tx: postgres.TransactionSql) => postgres.PendingQuery<postgres.Row[]>) => violated(async (tx) => {
      const e = await emergency(tx)
      await take(tx, e, { audience: 'team', teamId: await team(tx, e), holds: true })
      await tx`update participants set ${set(tx)} where emergency_id = ${e}`
    })
    expect(await moved(tx => tx`team_id = team_id, grid_id = grid_id, call_state = 'called'`)).toBeNull()
    expect(await moved(tx => tx`team_id = ${randomUUID()}`)).toBe('participants_team_fk')
    expect(await moved(tx => tx`grid_id = ${randomUUID()}`)).toBe('participants_grid_fk')
    expect(await moved(tx => tx`person_id = ${id.other}`)).toBe('23001')
    expect(await moved(tx => tx`unit_id = ${id.unit}`)).toBe('23001')
  })

  it('is sent what belongs to an alert and a person', async () => {
    const deliver = (to: { alertId?: string, personId?: string }) => violated(async (tx) => {
      const alertId = randomUUID()
      await tx`insert into alerts (id, emergency_id, kind, audience, sms_template, text, issued_at) values (${alertId}, ${await emergency(tx)}, 'activation', 'team', '', '', now())`
      for (const channel of ['inapp', 'sms'])
        await tx`insert into deliveries (alert_id, person_id, channel, state, updated_at) values (${to.alertId ?? alertId}, ${to.personId ?? id.person}, ${channel}, 'pending', now())`
    })
    expect(await deliver({})).toBeNull()
    expect(await deliver({ alertId: randomUUID() })).toBe('deliveries_alert_fk')
    expect(await deliver({ personId: randomUUID() })).toBe('deliveries_person_fk')
  })

  it('has one row and one ordinal in an emergency', async () => {
    const two = (second: { personId: string, ordinal: number }) => violated(async (tx) => {
      const e = await emergency(tx)
      await take(tx, e, { audience: 'duty', teamId: null, holds: false })
      await take(tx, e, { audience: 'duty', teamId: null, holds: false, ...second })
    })
    expect(await two({ personId: id.other, ordinal: 2 })).toBeNull()
    expect(await two({ personId: id.other, ordinal: 1 })).toBe('participants_ordinal_key')
    expect(await two({ personId: id.person, ordinal: 2 })).toBe('participants_pk')
  })
})

describe('pairings', () => {
  const pair = (tx: postgres.TransactionSql, from: string, to: string | null, { isLead = false, unitId = id.unit, gridId = id.grid } = {}) => tx`
    insert into pairings (id, unit_id, grid_id, is_lead, valid_from, valid_to) values (${randomUUID()}, ${unitId}, ${gridId}, ${isLead}, ${from}, ${to})`
  const two = (first: [string, string | null], second: [string, string | null]) => violated(async (tx) => {
    await pair(tx, ...first)
    await pair(tx, ...second)
  })

  it.each([
    ['the next day', ['2026-01-01', '2026-03-31'], ['2026-04-01', null], null],
    ['the last day', ['2026-01-01', '2026-03-31'], ['2026-03-31', null], 'pairings_no_overlap'],
    ['inside', ['2026-01-01', '2026-12-31'], ['2026-02-01', '2026-03-01'], 'pairings_no_overlap'],
    ['before an open one', ['2026-02-01', null], ['2026-01-01', '2026-02-01'], 'pairings_no_overlap'],
  ] as const)('of one unit with one grid do not overlap: %s', async (_, first, second, constraint) => {
    expect(await two([...first], [...second])).toBe(constraint)
  })

  it('of one grid have one lead', async () => {
    const leads = (isLead: boolean) => violated(async (tx) => {
      await pair(tx, '2026-01-01', null, { isLead: true })
      await pair(tx, '2026-01-01', null, { isLead, unitId: id.otherUnit })
    })
    expect(await leads(false)).toBeNull()
    expect(await leads(true)).toBe('pairings_lead_key')
  })

  it('mark the grids on both sides of a change as stale', async () => {
    let marked: string[] = []
    await violated(async (tx) => {
      await pair(tx, '2026-01-01', null)
      await tx`delete from stale_rosters`
      await tx`update pairings set grid_id = ${id.otherGrid} where unit_id = ${id.unit}`
      marked = (await tx<{ grid_id: string }[]>`select distinct grid_id from stale_rosters`).map(r => r.grid_id)
    })
    expect(marked.sort()).toEqual([id.grid, id.otherGrid].sort())
  })
})

describe('people and places', () => {
  it('a grid has one chief, a person one employment and one membership at a time', async () => {
    const chief = (tx: postgres.TransactionSql, personId: string, validTo: string | null) => tx`insert into grid_posts (person_id, grid_id, post, valid_from, valid_to) values (${personId}, ${id.grid}, 'gridChief', '2026-01-01', ${validTo})`
    expect(await violated(async (tx) => {
      await chief(tx, id.person, null)
      await chief(tx, id.other, null)
    })).toBe('grid_posts_chief_key')
    expect(await violated(async (tx) => {
      await chief(tx, id.person, '2026-02-01')
      await chief(tx, id.other, null)
    })).toBeNull()
    expect(await violated(async (tx) => {
      for (const unitId of [id.unit, id.otherUnit])
        await tx`insert into employments (person_id, unit_id, valid_from) values (${id.person}, ${unitId}, '2026-01-01')`
    })).toBe('employments_current_key')
  })

  it('a phone number belongs to one person', async () => {
    expect(await violated(tx => tx`insert into persons (id, name, phone_cipher, phone_hash, political_status) values (${randomUUID()}, '王', '\\x00', '\\x01', 'masses')`)).toBe('persons_phone_key')
  })

  it('a grid has one living party unit', async () => {
    const org = (tx: postgres.TransactionSql, name: string, dissolvedOn: string | null) => tx`insert into party_orgs (id, kind, name, grid_id, valid_from, dissolved_on) values (${randomUUID()}, 'gridBranch', ${name}, ${id.grid}, '2026-01-01', ${dissolvedOn})`
    expect(await violated(async tx => [await org(tx, '一', null), await org(tx, '二', null)])).toBe('party_orgs_grid_key')
    expect(await violated(async tx => [await org(tx, '一', '2026-02-01'), await org(tx, '二', null)])).toBeNull()
  })

  it('accounts and sessions belong to people', async () => {
    expect(await violated(tx => tx`insert into accounts (id, person_id, password_hash) values (${randomUUID()}, ${randomUUID()}, '')`)).toBe('accounts_person_fk')
    expect(await violated(tx => tx`insert into sessions (id, token_hash, kind, person_id, expires_at) values (${randomUUID()}, '\\x00', 'account', ${randomUUID()}, now())`)).toBe('sessions_person_fk')
  })

  it('words outside the closed sets are refused', async () => {
    expect(await violated(tx => tx`insert into role_grants (id, person_id, role, scope_type, valid_from) values (${randomUUID()}, ${id.person}, 'emperor', 'county', '2026-01-01')`)).toBe('role_grants_role_check')
    expect(await violated(tx => tx`update units set mobilisation_class = 'all'`)).toBe('units_mobilisation_class_check')
  })
})

describe('roles of a day', () => {
  it('are those of grants, grid posts and employments in force on it', async () => {
    const seen: Record<string, string[]> = {}
    await violated(async (tx) => {
      await tx`insert into role_grants (id, person_id, role, scope_type, valid_from, valid_to) values (${randomUUID()}, ${id.person}, 'countyDuty', 'county', '2026-02-01', '2026-02-28')`
      await tx`insert into grid_posts (person_id, grid_id, post, valid_from) values (${id.person}, ${id.grid}, 'gridOfficer', '2026-02-15')`
      await tx`insert into employments (person_id, unit_id, valid_from, valid_to) values (${id.person}, ${id.unit}, '2026-01-01', '2026-02-15')`
      for (const day of ['2025-12-31', '2026-01-31', '2026-02-15', '2026-02-28', '2026-03-01'])
        seen[day] = (await tx<{ role: string }[]>`select role from roles_on(${day}) where person_id = ${id.person} order by role`).map(r => r.role)
    })
    expect(seen).toEqual({
      '2025-12-31': [],
      '2026-01-31': ['unitMember'],
      '2026-02-15': ['countyDuty', 'gridOfficer', 'unitMember'],
      '2026-02-28': ['countyDuty', 'gridOfficer'],
      '2026-03-01': ['gridOfficer'],
    })
  })
})
