/**
 * npm run bench: one key, end to end, against its baselines in one and the same run. Everything is on
 * loopback and on this machine, so only the ratios mean anything; docs/performance.md says how to read them.
 *
 *   node bench/main.ts [--quick] [--phones N] [--watchers N] [--passes N] [--scale N] [--port N] [--profile]
 */
import type { AnswerEvent, PhonesCommand, PhonesReply, RawCommand, RawReply, ServerCommand, ServerReply } from './messages.ts'
import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import postgres from 'postgres'
import { PROTOCOL_VERSION } from '../src/contract/protocol.ts'
import { migrate, openDatabase, startEmbedded } from '../src/server/platform/db/index.ts'
import { createLogger } from '../src/server/platform/logger.ts'
import { Child } from './children.ts'
import { insertSessions, loadCounty, officerCookie } from './county.ts'
import { now } from './messages.ts'
import { plainKey } from './plain-key.ts'
import { median, Ratios, spread, table } from './report.ts'

const { values } = parseArgs({ options: {
  quick: { type: 'boolean', default: false },
  phones: { type: 'string' },
  watchers: { type: 'string' },
  passes: { type: 'string' },
  scale: { type: 'string' },
  port: { type: 'string', default: '4700' },
  profile: { type: 'boolean', default: false },
} })
const number = (given: string | undefined, full: number, quick: number) => given === undefined ? (values.quick ? quick : full) : Number(given)
const PHONES = number(values.phones, 10_000, 500)
const WATCHERS = number(values.watchers, 300, 20)
const PASSES = number(values.passes, 9, 2)
const SCALE = number(values.scale, 20, 1)
const KEY_PASSES = PASSES
/** Bursts of answers vary by a tenth from one to the next. */
const BURST_PAIRS = 3
const ORDINARY = Math.min(1_000, PHONES)
const ALONE = Math.min(200, PHONES)
const HTTP_CONNECTIONS = 200
const HTTP_PASSES = 2
/** As `npm start` starts it. */
const SERVICE_FLAGS = ['--min-semi-space-size=64', '--max-semi-space-size=64']
const PORT = Number(values.port)
/** Below the service's admission limit, so that connecting is over soon. */
const CONNECT_PER_SEC = 1_200

const print = (line = '') => void process.stdout.write(`${line}\n`)
const started = performance.now()
const step = (what: string) => print(`${((performance.now() - started) / 1_000).toFixed(1).padStart(6)} s  ${what}`)
const dataDir = mkdtempSync(join(tmpdir(), 'pingji-bench-'))
const undo: (() => Promise<void> | void)[] = [() => rmSync(dataDir, { recursive: true, force: true })]
const wrong: string[] = []

/** What must be equal. The bench fails for this alone, never for a missed goal. */
function same(what: string, found: number, expected: number): void {
  if (found !== expected)
    wrong.push(`${what}: ${found} instead of ${expected}`)
}

