/** The tables of a folder as their files hold them: rows of text, whatever the format. */
import type { RawRow } from './sheets.ts'
import { readdirSync, statSync } from 'node:fs'
import { basename, extname, join } from 'node:path'
import { readCsv } from './csv.ts'
import { UnreadableTable } from './import-faults.ts'
import { readWorkbook } from './xlsx.ts'

export interface RawTable {
  /** As a clerk finds it: the file, and the tab where there are several. */
  file: string
  /** What it is called, for recognising it. */
  title: string
  /** @throws UnreadableTable while it is read. */
  rows: AsyncIterable<RawRow> | Iterable<RawRow>
}

const WORKBOOKS: ReadonlySet<string> = new Set(['.xlsx', '.xlsm'])
/** What office programs also keep tables in, and can save as a workbook. */
const FOREIGN: ReadonlySet<string> = new Set(['.xls', '.et', '.ods', '.numbers'])

function* unreadable(fault: UnreadableTable): Generator<RawRow> {
  throw fault
}

function namesIn(folder: string): string[] {
  try {
    // An office program's lock files are no tables.
    return readdirSync(folder).filter(name => !/^[.~]/.test(name) && statSync(join(folder, name)).isFile()).sort((a, b) => a < b ? -1 : 1)
  }
  catch {
    return []
  }
}

/** Every table of a folder, one after the other. Files of other kinds are none of ours. */
export async function* rawTables(folder: string): AsyncGenerator<RawTable> {
  for (const file of namesIn(folder)) {
    const kind = extname(file).toLowerCase()
    const title = basename(file, extname(file))
    if (kind === '.csv')
      yield { file, title, rows: readCsv(join(folder, file)) }
    else if (FOREIGN.has(kind))
      yield { file, title, rows: unreadable(new UnreadableTable('foreignFormat')) }
    else if (WORKBOOKS.has(kind))
      yield* tabsOf(join(folder, file), file, title)
  }
}

async function* tabsOf(path: string, file: string, title: string): AsyncGenerator<RawTable> {
  try {
    const tabs = await readWorkbook(path)
    for (const { tab, rows } of tabs)
      yield { file: tabs.length > 1 ? `${file}［${tab}］` : file, title: `${title} ${tab}`, rows }
  }
  catch (error) {
    if (!(error instanceof UnreadableTable))
      throw error
    yield { file, title, rows: unreadable(error) }
  }
}
