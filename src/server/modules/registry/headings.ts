/**
 * What a table of some office is, and where its columns are. Offices put titles above the headings, call
 * columns their own way, add columns of their own, and write totals underneath.
 */
import type { FaultCode } from './import-faults.ts'
import type { Sheet } from './sheets.ts'
import { SHEETS } from './sheets.ts'

/** Invisible and harmless: they come along when text is copied from a chat. */
export const INVISIBLE = /[\u200B-\u200D\u2060\uFEFF]/g

/** Headings stand within the first rows; further down it is data that happens to look like them. */
export const HEADING_ROWS = 20

/** Written by the list of faults, for the eyes of a clerk. */
export const REMARKS = '导入备注'
/** Numbers the rows and says nothing about anybody. */
const COUNTERS: ReadonlySet<string> = new Set(['序号', '编号', '序', 'NO', 'NO.'])

const bare = (text: string): string => text.normalize('NFKC').replace(INVISIBLE, '').replace(/[\s*:]/g, '').toUpperCase()
/** `手机号(必填)` is `手机号`; `村(社区)` is itself. */
const withoutNote = (text: string): string => text.replace(/\([^()]*\)$/, '')

/** Where the columns of a sheet stand in a row of headings. */
export interface Headings {
  sheet: Sheet
  /** By column of the sheet; -1 where there is none. */
  positions: readonly number[]
  /** Headings that nobody knows, by position. */
  unknown: readonly { at: number, heading: string }[]
  /** Where rows are numbered or remarked upon, which means nothing here. */
  counters: readonly number[]
  faults: readonly { column: string, code: FaultCode, detail: string }[]
}

const isCalled = (cell: string, name: string): boolean => cell === bare(name) || withoutNote(cell) === bare(name)

/**
 * Where each column stands among these headings; -1 where nowhere. Own names first, over all columns: a sheet may have
 * 手机号 and 联系电话, and a word that is one column's own name is no other column's other name.
 */
function placesOf({ columns }: Sheet, cells: readonly string[]): number[] {
  const places = columns.map(({ heading }) => cells.findIndex(cell => isCalled(cell, heading)))
  for (const [i, { otherwise }] of columns.entries()) {
    for (const name of otherwise) {
      if ((places[i] ?? -1) >= 0)
        break
      places[i] = cells.findIndex((cell, at) => isCalled(cell, name) && !places.includes(at))
    }
  }
  return places
}

/** How well a row of cells reads as this sheet's headings: required ones found, ones found in all. */
function weigh(sheet: Sheet, cells: readonly string[]): { required: number, found: number } {
  const found = placesOf(sheet, cells).flatMap((at, i) => at < 0 ? [] : [sheet.columns[i]])
  return { required: found.filter(column => column?.required === true).length, found: found.length }
}

function headingsOf(sheet: Sheet, row: readonly string[]): Headings {
  const cells = row.map(bare)
  const faults: { column: string, code: FaultCode, detail: string }[] = []
  const positions = placesOf(sheet, cells)
  const taken = new Set(positions)
  for (const [i, { heading, required }] of sheet.columns.entries()) {
    if (required && (positions[i] ?? -1) < 0)
      faults.push({ column: heading, code: 'missingHeading', detail: heading })
  }
  const unknown: { at: number, heading: string }[] = []
  const counters: number[] = []
  for (const [at, cell] of cells.entries()) {
    if (cell === '' || taken.has(at))
      continue
    if (cells.indexOf(cell) !== at && taken.has(cells.indexOf(cell)))
      faults.push({ column: row[at]?.trim() ?? '', code: 'duplicateHeading', detail: row[at]?.trim() ?? '' })
    else if (COUNTERS.has(cell) || cell.startsWith(REMARKS))
      counters.push(at)
    else
      unknown.push({ at, heading: row[at]?.trim() ?? '' })
  }
  return { sheet, positions, unknown, counters, faults }
}

/**
 * Which sheet a table is, and which of its first rows are its headings. A table is known by its headings;
 * where several sheets fit, or none whole, by what it is called. One that is called like the template is that
 * sheet, whatever stands in it. Null: none of the county's tables.
 */
export function recognise(firstRows: readonly (readonly string[])[], title: string): { row: number, headings: Headings } | null {
  const called = bare(title)
  let best: { row: number, sheet: Sheet, score: readonly number[] } | null = null
  for (const sheet of SHEETS as readonly Sheet[]) {
    const needed = sheet.columns.filter(column => column.required).length
    const isTemplate = called === bare(sheet.file.replace(/\.csv$/, ''))
    const name = isTemplate ? called.length : Math.max(0, ...sheet.called.filter(word => called.includes(word)).map(word => word.length))
    const rows = isTemplate && firstRows.length === 0 ? [[]] : firstRows
    for (const [row, texts] of rows.entries()) {
      const { required, found } = weigh(sheet, texts.map(bare))
      if (!isTemplate && (found < 2 || (required < needed && (required * 2 < needed || name === 0))))
        continue
      const score = [required === needed ? 1 : 0, name, required / needed, found]
      if (best === null || isBetter(score, best.score))
        best = { row, sheet, score }
    }
  }
  return best === null ? null : { row: best.row, headings: headingsOf(best.sheet, firstRows[best.row] ?? []) }
}

function isBetter(a: readonly number[], b: readonly number[]): boolean {
  const at = a.findIndex((value, i) => value !== b[i])
  return at >= 0 && (a[at] ?? 0) > (b[at] ?? 0)
}

/** The heading row once more, as printed sheets repeat it on every page. */
export function isRepeated({ positions, sheet }: Headings, cells: readonly string[]): boolean {
  return sheet.columns.every(({ heading, otherwise }, i) => {
    const cell = bare(cells[positions[i] ?? -1] ?? '')
    return (positions[i] ?? -1) < 0 || [heading, ...otherwise].some(name => isCalled(cell, name))
  })
}

/** A total is called nothing else; whoever signs or explains is told by a colon. */
const FOOTER = /^(?:[合总小共]计(?:$|[\d:(共])|(?:注|备注|说明|填表|填报|制表|审核|负责人|联系人|经办人|单位\(盖章\)|制表单位|填报单位)[^:]{0,6}:)/

/** Totals, notes and signatures underneath. */
export function isFooter(cells: readonly string[]): boolean {
  const first = cells.find(cell => cell.trim() !== '') ?? ''
  return FOOTER.test(first.normalize('NFKC').replace(/\s/g, ''))
}
