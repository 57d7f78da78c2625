import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SHEETS } from '../server/modules/registry/sheets.ts'
import { writeSheet } from '../server/modules/registry/csv.ts'
import { generateCounty, type GeneratedCounty } from './generate.ts'

/** Writes the county's tables as a clerk would keep them; the same seed gives the same bytes. */
export function writeCounty(folder: string, options: { scale: number, seed: number }): GeneratedCounty {
  const county = generateCounty(options)
  mkdirSync(folder, { recursive: true })
  for (const { name, file } of SHEETS)
    writeFileSync(join(folder, file), writeSheet(name, county.tables[name]))
  return county
}
