import { hash, verify } from '@node-rs/argon2'
import { DomainError } from '../../platform/errors.ts'

/** argon2id, 19 MiB, 2 passes (OWASP's first recommendation). */
const PARAMETERS = { algorithm: 2, memoryCost: 19 * 1024, timeCost: 2, parallelism: 1 } as const

/** The thread pool is shared with DNS and files: sign-ins must not fill it. */
const MAX_IN_FLIGHT = 2
/** Some three seconds of work; more callers than this would only wait for their own timeouts. */
const MAX_WAITING = 200
let inFlight = 0
const waiting: (() => void)[] = []

async function limited<T>(work: () => Promise<T>): Promise<T> {
  if (inFlight < MAX_IN_FLIGHT) {
    inFlight++
  }
  else {
    if (waiting.length >= MAX_WAITING)
      throw new DomainError('OVERLOADED', { retryAfterSec: 3 })
    // Whoever ends hands his place over: it is never free in between.
    await new Promise<void>(resolve => waiting.push(resolve))
  }
  try {
    return await work()
  }
  finally {
    const next = waiting.shift()
    if (next === undefined)
      inFlight--
    else
      next()
  }
}

export function hashPassword(password: string): Promise<string> {
  return limited(() => hash(password, PARAMETERS))
}

let decoy: Promise<string> | null = null

/** Takes as long for an unknown account as for a wrong password, so that neither can be told. */
export async function verifyPassword(passwordHash: string | null, password: string): Promise<boolean> {
  decoy ??= hashPassword('no such account')
  const against = passwordHash ?? await decoy
  const matches = await limited(() => verify(against, password))
  return passwordHash !== null && matches
}
