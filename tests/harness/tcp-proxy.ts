import type { AddressInfo, Socket } from 'node:net'
import { connect, createServer } from 'node:net'

/**
 * What the line does. `pass`; `delay`: every packet waits; `blackhole`: both ends stay open, nothing passes
 * (packets dropped, half-open link); `fin` and `rst`: accepts, then closes politely or rudely.
 */
export type LineMode = 'pass' | 'delay' | 'blackhole' | 'fin' | 'rst'

export interface TcpProxy {
  port: number
  /** Rewrites host and port of a connection string to the proxy's. */
  through: (url: string) => string
  /** From now on, for new connections and, unless told otherwise, for those that stand. */
  set: (mode: LineMode, options?: { keepStanding?: boolean }) => void
  /** Where new connections lead to. */
  retarget: (target: { host: string, port: number }) => void
  /** Connections accepted so far. */
  accepted: () => number
  open: () => number
  close: () => Promise<void>
}

interface Line { mode: LineMode, near: Socket, far: Socket | null }

/** A line between two programs that a test can break in the ways that networks break. */
export async function openProxy(target: { host: string, port: number }, { delayMs = 200 } = {}): Promise<TcpProxy> {
  const lines = new Set<Line>()
  let mode: LineMode = 'pass'
  let to = target
  let accepted = 0

  function carry(line: Line, from: Socket, into: Socket): void {
    from.on('data', (bytes) => {
      if (line.mode === 'pass')
        into.write(bytes)
      else if (line.mode === 'delay')
        setTimeout(() => into.writable && into.write(bytes), delayMs)
    })
    from.on('end', () => {
      if (line.mode !== 'blackhole')
        into.end()
    })
    from.on('close', () => {
      if (line.mode !== 'blackhole')
        into.destroy()
    })
    from.on('error', () => {})
  }

  function cut(line: Line, how: LineMode): void {
    if (how === 'fin')
      line.near.end()
    else
      line.near.resetAndDestroy()
    line.far?.destroy()
  }

  // Half-open, so that the proxy alone decides when a side is closed.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    accepted++
    const line: Line = { mode, near, far: null }
    lines.add(line)
    near.on('error', () => {})
    near.on('close', () => {
      lines.delete(line)
      line.far?.destroy()
    })
    if (mode === 'fin' || mode === 'rst') {
      cut(line, mode)
      near.resume()
      return
    }
    if (mode === 'blackhole') {
      near.resume()
      return
    }
    line.far = connect({ ...to, noDelay: true, allowHalfOpen: true })
    carry(line, near, line.far)
    carry(line, line.far, near)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo

  return {
    port,
    through(url) {
      const proxied = new URL(url)
      proxied.hostname = '127.0.0.1'
      proxied.port = String(port)
      return proxied.href
    },
    set(next, { keepStanding = false } = {}) {
      mode = next
      if (keepStanding)
        return
      for (const line of lines) {
        if (next === 'fin' || next === 'rst')
          cut(line, next)
        // A line that swallowed packets cannot be mended: its ends have lost step.
        else if (line.mode !== 'blackhole')
          line.mode = next
      }
    },
    retarget(next) {
      to = next
    },
    accepted: () => accepted,
    open: () => lines.size,
    async close() {
      for (const { near, far } of lines) {
        near.destroy()
        far?.destroy()
      }
      await new Promise(resolve => server.close(resolve))
    },
  }
}
