/** The key and the commands after it, as an officer gives them on a stage. */
import type { PersonStatus } from '../../src/contract/counting.ts'
import type { Officer } from './small-county.ts'
import type { Reply, Running, Stage } from './stage.ts'
import { sql } from 'drizzle-orm'
import { expect } from 'vitest'
import { personStatus } from '../../src/contract/counting.ts'
import { newId } from '../../src/server/platform/ids.ts'

export interface Asked {
  action?: 'activate' | 'preAlert' | 'initialResponse'
  level?: 1 | 2 | 3 | 4
  /** Grids by number; left out: the whole county. */
  grids?: number[]
  plan?: string
  /** The pre-alert or initial response to be turned. */
  turns?: Running
  isDrill?: boolean
  name?: string
  approvalMode?: 'written' | 'oral'
  expectedUntil?: string
  levelAuthority?: 'county' | 'city'
}

export interface PressWith { key?: string, heldMs?: number, nonce?: string, secondFactor?: string }

export const MAY_PRESS: Record<NonNullable<Asked['action']>, Officer> = { activate: 'countyCommander', preAlert: 'countyDuty', initialResponse: 'secretaryOfFirst' }

export function switchboardOf(stage: Stage) {
  async function words({ action = 'activate', level = 2, grids, plan = 'flood', turns, isDrill = false, name = '短时强降雨', approvalMode = 'written', levelAuthority = 'county', expectedUntil = new Date(stage.clock.now().getTime() + 86_400_000).toISOString() }: Asked) {
    const [row] = await stage.read<{ id: string }>(sql`select id from plans where code = ${plan}`)
    return {
      action,
      ...(action === 'initialResponse' ? {} : { level }),
      ...(action === 'activate' ? { emergencyId: turns?.id ?? null } : {}),
      ...(action === 'preAlert' ? { warning: { kind: '暴雨', colour: 'orange', source: '县气象台', area: '全县' } } : {}),
      planId: row?.id ?? newId(),
      scope: grids === undefined ? [{ type: 'county', id: null }] : grids.map(n => ({ type: 'grid', id: stage.county.grids[n]?.id })),
      isDrill,
      name,
      levelAuthority,
      basis: '会商意见',
      approver: '县应急指挥部',
      approvalMode,
      measures: '转移危险区域群众',
      expectedUntil,
    }
  }

  async function prepares(asked: Asked = {}, officer: Officer = MAY_PRESS[asked.action ?? 'activate'], more: object = {}): Promise<Reply> {
    return (await stage.as(officer)).post('/api/switch/preparations', { ...await words(asked), ...more })
  }

  async function presses(prepared: Reply, { key = newId(), heldMs = 3_000, nonce, secondFactor }: PressWith = {}, officer: Officer = 'countyCommander'): Promise<Reply> {
    return (await stage.as(officer)).post('/api/switch/activations', { preparationId: prepared.body.preparationId, nonce: nonce ?? prepared.body.nonce, heldMs, ...(secondFactor === undefined ? {} : { secondFactor }) }, { 'idempotency-key': key })
  }

  async function starts(asked: Asked = {}, officer: Officer = MAY_PRESS[asked.action ?? 'activate']): Promise<Running> {
    const prepared = await prepares(asked, officer)
    expect(prepared.status, JSON.stringify(prepared.body)).toBe(200)
    const pressed = await presses(prepared, {}, officer)
    expect(pressed.status, JSON.stringify(pressed.body)).toBe(201)
    return stage.running(pressed.body.emergencyId as string)
  }

  async function orders(e: Pick<Running, 'id'>, command: string, body: object = {}, officer: Officer = 'countyCommander'): Promise<Reply> {
    return (await stage.as(officer)).post(`/api/emergencies/${e.id}/${command}`, body)
  }

  /** How many people of an audience are in which status; absent: nobody. */
  async function statuses(e: Pick<Running, 'id'>, audience: 'team' | 'duty' = 'team'): Promise<Partial<Record<PersonStatus, number>>> {
    const rows = await stage.read<{ audience: 'team', memberState: 'active', callState: 'called', answer: null, presence: 'none' }>(sql`
      select audience, member_state as "memberState", call_state as "callState", answer, presence from participants where emergency_id = ${e.id} and audience = ${audience}`)
    const counts: Partial<Record<PersonStatus, number>> = {}
    for (const row of rows)
      counts[personStatus(row)] = (counts[personStatus(row)] ?? 0) + 1
    return counts
  }

  /** Kinds of the alerts issued since, and to how many, in order. */
  async function alerts(e: Running, after = 0): Promise<[string, number][]> {
    return (await e.events('alert.issued')).filter(ev => ev.seq > after).map(ev => [ev.data.kind, ev.data.recipients])
  }

  const lastSeq = async (e: Running): Promise<number> => (await e.events()).at(-1)?.seq ?? 0
  const held = async (e: Pick<Running, 'id'>): Promise<number> => (await stage.read(sql`select 1 from participants where emergency_id = ${e.id} and holds`)).length
  const required = async (e: Pick<Running, 'id'>): Promise<number> => (await stage.read<{ n: number }>(sql`select coalesce(sum(required), 0)::int as n from vanguard_teams where emergency_id = ${e.id}`))[0]?.n ?? 0

  return { words, prepares, presses, starts, orders, statuses, alerts, lastSeq, held, required }
}
