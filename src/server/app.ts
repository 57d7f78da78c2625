/** Composition: the only place that wires rooms together. Builds everything, listens to nothing. */
import type { z } from 'zod'
import type { CountyInfo, DemoAccounts } from '../contract/identity.ts'
import type { Gateway, LiveBoards } from './modules/boards/index.ts'
import type { AnswerPace } from './modules/calls/index.ts'
import type { Clock } from './platform/clock.ts'
import type { Config } from './platform/config.ts'
import type { Database } from './platform/db/index.ts'
import type { App, RouteEntry } from './platform/http/index.ts'
import type { Logger } from './platform/logger.ts'
import type { Realtime } from './platform/realtime/index.ts'
import type { Secrets } from './platform/secrets.ts'
import { CountyInfo as CountyInfoSchema, DemoAccounts as DemoAccountsSchema } from '../contract/identity.ts'
import { PROTOCOL_VERSION } from '../contract/protocol.ts'
import { createSandboxSms, registerSandboxRoutes } from './channels/sms/sandbox.ts'
import { createAudit } from './modules/audit/index.ts'
import { createBoards, createGateway, createLiveBoards, registerBoardsRoutes } from './modules/boards/index.ts'
import { ANSWER_PACE, createCalls, createNotices, registerCallsRoutes } from './modules/calls/index.ts'
import { modesOfGrids } from './modules/emergencies/index.ts'
import { createIdentity, registerIdentityRoutes } from './modules/identity/index.ts'
import { createMobilization, registerMobilizationRoutes } from './modules/mobilization/index.ts'
import { createPlans, registerPlansRoutes } from './modules/plans/index.ts'
import { createPresence, registerPresenceRoutes } from './modules/presence/index.ts'
import { createPhoneVault, createRegistry, GridIndex, registerRegistryRoutes } from './modules/registry/index.ts'
import { createReviews, registerReviewRoutes } from './modules/review/index.ts'
import { createTeams, registerTeamsRoutes } from './modules/teams/index.ts'
import { createTail } from './platform/eventlog/index.ts'
import { addGauge, createHttp, serveWebClient, startIdempotencyJobs } from './platform/http/index.ts'
import { createRealtime } from './platform/realtime/index.ts'
import { createScheduler } from './platform/scheduler.ts'
import { serveSockets } from './sockets.ts'

export interface AppDeps {
  config: Config
  secrets: Secrets
  db: Database
  log: Logger
  clock: Clock
  /** Demo mode: the printed accounts. */
  demoAccounts: z.output<typeof DemoAccounts>['accounts']
  /** Background jobs (sender, ladder, rosters); tests may drive them by hand. */
  jobs: boolean
  /** Folder of the built web client; null serves the interface alone. */
  webRoot: string | null
  /** How answers travel, where it is not as usual. */
  pace?: AnswerPace
}

export interface BuiltApp {
  app: App
  routes: RouteEntry[]
  grids: GridIndex
  /** Looks at the registry again after an import. */
  reloadPlaces: () => Promise<void>
  services: {
    calls: ReturnType<typeof createCalls>
    plans: ReturnType<typeof createPlans>
    realtime: Realtime
    gateway: Gateway
    live: LiveBoards
  }
}

