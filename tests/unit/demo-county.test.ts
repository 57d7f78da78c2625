import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ROLES } from '../../src/contract/vocabulary.ts'
import { generateCounty } from '../../src/demo-county/generate.ts'
import { writeCounty } from '../../src/demo-county/write.ts'
import { quotaOf } from '../../src/server/modules/plans/plans.rules.ts'

const { tables, accounts } = generateCounty({ scale: 1, seed: 1 })

function countBy(rows: readonly Readonly<Record<string, string>>[], field: string) {
  const counts: Record<string, number> = {}
  for (const row of rows)
    counts[row[field] ?? ''] = (counts[row[field] ?? ''] ?? 0) + 1
  return counts
}
const membersOf = countBy(tables.members, 'unit')

describe('the demo county', () => {
  it('has the published places, with codes inside each other', () => {
    expect(tables.townships.map(t => t.code)).toEqual(['621126100', '621126106', '621126107'])
    expect(tables.communities.map(c => c.code)).toEqual([...Array.from({ length: 9 }, (_, i) => `62112610090${i + 1}`), '621126106901', '621126106902', '621126107901'])
    expect(tables.grids).toHaveLength(59)
    expect(countBy(tables.partyOrgs, 'kind')).toMatchObject({ 乡镇党委: 3, 社区党总支: 7, 社区党支部: 5, 网格党支部: 19, 网格党小组: 40 })
  })

  it('has the published units and members', () => {
    const byCategory = Object.fromEntries(Object.entries(countBy(tables.units, 'category')).map(([category, units]) => [
      category,
      [units, tables.units.filter(u => u.category === category).reduce((sum, u) => sum + (membersOf[u.name ?? ''] ?? 0), 0)],
    ]))
    expect(byCategory).toEqual({ 党群: [16, 472], 政府: [27, 1_790], 司法: [2, 128], 事业: [10, 275], 医疗: [4, 423], 学校: [8, 607], 垂管: [8, 292], 金融: [9, 295], 公用: [7, 268] })
    expect(countBy(tables.members, 'unit')).toMatchObject({ 公安局: 204, 市场监管局: 111, 水文站: 10 })
    const professional = tables.units.filter(u => u.mobilisationClass === '专业')
    expect([professional.length, professional.reduce((sum, u) => sum + (membersOf[u.name ?? ''] ?? 0), 0)]).toEqual([20, 1_217])
    expect(tables.units.filter(u => u.mobilisationClass === '限制')).toEqual([])
  })

  it('totals the published members per community', () => {
    const communityOf = new Map(tables.pairings.map(p => [p.unit, p.community]))
    const totals = new Map<string | undefined, number>()
    for (const { unit } of tables.members)
      totals.set(communityOf.get(unit), (totals.get(communityOf.get(unit)) ?? 0) + 1)
    expect(tables.communities.map(c => totals.get(c.name))).toEqual([585, 419, 476, 528, 353, 372, 441, 319, 340, 339, 206, 172])
  })

  it.each([[4, 10, 5, 433], [3, 20, 10, 827], [2, 50, 20, 1_939], [1, 80, 30, 3_070]])('needs at level %i (%i and %i %%) %i people', (_, general, professional, people) => {
    expect(tables.units.reduce((sum, u) => sum + quotaOf(membersOf[u.name ?? ''] ?? 0, u.mobilisationClass === '专业' ? professional : general), 0)).toBe(people)
  })

  it('has ten grids below eight at level Ⅲ', () => {
    const classOf = new Map(tables.units.map(u => [u.name, u.mobilisationClass]))
    const posts = new Map<string, number>()
    for (const { unit = '', community, grid } of tables.pairings)
      posts.set(`${community}${grid}`, (posts.get(`${community}${grid}`) ?? 0) + quotaOf(membersOf[unit] ?? 0, classOf.get(unit) === '专业' ? 10 : 20))
    expect([...posts.values()].filter(n => n < 8)).toHaveLength(10)
  })

  it('pairs 33 grids with one unit, 20 with two, 6 with three, and the first leads', () => {
    const perGrid = countBy(tables.pairings.map(p => ({ at: `${p.community}${p.grid}` })), 'at')
    expect(countBy(Object.values(perGrid).map(n => ({ n: String(n) })), 'n')).toEqual({ 1: 33, 2: 20, 3: 6 })
    expect(tables.pairings.filter(p => p.isLead === '是')).toHaveLength(59)
    expect(tables.pairings.slice(0, 3).map(p => [p.unit, p.isLead])).toEqual([['市场监管局', '是'], ['商务局', '否'], ['中药材产业发展中心', '否']])
  })

  it('has 59 chiefs, 22 officers of two to four grids, and 161 assistants from three sources', () => {
    expect(countBy(tables.gridStaff, 'post')).toEqual({ 网格长: 59, 专职网格员: 59, 兼职网格员: 161 })
    const grids = Object.values(countBy(tables.gridStaff.filter(s => s.post === '专职网格员'), 'phone')).sort()
    expect(grids).toEqual([...Array.from({ length: 9 }).fill(2), ...Array.from({ length: 11 }).fill(3), 4, 4])
    expect(countBy(tables.gridStaff, 'source')).toEqual({ '': 118, '党员骨干': 70, '居民代表': 55, '志愿者': 36 })
    expect(new Set(tables.gridStaff.map(s => s.phone)).size).toBe(242)
    // 124 recruited: the chiefs and 65 more, who work as community cadres.
    expect(tables.gridStaff.filter(s => s.recruited === '是')).toHaveLength(59)
    expect(tables.roles.filter(r => r.role === '社区两委')).toHaveLength(65)
  })

  it('names nobody twice, and only numbers that nobody can own', () => {
    const people = [...tables.members, ...tables.gridStaff, ...tables.roles]
    expect(people.every(p => /^1540932\d{4}$/.test(p.phone ?? ''))).toBe(true)
    expect(new Set(tables.members.map(m => m.phone)).size).toBe(4_550)
    expect(tables.members.every(m => Number(m.birthYear) >= 1966 && Number(m.birthYear) <= 2004)).toBe(true)
    expect(tables.communities.every(c => /^0932-0\d{6}$/.test(c.dutyPhone ?? ''))).toBe(true)
    expect(new Set(tables.communities.map(c => c.dutyPhone)).size).toBe(12)
  })

  it('exempts three or four in a hundred, never a unit\'s secretary or liaison', () => {
    const current = tables.exemptions.filter(e => e.validTo === '')
    expect(current.length / 4_550).toBeGreaterThan(0.03)
    expect(current.length / 4_550).toBeLessThan(0.04)
    const officers = new Set(tables.roles.filter(r => r.scopeType === '单位').map(r => r.phone))
    expect(officers.size).toBe(182)
    expect(tables.exemptions.filter(e => officers.has(e.phone))).toEqual([])
  })

  it('opens accounts for one of each role and every community\'s secretary', () => {
    expect(accounts).toHaveLength(26)
    expect(new Set(accounts.map(a => a.role))).toEqual(new Set(ROLES))
    expect(accounts.filter(a => a.role === 'communitySecretary').map(a => a.scopeName)).toEqual(tables.communities.map(c => c.name))
  })

  it('is the same to the byte for the same seed, and another for another', () => {
    const root = mkdtempSync(join(tmpdir(), 'pingji-demo-'))
    try {
      const hash = (name: string, seed: number) => {
        const folder = join(root, name)
        writeCounty(folder, { scale: 1, seed })
        const digest = createHash('sha256')
        for (const file of readdirSync(folder).sort())
          digest.update(file).update(readFileSync(join(folder, file)))
        return digest.digest('hex')
      }
      const first = hash('a', 1)
      expect(hash('b', 1)).toBe(first)
      expect(hash('c', 2)).not.toBe(first)
    }
    finally {
      rmSync(root, { recursive: true })
    }
  })

  it('grows by members alone', () => {
    const large = generateCounty({ scale: 3, seed: 1 }).tables
    expect(large.members).toHaveLength(3 * 4_550)
    expect(large.members.every(m => /^154\d{8}$/.test(m.phone ?? ''))).toBe(true)
    expect(new Set(large.members.map(m => m.phone)).size).toBe(3 * 4_550)
    expect([large.grids.length, large.units.length, large.pairings.length, large.gridStaff.length]).toEqual([59, 91, 91, 279])
    expect(large.partyOrgs.find(o => o.unit === '气象局')?.kind).toBe('单位党总支')
  })
})
