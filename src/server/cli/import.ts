/** `npm run import -- DIR [--dry-run]`: a county's tables into the registry, beside a running service or without one. */
import process from 'node:process'
import { parseArgs } from 'node:util'
import { refreshRosters } from '../modules/plans/index.ts'
import { createPhoneVault, faultText, importCounty } from '../modules/registry/index.ts'
import { dayOf, systemClock } from '../platform/clock.ts'
import { loadSecrets } from '../platform/secrets.ts'
import { withDatabase } from './with-database.ts'

const { values, positionals } = parseArgs({ allowPositionals: true, options: { 'dry-run': { type: 'boolean', default: false } } })
const folder = positionals[0]
if (folder === undefined) {
  process.stderr.write('npm run import -- 目录 [--dry-run]\n')
  process.exit(2)
}

await withDatabase(async ({ db, config }) => {
  const today = dayOf(systemClock.now(), config.timeZone)
  const report = await importCounty(db, createPhoneVault(loadSecrets(config.dataDir, process.env)), { folder, dryRun: values['dry-run'], today, actorId: null })
  if (report.faults.length > 0) {
    process.stderr.write(`有 ${report.faults.length} 处问题，未写入任何数据：\n`)
    for (const fault of report.faults)
      process.stderr.write(`  ${fault.file}${fault.row > 0 ? ` 第 ${fault.row} 行` : ''}${fault.column === '' ? '' : `“${fault.column}”`}：${faultText(fault)}\n`)
    return 1
  }
  process.stdout.write(`${report.applied ? '已导入' : '试导入（未写入）'}：\n`)
  for (const d of report.differences)
    process.stdout.write(`  ${d.table}：新增 ${d.added}，变更 ${d.changed}，未变 ${d.unchanged}\n`)
  if (report.applied)
    await db.work.tx(tx => refreshRosters(tx, 'stale', today), { deadlineMs: 120_000 })
  return 0
})
