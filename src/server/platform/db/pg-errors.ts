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

/** Statement timeout or lock timeout: the server lives, this took too long. */
export function isWaitOver(error: unknown): boolean {
  const code = postgresFault(error)?.code
  return code === '57014' || code === '55P03'
}

/** A write met a standby: the server behind the connection has lost its place as primary. */
export function isReadOnlyServer(error: unknown): boolean {
  return postgresFault(error)?.code === '25006'
}

/** Disk full, out of memory, no connection left: nothing was done, and trying again later may help. */
export function isShortage(error: unknown): boolean {
  return postgresFault(error)?.code.startsWith('53') ?? false
}

const CONNECTION_CODES = new Set(['CONNECTION_CLOSED', 'CONNECTION_ENDED', 'CONNECTION_DESTROYED', 'CONNECT_TIMEOUT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EHOSTUNREACH'])

/** The connection, not the statement, failed. */
export function isConnectionFault(error: unknown): boolean {
  for (let e: unknown = error, depth = 0; e instanceof Error && depth < 4; e = e.cause, depth++) {
    const { code } = e as { code?: unknown }
    // Class 57P: admin shutdown, crash shutdown, cannot connect now. Class 08: connection exceptions.
    // 25P03: cut while idle in a transaction.
    if (typeof code === 'string' && (CONNECTION_CODES.has(code) || code.startsWith('57P') || code.startsWith('08') || code === '25P03'))
      return true
  }
  return false
}
