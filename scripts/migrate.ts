/** `npm run db:migrate`: brings the configured database to this version, and says so; any failure exits non-zero. */
import process from 'node:process'
import { readConfig } from '../src/server/platform/config.ts'
import { migrate, runningEmbeddedUrl, startEmbedded } from '../src/server/platform/db/index.ts'
import { createLogger } from '../src/server/platform/logger.ts'

try {
  const config = readConfig(process.env)
  const log = createLogger(config.logLevel)
  const url = config.databaseUrl ?? runningEmbeddedUrl(config.dataDir)
  const server = url === null ? await startEmbedded({ dataDir: config.dataDir, log }) : null
  try {
    await migrate({ url: url ?? server?.url ?? '', log })
    log.info('the database is at this version')
  }
  finally {
    await server?.stop()
  }
}
catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