export async function buildApp({ config, secrets, db, log, clock, demoAccounts, jobs, webRoot, pace = ANSWER_PACE }: AppDeps): Promise<BuiltApp> {
  const grids = new GridIndex()
  const reloadPlaces = () => db.read.tx(tx => grids.load(tx), { readOnly: true })
  await reloadPlaces()

  const tail = await createTail(db, log)
  const vault = createPhoneVault(secrets)
  const { timeZone, countyName, publicUrl } = config
  const isDemo = config.mode === 'demo'

  const auditTrail = createAudit({ db, clock, log, key: secrets.auditKey, headsFile: config.auditHeadsFile })
  const registry = createRegistry({ db, clock, timeZone, countyName, vault, grids, modesOf: modesOfGrids })
  const identity = createIdentity({ db, clock, config, people: { phoneHash: vault.hash, describe: registry.describe } })
  const plans = createPlans({ db, clock, timeZone, grids })
  const notices = createNotices({ clock, timeZone, countyName, grids })
  const calls = createCalls({ db, clock, log, countyName, publicUrl, linkKey: secrets.linkKey, vault, grids, identity, tail, sms: isDemo ? createSandboxSms(db, clock) : null, pace })
  const presence = createPresence({ db, clock, publicUrl, checkInKey: secrets.checkInKey, grids, tail })
  const teams = createTeams({
    db,
    clock,
    grids,
    tail,
    notifyPeople: (tx, e, gridId, actorId, now, { kind, recipients, words }) => notices.notify(tx, e, [gridId], actorId, now, {
      kind,
      audience: 'team',
      template: kind === 'summons' ? e.state === 'preAlert' || e.level === 4 ? 'standbySms' : 'activationSms' : kind === 'release' ? 'releaseSms' : 'correctionSms',
      recipients,
      words: { 内容: words },
      ...(kind === 'summons' ? {} : { text: words }),
    }),
  })
  const mobilization = createMobilization({ db, clock, timeZone, publicUrl, grids, tail, notices })
  const boards = createBoards({ db, grids, vault, countyName, tail, today: registry.today })
  const reviews = createReviews({ db, clock, timeZone, grids, tail, isDemo })

  const { app, routes, metrics } = await createHttp({
    config,
    log,
    authenticate: request => identity.authenticate(request.headers.cookie),
    notReady: () => db.isUp() ? null : 'database unavailable',
  })

  app.get('/api/county', { config: { access: 'public' }, schema: { tags: ['county'], summary: 'County, deployment and mode, before anyone signs in', response: { 200: CountyInfoSchema } } }, async (): Promise<CountyInfo> => {
    const [open, mode] = await Promise.all([boards.openNow(), boards.countyMode()])
    return {
      name: countyName,
      deployment: config.mode,
      timeZone,
      mode,
      open: open.map(e => ({ id: e.id, name: e.name, isDrill: e.isDrill, level: e.level, state: e.state, activatedAt: e.activatedAt?.toISOString() ?? null, terminatedAt: e.terminatedAt?.toISOString() ?? null })),
      protocol: PROTOCOL_VERSION,
      now: clock.now().toISOString(),
    }
  })
  registerIdentityRoutes(app, identity)
  registerRegistryRoutes(app, registry, calls.relationTo)
  registerPlansRoutes(app, plans)
  registerTeamsRoutes(app, teams)
  registerCallsRoutes(app, calls)
  registerPresenceRoutes(app, presence)
  registerMobilizationRoutes(app, mobilization)
  registerBoardsRoutes(app, boards)
  registerReviewRoutes(app, reviews)
  if (isDemo) {
    registerSandboxRoutes(app, db)
    app.get('/api/demo/accounts', { config: { access: 'public' }, schema: { tags: ['sandbox'], summary: 'The demo\'s printed accounts', response: { 200: DemoAccountsSchema } } }, async () => ({ accounts: demoAccounts }))
  }

  if (webRoot !== null)
    await serveWebClient(app, webRoot)

  const realtime = createRealtime({ server: app.server, publicUrl, protocol: PROTOCOL_VERSION, log, authenticate: request => identity.authenticate(request.headers.cookie) })
  const live = createLiveBoards({ io: realtime.io, log, read: boards.read, viewOf: boards.viewOf, requireBoard: boards.requireBoard })
  const gateway = createGateway({
    db,
    log,
    realtime,
    boards: live,
    countyMode: boards.countyMode,
    recordShown: calls.recordShown,
    recheckSessions: identity.recheckSessions,
  })
  tail.subscribe(async (emergencyId, events) => {
    if (events.some(e => e.type === 'alert.issued')) {
      // Before the first of the new people can answer.
      db.replan()
      calls.wakeSender()
    }
    await gateway.hear(emergencyId, events)
  })
  identity.onSessionEnded(sessionId => realtime.endSession(sessionId, 'signedOut'))
  serveSockets({ realtime, log, calls, presence, boards, live, gateway })

  addGauge(metrics, 'pingji_sockets', 'Open sockets of this process', () => realtime.size())
  addGauge(metrics, 'pingji_live_boards', 'Boards that somebody watches in this process', () => live.size())
  addGauge(metrics, 'pingji_database_up', '1 while the database answers', () => db.isUp() ? 1 : 0)

  const scheduler = createScheduler(db, log, timeZone)
  if (jobs) {
    auditTrail.startJobs(scheduler)
    identity.startJobs(scheduler)
    plans.startJobs(scheduler)
    calls.startJobs(scheduler)
    startIdempotencyJobs(scheduler, db)
    // Grids change by registry edits, which any process may make.
    scheduler.every('places', 30_000, reloadPlaces)
  }

  // Sockets first: an open one would keep the server from closing for ever.
  app.addHook('preClose', async () => {
    boards.close()
    live.close()
    await gateway.close()
    await realtime.close()
  })
  app.addHook('onClose', async () => {
    await Promise.all([calls.drain(), presence.drain()])
    await scheduler.stop()
    await tail.close()
  })

  return { app, routes, grids, reloadPlaces, services: { calls, plans, realtime, gateway, live } }
}
