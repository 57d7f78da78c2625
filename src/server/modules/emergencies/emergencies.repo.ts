import type { SQL } from 'drizzle-orm'
import type { EmergencyHeader } from '../../../contract/events.ts'
import type { ApprovalMode, EmergencyKind, EmergencyState, EventClass, LevelAuthority, Mode, ResponseLevel } from '../../../contract/vocabulary.ts'
import type { Tx } from '../../platform/db/index.ts'
import type { PlanStamp } from '../plans/index.ts'
import { sql } from 'drizzle-orm'
import { uuids } from '../../platform/db/index.ts'
import { DomainError } from '../../platform/errors.ts'
import { openStream } from '../../platform/eventlog/index.ts'
import { modeOf, numberOf } from './emergencies.rules.ts'

export interface EmergencyRow {
  id: string
  serial: number
  no: string
  kind: EmergencyKind
  eventClass: EventClass
  name: string
  isDrill: boolean
  state: EmergencyState
  level: ResponseLevel | null
  levelAuthority: LevelAuthority
  basis: string
  approver: string
  approvalMode: ApprovalMode
  basisSuppliedAt: Date | null
  measures: string
  rallyBy: Date | null
  expectedUntil: Date
  warning: EmergencyHeader['warning']
  plan: PlanStamp
  initiatorId: string
  createdAt: Date
  activatedAt: Date | null
  terminatedAt: Date | null
}

interface RawRow {
  [column: string]: unknown
  id: string
  serial: number
  no: string
  kind: EmergencyKind
  event_class: EventClass
  name: string
  is_drill: boolean
  state: EmergencyState
  level: ResponseLevel | null
  level_authority: LevelAuthority
  basis: string
  approver: string
  approval_mode: ApprovalMode
  basis_supplied_at: string | null
  measures: string
  rally_by: string | null
  expected_until: string
  warning: EmergencyHeader['warning']
  plan: PlanStamp
  initiator_id: string
  created_at: string
  activated_at: string | null
  terminated_at: string | null
}

const date = (text: string | null) => text === null ? null : new Date(text)

function toRow(r: RawRow): EmergencyRow {
  return {
    id: r.id,
    serial: r.serial,
    no: r.no,
    kind: r.kind,
    eventClass: r.event_class,
    name: r.name,
    isDrill: r.is_drill,
    state: r.state,
    level: r.level,
    levelAuthority: r.level_authority,
    basis: r.basis,
    approver: r.approver,
    approvalMode: r.approval_mode,
    basisSuppliedAt: date(r.basis_supplied_at),
    measures: r.measures,
    rallyBy: date(r.rally_by),
    expectedUntil: new Date(r.expected_until),
    warning: r.warning,
    plan: r.plan,
    initiatorId: r.initiator_id,
    createdAt: new Date(r.created_at),
    activatedAt: date(r.activated_at),
    terminatedAt: date(r.terminated_at),
  }
}

export function headerOf(e: EmergencyRow): EmergencyHeader {
  return {
    id: e.id,
    no: e.no,
    kind: e.kind,
    eventClass: e.eventClass,
    name: e.name,
    isDrill: e.isDrill,
    state: e.state,
    level: e.level,
    levelAuthority: e.levelAuthority,
    basis: e.basis,
    approver: e.approver,
    approvalMode: e.approvalMode,
    measures: e.measures,
    rallyBy: e.rallyBy?.toISOString() ?? null,
    expectedUntil: e.expectedUntil.toISOString(),
    activatedAt: e.activatedAt?.toISOString() ?? null,
    terminatedAt: e.terminatedAt?.toISOString() ?? null,
    warning: e.warning,
  }
}

export async function findEmergency(tx: Tx, id: string): Promise<EmergencyRow | null> {
  const rows = await tx.execute<RawRow>(sql`select * from emergencies where id = ${id}`)
  return rows[0] === undefined ? null : toRow(rows[0])
}

/** @throws NOT_FOUND */
export async function getEmergency(tx: Tx, id: string): Promise<EmergencyRow> {
  const row = await findEmergency(tx, id)
  if (row === null)
    throw new DomainError('NOT_FOUND')
  return row
}

/**
 * The emergencies' gate. Row locks alone would let sharers overtake a waiting command for ever: answers
 * that never stop coming would keep the termination out. An advisory lock queues both kinds fairly;
 * the row is read under its own lock, so that what the winner before wrote is seen.
 */
