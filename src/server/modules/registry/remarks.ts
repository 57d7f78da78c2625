/** The clerk's own tables back, with what is wrong written beside each row: he mends them where he knows his way. */
import type { CellStyle, CellValue } from 'hucre/xlsx'
import type { Fault } from './import-faults.ts'
import type { RawTable } from './raw-tables.ts'
import type { RawRow } from './sheets.ts'
import { writeXlsx } from 'hucre/xlsx'
import { HEADING_ROWS, recognise, REMARKS } from './headings.ts'
import { faultText, UnreadableTable } from './import-faults.ts'
import { rawTables } from './raw-tables.ts'

export interface RemarkedTable { file: string, workbook: Uint8Array }

const AT_FAULT: CellStyle = { fill: { type: 'pattern', pattern: 'solid', fgColor: { rgb: 'FFE2B8' } } }
const HEADING: CellStyle = { font: { bold: true }, fill: { type: 'pattern', pattern: 'solid', fgColor: { rgb: 'DFF0ED' } } }
/** Numbers stay text: a spreadsheet would round codes and drop zeros. */
const TEXT: CellStyle = { numFmt: '@' }

async function rowsOf({ rows }: RawTable): Promise<RawRow[]> {
  const all: RawRow[] = []
  try {
    for await (const row of rows)
      all.push(row)
  }
  catch (error) {
    // What can be read is given back; the fault says where it ends.
    if (!(error instanceof UnreadableTable))
      throw error
  }
  return all
}

async function remark(table: RawTable, faults: readonly Fault[], language: 'zh-CN' | 'en'): Promise<RemarkedTable | null> {
  const rows = await rowsOf(table)
  if (rows.length === 0)
    return null
  const found = recognise(rows.slice(0, HEADING_ROWS).map(({ cells }) => cells), table.title)
  const headingRow = found?.row ?? 0
  const columnOf = new Map(found?.headings.sheet.columns.map((column, i) => [column.heading, found.headings.positions[i] ?? -1]))
  // An earlier list of faults is replaced, not added to.
  const before = rows[headingRow]?.cells.findIndex(cell => cell.trim().startsWith(REMARKS)) ?? -1
  const at = before >= 0 ? before : rows.reduce((width, { cells }) => Math.max(width, cells.length), 0)
  const texts = new Map<number, string[]>()
  const cells = new Map<string, { style: CellStyle }>()
  for (const fault of faults) {
    const row = fault.row === 0 ? headingRow : fault.row - 1
    texts.set(row, [...texts.get(row) ?? [], `${fault.column === '' ? '' : `${fault.column}：`}${faultText(fault, language)}`])
    const column = columnOf.get(fault.column) ?? -1
    if (fault.row > 0 && column >= 0)
      cells.set(`${row},${column}`, { style: { ...TEXT, ...AT_FAULT } })
    cells.set(`${row},${at}`, { style: AT_FAULT })
  }
  const written: CellValue[][] = rows.map(({ cells: own }, row) => {
    const line: CellValue[] = Array.from({ length: at + 1 }, (_, i) => i === at ? '' : own[i] ?? '')
    line[at] = row === headingRow ? [REMARKS, ...texts.get(row) ?? []].join('：') : texts.get(row)?.join('；') ?? ''
    return line
  })
  for (const i of written[headingRow]?.keys() ?? [])
    cells.set(`${headingRow},${i}`, { style: HEADING })
  const widths = Array.from({ length: at + 1 }, (_, i) => ({ width: i === at ? 60 : 16, style: TEXT }))
  const workbook = await writeXlsx({ sheets: [{ name: 'Sheet1', columns: widths, rows: written, cells, freezePane: { rows: headingRow + 1 } }] })
  return { file: `${table.file.replace(/\.[^.［]+(?=［|$)/, '').replace(/［(.*)］$/, '-$1')}-${REMARKS}.xlsx`, workbook }
}

/** For every table of the folder with a fault of its own: the same rows, a column of remarks, the cells at fault in colour. */
export async function* remarkedTables(folder: string, faults: readonly Fault[], language: 'zh-CN' | 'en' = 'zh-CN'): AsyncGenerator<RemarkedTable> {
  const byFile = Map.groupBy(faults, ({ file }) => file)
  for await (const table of rawTables(folder)) {
    const own = byFile.get(table.file)
    const remarked = own === undefined ? null : await remark(table, own, language)
    if (remarked !== null)
      yield remarked
  }
}
