/** What may be known of a database error: its SQLSTATE and the constraint's name, never its message or parameters. */

interface PostgresFault { code: string, constraint: string | null }

export function postgresFault(error: unknown): PostgresFault | null {
  for (let e: unknown = error, depth = 0; e instanceof Error && depth < 4; e = e.cause, depth++) {
    const { code, constraint_name: constraint } = e as { code?: unknown, constraint_name?: unknown }
    if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code))
      return { code, constraint: typeof constraint === 'string' ? constraint : null }
  }
  return null
}

/** True for a violation (unique, foreign key, check, exclusion) of this named constraint or index. */
export function violates(error: unknown, constraint: string): boolean {
  const fault = postgresFault(error)
  return fault !== null && fault.code.startsWith('23') && fault.constraint === constraint
}

/** Serialization failure or deadlock: the same transaction may succeed when run again. */
export function isRetryable(error: unknown): boolean {
  return postgresFault(error)?.code.startsWith('40') ?? false
}

const CONNECTION_CODES = new Set(['CONNECTION_CLOSED', 'CONNECTION_ENDED', 'CONNECTION_DESTROYED', 'CONNECT_TIMEOUT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EHOSTUNREACH'])

/** The connection, not the statement, failed. */
export function isConnectionFault(error: unknown): boolean {
  for (let e: unknown = error, depth = 0; e instanceof Error && depth < 4; e = e.cause, depth++) {
    const { code } = e as { code?: unknown }
    // Class 57P: admin shutdown, crash shutdown, cannot connect now. Class 08: connection exceptions. 53300: too many connections.
    if (typeof code === 'string' && (CONNECTION_CODES.has(code) || code.startsWith('57P') || code.startsWith('08') || code === '53300'))
      return true
  }
  return false
}
