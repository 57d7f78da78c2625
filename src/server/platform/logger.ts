import type { DestinationStream, Logger } from 'pino'
import process from 'node:process'
import { pino, stdSerializers } from 'pino'

export type { Logger } from 'pino'

const REDACTED = ['phone', 'password', 'token', 'cookie', 'authorization', 'code', 'nonce', 'secondFactor', '*.phone', '*.password', '*.token', '*.cookie', '*.authorization', '*.code', '*.nonce', '*.secondFactor', 'req.headers', 'res.headers']

/** Mobile numbers in any text are masked on the way out, as a last resort behind the redaction paths. */
const MOBILE = /(?<!\d)(1[3-9]\d)\d{4}(\d{4})(?!\d)/g

/**
 * Drizzle's message carries the statement and its parameters, phone numbers included: of a database
 * error only the SQLSTATE and the constraint's name may be seen.
 */
function serializeError(error: Error): object {
  const cause = error.cause as { code?: string, constraint_name?: string } | undefined
  const isDatabaseError = 'query' in error || (cause !== undefined && cause.constraint_name !== undefined) || error.name === 'DrizzleQueryError' || error.name === 'PostgresError'
  if (!isDatabaseError)
    return stdSerializers.err(error)
  const source = (cause ?? error) as { code?: string, constraint_name?: string }
  return {
    type: error.name,
    sqlstate: source.code,
    constraint: source.constraint_name,
    stack: error.stack?.split('\n').filter(line => line.startsWith('    at ')).join('\n'),
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
