/** `npm run audit:verify`: is the audit trail what was sealed? */
import type { SealFault } from '../modules/audit/index.ts'
import { existsSync } from 'node:fs'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { createAudit, readHeads } from '../modules/audit/index.ts'
import { systemClock } from '../platform/clock.ts'
import { createLogger } from '../platform/logger.ts'
import { loadSecrets } from '../platform/secrets.ts'
import { withDatabase } from './with-database.ts'

const USAGE = `用法 Usage:
  npm run audit:verify [-- --heads 文件]

  核对审计记录与封签链；--heads 为另处保存的链首文件（缺省为本机 AUDIT_HEADS_FILE）
  compares the audit trail with its chain of seals; --heads: the heads that were kept elsewhere
`

const FAULTS_SHOWN = 50

function describe(f: SealFault): string {
  switch (f.fault) {
    case 'altered': return `第 ${f.position} 枚封签（记录 ${f.entryId}）：记录或封签被改动 / seal ${f.position} (entry ${f.entryId}): entry or seal was altered`
    case 'entryMissing': return `第 ${f.position} 枚封签（记录 ${f.entryId}）：记录已不存在 / seal ${f.position} (entry ${f.entryId}): the entry is gone`
    case 'sealsMissing': return `第 ${f.from} 至 ${f.to} 枚封签缺失 / seals ${f.from} to ${f.to} are missing`
    case 'unsealed': return `记录 ${f.entryId} 未经封签却位于已封签记录之间 / entry ${f.entryId} has no seal and stands among sealed ones`
    case 'otherChain': return `第 ${f.position} 枚封签与另处保存的链首不符 / seal ${f.position} differs from the head that was kept`
  }
}

function headsOption(): string | undefined | null {
  try {
    return parseArgs({ options: { heads: { type: 'string' } } }).values.heads
  }
  catch {
    return null
  }
}

const given = headsOption()
if (given === null) {
  process.stderr.write(USAGE)
  process.exitCode = 2
}
else {
  await withDatabase(async ({ db, config }) => {
    const file = given ?? config.auditHeadsFile
    // A new deployment has kept none yet; a file that was asked for must be there.
    const heads = given === undefined && !existsSync(file) ? [] : await readHeads(file)
    const { auditKey } = loadSecrets(config.dataDir, process.env)
    const trail = createAudit({ db, clock: systemClock, log: createLogger('warn'), key: auditKey, headsFile: file })
    const { sealed, waiting, head, faults } = await trail.verify(heads)
    for (const fault of faults.slice(0, FAULTS_SHOWN))
      process.stdout.write(`✗ ${describe(fault)}\n`)
    if (faults.length > FAULTS_SHOWN)
      process.stdout.write(`… 另有 ${faults.length - FAULTS_SHOWN} 处 / and ${faults.length - FAULTS_SHOWN} more\n`)
    process.stdout.write(`已封签 ${sealed} 条，待封签 ${waiting} 条，对照链首 ${heads.length} 个，问题 ${faults.length} 处 / ${sealed} sealed, ${waiting} waiting, ${heads.length} heads compared, ${faults.length} faults\n`)
    if (head !== null)
      process.stdout.write(`链首 head: ${head.position} ${head.hash}\n`)
    return faults.length === 0 ? 0 : 1
  })
}
