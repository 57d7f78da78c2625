import type { CellValue, MergeRange } from 'hucre/xlsx'
import type { RawRow } from './sheets.ts'
import { readFile } from 'node:fs/promises'
import { readXlsx } from 'hucre/xlsx'
import { UnreadableTable } from './import-faults.ts'

/** As the cell shows it, in forms that the columns' parsers know. A number never in powers of ten. */
function textOf(value: CellValue | undefined): string {
  if (value === null || value === undefined)
    return ''
  if (value instanceof Date)
    return value.toISOString().slice(0, 10)
  if (typeof value === 'boolean')
    return value ? '是' : '否'
  return typeof value === 'number' && Number.isInteger(value) ? value.toLocaleString('en', { useGrouping: false, maximumFractionDigits: 0 }) : String(value)
}

/** A cell merged over several rows speaks for each of them; one merged over columns is a title or stands in the first. */
function fillDown(rows: string[][], merges: readonly MergeRange[]): void {
  for (const { startRow, startCol, endRow } of merges) {
    const text = rows[startRow]?.[startCol] ?? ''
    for (let row = startRow + 1; row <= endRow && row < rows.length; row++) {
      const cells = rows[row] ??= []
      while (cells.length <= startCol)
        cells.push('')
      cells[startCol] = text
    }
  }
}

/**
 * The visible tabs of a workbook, as rows of text.
 * @throws UnreadableTable for an old .xls, one with a password, or no workbook at all.
 */
export async function readWorkbook(path: string): Promise<{ tab: string, rows: RawRow[] }[]> {
  const workbook = await readXlsx(await readFile(path), { sheets: ({ hidden, veryHidden }) => hidden !== true && veryHidden !== true }).catch(() => {
    throw new UnreadableTable('notAWorkbook')
  })
  return workbook.sheets.flatMap(({ name, rows, merges = [] }) => {
    const texts = Array.from(rows, row => Array.from(row, textOf))
    if (texts.every(cells => cells.every(cell => cell.trim() === '')))
      return []
    fillDown(texts, merges)
    return [{ tab: name, rows: texts.map((cells, i) => ({ line: i + 1, cells })) }]
  })
}
