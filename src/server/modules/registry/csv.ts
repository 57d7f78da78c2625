import type { CellFault, Fault } from './import-faults.ts'
import type { Column, CountyTables, Row, Sheet, SheetName } from './sheets.ts'
import { createReadStream, existsSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { CsvError, parse } from 'csv-parse'
import { stringify } from 'csv-stringify/sync'
import { sheetOf, SHEETS } from './sheets.ts'

/** A spreadsheet must show these, not run them (OWASP CSV injection), also in full width. */
const FORMULA = /^[=+\-@\t\r＝＋－＠]/
/** Invisible and harmless: they come along when text is copied from a chat. */
const INVISIBLE = /[\u200B-\u200D\u2060\uFEFF]/g
/** Control characters but white space, and the signs that reorder text for the reader. */
const FORBIDDEN = /[^\P{Cc}\s]|[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/u
/** A quotation mark left open would otherwise swallow the rest of the file into one cell. */
const MAX_ROW_BYTES = 64 * 1024

/** What Chinese office programs write: UTF-8 with or without BOM, or GB18030. */
const ENCODINGS = ['utf-8', 'gb18030'] as const

async function* decoded(bytes: AsyncIterable<Buffer>, encoding: string): AsyncGenerator<string> {
  const decoder = new TextDecoder(encoding, { fatal: true })
  for await (const chunk of bytes)
    yield decoder.decode(chunk, { stream: true })
  yield decoder.decode()
}

/** Null: neither. Looks at the whole file, since a single odd byte near its end decides. */
async function encodingOf(path: string): Promise<string | null> {
  for (const encoding of ENCODINGS) {
    try {
      for await (const _ of decoded(createReadStream(path), encoding)) { /* only whether it can be read */ }
      return encoding
    }
    catch (error) {
      if (!(error instanceof TypeError))
        throw error
    }
  }
  return null
}

const CSV_FAULTS: Partial<Record<string, Fault['code']>> = { CSV_QUOTE_NOT_CLOSED: 'openQuote', CSV_MAX_RECORD_SIZE: 'openQuote', INVALID_OPENING_QUOTE: 'strayQuote', CSV_INVALID_CLOSING_QUOTE: 'strayQuote' }

function readHeadings(cells: readonly string[], columns: readonly Column[], add: (column: string, code: Fault['code'], detail: string) => void): number[] {
  const headings = cells.map(h => h.normalize('NFKC').replace(/[\s*]/g, '').replace(INVISIBLE, ''))
  for (const [i, heading] of headings.entries()) {
    if (heading !== '' && headings.indexOf(heading) !== i)
      add(heading, 'duplicateHeading', heading)
    else if (heading !== '' && !columns.some(c => c.heading === heading))
      add(heading, 'unknownHeading', heading)
  }
  for (const { heading, required } of columns) {
    if (required && !headings.includes(heading))
      add(heading, 'missingHeading', heading)
  }
  return columns.map(column => headings.indexOf(column.heading))
}

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

/** One sheet, row by row: the file is never in memory as a whole. Headings may stand in any order. */
async function readSheet(path: string, { file, columns }: Sheet): Promise<{ rows: Row[], faults: Fault[] }> {
  const rows: Row[] = []
  const faults: Fault[] = []
  const encoding = await encodingOf(path)
  if (encoding === null)
    return { rows, faults: [{ file, row: 0, column: '', code: 'notText', detail: '' }] }
  const records = Readable.from(decoded(createReadStream(path), encoding))
    .compose(parse({ bom: true, relax_column_count: true, skip_empty_lines: false, max_record_size: MAX_ROW_BYTES })) as AsyncIterable<string[]>
  let line = 0
  let positions: number[] | null = null
  try {
    for await (const record of records) {
      line++
      if (positions === null) {
        positions = readHeadings(record, columns, (column, code, detail) => faults.push({ file, row: line, column, code, detail }))
        // Under wrong headings every cell would be wrong.
        if (faults.length > 0)
          return { rows, faults }
        continue
      }
      if (record.every(cell => cell.trim() === ''))
        continue
      const named = new Set(positions)
      const extra = record.find((cell, i) => cell.trim() !== '' && !named.has(i))
      if (extra !== undefined)
        faults.push({ file, row: line, column: '', code: 'extraCells', detail: extra.slice(0, 40) })
      const cells: Row['cells'] = {}
      for (const [i, column] of columns.entries()) {
        const cell = readCell(record[positions[i] ?? -1] ?? '', column)
        if ('fault' in cell)
          faults.push({ file, row: line, column: column.heading, code: cell.fault, detail: cell.detail })
        else
          cells[column.field] = cell.value
      }
      rows.push({ line, cells })
    }
  }
  catch (error) {
    if (!(error instanceof CsvError))
      throw error
    faults.push({ file, row: line + 1, column: '', code: CSV_FAULTS[error.code] ?? 'malformedRow', detail: '' })
  }
  if (line === 0 && faults.length === 0)
    faults.push({ file, row: 0, column: '', code: 'emptyFile', detail: '' })
  return { rows, faults }
}

/** Reads a folder of the county's tables, and finds every fault of every file at once. */
export async function readCounty(folder: string): Promise<{ tables: CountyTables, faults: Fault[] }> {
  const tables: CountyTables = { townships: [], communities: [], grids: [], units: [], partyOrgs: [], pairings: [], members: [], gridStaff: [], roles: [], rallyPoints: [], exemptions: [] }
  const faults: Fault[] = []
  for (const sheet of SHEETS) {
    const path = join(folder, sheet.file)
    if (!existsSync(path)) {
      faults.push({ file: sheet.file, row: 0, column: '', code: 'missingFile', detail: '' })
      continue
    }
    const read = await readSheet(path, sheet)
    tables[sheet.name] = read.rows
    faults.push(...read.faults)
  }
  return { tables, faults }
}

/** Cells of one row in the sheet's order, by field; what is not given stays empty. */
export type WrittenRow = Readonly<Record<string, string>>

/** Rows that office programs open as they are: CRLF, everything in quotes, no cell that runs as a formula. */
function writeRows(rows: readonly (readonly string[])[]): string {
  return stringify(rows.map(row => row.map(cell => FORMULA.test(cell) ? `'${cell}` : cell)), { record_delimiter: 'windows', quoted: true })
}

const ROWS_AT_ONCE = 5_000

/** A sheet in pieces, so that a large one need not stand in memory: the BOM and the headings, then rows. */
export function* writeSheet(name: SheetName, rows: readonly WrittenRow[]): Generator<string> {
  const { columns } = sheetOf(name)
  yield `\uFEFF${writeRows([columns.map(c => c.heading)])}`
  for (let i = 0; i < rows.length; i += ROWS_AT_ONCE)
    yield writeRows(rows.slice(i, i + ROWS_AT_ONCE).map(row => columns.map(c => row[c.field] ?? '')))
}
