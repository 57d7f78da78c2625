/** One service per data folder, also when the last holder was killed, ran in another container or was a reused pid. */
import { spawnSync } from 'node:child_process'
import { closeSync, openSync, readFileSync, readlinkSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'

/** Another service holds this data folder. */
export class DataFolderInUseError extends Error {
  constructor(dataDir: string, holder: Holder) {
    const where = holder.place === ownPlace() ? '' : ` @ ${holder.place}`
    super(`数据目录 ${dataDir} 正由进程 ${holder.pid}${where} 使用：同一目录只能运行一个服务。请先停止它，或用 DATA_DIR 指定另一目录。\n`
      + `The data folder ${dataDir} is in use by process ${holder.pid}${where}: stop that one first, or set DATA_DIR to another folder.`)
    this.name = 'DataFolderInUseError'
  }
}

interface Holder { pid: number, startedAt: string, place: string }

const BEAT_MS = 1_000
/** A holder that cannot be asked directly is dead when its lock was not touched for this long. */
const SILENCE_MS = 4_000

/** When a process started, by the kernel's count; tells a living process from a reused pid. Null: there is no such process. */
export function startedAt(pid: number): string | null {
  try {
    process.kill(pid, 0)
  }
  catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH')
      return null
  }
  try {
    if (process.platform === 'linux') {
      // After the command's closing parenthesis: state first, start time (ticks since this boot) as the 20th.
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
      // Dead, but its parent has not looked yet; in a container perhaps never.
      if (fields[0] === 'Z')
        return null
      return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${fields[19]}`
    }
    return spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trim() || 'unknown'
  }
  catch {
    return 'unknown'
  }
}

/** Where pids mean what they mean here: this machine, or this container. */
function ownPlace(): string {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`
  }
  catch {
    return hostname()
  }
}

const lockFile = (dataDir: string): string => join(dataDir, 'service.lock')

function readHolder(file: string): Holder | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Holder
  }
  catch {
    return null
  }
}

/** True, false, or null when only its beat can tell. */
function isAlive(holder: Holder): boolean | null {
  if (holder.place !== ownPlace())
    return null
  const started = startedAt(holder.pid)
  return started === null ? false : started === 'unknown' ? null : started === holder.startedAt
}

async function beats(file: string): Promise<boolean> {
  const touched = () => {
    try {
      return statSync(file).mtimeMs
    }
    catch {
      return null
    }
  }
  const before = touched()
  for (let waited = 0; waited < SILENCE_MS; waited += 250) {
    await sleep(250)
    if (touched() !== before)
      return true
  }
  return false
}

/** Holds the folder until `release`; takes over what a dead holder left. Throws DataFolderInUseError. */
export async function holdDataFolder(dataDir: string): Promise<{ release: () => void }> {
  const file = lockFile(dataDir)
  for (;;) {
    try {
      const handle = openSync(file, 'wx', 0o600)
      writeFileSync(handle, JSON.stringify({ pid: process.pid, startedAt: startedAt(process.pid) ?? '', place: ownPlace() } satisfies Holder))
      closeSync(handle)
      break
    }
    catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
        throw error
    }
    let holder = readHolder(file)
    if (holder === null) {
      // Just being written, or torn by a power cut.
      await sleep(500)
      holder = readHolder(file)
    }
    if (holder !== null && (isAlive(holder) ?? await beats(file)))
      throw new DataFolderInUseError(dataDir, holder)
    takeAway(file, holder)
  }
  const beat = setInterval(() => {
    try {
      utimesSync(file, new Date(), new Date())
    }
    catch {
      // A full or vanished disk shows itself elsewhere.
    }
  }, BEAT_MS)
  beat.unref()
  return {
    release() {
      clearInterval(beat)
      rmSync(file, { force: true })
    },
  }
}

/** Removes a dead holder's lock; of two that found it dead, only one removes that lock, and neither the other's new one. */
function takeAway(file: string, dead: Holder | null): void {
  const aside = `${file}.${process.pid}`
  try {
    renameSync(file, aside)
  }
  catch {
    return
  }
  const taken = readHolder(aside)
  if (JSON.stringify(taken) === JSON.stringify(dead))
    rmSync(aside, { force: true })
  else
    renameSync(aside, file)
}

/** True while a service of this machine or container holds the folder. */
export function isDataFolderHeld(dataDir: string): boolean {
  const holder = readHolder(lockFile(dataDir))
  return holder !== null && isAlive(holder) === true
}
