/** The key as the console presses it: a preview, then the press with its nonce. */
import type { ResponseLevel } from '../../src/contract/vocabulary.ts'
import type { Database } from '../../src/server/platform/db/index.ts'
import type { SmallCounty } from './small-county.ts'
import { sql } from 'drizzle-orm'
import { expect } from 'vitest'
import { newId } from '../../src/server/platform/ids.ts'

export interface Reply { status: number, body: any } // eslint-disable-line ts/no-explicit-any -- tests read replies of every shape

/** `grids`: by number; left out: the whole county. */
export interface Key { level?: ResponseLevel, isDrill?: boolean, action?: 'activate' | 'preAlert', grids?: number[], plan?: string, name?: string }

export interface Hand {
  db: Database
  county: SmallCounty
  now: Date
  /** Speaks as the commander. */
  post: (url: string, body: object, headers?: Record<string, string>) => Promise<Reply>
}

export async function pressKey({ db, county, now, post }: Hand, { level = 2, isDrill = false, action = 'activate', grids, plan = 'flood', name = '短时强降雨' }: Key): Promise<{ id: string, pressedAt: number }> {
  const [row] = await db.read.tx(tx => tx.execute<{ id: string }>(sql`select id from plans where code = ${plan}`), { readOnly: true })
  const prepared = await post('/api/switch/preparations', {
    action,
    level,
    ...(action === 'activate' ? { emergencyId: null } : { warning: { kind: '暴雨', colour: 'orange', source: '县气象台', area: '全县' } }),
    planId: row?.id,
    scope: grids === undefined ? [{ type: 'county', id: null }] : grids.map(n => ({ type: 'grid', id: county.grids[n]?.id })),
    isDrill,
    name,
    levelAuthority: 'county',
    basis: '会商意见',
    approver: '县应急指挥部',
    approvalMode: 'written',
    measures: '转移危险区域群众',
    expectedUntil: new Date(now.getTime() + 86_400_000).toISOString(),
  })
  expect(prepared.status, JSON.stringify(prepared.body)).toBe(200)
  const pressedAt = performance.now()
  const pressed = await post('/api/switch/activations', { preparationId: prepared.body.preparationId, nonce: prepared.body.nonce, heldMs: 3_000 }, { 'idempotency-key': newId() })
  expect(pressed.status, JSON.stringify(pressed.body)).toBe(201)
  return { id: pressed.body.emergencyId as string, pressedAt }
}
