import type { Logger } from './logger.ts'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'

const PROJECT = join(import.meta.dirname, '../../..')
const SOURCES = ['src/web', 'src/contract', 'scripts/vite-plugins.ts', 'vite.config.ts', 'package-lock.json']
/** Holds the fingerprint of what the build was made from. */
const STAMP = '.sources'

function filesOf(path: string): string[] {
  if (!existsSync(path))
    return []
  if (statSync(path).isFile())
    return [path]
  return readdirSync(path, { recursive: true, withFileTypes: true }).filter(e => e.isFile()).map(e => join(e.parentPath, e.name)).sort()
}

function fingerprint(project: string): string {
  const hash = createHash('sha256')
  for (const file of SOURCES.flatMap(source => filesOf(join(project, source))))
    hash.update(file.slice(project.length)).update(readFileSync(file))
  return hash.digest('hex')
}

function stampOf(root: string): string | null {
  try {
    return readFileSync(join(root, STAMP), 'utf8')
  }
  catch {
    return null
  }
}

/** False where another process was faster: nothing is there to be moved, or its place is taken. */
function moved(from: string, to: string): boolean {
  try {
    renameSync(from, to)
    return true
  }
  catch (error) {
    if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? ''))
      throw error
    return false
  }
}

/** In a process of its own: the build's memory does not stay with the service. */
async function buildWithVite(project: string, into: string): Promise<boolean> {
  const code = await new Promise<number | null>((resolve, reject) => {
    // Whatever called for it, tests included: a client of another mode has no service worker, and the next start would take it as it is.
    const env = { ...process.env, NODE_ENV: 'production' }
    const child = spawn(process.execPath, [join(project, 'node_modules/vite/bin/vite.js'), 'build', '--logLevel', 'warn', '--emptyOutDir', '--outDir', into], { cwd: project, env, stdio: ['ignore', 'inherit', 'inherit'] })
    child.once('error', reject)
    child.once('exit', resolve)
  })
  return code === 0
}

interface WebBuildOptions {
  project?: string
  /** False: it could not be built. */
  build?: (project: string, into: string) => Promise<boolean>
}

/**
 * Builds the web client when its sources have changed since the last build. It is built beside the old one
 * and swapped in whole, so that a build that breaks off leaves nothing half done. A delivered build without
 * sources is taken as it is.
 */
export async function ensureWebClient(log: Logger, { project = PROJECT, build = buildWithVite }: WebBuildOptions = {}): Promise<void> {
  if (!existsSync(join(project, 'src/web')))
    return
  const root = join(project, 'dist/web')
  const now = fingerprint(project)
  const isFresh = () => stampOf(root) === now
  if (isFresh())
    return
  log.info('building the web client')
  mkdirSync(join(project, 'dist'), { recursive: true })
  const draft = mkdtempSync(join(project, 'dist/web-'))
  const old = `${draft}.old`
  try {
    if (!await build(project, draft))
      throw new Error('the web client could not be built; see the lines above')
    writeFileSync(join(draft, STAMP), now)
    // Other processes may have built the same meanwhile, also between these two steps.
    while (!isFresh()) {
      rmSync(old, { recursive: true, force: true })
      moved(root, old)
      if (moved(draft, root))
        break
    }
  }
  finally {
    rmSync(draft, { recursive: true, force: true })
    rmSync(old, { recursive: true, force: true })
  }
}
