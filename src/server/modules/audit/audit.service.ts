import type { Clock } from '../../platform/clock.ts'
import type { Database } from '../../platform/db/index.ts'
import type { Logger } from '../../platform/logger.ts'
import type { Scheduler } from '../../platform/scheduler.ts'
import type { Secret } from '../../platform/secrets.ts'
import type { Head, SealFault } from './seals.rules.ts'
import { appendFile, readFile } from 'node:fs/promises'
import { z } from 'zod'
import { MINUTE } from '../../platform/clock.ts'
import { countWaiting, headOf, readSeals, sealNext, unsealed } from './seals.repo.ts'
import { ChainReader } from './seals.rules.ts'

const BATCH = 500
const PAGE = 2_000
/** Named at most; whoever finds so many has other worries than the rest. */
const UNSEALED_NAMED = 1_000

const HeadLine = z.object({ position: z.number().int().positive(), hash: z.string().regex(/^[\da-f]{64}$/) })

export interface AuditDeps {
  db: Database
  clock: Clock
  log: Logger
  key: Secret
  /** One line per hour: how far the chain goes. Best kept where the database's administrator cannot write. */
  headsFile: string
}

/** `waiting`: entries that will be sealed when a service runs. */
export interface Verdict { sealed: number, waiting: number, head: Head | null, faults: SealFault[] }

/** The heads that were kept, one JSON object per line. @throws where the file cannot be read or a line is none: a damaged file proves nothing. */
export async function readHeads(file: string): Promise<Head[]> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${file} 无法读取 / cannot be read (${error.code})`)
  })
  return text.split('\n').filter(line => line.trim() !== '').map((line, i) => {
    try {
      return HeadLine.parse(JSON.parse(line))
    }
    catch {
      throw new Error(`${file}:${i + 1} 不是链首记录 / is not a head of the chain`)
    }
  })
}

/** Seals the trail a second behind the commands, so that nothing hot waits for the chain. */
export function createAudit({ db, clock, log, key, headsFile }: AuditDeps) {
  async function seal(): Promise<void> {
    while (await db.work.tx(tx => sealNext(tx, key.bytes, BATCH)) === BATCH);
  }

  /** Writes down how far the chain goes, at a place that is not the database. */
  async function keepHead(): Promise<void> {
    const head = await db.read.tx(tx => headOf(tx), { readOnly: true })
    if (head === null)
      return
    log.info(head, 'head of the audit chain')
    await appendFile(headsFile, `${JSON.stringify({ ...head, at: clock.now().toISOString() })}\n`, { mode: 0o600 })
  }

  return {
    seal,
    keepHead,

    /** Reads the whole chain against the trail and the heads that were kept. */
    async verify(heads: readonly Head[]): Promise<Verdict> {
      const reader = new ChainReader(key.bytes, heads)
      const faults: SealFault[] = []
      let sealed = 0
      for (;;) {
        const seals = await db.read.tx(tx => readSeals(tx, reader.head.position, PAGE), { readOnly: true })
        faults.push(...reader.read(seals))
        sealed += seals.length
        if (seals.length < PAGE)
          break
      }
      // What was written a moment ago is sealed in a moment.
      const [left, waiting] = await db.read.tx(async tx => [await unsealed(tx, new Date(clock.now().getTime() - MINUTE), UNSEALED_NAMED), await countWaiting(tx)] as const, { readOnly: true })
      faults.push(...reader.end(), ...left.map((entryId): SealFault => ({ fault: 'unsealed', entryId })))
      return { sealed, waiting, head: sealed === 0 ? null : reader.head, faults }
    },

    startJobs(scheduler: Scheduler): void {
      scheduler.loop('audit-sealer', 1_000, seal)
      scheduler.cron('audit-head', '7 * * * *', keepHead)
    },
  }
}