function gated(ids: readonly string[], mode: 'update' | 'share', columns = 'e.*'): SQL {
  const lock = sql.raw(mode === 'update' ? 'pg_advisory_xact_lock' : 'pg_advisory_xact_lock_shared')
  // Nearly always one, which need not be sorted.
  const sorted = ids.length === 1 ? sql`select ${ids[0]}::uuid as id` : sql`select distinct id from unnest(${uuids(ids)}) as asked(id) order by id`
  return sql`
    with gate as materialized (
      select id, ${lock}(hashtextextended(id::text, 0)) from (${sorted}) sorted
    )
    select ${sql.raw(columns)} from gate join emergencies e on e.id = gate.id order by e.id ${sql.raw(mode === 'update' ? 'for no key update of e' : 'for share of e')}`
}

/**
 * Locks the emergency before anything is decided: `update` for commands that move it, `share` for
 * answers and check-ins, which may run beside each other but not across a change of state.
 * @throws NOT_FOUND
 */
export async function lockEmergency(tx: Tx, id: string, mode: 'update' | 'share'): Promise<EmergencyRow> {
  const rows = await tx.execute<RawRow>(gated([id], mode))
  if (rows[0] === undefined)
    throw new DomainError('NOT_FOUND')
  return toRow(rows[0])
}

/** What answers and check-ins ask of their emergency; its plan would weigh more than all of them. */
export type SharedEmergency = Pick<EmergencyRow, 'id' | 'state' | 'createdAt' | 'rallyBy'>

/** Locks several in id order, so that two batches cannot wait for each other. */
export async function shareEmergencies(tx: Tx, ids: readonly string[]): Promise<Map<string, SharedEmergency>> {
  const rows = await tx.execute<Pick<RawRow, 'id' | 'state' | 'created_at' | 'rally_by'>>(gated(ids, 'share', 'e.id, e.state, e.created_at, e.rally_by'))
  return new Map(rows.map(r => [r.id, { id: r.id, state: r.state, createdAt: new Date(r.created_at), rallyBy: date(r.rally_by) }]))
}

/** As `shareEmergencies`, for a command that moves them all: the one that takes people and those that give them. */
export async function lockEmergencies(tx: Tx, ids: readonly string[]): Promise<Map<string, EmergencyRow>> {
  const rows = await tx.execute<RawRow>(gated(ids, 'update'))
  return new Map(rows.map(r => [r.id, toRow(r)]))
}

export type NewEmergency = Omit<EmergencyRow, 'serial' | 'no' | 'basisSuppliedAt' | 'terminatedAt'>

/** The caller holds the switch lock, which keeps the numbers without gaps or twins. */
export async function insertEmergency(tx: Tx, e: NewEmergency, gridIds: readonly string[], year: string): Promise<EmergencyRow> {
  await openStream(tx, e.id)
  const counted = await tx.execute<{ n: number }>(sql`select count(*)::int as n from emergencies where is_drill = ${e.isDrill} and no like ${`%${year}-%`}`)
  const no = numberOf(year, e.isDrill, (counted[0]?.n ?? 0) + 1)
  const rows = await tx.execute<RawRow>(sql`
    insert into emergencies (id, no, kind, event_class, name, is_drill, state, level, level_authority, basis, approver, approval_mode, measures, rally_by, expected_until, warning, plan, initiator_id, created_at, activated_at)
    values (${e.id}, ${no}, ${e.kind}, ${e.eventClass}, ${e.name}, ${e.isDrill}, ${e.state}, ${e.level}, ${e.levelAuthority}, ${e.basis}, ${e.approver}, ${e.approvalMode}, ${e.measures},
      ${e.rallyBy?.toISOString() ?? null}, ${e.expectedUntil.toISOString()}, ${e.warning === null ? null : JSON.stringify(e.warning)}::jsonb, ${JSON.stringify(e.plan)}::jsonb, ${e.initiatorId}, ${e.createdAt.toISOString()}, ${e.activatedAt?.toISOString() ?? null})
    returning *`)
  await addGrids(tx, e.id, gridIds, e.createdAt)
  const row = rows[0]
  if (row === undefined)
    throw new Error('insert returned no row')
  return toRow(row)
}

export async function addGrids(tx: Tx, emergencyId: string, gridIds: readonly string[], at: Date): Promise<void> {
  await tx.execute(sql`
    insert into emergency_grids (emergency_id, grid_id, added_at)
    select ${emergencyId}, unnest(${uuids(gridIds)}), ${at.toISOString()}::timestamptz on conflict do nothing`)
}

export type EmergencyPatch = Partial<Pick<EmergencyRow, 'kind' | 'eventClass' | 'state' | 'level' | 'levelAuthority' | 'name' | 'basis' | 'approver' | 'approvalMode' | 'basisSuppliedAt' | 'measures' | 'rallyBy' | 'expectedUntil' | 'activatedAt' | 'terminatedAt' | 'plan'>> & { endReason?: string, residualMeasures?: string, reviewOpenedAt?: Date, archivedAt?: Date }

