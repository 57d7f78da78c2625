import type { DestinationStream, Logger } from 'pino'
import process from 'node:process'
import { pino } from 'pino'

export type { Logger } from 'pino'

const REDACTED = ['phone', 'password', 'token', 'cookie', 'authorization', 'code', 'nonce', 'secondFactor', '*.phone', '*.password', '*.token', '*.cookie', '*.authorization', '*.code', '*.nonce', '*.secondFactor', 'req.headers', 'res.headers']

/** Mobile numbers in any text are masked on the way out, as a last resort behind the redaction paths. */
const MOBILE = /(?<!\d)(1[3-9]\d)\d{4}(\d{4})(?!\d)/g

const stackOf = (error: Error): string => (error.stack ?? '').split('\n').filter(line => line.startsWith('    at ')).join('\n')

const isOfDatabase = (error: object): boolean => 'query' in error || 'severity' in error || 'constraint_name' in error

/**
 * Drizzle's message carries the statement and its parameters, the driver's may quote a value, and phone
 * numbers are among them: of a database error only the SQLSTATE and the constraint's name may be seen,
 * however deep in the chain of causes it hides.
 */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error))
    return typeof error === 'string' ? error : typeof error
  const { code, constraint_name: constraint } = error as { code?: unknown, constraint_name?: unknown }
  return {
    type: error.name === 'Error' ? error.constructor.name : error.name,
    ...(isOfDatabase(error) ? { constraint } : { message: error.message }),
    // Not `code`: that name is redacted, since elsewhere it is what opens a link.
    reason: code,
    stack: stackOf(error),
    ...(error.cause === undefined ? {} : { cause: serializeError(error.cause) }),
    ...(error instanceof AggregateError ? { errors: error.errors.map(serializeError) } : {}),
  }
}

export function createLogger(level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    redact: { paths: REDACTED, censor: '***' },
    serializers: { err: serializeError, error: serializeError },
    hooks: {
      streamWrite: (line: string) => line.replace(MOBILE, '$1****$2'),
    },
  }
  if (destination !== undefined)
    return pino(options, destination)
  if (process.stdout.isTTY)
    return pino({ ...options, transport: { target: 'pino-pretty', options: { ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss' } } })
  return pino(options)
}
