/** Phones and board screens, in a process apart from the service. They speak WebSocket, engine.io and socket.io by hand. */
import type { AnswerEvent, PhonesCommand, PhonesReply } from './messages.ts'
import type { Line } from './wire.ts'
import { randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { now } from './messages.ts'
import { frame, openLine } from './wire.ts'

const say = (reply: PhonesReply) => process.send?.(reply)
const PONG = frame('3')
const ALERT = Buffer.from('42["alert",{"emergencyId":"')
const DELTA = Buffer.from('42["board:delta"')
const OK = Buffer.from('[{"ok":true')
const isAt = (payload: Buffer, bytes: Buffer, at = 0) => payload.length >= at + bytes.length && payload.compare(bytes, 0, bytes.length, at, at + bytes.length) === 0
const ACK_OF_ANSWER = 7

let phones: Line[] = []
let watchers: Watcher[] = []

/** What is being counted now. */
let armed = false
let alerted = { first: 0, last: 0, count: 0, bytes: 0, text: '' }
let acknowledged = { count: 0, refused: 0, firstRefusal: '', expected: 0, done: () => {} }
let bytesAwaited = { expected: 0, count: 0, first: 0 }

function answerFrame(event: AnswerEvent, emergencyId: string): Buffer {
  return frame(`42${ACK_OF_ANSWER}["${event}",{"emergencyId":"${emergencyId}","answerId":"${randomUUID()}","answer":"going","promisedAt":null,"reason":null,"note":""}]`)
}

function onAcknowledged(payload: Buffer): void {
  if (!isAt(payload, OK, 3)) {
    acknowledged.refused++
    acknowledged.firstRefusal ||= payload.toString()
  }
  if (++acknowledged.count === acknowledged.expected)
    acknowledged.done()
}

function expectAcks(expected: number): Promise<number> {
  return new Promise((resolve) => {
    acknowledged = { count: 0, refused: 0, firstRefusal: '', expected, done: () => resolve(now()) }
  })
}

async function openPhone(port: number, cookie: string, protocol: number): Promise<Line> {
  for (;;) {
    let line: Line | null = null
    let opened = () => {}
    const isOpen = new Promise<void>(resolve => opened = resolve)
    try {
      line = await openLine(port, '/socket.io/?EIO=4&transport=websocket', { Cookie: cookie, Origin: `http://127.0.0.1:${port}` }, (payload) => {
        const [kind, sub] = payload
        if (kind === 0x34 && sub === 0x32) { // 42: event
          if (isAt(payload, ALERT))
            onAlert(payload, line)
        }
        else if (kind === 0x34 && sub === 0x33) { // 43: acknowledgement
          onAcknowledged(payload)
        }
        else if (kind === 0x32) { // 2: ping
          line?.write(PONG)
        }
        else if (kind === 0x34 && sub === 0x30) { // 40: connected
          opened()
        }
      })
      line.write(frame(`40{"protocol":${protocol}}`))
      await isOpen
      return line
    }
    catch {
      // Refused by the admission limit: phones come again, spread over time.
      await sleep(500 + Math.random() * 1_000)
    }
  }
}

function onAlert(payload: Buffer, line: Line | null): void {
  if (!armed)
    return
  const at = now()
  if (alerted.count++ === 0)
    Object.assign(alerted, { first: at, bytes: payload.length, text: payload.toString() })
  alerted.last = at
  if (alerted.count === phones.length) {
    armed = false
    say({ done: 'alerted', ...alerted })
  }
  line?.write(answerFrame('call:answer', payload.toString('latin1', ALERT.length, ALERT.length + 36)))
}

/** A board screen: the first of them adds up what it is told, the others show how far they are. */
class Watcher {
  line: Line | null = null
  watchId = ''
  answered = 0
  seq = 0
  asked: ((seq: number) => void) | null = null
  onSeq: (seq: number, at: number) => void = () => {}
  readonly #adds: boolean

  constructor(adds: boolean) {
    this.#adds = adds
  }

  hear(payload: Buffer): void {
    if (isAt(payload, DELTA)) {
      const at = now()
      if (this.#adds) {
        const [, { delta }] = JSON.parse(payload.toString('utf8', 2)) as [string, { delta: { toSeq: number, teamCounts: Record<string, { answered?: number }> } }]
        for (const { answered = 0 } of Object.values(delta.teamCounts))
          this.answered += answered
        this.seq = delta.toSeq
      }
      else {
        const found = payload.indexOf('"toSeq":')
        this.seq = Number.parseInt(payload.toString('latin1', found + 8, found + 24), 10)
      }
      this.onSeq(this.seq, at)
    }
    else if (payload[0] === 0x34 && payload[1] === 0x33 && this.asked !== null) {
      if (!isAt(payload, OK, 3))
        throw new Error(`a board is refused: ${payload.toString()}`)
      if (this.#adds) {
        const [{ data }] = JSON.parse(payload.toString('utf8', 3)) as [{ data: { watchId: string, board: { seq: number, teams: Record<string, { counts: { answered: number } }> } } }]
        this.watchId = data.watchId
        this.seq = data.board.seq
        this.answered = Object.values(data.board.teams).reduce((sum, team) => sum + team.counts.answered, 0)
      }
      else {
        // Three hundred browsers read three hundred boards on machines of their own.
        const head = payload.toString('latin1', 0, 400)
        this.watchId = /"watchId":"([^"]*)"/.exec(head)?.[1] ?? ''
        this.seq = Number(/"seq":(\d+)/.exec(head)?.[1] ?? Number.NaN)
      }
      this.asked(this.seq)
      this.asked = null
    }
    else if (payload[0] === 0x32) {
      this.line?.write(PONG)
    }
  }
}

