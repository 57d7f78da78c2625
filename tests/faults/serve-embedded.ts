/** Child process of embedded.test.ts: holds a data folder as the service does, until it is told or killed. */
import process from 'node:process'
import { startEmbedded } from '../../src/server/platform/db/index.ts'
import { createLogger } from '../../src/server/platform/logger.ts'

const [dataDir = ''] = process.argv.slice(2)
try {
  const server = await startEmbedded({ dataDir, log: createLogger('silent') })
  process.stdout.write(`${JSON.stringify({ pid: server.pid, url: server.url })}\n`)
  process.once('SIGTERM', () => void server.stop().then(() => process.exit(0)))
  setInterval(() => {}, 60_000)
}
catch (error) {
  process.stdout.write(`${JSON.stringify({ error: error instanceof Error ? error.message : String(error) })}\n`)
  process.exitCode = 1
}
