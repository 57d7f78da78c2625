/**
 * Vitest global setup: one PostgreSQL for the whole run, migrated once into a template that every test
 * file clones. Several tiers in one run share it.
 */
import type { TestProject } from 'vitest/node'
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { isDataFolderHeld } from '../../src/server/platform/db/data-folder.ts'
import { migrate, startEmbedded } from '../../src/server/platform/db/index.ts'
import { createLogger } from '../../src/server/platform/logger.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Owner's connection string to the cluster's own database; test databases are made from the template. */
    clusterUrl: string
  }
}

export const TEMPLATE = 'pingji_template'

interface Cluster { url: string, stop: () => Promise<void> }

interface Shared { users: number, cluster: Promise<Cluster> }

// Each tier loads this module anew; what they share lives on the process.
const holder = globalThis as typeof globalThis & { pingjiTestCluster?: Shared | undefined }

const PREFIX = 'pingji-test-'
const KEEP_MS = 24 * 60 * 60_000

/** Ends what a killed run left behind, and forgets kept databases after a day; never touches a run that lives. */
async function sweep(): Promise<void> {
  for (const name of readdirSync(tmpdir()).filter(name => name.startsWith(PREFIX))) {
    const folder = join(tmpdir(), name)
    try {
      if (existsSync(join(folder, 'service.lock'))) {
        if (isDataFolderHeld(folder))
          continue
        await (await startEmbedded({ dataDir: folder, log: createLogger('silent'), unsafeFast: true })).stop()
        rmSync(folder, { recursive: true, force: true })
      }
      else if (Date.now() - statSync(folder).mtimeMs > KEEP_MS) {
        rmSync(folder, { recursive: true, force: true })
      }
    }
    catch {
      // Another run is sweeping it, or it was damaged by hand: none of our business.
    }
  }
}

async function start(): Promise<Cluster> {
  const log = createLogger('warn')
  await sweep()
  const folder = mkdtempSync(join(tmpdir(), PREFIX))
  const server = await startEmbedded({ dataDir: folder, log, unsafeFast: true })
  const sql = postgres(server.url, { max: 1, onnotice: () => {} })
  try {
    await sql.unsafe(`create database ${TEMPLATE}`)
    await migrate({ url: databaseUrl(server.url, TEMPLATE), log })
  }
  catch (error) {
    await server.stop()
    throw error
  }
  finally {
    await sql.end()
  }
  return {
    url: server.url,
    async stop() {
      const kept = await keptDatabases(server.url)
      await server.stop()
      if (kept.length === 0)
        rmSync(folder, { recursive: true, force: true })
      else
        console.error(`databases of failed test files kept in ${folder}: ${kept.join(', ')} (open with: node tests/harness/open-kept.ts ${folder})`)
    },
  }
}

async function keptDatabases(url: string): Promise<string[]> {
  const sql = postgres(url, { max: 1 })
  try {
    const rows = await sql<{ datname: string }[]>`select datname from pg_database where datname like 'test\\_%' order by datname`
    return rows.map(r => r.datname)
  }
  finally {
    await sql.end()
  }
}

export function databaseUrl(clusterUrl: string, name: string): string {
  const url = new URL(clusterUrl)
  url.pathname = `/${name}`
  return url.href
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const shared = holder.pingjiTestCluster ??= { users: 0, cluster: start() }
  shared.users++
  const cluster = await shared.cluster
  project.provide('clusterUrl', cluster.url)
  return async () => {
    if (--shared.users > 0)
      return
    holder.pingjiTestCluster = undefined
    await cluster.stop()
  }
}
