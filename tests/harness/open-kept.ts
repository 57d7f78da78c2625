/** Starts the cluster that a failed test run kept, and prints where to connect; Ctrl-C stops it. */
import process from 'node:process'
import { startEmbedded } from '../../src/server/platform/db/index.ts'
import { createLogger } from '../../src/server/platform/logger.ts'

const [folder] = process.argv.slice(2)
if (folder === undefined)
  throw new Error('usage: node tests/harness/open-kept.ts <folder>')
const server = await startEmbedded({ dataDir: folder, log: createLogger('info'), unsafeFast: true })
console.error(server.url)
process.once('SIGINT', () => void server.stop())
setInterval(() => {}, 60_000)
process.once('SIGTERM', () => void server.stop())