async function run(): Promise<void> {
  const log = createLogger('warn')
  const embedded = await startEmbedded({ dataDir, log })
  undo.push(() => embedded.stop())
  await migrate({ url: embedded.url, log })
  const owner = postgres(embedded.url, { max: 1, onnotice: () => {} })
  undo.push(() => owner.end({ timeout: 5 }))
  const db = openDatabase({ url: embedded.url, log, role: 'pingji_app', lanes: { work: { connections: 2, deadlineMs: 300_000 } } })
  undo.push(() => db.close())
  const [settings] = await owner<{ fsync: string, synchronous_commit: string, full_page_writes: string, version: string }[]>`
    select current_setting('fsync') as fsync, current_setting('synchronous_commit') as synchronous_commit, current_setting('full_page_writes') as full_page_writes, current_setting('server_version') as version`
  if (settings?.fsync !== 'on' || settings.synchronous_commit !== 'on')
    throw new Error(`the database is not durable: ${JSON.stringify(settings)}`)
  const machine = { cpu: cpus()[0]?.model ?? '', cores: availableParallelism(), memoryGiB: Math.round(totalmem() / 2 ** 30), node: process.version, postgres: settings.version, fsync: settings.fsync, synchronous_commit: settings.synchronous_commit, full_page_writes: settings.full_page_writes }
  print(`${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB; Node ${machine.node}; PostgreSQL ${machine.postgres}, fsync ${machine.fsync}, synchronous_commit ${machine.synchronous_commit}`)

  const people = await loadCounty(db, dataDir, SCALE)
  // Statistics as a database in service has them.
  await owner`analyze`
  step(`county of ${people} people imported (scale ${SCALE}), rosters formed`)

  const server = new Child<ServerCommand, ServerReply>('server.ts', { profile: values.profile, flags: SERVICE_FLAGS })
  const phones = new Child<PhonesCommand, PhonesReply>('phones.ts')
  const raw = new Child<RawCommand, RawReply>('raw-ws.ts')
  const rawPhones = new Child<PhonesCommand, PhonesReply>('phones.ts')
  const children = [server, phones, raw, rawPhones]
  undo.push(() => children.forEach(child => child.end()))
  await server.ask({ do: 'start', databaseUrl: embedded.url, dataDir, port: PORT }, 'start')
  await raw.ask({ do: 'start', port: PORT + 1 }, 'start')

  const commander = await officerCookie(db, 'countyCommander')
  async function post<T>(path: string, body: object, headers: Record<string, string> = {}): Promise<T> {
    const reply = await fetch(`http://127.0.0.1:${PORT}${path}`, { method: 'POST', headers: { 'content-type': 'application/json', 'x-requested-with': 'pingji', 'cookie': commander, ...headers }, body: JSON.stringify(body) })
    if (!reply.ok)
      throw new Error(`${path}: ${reply.status} ${await reply.text()}`)
    return await reply.json() as T
  }

  const [plan] = await owner<{ id: string }[]>`select id from plans where code = 'flood'`
  type Scope = { type: 'county', id: null } | { type: 'grid', id: string }
  const county: Scope[] = [{ type: 'county', id: null }]
  const prepare = (scope: Scope[]) => post<{ preparationId: string, nonce: string, counts: { toCall: number } }>('/api/switch/preparations', {
    action: 'activate',
    level: 1,
    emergencyId: null,
    planId: plan?.id,
    scope,
    isDrill: false,
    name: '短时强降雨',
    levelAuthority: 'county',
    basis: '气象部门发布暴雨红色预警，县应急指挥部会商决定',
    approver: '县应急指挥部',
    approvalMode: 'written',
    measures: '转移危险区域群众',
    expectedUntil: new Date(Date.now() + 86_400_000).toISOString(),
  })
  /** The key, prepared beforehand as on the panel; `pressed` is the moment when the service had committed. */
  async function press(scope: Scope[]): Promise<{ id: string, askedAt: number, committedAt: number }> {
    const { preparationId, nonce } = await prepare(scope)
    const committed = server.hear('pressed')
    const askedAt = now()
    const { emergencyId } = await post<{ emergencyId: string }>('/api/switch/activations', { preparationId, nonce, heldMs: 3_000 }, { 'idempotency-key': randomUUID() })
    return { id: emergencyId, askedAt, committedAt: (await committed).at }
  }
  const revoke = (id: string) => post(`/api/emergencies/${id}/revoke`, { reason: '压测结束' })

  const ratios = new Ratios()

  // 1. The key of the whole county, before anybody is connected.
  let model = await press(county)
  await revoke(model.id)
  const peopleCalled = (await plainKey(owner, model.id)).people
  for (let pass = 0; pass < KEY_PASSES; pass++) {
    const plainly = async () => (await plainKey(owner, model.id)).ms
    const before = pass % 2 === 0 ? null : await plainly()
    model = await press(county)
    await revoke(model.id)
    const plain = before ?? await plainly()
    ratios.add('key', model.committedAt - model.askedAt, plain)
  }
  step(`key of the whole county: ${peopleCalled} people placed, ${ratios.times('key')}`)

  // 2. As many grids as call all the phones, and sessions of the first people called.
  const grids = await owner<{ id: string }[]>`select id from grids order by code`
  const scope: Scope[] = []
  for (const { id } of grids) {
    scope.push({ type: 'grid', id })
    // A grid calls about as many as another: nothing is asked of the service before it can be enough.
    if (scope.length * peopleCalled >= PHONES * grids.length * 0.8 && (await prepare(scope)).counts.toCall >= PHONES)
      break
  }
  const trial = await press(scope)
  const called = await owner<{ person_id: string }[]>`select person_id from participants where emergency_id = ${trial.id} and audience = 'team' order by ordinal limit ${PHONES}`
  same('people called', called.length, PHONES)
  await revoke(trial.id)
  const cookies = await insertSessions(owner, called.map(p => p.person_id))
  const [duty] = await owner<{ person_id: string }[]>`select person_id from role_grants where role = 'countyDuty' limit 1`
  const watcherCookies = await insertSessions(owner, Array.from({ length: WATCHERS }, () => duty?.person_id ?? ''))
  const [connected] = await Promise.all([
    phones.ask({ do: 'connect', port: PORT, kind: 'pingji', cookies, count: PHONES, perSec: CONNECT_PER_SEC, protocol: PROTOCOL_VERSION }, 'connect'),
    rawPhones.ask({ do: 'connect', port: PORT + 1, kind: 'raw', cookies: [], count: PHONES, perSec: CONNECT_PER_SEC, protocol: 0 }, 'connect'),
  ])
  same('phones connected', connected.count, PHONES)
  const watching = await phones.ask({ do: 'watchers', port: PORT, cookies: watcherCookies, protocol: PROTOCOL_VERSION }, 'watchers')
  same('watchers connected', watching.count, WATCHERS)
  step(`${PHONES} phones and ${WATCHERS} watchers connected, each with a session of its own (rows inserted, not signed in); as many plain sockets; ${scope.length} grids call them`)

  async function broadcast(text: string): Promise<number> {
    await rawPhones.ask({ do: 'awaitBytes', messages: PHONES }, 'awaitBytes')
    const { at } = await raw.ask({ do: 'broadcast', text, times: 1 }, 'broadcast')
    const { last, count } = await rawPhones.hear('bytes')
    same('sockets that got the plain broadcast', count, PHONES)
    return last - at
  }

  interface Story { id: string, key: number, fanOut: number, firstAlert: number, lastAlert: number, acknowledged: number, board: number | null, bytes: number, text: string }
  /** Key → alerts → answers → board. With or without screens that watch it. */
  async function story(watched: boolean): Promise<Story> {
    await phones.ask({ do: 'arm' }, 'arm')
    const { id, askedAt, committedAt } = await press(scope)
    if (watched)
      phones.tell({ do: 'watch', emergencyId: id, people: PHONES })
    const alerted = await phones.hear('alerted')
    const acknowledged = await phones.hear('acknowledged')
    let board: number | null = null
    if (watched) {
      await phones.hear('watch')
      const shown = await phones.hear('board')
      board = shown.last - askedAt
      same('answers on the board', shown.answered, PHONES)
    }
    same('alerts received', alerted.count, PHONES)
    same('answers acknowledged', acknowledged.count - acknowledged.refused, PHONES)
    if (acknowledged.refused > 0)
      wrong.push(acknowledged.firstRefusal)
    await stored(id, PHONES)
    return { id, key: committedAt - askedAt, fanOut: alerted.last - committedAt, firstAlert: alerted.first - committedAt, lastAlert: alerted.last - askedAt, acknowledged: acknowledged.last - askedAt, board, bytes: alerted.bytes, text: alerted.text }
  }

  async function stored(id: string, answers: number): Promise<void> {
    const [found] = await owner<{ answers: number, people: number, events: number, last_seq: number }[]>`
      select (select count(*)::int from call_answers where emergency_id = ${id}) as answers,
        (select count(*)::int from participants where emergency_id = ${id} and call_state = 'answered') as people,
        (select count(*)::int from emergency_events where emergency_id = ${id} and type = 'call.answered') as events,
        (select last_seq::int - (select count(*)::int from emergency_events where emergency_id = ${id}) from event_streams where id = ${id}) as last_seq`
    same('answers in the database', found?.answers ?? 0, answers)
    same('people who have answered in the database', found?.people ?? 0, PHONES)
    same('answers in the event log', found?.events ?? 0, answers)
    same('gaps in the event log', found?.last_seq ?? 0, 0)
  }

  let givenAnswers = 0
  async function burst(event: AnswerEvent, emergencyId: string, count: number): Promise<number> {
    const reply = await phones.ask({ do: 'answer', emergencyId, event, count }, 'answer')
    same(`${event} acknowledged`, reply.count - reply.refused, count)
    if (reply.refused > 0)
      wrong.push(reply.firstRefusal)
    if (event !== 'bench:memory')
      givenAnswers += count
    await sleep(200)
    return reply.ms
  }
  async function alone(event: AnswerEvent, emergencyId: string): Promise<number> {
    const reply = await phones.ask({ do: 'answerAlone', emergencyId, event, count: ALONE }, 'answerAlone')
    same(`${event} alone refused`, reply.refused, 0)
    if (event !== 'bench:memory')
      givenAnswers += ALONE
    return reply.medianMs
  }

  // 3. Warm-up: everything once.
  const warm = await story(true)
  const { text } = warm
  await phones.ask({ do: 'unwatch' }, 'unwatch')
  await burst('bench:memory', warm.id, PHONES)
  await burst('call:answer', warm.id, PHONES)
  await burst('bench:ordinary', warm.id, ORDINARY)
  await burst('bench:prepared', warm.id, ORDINARY)
  await revoke(warm.id)
  for (let i = 0; i < 3; i++)
    await broadcast(text)
  step(`warm: an alert is ${warm.bytes} bytes`)

  // 4. The passes; what is compared stands beside each other, its order alternates.
  const stages: Record<string, number[]> = {}
  const note = (name: string, ms: number) => void (stages[name] ??= []).push(ms)
  async function inTurn<T>(firstFirst: boolean, a: () => Promise<T>, b: () => Promise<T>): Promise<[T, T]> {
    if (firstFirst)
      return [await a(), await b()]
    const second = await b()
    return [await a(), second]
  }
  for (let pass = 0; pass < PASSES; pass++) {
    const rawBefore = await broadcast(text)
    const seen = await story(true)
    const rawAfter = await broadcast(text)
    const rawMs = (rawBefore + rawAfter) / 2
    givenAnswers = PHONES
    // The paths of an answer are compared without screens: the story has them.
    await phones.ask({ do: 'unwatch' }, 'unwatch')
    await sleep(500)
    // Reads what the path without database knows instead.
    await burst('bench:memory', seen.id, 1)
    const memoryTimes: number[] = []
    const durableTimes: number[] = []
    for (let pair = 0; pair < BURST_PAIRS; pair++) {
      const [memory, durable] = await inTurn((pass + pair) % 2 === 0, () => burst('bench:memory', seen.id, PHONES), () => burst('call:answer', seen.id, PHONES))
      memoryTimes.push(memory)
      durableTimes.push(durable)
      note('all answers at once, no database', memory)
      note('all answers at once, durable', durable)
      ratios.add('durable', PHONES / durable, PHONES / memory)
    }
    const memoryMs = median(memoryTimes)
    const durableMs = median(durableTimes)
    const ordinaryMs = await burst('bench:ordinary', seen.id, ORDINARY)
    const preparedMs = await burst('bench:prepared', seen.id, ORDINARY)
    const [loneMs, lonePreparedMs] = await inTurn(pass % 2 === 0, () => alone('call:answer', seen.id), () => alone('bench:prepared', seen.id))
    if (pass < HTTP_PASSES) {
      const http = await phones.ask({ do: 'answerHttp', port: PORT, emergencyId: seen.id, cookies, connections: HTTP_CONNECTIONS }, 'answerHttp')
      same('answers over HTTP', http.count - http.refused, PHONES)
      if (http.refused > 0)
        wrong.push(http.firstRefusal)
      givenAnswers += PHONES
      ratios.add('http', PHONES / http.ms, PHONES / durableMs)
    }
    await stored(seen.id, givenAnswers)
    await revoke(seen.id)
    await sleep(500)
    note('key asked → rows durable', seen.key)
    note('rows durable → first alert', seen.firstAlert)
    note('rows durable → last alert', seen.fanOut)
    note('key → last alert', seen.lastAlert)
    note('key → last answer acknowledged', seen.acknowledged)
    note('key → all answers on every board', seen.board ?? 0)
    note('plain ws broadcast', rawMs)
    ratios.add('story', seen.board ?? 0, rawMs + memoryMs)
    ratios.add('ordinary', PHONES / durableMs, ORDINARY / ordinaryMs)
    ratios.add('prepared', PHONES / durableMs, ORDINARY / preparedMs)
    ratios.add('alone', loneMs, lonePreparedMs)
    ratios.add('alert', seen.fanOut, rawMs)
    step(`pass ${pass + 1}: story ${(seen.board ?? 0).toFixed(0)} ms, raw ${rawMs.toFixed(0)} + memory ${memoryMs.toFixed(0)} ms, durable ${durableMs.toFixed(0)} ms`)
  }

  // 5. What screens cost. A few hundredths of a story whose length varies by a tenth: many pairs, one behind the other.
  const lastAnswer = async (watched: boolean) => {
    const { id, acknowledged } = await story(watched)
    await phones.ask({ do: 'unwatch' }, 'unwatch')
    await revoke(id)
    await sleep(500)
    return acknowledged
  }
  for (let pair = 0; pair < 3 * PASSES; pair++) {
    const [watched, unwatched] = await inTurn(pair % 2 === 0, () => lastAnswer(true), () => lastAnswer(false))
    note('in pairs: key → last answer, with watchers', watched)
    note('in pairs: key → last answer, without', unwatched)
    ratios.add('watchers', watched, unwatched)
  }
  step(`${3 * PASSES} pairs of stories with and without screens`)

  print()
  print(table(Object.entries(stages).map(([name, times]) => [name, `${median(times).toFixed(0)} ms`, spread(times)]), ['stage', 'median', 'range']))
  print()
  const rows = ratios.rows()
  print(table(rows.map(r => [r.name, r.ratio.toFixed(2), `[${r.least.toFixed(2)}..${r.most.toFixed(2)}]`, r.goal, r.met === null ? '' : r.met ? 'met' : 'missed']), ['ratio', 'median', 'range', 'goal', '']))
  const result = { at: new Date().toISOString(), machine, phones: PHONES, watchers: WATCHERS, passes: PASSES, scale: SCALE, people, peopleCalled, stages, ratios: rows, wrong }
  mkdirSync('bench-results', { recursive: true })
  const file = join('bench-results', `${result.at.replaceAll(':', '-')}.json`)
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`)
  print(`\n${file}`)
}

async function cleanUp(): Promise<void> {
  for (const undone of undo.splice(0).reverse())
    await undone()
}
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void cleanUp().finally(() => process.exit(1)))

let failed = false
try {
  await run()
}
catch (error) {
  failed = true
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
}
await cleanUp()
for (const what of new Set(wrong))
  process.stderr.write(`WRONG ${what.slice(0, 500)}\n`)
process.exit(failed || wrong.length > 0 ? 1 : 0)
