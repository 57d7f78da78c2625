/** A county's tables as its offices hand them in: read, sent back with remarks, mended there, imported. */
import type { Fault } from '../../src/server/modules/registry/index.ts'
import type { Tables } from '../harness/county-folder.ts'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { readXlsx, writeXlsx } from 'hucre/xlsx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeCounty } from '../../src/demo-county/write.ts'
import { runImport } from '../../src/server/cli/import.ts'
import { createPhoneVault, faultText, importCounty, templateWorkbook } from '../../src/server/modules/registry/index.ts'
import { SHEETS } from '../../src/server/modules/registry/sheets.ts'
import { Secret } from '../../src/server/platform/secrets.ts'
import { openTestDatabase } from '../harness/database.ts'
import { FIRST_ROW, writeMessyCounty } from '../harness/messy-county.ts'

const TODAY = '2026-06-15'
const db = await openTestDatabase()
const vault = createPhoneVault({ phoneKey: new Secret(randomBytes(32)), phoneHashKey: new Secret(randomBytes(32)) })
const root = mkdtempSync(join(tmpdir(), 'pingji-messy-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
const { tables } = writeCounty(join(root, 'clean'), { scale: 1, seed: 1 })

let made = 0
async function messy(spoil: (t: Tables) => unknown = () => {}): Promise<string> {
  const folder = join(root, `messy-${++made}`)
  const own = structuredClone(tables) as Tables
  spoil(own)
  await writeMessyCounty(folder, own)
  return folder
}
async function load(folder: string, { dryRun = false } = {}) {
  const report = await importCounty(db, vault, { folder, dryRun, today: TODAY, actorId: null })
  return { ...report, did: Object.fromEntries(report.differences.filter(d => d.added + d.changed + d.ended > 0).map(d => [d.table, [d.added, d.changed, d.ended]])) }
}
const count = async (table: string) => Number((await db.read.tx(tx => tx.execute<{ n: number }>(sql.raw(`select count(*)::int as n from ${table}`))))[0]?.n)
const brief = (faults: readonly Fault[]) => faults.map(f => `${f.file} ${f.row} ${f.column} ${f.code}`)
function nth<T>(rows: readonly T[], n: number): T {
  const row = rows[n]
  if (row === undefined)
    throw new Error(`no row ${n}`)
  return row
}

/** What three clerks got wrong: values that were right, by file, row and column of the report. */
const finance = tables.members.filter(m => tables.units.find(u => u.name === m.unit)?.category === '金融')
const RIGHT = new Map<string, string>([
  ['各单位党员花名册.xlsx［金融］ 10 手机号', nth(finance, 6).phone ?? ''],
  ['各单位党员花名册.xlsx［金融］ 13 姓名', nth(finance, 9).name ?? ''],
  ['网格队伍.xlsx 6 岗位', nth(tables.gridStaff, 2).post ?? ''],
  ['请假情况.csv 4 起始日期', nth(tables.exemptions, 2).validFrom ?? ''],
])
function spoil(t: Tables): void {
  const own = t.members.filter(m => t.units.find(u => u.name === m.unit)?.category === '金融')
  Object.assign(nth(own, 6), { phone: '1540932' })
  Object.assign(nth(own, 9), { name: '' })
  Object.assign(nth(t.gridStaff, 2), { post: '网格管家' })
  Object.assign(nth(t.exemptions, 2), { validFrom: '2026-02-30' })
}

describe('tables as offices keep them', () => {
  it('are read whatever their columns are called, and none of the rubbish between them', async () => {
    const { faults, notices, applied, did } = await load(await messy())
    expect(faults).toEqual([])
    expect(applied).toBe(true)
    expect(did).toMatchObject({ townships: [3, 0, 0], communities: [12, 0, 0], grids: [59, 0, 0], units: [91, 0, 0], employments: [4_550, 0, 0], pairings: [91, 0, 0], rally_points: [59, 0, 0] })
    // What is left out is said.
    expect(brief(notices)).toContain('食堂值班表.xlsx 0  notRecognised')
    expect(brief(notices)).toContain('机关单位.csv 1 单位地址 ignoredColumn')
    expect(notices.map(({ file }) => file).filter(file => file.includes('旧数据') || file.includes('通知') || file.startsWith('~'))).toEqual([])
  })

  it('say the same as the templates do, and a second import changes nothing', async () => {
    expect((await load(join(root, 'clean'))).did).toEqual({})
    expect((await load(await messy())).did).toEqual({})
  })

  it('with a fault in row 3,001 leave nothing behind', async () => {
    const before = await count('persons')
    const folder = await messy((t) => {
      // All in one tab: the row numbers are those of the largest office.
      for (const unit of t.units)
        unit.category = '政府'
      nth(t.members, 3_001 - FIRST_ROW).name = ''
      nth(t.members, 0).post = '从未写入'
    })
    const report = await load(folder)
    expect(brief(report.faults)).toEqual(['各单位党员花名册.xlsx［政府］ 3001 姓名 required'].map(text => text.replace('［政府］', '')))
    expect(report.applied).toBe(false)
    expect(await count('persons')).toBe(before)
    expect(await db.read.tx(tx => tx.execute(sql`select 1 from employments where post = '从未写入'`))).toEqual([])
  })
})

describe('a report', () => {
  let folder = ''
  const out = join(root, 'remarks')
  const lines: string[] = []
  const run = (dryRun: boolean) => runImport({ folder, dryRun, remarks: out, language: 'zh-CN' }, { db, vault, today: TODAY, say: line => void lines.push(line) })
  beforeAll(async () => {
    folder = await messy(spoil)
  })

  it('names file, tab, row and column of every fault', async () => {
    const { faults } = await load(folder, { dryRun: true })
    expect(faults.map(f => `${f.file} ${f.row} ${f.column}`).sort()).toEqual([...RIGHT.keys()].sort())
  })

  it('comes as the same tables with a column of remarks, and once these are mended and handed in the import passes', async () => {
    const { faults } = await load(folder, { dryRun: true })
    expect(await run(true)).toBe(1)
    expect(readdirSync(out).sort()).toEqual(['各单位党员花名册-金融-导入备注.xlsx', '网格队伍-导入备注.xlsx', '请假情况-导入备注.xlsx'])
    expect(lines.filter(line => line.startsWith('已写出带备注的表：'))).toHaveLength(3)

    for (const name of readdirSync(out)) {
      const { sheets: [sheet] } = await readXlsx(readFileSync(join(out, name)), { readStyles: true })
      const rows = sheet?.rows ?? []
      const heading = rows.findIndex(row => row.some(cell => String(cell).startsWith('导入备注')))
      const remarks = rows[heading]?.findIndex(cell => String(cell).startsWith('导入备注')) ?? -1
      const own = faults.filter(f => name.startsWith(f.file.replace(/\..*/, '')))
      for (const fault of own) {
        const row = rows[fault.row - 1] ?? []
        expect(row[remarks]).toContain(`${fault.column}：${faultText(fault)}`)
        // The cell in colour is the one at fault.
        const at = row.findIndex((_, column) => column !== remarks && sheet?.cells?.get(`${fault.row - 1},${column}`)?.style?.fill !== undefined)
        expect(at).toBeGreaterThanOrEqual(0)
        row[at] = RIGHT.get(`${fault.file} ${fault.row} ${fault.column}`) ?? ''
      }
      expect(rows.filter((row, i) => i !== heading && row[remarks] !== null && row[remarks] !== undefined && row[remarks] !== '')).toHaveLength(own.length)
      writeFileSync(join(folder, name), await writeXlsx({ sheets: [{ name: 'Sheet1', rows }] }))
    }
    // A workbook of many tabs: the tab sent back takes the place of its old one.
    const { sheets } = await readXlsx(readFileSync(join(folder, '各单位党员花名册.xlsx')))
    writeFileSync(join(folder, '各单位党员花名册.xlsx'), await writeXlsx({ sheets: sheets.filter(({ name }) => name !== '金融').map(({ name, rows, merges }) => ({ name, rows, ...(merges !== undefined && { merges }) })) }))
    rmSync(join(folder, '网格队伍.xlsx'))
    rmSync(join(folder, '请假情况.csv'))

    const report = await load(folder)
    expect(report.faults.map(f => `${f.file} ${f.row} ${f.column} ${faultText(f)}`)).toEqual([])
    expect(report.applied).toBe(true)
    expect(report.did).toEqual({})
  })
})

describe('the templates', () => {
  it('are what the importer reads, with the words that a cell may hold', async () => {
    const { sheets } = await readXlsx(await templateWorkbook())
    expect(sheets.map(({ name, rows: [headings] }) => [name, headings?.map(h => String(h).replace('*', ''))])).toEqual(SHEETS.map(({ file, columns }) => [file.replace('.csv', ''), columns.map(c => c.heading)]))
    const folder = join(root, 'template')
    await writeMessyCounty(folder, structuredClone(tables) as Tables)
    const units = sheets.find(({ name }) => name.includes('单位') && !name.includes('党员'))
    expect(units?.dataValidations?.map(({ range }) => range)).toEqual(['B2:B5000', 'C2:C5000'])
  })
})
