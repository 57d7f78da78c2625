/** The demo county's tables in a folder of the test's own, to be spoiled as a clerk might. */
import type { SheetName, WrittenRow } from '../../src/server/modules/registry/index.ts'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeCounty } from '../../src/demo-county/write.ts'
import { SHEETS, writeSheet } from '../../src/server/modules/registry/index.ts'

export const fileOf = (name: SheetName): string => SHEETS.find(s => s.name === name)?.file ?? ''

export type Tables = Record<SheetName, Record<string, string>[]>

export interface CountyFolders {
  /** A folder with the demo county, some of its tables changed. */
  make: (change?: (tables: Tables) => unknown) => string
  /** A folder with the demo county, one file's text changed. */
  makeWithText: (name: SheetName, change: (text: string) => string | Buffer) => string
  remove: () => void
}

/** `membersPerUnit` keeps the first of every unit, secretary and liaison among them: what is tested is often the same with few. */
export function countyFolders({ membersPerUnit = Infinity } = {}): CountyFolders {
  const root = mkdtempSync(join(tmpdir(), 'pingji-tables-'))
  const original = join(root, 'original')
  const { tables } = writeCounty(original, { scale: 1, seed: 1 })
  if (membersPerUnit < Infinity) {
    const kept = new Map<string, number>()
    tables.members = tables.members.filter(({ unit = '' }) => {
      kept.set(unit, (kept.get(unit) ?? 0) + 1)
      return (kept.get(unit) ?? 0) <= membersPerUnit
    })
    const people = new Set(tables.members.map(m => m.phone))
    tables.exemptions = tables.exemptions.filter(e => people.has(e.phone))
    tables.partyOrgs = tables.partyOrgs.map(o => o.unit === undefined ? o : { ...o, kind: '单位党支部' })
    for (const { name, file } of SHEETS)
      writeFileSync(join(original, file), [...writeSheet(name, tables[name])].join(''))
  }
  const before = new Map(SHEETS.map(({ name }) => [name, JSON.stringify(tables[name])]))
  let made = 0
  const copy = () => {
    const folder = join(root, String(++made))
    cpSync(original, folder, { recursive: true })
    return folder
  }
  return {
    make(change) {
      const folder = copy()
      if (change !== undefined) {
        const changed = structuredClone(tables) as Tables
        change(changed)
        for (const { name, file } of SHEETS) {
          if (JSON.stringify(changed[name]) !== before.get(name))
            writeFileSync(join(folder, file), [...writeSheet(name, changed[name] satisfies WrittenRow[])].join(''))
        }
      }
      return folder
    },
    makeWithText(name, change) {
      const folder = copy()
      const path = join(folder, fileOf(name))
      writeFileSync(path, change(readFileSync(path, 'utf8')))
      return folder
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  }
}
