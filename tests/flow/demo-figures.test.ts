/** The published figures of the demo county (domain rules §6), computed by the product on the imported tables. */
import type { ResponseLevel } from '../../src/contract/vocabulary.ts'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RESPONSE_LEVELS, UNDER_STRENGTH_BELOW } from '../../src/contract/vocabulary.ts'
import { writeCounty } from '../../src/demo-county/write.ts'
import { listPlans, pctOf, quotaOf, refreshRosters, seedPlans, stampPlan } from '../../src/server/modules/plans/index.ts'
import { createPhoneVault, importCounty } from '../../src/server/modules/registry/index.ts'
import { Secret } from '../../src/server/platform/secrets.ts'
import { openTestDatabase } from '../harness/database.ts'

const TODAY = '2026-06-15'
const db = await openTestDatabase()
const folder = mkdtempSync(join(tmpdir(), 'pingji-county-'))

interface Pairing { grid: string, unit: string, members: number, candidates: number, mobilisation: 'general' | 'professional' | 'restricted' }
let pairings: Pairing[] = []
let postsAt: (level: ResponseLevel) => Map<string, number>

beforeAll(async () => {
  writeCounty(folder, { scale: 1, seed: 1 })
  const vault = createPhoneVault({ phoneKey: new Secret(randomBytes(32)), phoneHashKey: new Secret(randomBytes(32)) })
  const report = await importCounty(db, vault, { folder, dryRun: false, today: TODAY, actorId: null })
  expect(report.faults).toEqual([])
  const { levels } = await db.work.tx(async (tx) => {
    await seedPlans(tx)
    await refreshRosters(tx, 'stale', TODAY)
    const [flood] = await listPlans(tx)
    if (flood === undefined)
      throw new Error('no plan')
    return stampPlan(flood)
  })
  pairings = await db.work.tx(tx => tx.execute<{ [column in keyof Pairing]: Pairing[column] }>(sql`
    select g.code as grid, u.name as unit, q.members, q.candidates, u.mobilisation_class as mobilisation
    from roster_quotas q join grids g on g.id = q.grid_id join units u on u.id = q.unit_id`))
  postsAt = (level) => {
    const perGrid = new Map<string, number>()
    for (const p of pairings)
      perGrid.set(p.grid, (perGrid.get(p.grid) ?? 0) + quotaOf(p.members, pctOf(levels, level, p.mobilisation)))
    return perGrid
  }
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the demo county', () => {
  it('has 91 units with 4,550 members on 59 grids in 12 communities, and 242 grid staff', async () => {
    expect(await db.work.tx(tx => tx.execute(sql`
      select (select count(*)::int from communities) as communities, (select count(*)::int from grids) as grids, (select count(*)::int from units) as units,
        (select count(*)::int from employments) as members, (select count(distinct person_id)::int from grid_posts) as staff`))).toEqual([{ communities: 12, grids: 59, units: 91, members: 4_550, staff: 242 }])
    expect(new Set(pairings.map(p => p.grid)).size).toBe(59)
    expect(new Set(pairings.map(p => p.unit)).size).toBe(91)
    expect(pairings.reduce((sum, p) => sum + p.members, 0)).toBe(4_550)
  })

  it.each([[4, 433], [3, 827], [2, 1_939], [1, 3_070]] as const)('needs at level %i %i people', (level, people) => {
    expect([...postsAt(level).values()].reduce((sum, n) => sum + n, 0)).toBe(people)
  })

  it('has ten grids below eight at level Ⅲ', () => {
    expect([...postsAt(3).values()].filter(n => n < UNDER_STRENGTH_BELOW)).toHaveLength(10)
  })

  it('can fill every level up to Ⅱ from its rosters, and names who is exempt', async () => {
    const [counts] = await db.work.tx(tx => tx.execute<{ members: number, candidates: number, exempt: number, listed: number }>(sql`
      select sum(members)::int as members, sum(candidates)::int as candidates,
        (select coalesce(sum((s ->> 'people')::int), 0)::int from roster_quotas, jsonb_array_elements(shortfalls) s) as exempt,
        (select count(*)::int from roster_entries) as listed
      from roster_quotas`))
    expect(counts?.listed).toBe(counts?.candidates)
    expect((counts?.candidates ?? 0) + (counts?.exempt ?? 0)).toBe(counts?.members)
    expect(RESPONSE_LEVELS.filter(level => level >= 2).every(level => [...postsAt(level).values()].reduce((sum, n) => sum + n, 0) <= (counts?.candidates ?? 0))).toBe(true)
  })
})
