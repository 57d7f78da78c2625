import type { FaultCode } from './import-faults.ts'
import type { RawRow, SheetName } from './sheets.ts'
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { CsvError, parse } from 'csv-parse'
import { stringify } from 'csv-stringify/sync'
import { UnreadableTable } from './import-faults.ts'
import { sheetOf } from './sheets.ts'

/** A spreadsheet must show these, not run them (OWASP CSV injection), also in full width. */
export const FORMULA = /^[=+\-@\t\r＝＋－＠]/
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

const CSV_FAULTS: Partial<Record<string, FaultCode>> = { CSV_QUOTE_NOT_CLOSED: 'openQuote', CSV_MAX_RECORD_SIZE: 'openQuote', INVALID_OPENING_QUOTE: 'strayQuote', CSV_INVALID_CLOSING_QUOTE: 'strayQuote' }

/**
 * The rows of a CSV file, one after the other: it is never in memory as a whole.
 * @throws UnreadableTable
 */
export async function* readCsv(path: string): AsyncGenerator<RawRow> {
  const encoding = await encodingOf(path)
  if (encoding === null)
    throw new UnreadableTable('notText')
  const records = Readable.from(decoded(createReadStream(path), encoding))
    .compose(parse({ bom: true, relax_column_count: true, skip_empty_lines: false, max_record_size: MAX_ROW_BYTES })) as AsyncIterable<string[]>
  let line = 0
  try {
    for await (const cells of records)
      yield { line: ++line, cells }
  }
  catch (error) {
    if (!(error instanceof CsvError))
      throw error
    throw new UnreadableTable(CSV_FAULTS[error.code] ?? 'malformedRow', line + 1)
  }
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
