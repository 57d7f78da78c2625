import type { Column, CountyTables, Fault, Row, SheetName } from './sheets.ts'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import { stringify } from 'csv-stringify/sync'
import { SHEETS } from './sheets.ts'

/** A spreadsheet must show these, not run them (OWASP CSV injection), also in full width. */
const FORMULA = /^[=+\-@\t\r＝＋－＠]/
/** NUL and the characters that reorder text for the reader. */
// eslint-disable-next-line no-control-regex
const FORBIDDEN = /[\u0000\u200E\u200F\u202A-\u202E\u2066-\u2069]/

/** UTF-8 with or without BOM, else GB18030, which is what Chinese office programs write. Null: neither. */
function decode(bytes: Buffer): string | null {
  for (const encoding of ['utf-8', 'gb18030']) {
    try {
      return new TextDecoder(encoding, { fatal: true }).decode(bytes)
    }
    catch {
      continue
    }
  }
  return null
}

export function readSheet(file: string, columns: readonly Column[], bytes: Buffer): { rows: Row[], faults: Fault[] } {
  const fault = (row: number, column: string, code: Fault['code'], detail: string): Fault => ({ file, row, column, code, detail })
  const text = decode(bytes)
  if (text === null)
    return { rows: [], faults: [fault(0, '', 'badBytes', '')] }
  let records: { record: string[], info: { lines: number } }[]
  try {
    records = parse(text, { bom: true, info: true, relax_column_count: true, skip_empty_lines: true, trim: true }) as unknown as typeof records
  }
  catch (error) {
    return { rows: [], faults: [fault((error as { lines?: number }).lines ?? 0, '', 'malformedCsv', (error as Error).message)] }
  }
  const faults: Fault[] = []
  const headings = (records[0]?.record ?? []).map(h => h.normalize('NFKC').replace(/\s/g, ''))
  for (const [i, heading] of headings.entries()) {
    if (headings.indexOf(heading) !== i)
      faults.push(fault(1, heading, 'duplicateHeading', heading))
    else if (heading !== '' && !columns.some(c => c.heading === heading))
      faults.push(fault(1, heading, 'unknownHeading', heading))
  }
  const positions = columns.map(column => headings.indexOf(column.heading))
  for (const [i, column] of columns.entries()) {
    if (positions[i] === -1 && column.required)
      faults.push(fault(1, column.heading, 'missingHeading', column.heading))
  }
  if (faults.length > 0)
    return { rows: [], faults }
  const rows: Row[] = []
  for (const { record, info } of records.slice(1)) {
    if (record.every(cell => cell === ''))
      continue
    const cells: Row['cells'] = {}
    for (const [i, column] of columns.entries()) {
      const position = positions[i] ?? -1
      const raw = (position === -1 ? '' : record[position] ?? '').trim()
      if (FORBIDDEN.test(raw)) {
        faults.push(fault(info.lines, column.heading, 'badBytes', ''))
        continue
      }
      // A protecting quote that an export has put before a formula sign is not part of the value.
      const cell = raw.startsWith('\'') && FORMULA.test(raw.slice(1)) ? raw.slice(1) : raw
      if (cell === '') {
        cells[column.field] = null
        if (column.required)
          faults.push(fault(info.lines, column.heading, 'required', ''))
        continue
      }
      const parsed = column.parse(cell.normalize('NFKC'))
      if ('fault' in parsed)
        faults.push(fault(info.lines, column.heading, parsed.fault, parsed.allowed ?? (parsed.fault === 'notAPhone' ? '' : cell)))
      else
        cells[column.field] = parsed.value
    }
    rows.push({ line: info.lines, cells })
  }
  return { rows, faults }
}

/** Reads a folder of the county's tables. Every fault of every file at once. */
export function readCounty(folder: string): { tables: CountyTables, faults: Fault[] } {
  const tables = {} as CountyTables
  const faults: Fault[] = []
  for (const { name, file, columns } of SHEETS) {
    tables[name] = []
    const path = join(folder, file)
    if (!existsSync(path)) {
      faults.push({ file, row: 0, column: '', code: 'missingFile', detail: '' })
      continue
    }
    const read = readSheet(file, columns, readFileSync(path))
    tables[name] = read.rows
    faults.push(...read.faults)
  }
  return { tables, faults }
}

/** A table that office programs open as it is: UTF-8 with BOM, CRLF, no cell that runs as a formula. */
export function writeSheet(name: SheetName, rows: readonly Record<string, string>[]): string {
  const sheet = SHEETS.find(s => s.name === name)
  if (sheet === undefined)
    throw new Error(`no sheet ${name}`)
  const safe = (cell: string) => FORMULA.test(cell) ? `'${cell}` : cell
  const body = stringify([sheet.columns.map(c => c.heading), ...rows.map(row => sheet.columns.map(c => safe(row[c.field] ?? '')))], { record_delimiter: 'windows' })
  return `\uFEFF${body}`
}
