import type { GeneratedCounty } from './generate.ts'
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { SHEETS, writeSheet } from '../server/modules/registry/index.ts'
import { generateCounty } from './generate.ts'

/** Writes the county's tables as a clerk would keep them; the same seed gives the same bytes. */
export function writeCounty(folder: string, options: { scale: number, seed: number }): GeneratedCounty {
  const county = generateCounty(options)
  mkdirSync(folder, { recursive: true })
  for (const { name, file } of SHEETS) {
    const descriptor = openSync(join(folder, file), 'w')
    try {
      for (const piece of writeSheet(name, county.tables[name]))
        writeSync(descriptor, piece)
    }
    finally {
      closeSync(descriptor)
    }
  }
  return county
}
