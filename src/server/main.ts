import type { z } from 'zod'
/** The process: configuration, database, listen, signals. */
import type { DemoAccounts } from '../contract/identity.ts'
import type { Config } from './platform/config.ts'
import type { Database } from './platform/db/index.ts'
import type { Logger } from './platform/logger.ts'
import type { Secrets } from './platform/secrets.ts'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { buildApp } from './app.ts'
import { loadDemoCounty } from './demo.ts'
import { seedPlans } from './modules/plans/index.ts'
import { systemClock } from './platform/clock.ts'
import { ConfigError, readConfig } from './platform/config.ts'
import { DataFolderInUseError, migrate, MigrationError, openDatabase, startEmbedded } from './platform/db/index.ts'
import { createLogger } from './platform/logger.ts'
import { loadSecrets } from './platform/secrets.ts'
import { ensureWebClient } from './platform/web-build.ts'

interface Running { config: Config, log: Logger, url: string, stop: () => Promise<void> }

async function start(config: Config): Promise<Running> {
  const log = createLogger(config.logLevel)
  mkdirSync(config.dataDir, { recursive: true })
  const secrets = loadSecrets(config.dataDir, process.env)
  const undo: (() => Promise<void>)[] = []
  const stop = async () => {
    for (const step of undo.splice(0).reverse())
      await step()
  }
  try {
    const [embedded] = await Promise.all([
      config.databaseUrl === null ? startEmbedded({ dataDir: config.dataDir, log }) : null,
      ensureWebClient(log),
    ])
    if (embedded !== null)
      undo.push(() => embedded.stop())
    const databaseUrl = config.databaseUrl ?? embedded?.url ?? ''
    await migrate({ url: databaseUrl, log })
    const db = openDatabase({ url: databaseUrl, log, role: 'pingji_app' })
    undo.push(() => db.close())
    const demoAccounts = await prepare(config, secrets, db, log)
    const { app } = await buildApp({ config, secrets, db, log, clock: systemClock, demoAccounts, jobs: true, webRoot: join(import.meta.dirname, '../../dist/web') })
    undo.push(() => app.close())
    await app.listen({ host: config.host, port: config.port })
    announce(config, demoAccounts, log)
    return { config, log, url: config.publicUrl, stop }
  }
  catch (error) {
    await stop().catch(() => {})
    throw error
  }
}

/** Standing plans for every county; in demo mode the invented county and its accounts. */
async function prepare(config: Config, secrets: Secrets, db: Database, log: Logger): Promise<z.output<typeof DemoAccounts>['accounts']> {
  await db.work.tx(tx => seedPlans(tx))
  return config.mode === 'demo' ? loadDemoCounty({ db, secrets, log, dataDir: config.dataDir, timeZone: config.timeZone, clock: systemClock }) : []
}

function announce(config: Config, accounts: z.output<typeof DemoAccounts>['accounts'], log: Logger): void {
  const lines = [``, `  平急 PingJi · ${config.countyName} · ${config.mode === 'demo' ? '演示 demo' : '生产 production'}`, `  ${config.publicUrl}`]
  if (config.mode === 'demo') {
    lines.push('', '  演示数据（虚构）。演示账号 Demo accounts (invented people):', '')
    for (const a of accounts)
      lines.push(`  ${a.phone}  ${a.password}  ${a.role}  ${a.name}  ${a.scopeName}`)
  }
  const local = ['localhost', '127.0.0.1', '[::1]'].includes(new URL(config.publicUrl).hostname)
  if (!config.publicUrl.startsWith('https:') && !local)
    log.warn('PUBLIC_URL is not https: on phones the camera, the position, the installed app and secure cookies will not work')
  process.stdout.write(`${lines.join('\n')}\n\n`)
}

async function main(): Promise<void> {
  // Ours, not Node's: its way of dying prints the driver's messages.
  process.on('uncaughtException', (error) => {
    createLogger('fatal').fatal({ err: error }, 'a bug ends the process')
    process.exit(1)
  })
  let running: Running | null = null
  let stopping: Promise<void> | null = null
  const shutDown = (signal: string) => {
    // A second Ctrl-C while starting or draining changes nothing: stopping is already under way.
    stopping ??= (async () => {
      running?.log.info({ signal }, 'stopping')
      await running?.stop()
      process.exit(0)
    })()
  }
  const starting = start(readConfig(process.env))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => void starting.then(() => shutDown(signal), () => {}))
  running = await starting
}

main().catch((error: unknown) => {
  if (error instanceof ConfigError || error instanceof DataFolderInUseError || error instanceof MigrationError)
    process.stderr.write(`${error.message}\n`)
  else if (error instanceof Error && (error as NodeJS.ErrnoException).code === 'EADDRINUSE')
    process.stderr.write(`端口已被占用，请用 PORT 指定另一端口。 The port is in use: set PORT to another one. (${error.message})\n`)
  else
    createLogger('info').fatal({ err: error }, 'could not start')
  process.exit(1)
})
