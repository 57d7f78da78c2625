import { randomUUID } from 'node:crypto'

export interface Refusal { code: string, message: string, details?: unknown }

/** The server said no. */
export class RefusedError extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, refusal: Refusal) {
    super(`${status} ${refusal.code}: ${refusal.message}`)
    this.status = status
    this.code = refusal.code
  }
}

/**
 * One browser's worth of HTTP: its own cookie, JSON in and out. A lost connection or a 503 is tried
 * again with the same body for up to two minutes, as the phone's outbox does.
 */
export class HttpClient {
  readonly #base: string
  #cookie = ''

  constructor(base: string) {
    this.#base = base
  }

  get cookie(): string {
    return this.#cookie
  }

  get<T>(path: string): Promise<T> {
    return this.#request<T>('GET', path)
  }

  post<T>(path: string, body: unknown, headers: Record<string, string> = {}): Promise<T> {
    return this.#request<T>('POST', path, body, headers)
  }

  /** Sends and goes away before the answer comes, as a phone does that loses its network. */
  async postAndLoseReply(path: string, body: unknown): Promise<void> {
    const abort = new AbortController()
    const sent = this.#fetch('POST', path, body, {}, abort.signal).catch(() => undefined)
    setTimeout(() => abort.abort(), 5)
    await sent
  }

  async #request<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
    const giveUpAt = performance.now() + 120_000
    for (let attempt = 1; ; attempt++) {
      try {
        const response = await this.#fetch(method, path, body, headers)
        const cookie = response.headers.getSetCookie().find(c => /^(?:__Host-)?sid=/.test(c))
        if (cookie !== undefined)
          this.#cookie = cookie.split(';')[0] ?? ''
        const text = await response.text()
        if (response.ok)
          return (text === '' ? undefined : JSON.parse(text)) as T
        const refusal = (text.startsWith('{') ? (JSON.parse(text) as { error: Refusal }).error : { code: 'UNKNOWN', message: text })
        if (!(response.status === 503 || response.status === 429) || performance.now() > giveUpAt)
          throw new RefusedError(response.status, refusal)
      }
      catch (error) {
        if (error instanceof RefusedError || performance.now() > giveUpAt)
          throw error
      }
      await new Promise(resolve => setTimeout(resolve, Math.random() * Math.min(5000, 200 * 2 ** attempt)))
    }
  }

  #fetch(method: string, path: string, body: unknown, headers: Record<string, string>, signal?: AbortSignal): Promise<Response> {
    return fetch(this.#base + path, {
      method,
      headers: {
        'accept': 'application/json',
        'x-requested-with': 'pingji',
        'x-request-id': randomUUID(),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(this.#cookie === '' ? {} : { cookie: this.#cookie }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: signal ?? AbortSignal.timeout(30_000),
    })
  }
}
