/**
 * The same county as its offices would hand it in: workbooks and old CSV files, titles above and totals below,
 * columns called otherwise and in another order, cells merged, dates and numbers as a spreadsheet keeps them.
 */
import type { CellValue, MergeRange } from 'hucre/xlsx'
import type { Tables } from './county-folder.ts'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeXlsx } from 'hucre/xlsx'
import { toGb18030 } from './gb18030.ts'

type Record1 = Record<string, string>
type Columns = readonly (readonly [heading: string, of: (row: Record1, nth: number) => CellValue])[]

const field = (name: string) => (row: Record1): CellValue => row[name] ?? ''
const counter = (_: Record1, nth: number): CellValue => nth + 1
const asNumber = (name: string) => (row: Record1): CellValue => row[name] === undefined || row[name] === '' ? null : Number(row[name])
const asDate = (name: string) => (row: Record1): CellValue => row[name] === undefined || row[name] === '' ? null : new Date(`${row[name]}T00:00:00Z`)
/** A date that nobody formatted as one: the spreadsheet's own count of days. */
const asSerial = (name: string) => (row: Record1): CellValue => row[name] === undefined || row[name] === '' ? null : Date.parse(`${row[name]}T00:00:00Z`) / 86_400_000 + 25_569
const words = (name: string, pairs: Record1) => (row: Record1): CellValue => pairs[row[name] ?? ''] ?? row[name] ?? ''
const tick = (name: string) => (row: Record1): CellValue => row[name] === '是' ? '√' : '×'
const birthday = (row: Record1): CellValue => row.birthYear === undefined || row.birthYear === '' ? null : new Date(Date.UTC(Number(row.birthYear), 4, 12))
const spaced = (name: string) => (row: Record1): CellValue => (row[name] ?? '').replace(/^(\d{3})(\d{4})(\d{4})$/, '$1 $2 $3')
const wide = (name: string) => (row: Record1): CellValue => (row[name] ?? '').replace(/\d/g, digit => String.fromCharCode(digit.charCodeAt(0) + 0xFEE0))
const thin = (name: string) => (row: Record1): CellValue => (row[name] ?? '').length === 2 ? [...row[name] ?? ''].join('　') : row[name] ?? ''

interface Tab { name: string, rows: CellValue[][], merges: MergeRange[], hidden?: boolean }

/** A tab with a title, a date line, its headings in the third row, blank rows between, a total and a signature below. */
function tab(name: string, title: string, columns: Columns, rows: readonly Record1[], { mergedBy }: { mergedBy?: number } = {}): Tab {
  const data = rows.map((row, nth) => columns.map(([, of]) => of(row, nth)))
  const merges: MergeRange[] = [{ startRow: 0, startCol: 0, endRow: 0, endCol: columns.length - 1 }]
  if (mergedBy !== undefined) {
    for (let from = 0; from < data.length;) {
      let to = from
      while (to + 1 < data.length && data[to + 1]?.[mergedBy] === data[from]?.[mergedBy])
        (data[++to] ?? [])[mergedBy] = null
      if (to > from)
        merges.push({ startRow: 3 + from, startCol: mergedBy, endRow: 3 + to, endCol: mergedBy })
      from = to + 1
    }
  }
  return {
    name,
    merges,
    rows: [[title], ['填报单位：县委组织部', null, '填报时间：2026年6月'], columns.map(([heading]) => heading), ...data, [], ['合计', `${rows.length}`], ['填表人：张三', null, '审核：李四']],
  }
}

