/** WebSocket by hand for the phones of the bench: raw TCP sockets cost a few microseconds a message, so that the server under test dominates. */
import type { Socket } from 'node:net'
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'

const TEXT = 0x81

/** A client's text frame. The mask is zero: the server unmasks all the same, the sender need not. */
export function frame(text: string): Buffer {
  const body = Buffer.from(text)
  const extended = body.length > 125 ? 2 : 0
  const out = Buffer.alloc(6 + extended + body.length)
  out[0] = TEXT
  out[1] = 0x80 | (extended > 0 ? 126 : body.length)
  if (extended > 0)
    out.writeUInt16BE(body.length, 2)
  body.copy(out, 6 + extended)
  return out
}

/** Calls `hear` for every whole frame in `chunk`; returns what is left over. */
function frames(chunk: Buffer, hear: (payload: Buffer) => void): Buffer | null {
  let at = 0
  while (chunk.length - at >= 2) {
    let size = (chunk[at + 1] ?? 0) & 0x7F
    let head = 2
    if (size === 126) {
      if (chunk.length - at < 4)
        break
      size = chunk.readUInt16BE(at + 2)
      head = 4
    }
    else if (size === 127) {
      if (chunk.length - at < 10)
        break
      size = Number(chunk.readBigUInt64BE(at + 2))
      head = 10
    }
    if (chunk.length - at < head + size)
      break
    hear(chunk.subarray(at + head, at + head + size))
    at += head + size
  }
  return at === chunk.length ? null : Buffer.from(chunk.subarray(at))
}

export interface Line {
  socket: Socket
  write: (bytes: Buffer) => void
}

/** One buffer for all sockets: the bytes are looked at before the next socket is read. */
const shared = Buffer.allocUnsafe(256 * 1024)

/** Opens a WebSocket. The payload that `hear` gets is only good until it returns. */
export function openLine(port: number, path: string, headers: Record<string, string>, hear: (payload: Buffer) => void): Promise<Line> {
  return new Promise((resolve, reject) => {
    let rest: Buffer | null = null
    let isOpen = false
    const socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer: shared,
        callback: (size, buffer) => {
          let bytes = Buffer.from(buffer.buffer, buffer.byteOffset, size)
          if (rest !== null)
            bytes = Buffer.concat([rest, bytes])
          if (!isOpen) {
            const end = bytes.indexOf('\r\n\r\n')
            if (end < 0) {
              rest = Buffer.from(bytes)
              return true
            }
            const status = bytes.subarray(0, 12).toString('latin1')
            if (status !== 'HTTP/1.1 101') {
              reject(new Error(`the handshake was answered with ${bytes.subarray(0, 200).toString()}`))
              socket.destroy()
              return true
            }
            isOpen = true
            bytes = bytes.subarray(end + 4)
            resolve({ socket, write: out => void socket.write(out) })
          }
          rest = frames(bytes, hear)
          return true
        },
      },
    })
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('closed before it was open')))
    const lines = Object.entries({ 'Host': `127.0.0.1:${port}`, 'Connection': 'Upgrade', 'Upgrade': 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': randomBytes(16).toString('base64'), ...headers })
    socket.write(`GET ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`)
  })
}
