/**
 * The service in a process of its own: the real application, and beside it the baselines on the same
 * sockets, behind the same session, limits, validation and access rule: an answer that is decided, told to
 * the followers of the log and acknowledged without any database work, and an answer with a transaction of its own.
 */
import type { Gateway } from '../src/server/modules/boards/index.ts'
import type { Answering } from '../src/server/modules/calls/index.ts'
import type { SharedEmergency } from '../src/server/modules/emergencies/index.ts'
import type { Answerer } from '../src/server/modules/participants/index.ts'
import type { Database } from '../src/server/platform/db/index.ts'
import type { ServerCommand, ServerReply } from './messages.ts'
import type { Given, Reply } from './transactions.ts'
import process from 'node:process'
import { sql } from 'drizzle-orm'
import { GiveAnswer } from '../src/contract/calls.ts'
import { buildApp } from '../src/server/app.ts'
import { ANSWER_PACE, decideAnswers } from '../src/server/modules/calls/index.ts'
import { shareEmergencies } from '../src/server/modules/emergencies/index.ts'
import { requireAccess } from '../src/server/modules/identity/index.ts'
import { lockAnswerers } from '../src/server/modules/participants/index.ts'
import { systemClock } from '../src/server/platform/clock.ts'
import { readConfig } from '../src/server/platform/config.ts'
import { openDatabase } from '../src/server/platform/db/index.ts'
import { createGroupCommit } from '../src/server/platform/groupcommit.ts'
import { createLogger } from '../src/server/platform/logger.ts'
import { command } from '../src/server/platform/realtime/index.ts'
import { loadSecrets } from '../src/server/platform/secrets.ts'
import { addressed } from '../src/server/sockets.ts'
import { now } from './messages.ts'
import { ordinaryAnswers, preparedAnswers } from './transactions.ts'

const say = (reply: ServerReply) => process.send?.(reply)

/** The same path without its database work: what the tables know is read once for each emergency, and nothing is kept. */
function inMemoryAnswers(db: Database, gateway: Gateway): (given: Given) => Promise<Reply> {
  interface Held { emergencies: Map<string, SharedEmergency>, people: Map<string, Answerer>, seq: number }
  const held = new Map<string, Promise<Held>>()
  const load = (emergencyId: string) => db.read.tx(async (tx): Promise<Held> => {
    const everyone = await tx.execute<{ person_id: string }>(sql`select person_id from participants where emergency_id = ${emergencyId}`)
    const answerers = await lockAnswerers(tx, emergencyId, everyone.map(p => p.person_id))
    return { emergencies: await shareEmergencies(tx, [emergencyId]), people: new Map(answerers.map(p => [p.personId, p])), seq: 0 }
  })
  const group = createGroupCommit<Answering, Reply>({
    maxBatch: ANSWER_PACE.batch,
    abreast: { ...ANSWER_PACE, keyOf: a => a.personId },
    async write(batch) {
      const emergencyId = batch[0]?.emergencyId ?? ''
      const known = held.get(emergencyId) ?? load(emergencyId)
      held.set(emergencyId, known)
      const { emergencies, people, seq } = await known
      const { replies, events } = decideAnswers(batch, { emergencies, people, given: new Map() }, new Date())
      const log = (events.get(emergencyId) ?? []).map((e, i) => ({ emergencyId, seq: seq + 1 + i, ...e }))
      setImmediate(() => void gateway.hear(emergencyId, log))
      return replies
    },
  })
  return ({ emergencyId, actor: { personId }, answer }) => group.submit({ emergencyId, personId, actorId: personId, answer, via: 'app', relayedBy: null })
}

async function start({ databaseUrl, dataDir, port }: Extract<ServerCommand, { do: 'start' }>): Promise<() => Promise<void>> {
  const log = createLogger('warn')
  const config = readConfig({ MODE: 'production', PUBLIC_URL: `http://127.0.0.1:${port}`, DATA_DIR: dataDir, LOG_LEVEL: 'warn' })
  const db = openDatabase({ url: databaseUrl, log, role: 'pingji_app' })
  const { app, services } = await buildApp({ config, secrets: loadSecrets(dataDir, {}), db, log, clock: systemClock, demoAccounts: [], jobs: true, webRoot: null })
  app.addHook('onSend', async (request) => {
    if (request.url === '/api/switch/activations')
      say({ done: 'pressed', at: now() })
  })

  const answerInMemory = inMemoryAnswers(db, services.gateway)
  const ordinary = ordinaryAnswers(databaseUrl)
  const prepared = preparedAnswers(databaseUrl)
  services.realtime.io.on('connection', (socket) => {
    const serve = (write: (given: Given) => Promise<Reply>) => command(socket, log, (input, { actor, language }) => {
      const [emergencyId, answer] = addressed(GiveAnswer, input, language)
      requireAccess(actor, 'call.answerOwn', { personId: actor.personId, emergencyId })
      socket.data.lastCommandId = answer.answerId
      return write({ emergencyId, actor, answer })
    })
    // Events of the bench alone, which the contract does not know.
    const bench = socket as unknown as { on: (event: string, handler: ReturnType<typeof serve>) => void }
    bench.on('bench:memory', serve(answerInMemory))
    bench.on('bench:ordinary', serve(ordinary))
    bench.on('bench:prepared', serve(prepared))
  })
  await app.listen({ host: '127.0.0.1', port, backlog: 4_096 })
  say({ done: 'start', port })
  return async () => {
    await app.close()
    await db.close()
  }
}

let stop = async (): Promise<void> => {}
// Nothing outlives the bench.
process.on('disconnect', () => process.exit(1))
process.on('message', async (order: ServerCommand) => {
  if (order.do === 'start') {
    stop = await start(order)
    return
  }
  await stop()
  say({ done: 'stop' })
  process.exit(0)
})