async function openWatcher(port: number, cookie: string, protocol: number, watcher: Watcher): Promise<void> {
  let opened = () => {}
  const isOpen = new Promise<void>(resolve => opened = resolve)
  const line = await openLine(port, '/socket.io/?EIO=4&transport=websocket', { Cookie: cookie, Origin: `http://127.0.0.1:${port}` }, (payload) => {
    if (payload[0] === 0x34 && payload[1] === 0x30)
      opened()
    else
      watcher.hear(payload)
  })
  watcher.line = line
  line.write(frame(`40{"protocol":${protocol}}`))
  await isOpen
}

async function watch(emergencyId: string, people: number): Promise<void> {
  // The sequence number at which the first board has everybody's answer, then the moment when the last screen is there.
  let finalSeq = Infinity
  const reached = watchers.map(() => [] as { seq: number, at: number }[])
  let finished = false
  const look = () => {
    if (finalSeq === Infinity || finished)
      return
    const times = reached.map(list => list.find(r => r.seq >= finalSeq)?.at)
    if (times.every(at => at !== undefined)) {
      finished = true
      say({ done: 'board', last: Math.max(...times as number[]), answered: watchers[0]?.answered ?? 0 })
    }
  }
  await Promise.all(watchers.map((watcher, i) => new Promise<void>((resolve) => {
    const note = (seq: number, at: number) => {
      reached[i]?.push({ seq, at })
      if (i === 0 && finalSeq === Infinity && watcher.answered >= people)
        finalSeq = seq
      look()
    }
    watcher.onSeq = note
    watcher.asked = (seq) => {
      note(seq, now())
      resolve()
    }
    watcher.line?.write(frame(`421["board:watch",{"emergencyId":"${emergencyId}","scope":{"type":"county","id":null}}]`))
  })))
  say({ done: 'watch', last: now() })
}

async function answerAlone(event: AnswerEvent, emergencyId: string, count: number): Promise<void> {
  const times: number[] = []
  let refused = 0
  let firstRefusal = ''
  for (let i = 0; i < count; i++) {
    const done = expectAcks(1)
    const from = now()
    // Another phone each time: one socket may not ask without end.
    phones[i % phones.length]?.write(answerFrame(event, emergencyId))
    times.push(await done - from)
    refused += acknowledged.refused
    firstRefusal ||= acknowledged.firstRefusal
  }
  times.sort((a, b) => a - b)
  say({ done: 'answerAlone', medianMs: times[times.length >> 1] ?? 0, refused, firstRefusal })
}

