/** The county's tables empty, for clerks to fill in: one workbook, a tab for each table. */
import type { CellStyle, DataValidation } from 'hucre/xlsx'
import type { Sheet } from './sheets.ts'
import { basename } from 'node:path'
import { writeXlsx } from 'hucre/xlsx'
import { SHEETS } from './sheets.ts'

const REQUIRED: CellStyle = { font: { bold: true, color: { rgb: 'FFFFFF' } }, fill: { type: 'pattern', pattern: 'solid', fgColor: { rgb: '0B5F58' } } }
const OPTIONAL: CellStyle = { font: { bold: true }, fill: { type: 'pattern', pattern: 'solid', fgColor: { rgb: 'DFF0ED' } } }
/** Codes and phone numbers are text: a spreadsheet would round the one and drop zeros of the other. */
const TEXT: CellStyle = { numFmt: '@' }
const ROWS = 5_000

const letter = (column: number): string => String.fromCharCode(65 + column)

function tab({ file, columns }: Sheet) {
  const dataValidations = columns.flatMap(({ parse: { words } }, i): DataValidation[] => words === undefined
    ? []
    : [{ type: 'list', values: [...words], allowBlank: true, showErrorMessage: true, errorStyle: 'warning', range: `${letter(i)}2:${letter(i)}${ROWS}` }])
  return {
    name: basename(file, '.csv'),
    columns: columns.map(({ heading }) => ({ width: Math.max(12, heading.length * 3), style: TEXT })),
    rows: [columns.map(({ heading, required }) => required ? `${heading}*` : heading)],
    cells: new Map(columns.map(({ required }, i) => [`0,${i}`, { style: required ? REQUIRED : OPTIONAL }])),
    freezePane: { rows: 1 },
    dataValidations,
  }
}

/** Required columns are dark and carry an asterisk; cells that know only certain words offer them. */
export function templateWorkbook(): Promise<Uint8Array> {
  return writeXlsx({ sheets: (SHEETS as readonly Sheet[]).map(tab) })
}
