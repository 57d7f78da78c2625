/** The baseline of the alarm: a plain `ws` server that sends the same bytes to as many sockets in a loop. */
import type { RawCommand, RawReply } from './messages.ts'
import process from 'node:process'
import { WebSocketServer } from 'ws'
import { now } from './messages.ts'

let server: WebSocketServer | null = null
const say = (reply: RawReply) => process.send?.(reply)

// Nothing outlives the bench.
process.on('disconnect', () => process.exit(1))
process.on('message', (command: RawCommand) => {
  if (command.do === 'start') {
    server = new WebSocketServer({ port: command.port, host: '127.0.0.1', perMessageDeflate: false, backlog: 4_096 }, () => say({ done: 'start' }))
  }
  else if (command.do === 'broadcast') {
    const at = now()
    for (const client of server?.clients ?? [])
      client.send(command.text)
    say({ done: 'broadcast', at })
  }
  else {
    say({ done: 'stop' })
    process.exit(0)
  }
})
