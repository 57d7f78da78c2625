import type { Logger } from '../logger.ts'
import type { PoolOptions } from './pool.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import { openPool } from './pool.ts'
import { within } from './within.ts'

const BEAT_MS = 5_000
const ANSWER_MS = 2_000

export interface Listener { close: () => Promise<void> }

/**
 * Listens on a NOTIFY channel over a connection of its own, which is replaced whenever it closes or no
 * longer answers. `onListening` runs after every (re)connect: what was sent meanwhile is lost.
 */
export function listen(options: Omit<PoolOptions, 'name' | 'connections' | 'statementTimeoutMs'>, log: Logger, channel: string, onNotify: (payload: string) => void, onListening: () => void): Listener {
  const stop = new AbortController()

  /** Ends when the connection is lost or the listener closed. */
  async function once(): Promise<void> {
    const lost = new AbortController()
    const pool = openPool({
      ...options,
      name: 'listen',
      connections: 1,
      statementTimeoutMs: 0,
      onNotify: (_, payload) => onNotify(payload),
      onClose: () => lost.abort(),
    })
    try {
      await within(ANSWER_MS, pool.sql`listen ${pool.sql(channel)}`)
      onListening()
      const ended = AbortSignal.any([lost.signal, stop.signal])
      for (;;) {
        await sleep(BEAT_MS, undefined, { signal: ended, ref: false })
        await within(ANSWER_MS, pool.sql`select 1`)
      }
    }
    finally {
      pool.destroy()
    }
  }

  async function run(): Promise<void> {
    for (let losses = 0; !stop.signal.aborted; losses++) {
      const from = performance.now()
      await once().catch((error: unknown) => log.debug({ err: error, channel }, 'listener lost its connection'))
      if (performance.now() - from > BEAT_MS)
        losses = 0
      await sleep(Math.min(2_000, 100 * 2 ** losses), undefined, { signal: stop.signal, ref: false }).catch(() => {})
    }
  }

  const running = run()
  return {
    close() {
      stop.abort()
      return running
    },
  }
}