const workbook = (tabs: readonly Tab[]) => writeXlsx({ sheets: tabs.map(({ rows, ...rest }) => ({ ...rest, rows: rows.map(row => [...row]) })) })
function csv(columns: Columns, rows: readonly Record1[]): string {
  return [columns.map(([heading]) => heading), ...rows.map((row, nth) => columns.map(([, of]) => String(of(row, nth) ?? '')))]
    .map(cells => cells.map(cell => /[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell).join(','))
    .join('\r\n')
}

const PERSON: Columns = [['序号', counter], ['姓　名', thin('name')], ['性别', () => '男'], ['出生年月', birthday], ['政治面貌*', words('politicalStatus', { 中共党员: '党员', 群众: '普通群众' })]]

/** Row of the first record in a workbook's tab. */
export const FIRST_ROW = 4

export async function writeMessyCounty(folder: string, t: Tables): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const put = (name: string, content: string | Uint8Array) => writeFileSync(join(folder, name), content)
  const categoryOf = new Map(t.units.map(u => [u.name ?? '', u.category ?? '']))

  put('岷县区划.xlsx', await workbook([
    tab('乡镇（街道）', '岷县乡镇（街道）一览表', [['序号', counter], ['乡镇（街道）', field('name')], ['区划代码', asNumber('code')], ['辖区面积', () => 12.5]], t.townships),
    tab('社区', '城市社区一览表', [['社区名称', field('name')], ['所在乡镇', field('township')], ['区划代码（12位）', field('code')], ['办公电话', field('dutyPhone')]], t.communities, { mergedBy: 1 }),
    { ...tab('旧数据', '2019 年旧表', [['社区名称', field('name')], ['所在乡镇', field('township')], ['区划代码', field('code')]], t.communities), hidden: true },
  ]))
  put('网格台账(最新).xlsx', await workbook([tab('Sheet1', '网格划分台账', [['所在社区', field('community')], ['网格编号', asNumber('code')], ['网格名称', field('name')], ['类型', field('placeType')], ['备注', () => '']], t.grids, { mergedBy: 0 })]))
  put('机关单位.csv', toGb18030(csv([['部门名称', field('name')], ['单位性质', words('category', { 事业: '事业单位', 医疗: '医院', 垂管: '垂直管理' })], ['动员分类', field('mobilisationClass')], ['单位地址', () => '县城']], t.units)))
  put('基层党组织情况.xlsx', await workbook([tab('党组织', '基层党组织情况', [['组织名称', field('name')], ['党组织类型', field('kind')], ['隶属党组织', field('parent')], ['所在乡镇', field('township')], ['所在社区', field('community')], ['所在网格', field('grid')], ['所在单位', field('unit')], ['成立时间', () => '2019.7']], t.partyOrgs)]))
  // One table in two files, each in its own fashion.
  const half = Math.ceil(t.pairings.length / 2)
  put('包联台账-东片.xlsx', await workbook([tab('东片', '单位包联网格台账', [['包联单位', field('unit')], ['社区', field('community')], ['责任网格', field('grid')], ['牵头单位', tick('isLead')], ['结对时间', asDate('validFrom')], ['到期日期', asDate('validTo')]], t.pairings.slice(0, half))]))
  put('包联台账-西片.csv', `\uFEFF${csv([['责任网格', field('grid')], ['所属社区', field('community')], ['责任单位', field('unit')], ['是否牵头(必填)', field('isLead')], ['起', r => (r.validFrom ?? '').replaceAll('-', '.')], ['止', r => (r.validTo ?? '').replaceAll('-', '/')]], t.pairings.slice(half))}`)
  const member: Columns = [...PERSON, ['联系电话', asNumber('phone')], ['工作单位', field('unit')], ['职务职级', field('post')], ['应急梯队', words('tier', { 第一梯队: '1', 第二梯队: '二梯队' })], ['专长', field('skills')], ['居住地社区', field('residence')]]
  put('各单位党员花名册.xlsx', await workbook([...new Set(categoryOf.values())].map(category =>
    tab(category, `${category}类单位党员花名册`, member, t.members.filter(m => categoryOf.get(m.unit ?? '') === category)))))
  put('网格队伍.xlsx', await workbook([tab('网格员', '网格长、网格员花名册', [...PERSON, ['手机', spaced('phone')], ['身份', words('post', { 专职网格员: '专职', 兼职网格员: '兼职' })], ['村（社区）', field('community')], ['网格', field('grid')], ['人员来源', field('source')], ['招聘', tick('recruited')]], t.gridStaff)]))
  put('系统账号授权.xlsx', await workbook([tab('授权', '系统账号授权申请表', [...PERSON, ['手机号码', wide('phone')], ['角色', field('role')], ['范围类型', field('scopeType')], ['管理范围', field('scopeName')], ['任职日期', asSerial('validFrom')], ['免职日期', asSerial('validTo')]], t.roles)]))
  put('集结点.xlsx', await workbook([tab('集结点', '应急集结点', [['社区', field('community')], ['网格', field('grid')], ['集结地点', field('name')], ['详细地址', field('address')], ['东经', asNumber('longitude')], ['北纬', asNumber('latitude')], ['签到范围', r => r.fenceM === undefined || r.fenceM === '' ? '' : `${r.fenceM}米`]], t.rallyPoints)]))
  put('请假情况.csv', csv([['人员姓名', field('name')], ['联系方式', field('phone')], ['请假事由', field('reason')], ['开始时间', r => (r.validFrom ?? '').replaceAll('-', '')], ['结束时间', r => r.validTo === undefined || r.validTo === '' ? '' : `${r.validTo} 00:00:00`], ['备注', field('note')]], t.exemptions))
  // What lies about in such a folder besides.
  put('关于报送台账的通知.docx', 'PK')
  put('~$网格台账(最新).xlsx', 'lock')
  put('食堂值班表.xlsx', await workbook([{ name: 'Sheet1', merges: [], rows: [['日期', '值班人'], ['周一', '老王'], ['周二', '老李']] }]))
}