/** Answers over HTTP, one after another on each of a few kept connections; each in another person's name. */
async function answerHttp(port: number, emergencyId: string, cookies: string[], connections: number): Promise<void> {
  const from = now()
  let next = 0
  let count = 0
  let refused = 0
  let firstRefusal = ''
  await Promise.all(Array.from({ length: Math.min(connections, cookies.length) }, () => new Promise<void>((resolve, reject) => {
    let text = ''
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    const ask = () => {
      const cookie = cookies[next++]
      if (cookie === undefined) {
        socket.end()
        resolve()
        return
      }
      const body = `{"answerId":"${randomUUID()}","answer":"going","promisedAt":null,"reason":null,"note":""}`
      socket.write(`POST /api/emergencies/${emergencyId}/answers HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nCookie: ${cookie}\r\nOrigin: http://127.0.0.1:${port}\r\nX-Requested-With: pingji\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
    }
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      const end = text.indexOf('\r\n\r\n')
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? Number.NaN)
      if (end < 0 || text.length < end + 4 + length)
        return
      count++
      if (!text.startsWith('HTTP/1.1 20')) {
        refused++
        firstRefusal ||= text.slice(0, 15) + text.slice(end)
      }
      text = ''
      ask()
    })
    socket.once('error', reject)
    ask()
  })))
  say({ done: 'answerHttp', ms: now() - from, count, refused, firstRefusal })
}

async function connectAll(count: number, perSec: number, open: (i: number) => Promise<Line>): Promise<void> {
  const opening: Promise<Line>[] = []
  const from = now()
  for (let i = 0; i < count; i++) {
    opening.push(open(i))
    const ahead = i / perSec * 1_000 - (now() - from)
    if (ahead > 20)
      await sleep(ahead)
  }
  phones = await Promise.all(opening)
}

// Nothing outlives the bench.
process.on('disconnect', () => process.exit(1))
process.on('message', async (order: PhonesCommand) => {
  switch (order.do) {
    case 'connect':
      await connectAll(order.count, order.perSec, i => order.kind === 'raw'
        ? openLine(order.port, '/', {}, () => {
            const at = now()
            if (bytesAwaited.count++ === 0)
              bytesAwaited.first = at
            if (bytesAwaited.count === bytesAwaited.expected)
              say({ done: 'bytes', first: bytesAwaited.first, last: at, count: bytesAwaited.count })
          })
        : openPhone(order.port, order.cookies[i] ?? '', order.protocol))
      say({ done: 'connect', count: phones.length })
      break
    case 'watchers':
      watchers = order.cookies.map((_, i) => new Watcher(i === 0))
      await Promise.all(watchers.map((watcher, i) => openWatcher(order.port, order.cookies[i] ?? '', order.protocol, watcher)))
      say({ done: 'watchers', count: watchers.length })
      break
    case 'arm': {
      alerted = { first: 0, last: 0, count: 0, bytes: 0, text: '' }
      const done = expectAcks(phones.length)
      armed = true
      say({ done: 'arm' })
      const last = await done
      say({ done: 'acknowledged', last, count: acknowledged.count, refused: acknowledged.refused, firstRefusal: acknowledged.firstRefusal })
      break
    }
    case 'watch':
      await watch(order.emergencyId, order.people)
      break
    case 'unwatch':
      for (const watcher of watchers) {
        watcher.onSeq = () => {}
        if (watcher.watchId !== '')
          watcher.line?.write(frame(`42["board:unwatch",{"watchId":"${watcher.watchId}"}]`))
        watcher.watchId = ''
      }
      say({ done: 'unwatch' })
      break
    case 'answer': {
      const frames = phones.slice(0, order.count).map(() => answerFrame(order.event, order.emergencyId))
      const done = expectAcks(frames.length)
      const from = now()
      for (const [i, bytes] of frames.entries())
        phones[i]?.write(bytes)
      const ms = await done - from
      say({ done: 'answer', ms, count: acknowledged.count, refused: acknowledged.refused, firstRefusal: acknowledged.firstRefusal })
      break
    }
    case 'answerAlone':
      await answerAlone(order.event, order.emergencyId, order.count)
      break
    case 'answerHttp':
      await answerHttp(order.port, order.emergencyId, order.cookies, order.connections)
      break
    case 'awaitBytes':
      bytesAwaited = { expected: order.messages, count: 0, first: 0 }
      say({ done: 'awaitBytes' })
      break
    case 'stop':
      say({ done: 'stop' })
      process.exit(0)
  }
})
