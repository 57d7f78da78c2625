import type { Headings } from './headings.ts'
import type { CellFault, Fault } from './import-faults.ts'
import type { RawTable } from './raw-tables.ts'
import type { Column, CountyTables, RawRow, Row } from './sheets.ts'
import { FORMULA } from './csv.ts'
import { HEADING_ROWS, INVISIBLE, isFooter, isRepeated, recognise } from './headings.ts'
import { UnreadableTable } from './import-faults.ts'
import { rawTables } from './raw-tables.ts'
import { SHEETS } from './sheets.ts'

/** Control characters but white space, and the signs that reorder text for the reader. */
const FORBIDDEN = /[^\P{Cc}\s]|[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/u

const isBlank = (cells: readonly string[]): boolean => cells.every(cell => cell.trim() === '')

function readCell(raw: string, { required, parse }: Column): { value: Row['cells'][string] } | { fault: CellFault | 'forbiddenCharacter', detail: string } {
  if (FORBIDDEN.test(raw))
    return { fault: 'forbiddenCharacter', detail: '' }
  const trimmed = raw.replace(INVISIBLE, '').trim()
  // The quote that an export put before a formula sign is no part of the value.
  const text = trimmed.startsWith('\'') && FORMULA.test(trimmed.slice(1)) ? trimmed.slice(1) : trimmed
  if (text === '')
    return required ? { fault: 'required', detail: '' } : { value: null }
  return parse(text)
}

/** Rows under the headings, read one by one. */
function rowReader(file: string, headings: Headings, faults: Fault[]): (row: RawRow) => Row | null {
  const { sheet: { columns }, positions, unknown } = headings
  const named = new Set([...positions, ...unknown.map(({ at }) => at), ...headings.counters])
  return ({ line, cells: texts }) => {
    if (isBlank(texts) || isFooter(texts) || isRepeated(headings, texts))
      return null
    const extra = texts.find((cell, at) => cell.trim() !== '' && !named.has(at))
    if (extra !== undefined)
      faults.push({ file, row: line, column: '', code: 'extraCells', detail: extra.slice(0, 40) })
    const cells: Row['cells'] = {}
    for (const [i, column] of columns.entries()) {
      const cell = readCell(texts[positions[i] ?? -1] ?? '', column)
      if ('fault' in cell)
        faults.push({ file, row: line, column: column.heading, code: cell.fault, detail: cell.detail })
      else
        cells[column.field] = cell.value
    }
    return { file, line, cells }
  }
}

/** What a table is shows in its first rows; from there on they are read as they come. */
async function readTable({ file, title, rows }: RawTable, tables: CountyTables, seen: Set<string>, faults: Fault[]): Promise<void> {
  const first: RawRow[] = []
  let read: ((row: RawRow) => Row | null) | null = null
  let into: Row[] = []
  const begin = (): boolean => {
    const found = recognise(first.map(({ cells }) => cells), title)
    const isEmpty = first.every(({ cells }) => isBlank(cells))
    if (found === null || isEmpty) {
      faults.push({ file, row: 0, column: '', code: isEmpty ? 'emptyFile' : 'notRecognised', detail: '' })
      seen.add(found?.headings.sheet.name ?? '')
      return false
    }
    const { headings } = found
    seen.add(headings.sheet.name)
    const line = first[found.row]?.line ?? 0
    faults.push(...headings.faults.map(fault => ({ file, row: line, ...fault })))
    faults.push(...headings.unknown.map(({ heading }) => ({ file, row: line, column: heading, code: 'ignoredColumn' as const, detail: heading })))
    // Under wrong headings every cell would be wrong.
    if (headings.faults.length > 0)
      return false
    read = rowReader(file, headings, faults)
    into = tables[headings.sheet.name]
    for (const row of first.slice(found.row + 1))
      take(row)
    return true
  }
  const take = (row: RawRow): void => {
    const taken = read?.(row) ?? null
    if (taken !== null)
      into.push(taken)
  }
  try {
    for await (const row of rows) {
      if (read !== null) {
        take(row)
        continue
      }
      first.push(row)
      if (first.length === HEADING_ROWS && !begin())
        return
    }
    if (read === null)
      begin()
  }
  catch (error) {
    if (!(error instanceof UnreadableTable))
      throw error
    // What could be read tells which table it is, so that nobody hears that it is missing as well.
    if (read === null && first.length > 0)
      begin()
    else if (first.length === 0)
      seen.add(recognise([], title)?.headings.sheet.name ?? '')
    faults.push({ file, row: error.row, column: '', code: error.code, detail: '' })
  }
}

/** Reads a folder of the county's tables, and finds every fault of every file at once. */
export async function readCounty(folder: string): Promise<{ tables: CountyTables, faults: Fault[] }> {
  const tables: CountyTables = { townships: [], communities: [], grids: [], units: [], partyOrgs: [], pairings: [], members: [], gridStaff: [], roles: [], rallyPoints: [], exemptions: [] }
  const faults: Fault[] = []
  const seen = new Set<string>()
  for await (const table of rawTables(folder))
    await readTable(table, tables, seen, faults)
  for (const { name, file } of SHEETS) {
    if (!seen.has(name))
      faults.push({ file, row: 0, column: '', code: 'missingFile', detail: '' })
  }
  return { tables, faults }
}
