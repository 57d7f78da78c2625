import type { Logger } from './logger.ts'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'

const PROJECT = join(import.meta.dirname, '../../..')
const SOURCES = ['src/web', 'src/contract', 'scripts/vite-plugins.ts', 'vite.config.ts', 'package-lock.json']
const STAMP = join(PROJECT, 'dist/web/.sources')

function filesOf(path: string): string[] {
  const full = join(PROJECT, path)
  if (!existsSync(full))
    return []
  try {
    return readdirSync(full, { recursive: true, withFileTypes: true }).filter(e => e.isFile()).map(e => join(e.parentPath, e.name)).sort()
  }
  catch {
    return [full]
  }
}

/** Fingerprint of everything that the web client is made of. */
function fingerprint(): string {
  const hash = createHash('sha256')
  for (const file of SOURCES.flatMap(filesOf))
    hash.update(file.slice(PROJECT.length)).update(readFileSync(file))
  return hash.digest('hex')
}

/** Builds the web client when its sources have changed since the last build. A delivered build without sources is taken as it is. */
export async function ensureWebClient(log: Logger): Promise<void> {
  if (!existsSync(join(PROJECT, 'src/web')))
    return
  const now = fingerprint()
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === now)
    return
  log.info('building the web client')
  const code = await new Promise<number | null>((resolve, reject) => {
    const child = spawn(process.execPath, [join(PROJECT, 'node_modules/vite/bin/vite.js'), 'build', '--logLevel', 'warn'], { cwd: PROJECT, stdio: ['ignore', 'inherit', 'inherit'] })
    child.once('error', reject)
    child.once('exit', resolve)
  })
  if (code !== 0)
    throw new Error('the web client could not be built; see the lines above')
  writeFileSync(STAMP, now)
}
