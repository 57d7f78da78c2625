import type { Logger } from '../logger.ts'
import type { LinkOptions } from './link.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import { Link } from './link.ts'
import { within } from './within.ts'

const BEAT_MS = 5_000
const ANSWER_MS = 2_000

export interface Listener { close: () => Promise<void> }

/**
 * Listens on a NOTIFY channel over a link of its own, which is replaced whenever it is lost or no longer
 * answers. `onListening` runs after every (re)connect: what was sent meanwhile is lost.
 */
export function listen(options: Pick<LinkOptions, 'url' | 'role' | 'route'>, log: Logger, channel: string, onNotify: (payload: string) => void, onListening: () => void): Listener {
  const stop = new AbortController()

  /** Ends when the link is lost or the listener closed. */
  async function once(): Promise<void> {
    const link = new Link({ ...options, name: 'listen', statementTimeoutMs: 0, onNotify })
    const over = new AbortController()
    link.onLost(() => over.abort())
    const ended = AbortSignal.any([over.signal, stop.signal])
    try {
      await within(ANSWER_MS, link.race(link.sql`listen ${link.sql(channel)}`.execute()))
      onListening()
      for (;;) {
        await sleep(BEAT_MS, undefined, { signal: ended, ref: false })
        await within(ANSWER_MS, link.race(link.sql`select 1`.execute()))
      }
    }
    finally {
      link.destroy()
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