const COLUMNS: Record<keyof EmergencyPatch, string> = {
  kind: 'kind',
  eventClass: 'event_class',
  state: 'state',
  level: 'level',
  levelAuthority: 'level_authority',
  name: 'name',
  basis: 'basis',
  approver: 'approver',
  approvalMode: 'approval_mode',
  basisSuppliedAt: 'basis_supplied_at',
  measures: 'measures',
  rallyBy: 'rally_by',
  expectedUntil: 'expected_until',
  activatedAt: 'activated_at',
  terminatedAt: 'terminated_at',
  plan: 'plan',
  endReason: 'end_reason',
  residualMeasures: 'residual_measures',
  reviewOpenedAt: 'review_opened_at',
  archivedAt: 'archived_at',
}

export async function updateEmergency(tx: Tx, id: string, patch: EmergencyPatch): Promise<EmergencyRow> {
  const sets = (Object.keys(patch) as (keyof EmergencyPatch)[]).map((key) => {
    const value = patch[key]
    const param = value instanceof Date ? value.toISOString() : key === 'plan' ? JSON.stringify(value) : value as string | number | null
    return sql`${sql.identifier(COLUMNS[key])} = ${param}`
  })
  const rows = await tx.execute<RawRow>(sql`update emergencies set ${sql.join(sets, sql`, `)} where id = ${id} returning *`)
  if (rows[0] === undefined)
    throw new DomainError('NOT_FOUND')
  return toRow(rows[0])
}

export async function gridsOf(tx: Tx, emergencyId: string): Promise<string[]> {
  const rows = await tx.execute<{ grid_id: string }>(sql`select grid_id from emergency_grids where emergency_id = ${emergencyId} order by grid_id`)
  return rows.map(r => r.grid_id)
}

const OPEN = sql.raw(`('preAlert', 'activated', 'standDown')`)

/** The mode of each of these grids; a grid that no emergency covers is in peacetime and absent here. */
export async function modesOfGrids(tx: Tx, gridIds: readonly string[]): Promise<Map<string, Mode>> {
  const rows = await tx.execute<{ grid_id: string, states: EmergencyState[] }>(sql`
    select eg.grid_id, array_agg(distinct e.state) as states
    from emergency_grids eg join emergencies e on e.id = eg.emergency_id
    where e.state in ${OPEN} and eg.grid_id = any(${uuids(gridIds)}) group by eg.grid_id`)
  return new Map(rows.map(r => [r.grid_id, modeOf(r.states)]))
}

/** The open emergencies, newest first. */
export async function openEmergencies(tx: Tx): Promise<EmergencyRow[]> {
  const rows = await tx.execute<RawRow>(sql`select * from emergencies where state in ${OPEN} order by created_at desc`)
  return rows.map(toRow)
}

/** Open emergencies that share a grid with these. */
export async function overlappingEmergencies(tx: Tx, gridIds: readonly string[], except: string | null): Promise<EmergencyRow[]> {
  const rows = await tx.execute<RawRow>(sql`
    select e.* from emergencies e where e.state in ${OPEN} and e.id is distinct from ${except}::uuid
      and exists (select from emergency_grids g where g.emergency_id = e.id and g.grid_id = any(${uuids(gridIds)}))
    order by e.id`)
  return rows.map(toRow)
}

/**
 * An open emergency of the same kind, plan and authority, drill or real alike, over exactly these grids.
 * The plan counts, not its class alone: a flood does not hide an earthquake.
 */
export async function findTwin(tx: Tx, e: Pick<EmergencyRow, 'id' | 'kind' | 'levelAuthority' | 'isDrill' | 'plan'>, gridIds: readonly string[]): Promise<EmergencyRow | null> {
  const rows = await tx.execute<RawRow>(sql`
    select e.* from emergencies e
    where e.state in ('preAlert', 'activated') and e.id <> ${e.id} and e.kind = ${e.kind} and e.level_authority = ${e.levelAuthority} and e.is_drill = ${e.isDrill}
      and e.plan ->> 'planId' = ${e.plan.planId}
      and (select array_agg(grid_id order by grid_id) from emergency_grids g where g.emergency_id = e.id)
        = (select array_agg(x order by x) from unnest(${uuids(gridIds)}) x)
    limit 1`)
  return rows[0] === undefined ? null : toRow(rows[0])
}

/** Who last turned the key of this emergency, and when; the log knows. */
export async function startOf(tx: Tx, emergencyId: string): Promise<{ by: string, at: Date } | null> {
  const rows = await tx.execute<{ name: string, at: string }>(sql`
    select p.name, ev.at from emergency_events ev join persons p on p.id = ev.actor_id
    where ev.emergency_id = ${emergencyId} and ev.type in ('emergency.preAlerted', 'emergency.activated') order by ev.seq desc limit 1`)
  return rows[0] === undefined ? null : { by: rows[0].name, at: new Date(rows[0].at) }
}
