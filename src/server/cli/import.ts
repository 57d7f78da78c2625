/**
 * `npm run import -- DIR [--dry-run] [--remarks OUT]`: a county's tables into the registry, beside a running service or
 * without one; `npm run import -- --template FILE`: the tables empty, to be filled in.
 */
import type { Fault, ImportReport, PhoneVault } from '../modules/registry/index.ts'
import type { Database } from '../platform/db/index.ts'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { refreshRosters } from '../modules/plans/index.ts'
import { createPhoneVault, faultText, importCounty, remarkedTables, templateWorkbook } from '../modules/registry/index.ts'
import { dayOf, systemClock } from '../platform/clock.ts'
import { loadSecrets } from '../platform/secrets.ts'
import { IMPORT_TEXTS } from './import-texts.ts'
import { tableLines } from './table.ts'
import { withDatabase } from './with-database.ts'

/** More than this helps nobody at a terminal; one wrong heading may stand behind all of them. */
const SHOWN = 200

export interface ImportCommand {
  folder: string
  dryRun: boolean
  /** Where the tables go back with a column of remarks, if anything is wrong with them. */
  remarks: string | null
  language: 'zh-CN' | 'en'
}

/** Null: not understood. */
export function parseImport(args: readonly string[]): ImportCommand | { template: string } | null {
  try {
    const { values, positionals: [folder, ...rest] } = parseArgs({ args: [...args], allowPositionals: true, options: { 'dry-run': { type: 'boolean', default: false }, 'remarks': { type: 'string' }, 'template': { type: 'string' }, 'language': { type: 'string', default: 'zh-CN' } } })
    const { language, remarks = null, template } = values
    if (template !== undefined)
      return args.length === 2 ? { template } : null
    return folder === undefined || rest.length > 0 || (language !== 'zh-CN' && language !== 'en') ? null : { folder, dryRun: values['dry-run'], remarks, language }
  }
  catch {
    return null
  }
}

/** What the command prints about a report. */
export function reportLines({ faults, notices, differences, applied }: ImportReport, language: ImportCommand['language']): string[] {
  const texts = IMPORT_TEXTS[language]
  const listed = (all: readonly Fault[]) => [
    ...tableLines(texts.faultHeadings, all.slice(0, SHOWN).map(f => [f.file, f.row === 0 ? '' : f.row, f.column, faultText(f, language)])),
    ...all.length > SHOWN ? [texts.more(all.length - SHOWN)] : [],
  ]
  return [
    ...faults.length > 0
      ? [texts.faults(faults.length), ...listed(faults)]
      : [applied ? texts.applied : texts.dryRun, ...tableLines(texts.differenceHeadings, differences.map(d => [texts.tables[d.table] ?? d.table, d.added, d.changed, d.ended, d.unchanged]))],
    ...notices.length > 0 ? ['', texts.notices(notices.length), ...listed(notices)] : [],
  ]
}

/** @returns the exit code: 0 done, 1 refused. */
export async function runImport({ folder, dryRun, remarks, language }: ImportCommand, { db, vault, today, say }: { db: Database, vault: PhoneVault, today: string, say: (line: string) => void }): Promise<number> {
  const report = await importCounty(db, vault, { folder, dryRun, today, actorId: null })
  reportLines(report, language).forEach(say)
  if (remarks !== null && report.faults.length > 0) {
    mkdirSync(remarks, { recursive: true })
    for await (const { file, workbook } of remarkedTables(folder, report.faults, language)) {
      writeFileSync(join(remarks, file), workbook)
      say(IMPORT_TEXTS[language].remarked(join(remarks, file)))
    }
  }
  if (report.applied)
    await db.work.tx(tx => refreshRosters(tx, 'stale', today), { deadlineMs: 120_000 })
  return report.faults.length > 0 ? 1 : 0
}

if (import.meta.main) {
  const command = parseImport(process.argv.slice(2))
  if (command === null) {
    process.stderr.write(`${IMPORT_TEXTS['zh-CN'].usage}\n${IMPORT_TEXTS.en.usage}`)
    process.exitCode = 2
  }
  else if ('template' in command) {
    writeFileSync(command.template, await templateWorkbook())
    process.stdout.write(`${IMPORT_TEXTS['zh-CN'].templateWritten(command.template)}\n`)
  }
  else {
    await withDatabase(({ db, config }) => runImport(command, {
      db,
      vault: createPhoneVault(loadSecrets(config.dataDir, process.env)),
      today: dayOf(systemClock.now(), config.timeZone),
      say: line => void process.stdout.write(`${line}\n`),
    }))
  }
}
