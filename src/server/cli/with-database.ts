import type { Config } from '../platform/config.ts'
import type { Database } from '../platform/db/index.ts'
import process from 'node:process'
import { readConfig } from '../platform/config.ts'
import { migrate, openDatabase, runningEmbeddedUrl, startEmbedded } from '../platform/db/index.ts'
import { createLogger } from '../platform/logger.ts'

/**
 * Runs a command at the machine against the deployment's database: the server of DATABASE_URL, the
 * embedded one of a running service, or an embedded one started for the command alone.
 */
export async function withDatabase(work: (context: { db: Database, config: Config }) => Promise<number>): Promise<void> {
  try {
    const config = readConfig(process.env)
    const log = createLogger('warn')
    const running = config.databaseUrl ?? runningEmbeddedUrl(config.dataDir)
    const embedded = running === null ? await startEmbedded({ dataDir: config.dataDir, log }) : null
    const url = running ?? embedded?.url ?? ''
    try {
      await migrate({ url, log })
      const db = openDatabase({ url, log, role: 'pingji_app' })
      try {
        process.exitCode = await work({ db, config })
      }
      finally {
        await db.close()
      }
    }
    finally {
      await embedded?.stop()
    }
  }
  catch (error) {
    // The message of a failed statement carries its parameters, phone numbers among them: that goes through the log's redaction.
    if (error instanceof Error && !('params' in error) && !('severity' in error))
      process.stderr.write(`${error.message === '' && 'code' in error ? String(error.code) : error.message}\n`)
    else
      createLogger('fatal').fatal({ err: error }, 'the command failed; nothing was written')
    process.exitCode = 1
  }
}
