import type { Grant, Me, SignIn } from '../../../contract/identity.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Config } from '../../platform/config.ts'
import type { Database, Tx } from '../../platform/db/index.ts'
import type { Actor } from '../../platform/http/index.ts'
import type { Scheduler } from '../../platform/scheduler.ts'
import { dayOf, HOUR } from '../../platform/clock.ts'
import { DomainError } from '../../platform/errors.ts'
import { createRateLimit } from '../../platform/http/index.ts'
import { verifyPassword } from './passwords.ts'
import { findAccountByPhone, findActor, forgetSessions, insertSession, recheckSessions, revokeSession } from './sessions.repo.ts'

/** Account sessions: 12 hours in all, an hour idle (a command centre works in shifts). */
const ACCOUNT_TTL_MS = 12 * HOUR
const ACCOUNT_IDLE_MS = HOUR
/** How long a revoked session may go on being trusted. */
const CACHE_MS = 2_000
const CACHE_SIZE = 50_000
/** The law asks for six months of records of use (Art. 21 of the Cybersecurity Law). */
const KEPT_MS = 200 * 24 * HOUR

/** What identity needs to know of people; the registry answers. */
export interface PersonDirectory {
  phoneHash: (phone: string) => Buffer | null
  describe: (tx: Tx, personId: string, grants: Actor['grants']) => Promise<{ name: string, phoneMasked: string, unit: { id: string, name: string } | null, grants: Grant[] }>
}

export interface IdentityDeps {
  db: Database
  clock: Clock
  config: Pick<Config, 'publicUrl' | 'timeZone'>
  people: PersonDirectory
}

export interface OpenedSession { token: string, cookie: { name: string, secure: boolean, expires: Date }, actor: Actor, me: Me }

export type Identity = ReturnType<typeof createIdentity>

export function createIdentity({ db, clock, config, people }: IdentityDeps) {
  const secure = config.publicUrl.startsWith('https:')
  const cookieName = secure ? '__Host-sid' : 'sid'
  const cache = new Map<string, { actor: Actor | null, until: number }>()
  // Slowed, never locked: a stranger must not be able to keep a commander out.
  const triesOfAccount = createRateLimit(10, 60)
  // One address trying many accounts; an office behind one address stays below it.
  const failuresOfAddress = createRateLimit(60, 60)
  const listeners = new Set<(sessionId: string) => void>()

  const actorOf = (tx: Tx, token: string) => findActor(tx, token, clock.now(), dayOf(clock.now(), config.timeZone), ACCOUNT_IDLE_MS)

  async function byToken(token: string): Promise<Actor | null> {
    const cached = cache.get(token)
    const monotonic = performance.now()
    if (cached !== undefined && cached.until > monotonic && (cached.actor === null || cached.actor.expiresAt > clock.now()))
      return cached.actor
    const actor = await db.answers.tx(tx => actorOf(tx, token))
    if (cache.size >= CACHE_SIZE)
      cache.clear()
    cache.set(token, { actor, until: monotonic + CACHE_MS })
    return actor
  }

  async function meOf(tx: Tx, actor: Actor): Promise<Me> {
    const person = await people.describe(tx, actor.personId, actor.kind === 'link' ? [] : actor.grants)
    return { personId: actor.personId, ...person, sessionKind: actor.kind, emergencyId: actor.emergencyId, expiresAt: actor.expiresAt.toISOString() }
  }

  async function open(tx: Tx, session: { kind: 'account' | 'link', personId: string, emergencyId: string | null, userAgent: string, expiresAt: Date }): Promise<OpenedSession> {
    const { token } = await insertSession(tx, { ...session, now: clock.now() })
    const actor = await actorOf(tx, token)
    if (actor === null)
      throw new DomainError('SESSION_ENDED')
    return { token, cookie: { name: cookieName, secure, expires: session.expiresAt }, actor, me: await meOf(tx, actor) }
  }

  return {
    cookie: { name: cookieName, secure },

    /** Whose session cookie is this? Null for none, and for one that ended. Cached for two seconds. */
    async authenticate(cookieHeader: string | undefined): Promise<Actor | null> {
      const token = cookieHeader?.split(/;\s*/).find(part => part.startsWith(`${cookieName}=`))?.slice(cookieName.length + 1)
      return token === undefined || token === '' ? null : byToken(token)
    },

    /** @throws SIGN_IN_FAILED, the same for an unknown number and a wrong password; RATE_LIMITED after ten tries a minute for one account, or sixty failures from one address. */
    async signIn(request: SignIn, address: string, userAgent: string): Promise<OpenedSession> {
      const hash = people.phoneHash(request.phone)
      const key = `${address} ${hash?.toString('hex') ?? request.phone}`
      await triesOfAccount.take(key)
      await failuresOfAddress.take(address)
      const account = hash === null ? null : await db.read.tx(tx => findAccountByPhone(tx, hash), { readOnly: true })
      const usable = account !== null && !account.disabled
      if (!await verifyPassword(usable ? account.passwordHash : null, request.password) || !usable)
        throw new DomainError('SIGN_IN_FAILED')
      await triesOfAccount.forgive(key)
      await failuresOfAddress.giveBack(address)
      return db.work.tx(tx => open(tx, { kind: 'account', personId: account.personId, emergencyId: null, userAgent, expiresAt: new Date(clock.now().getTime() + ACCOUNT_TTL_MS) }))
    },

    /** A session for one person in one emergency, after his link was traded. */
    openLinkSession: (tx: Tx, session: { personId: string, emergencyId: string, userAgent: string, expiresAt: Date }) => open(tx, { kind: 'link', ...session }),

    async signOut(actor: Actor): Promise<void> {
      await db.work.tx(tx => revokeSession(tx, actor.sessionId, clock.now()))
      for (const [token, cached] of cache) {
        if (cached.actor?.sessionId === actor.sessionId)
          cache.delete(token)
      }
      for (const hear of listeners)
        hear(actor.sessionId)
    },

    me: (actor: Actor): Promise<Me> => db.read.tx(tx => meOf(tx, actor), { readOnly: true }),

    /** For sockets, which are asked once and then stand for hours. */
    recheckSessions: (sessionIds: readonly string[], withGrants: ReadonlySet<string>) => db.work.tx(tx => recheckSessions(tx, sessionIds, withGrants, clock.now(), dayOf(clock.now(), config.timeZone))),

    startJobs(scheduler: Scheduler): void {
      scheduler.cron('old-sessions', '40 3 * * *', () => db.work.tx(tx => forgetSessions(tx, new Date(clock.now().getTime() - KEPT_MS)), { deadlineMs: 60_000 }))
    },

    onSessionEnded(hear: (sessionId: string) => void): void {
      listeners.add(hear)
    },
  }
}
