import type { ErrorCode } from '../../contract/errors.ts'
import type { BodyOf, ParamsOf, QueryOf, ReplyOf, Route } from './routes.ts'
import { text } from './i18n/index.ts'

/** What the server refused, or why it was not reached; `message` is a sentence in the reader's language. */
export class ApiError extends Error {
  readonly code: ErrorCode | 'NETWORK' | 'TIMEOUT' | 'UNREADABLE'
  /** 0 where no answer came. */
  readonly status: number
  readonly details: Readonly<Record<string, unknown>>
  readonly requestId: string | null

  constructor(fields: { code: ApiError['code'], message: string, status: number, details?: unknown, requestId?: string | null }) {
    super(fields.message)
    this.name = 'ApiError'
    this.code = fields.code
    this.status = fields.status
    this.details = typeof fields.details === 'object' && fields.details !== null ? fields.details as Record<string, unknown> : {}
    this.requestId = fields.requestId ?? null
  }
}

export const isAborted = (error: unknown): boolean => error instanceof DOMException && error.name === 'AbortError'

interface Extras {
  signal?: AbortSignal
  timeoutMs?: number
  /** For the one-key activation: the same key gives the same emergency. */
  idempotencyKey?: string
}
type Input<R extends Route> = Extras
  & (ParamsOf<R> extends never ? { params?: undefined } : { params: ParamsOf<R> })
  & (BodyOf<R> extends undefined ? { body?: undefined } : { body: BodyOf<R> })
  & { query?: QueryOf<R> }
type Arguments<R extends Route> = Record<string, never> extends Input<R> ? [input?: Input<R>] : [input: Input<R>]

const TIMEOUT_MS = 15_000
const endedListeners = new Set<() => void>()

/** Told when the server says that the session is over, wherever the request came from. */
export function onSessionEnded(listener: () => void): () => void {
  endedListeners.add(listener)
  return () => endedListeners.delete(listener)
}

/** `await api('GET /api/emergencies/:id/mine', { params: { id } })` */
export async function api<R extends Route>(route: R, ...[input]: Arguments<R>): Promise<ReplyOf<R>> {
  const { params, query, body, ...extras } = (input ?? {}) as Extras & { params?: Record<string, string | number>, query?: object, body?: unknown }
  const separator = route.indexOf(' ')
  const path = route.slice(separator + 1).replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(String(params?.[name] ?? '')))
  return await request(route.slice(0, separator), path + queryString(query), body, extras) as ReplyOf<R>
}

function queryString(query: object | undefined): string {
  const pairs = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== null)
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs.map(([name, value]) => [name, String(value)]))}`
}

async function request(method: string, url: string, body: unknown, { signal, timeoutMs = TIMEOUT_MS, idempotencyKey }: Extras): Promise<unknown> {
  // AbortSignal.timeout and .any are newer than the oldest phones.
  const controller = new AbortController()
  const abort = (): void => controller.abort()
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    abort()
  }, timeoutMs)
  signal?.addEventListener('abort', abort)
  if (signal?.aborted === true)
    abort()
  try {
    const response = await fetch(url, {
      method,
      credentials: 'same-origin',
      headers: {
        'accept': 'application/json',
        'x-requested-with': 'pingji',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
      },
      signal: controller.signal,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return await read(response)
  }
  catch (error) {
    if (error instanceof ApiError || (isAborted(error) && !isLate))
      throw error
    const code = isLate ? 'TIMEOUT' : 'NETWORK'
    throw new ApiError({ code, message: text(`error.${code}`), status: 0 })
  }
  finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  }
}

async function read(response: Response): Promise<unknown> {
  if (response.status === 204)
    return undefined
  const reply: unknown = await response.json().catch((error: unknown) => {
    if (isAborted(error))
      throw error
    throw new ApiError({ code: 'UNREADABLE', message: text('error.UNREADABLE'), status: response.status })
  })
  if (response.ok)
    return reply
  const failure = errorOf(reply, response.status)
  if (failure.code === 'UNAUTHENTICATED' || failure.code === 'SESSION_ENDED')
    endedListeners.forEach(listener => listener())
  throw failure
}

/** The one body of every refusal, over HTTP and in socket acks. */
export function errorOf(reply: unknown, status: number): ApiError {
  const { error } = (reply ?? {}) as { error?: { code?: unknown, message?: unknown, details?: unknown, requestId?: unknown } }
  if (typeof error?.code !== 'string' || typeof error.message !== 'string')
    return new ApiError({ code: 'UNREADABLE', message: text('error.UNREADABLE'), status })
  return new ApiError({ code: error.code as ErrorCode, message: error.message, status, details: error.details, requestId: typeof error.requestId === 'string' ? error.requestId : null })
}
