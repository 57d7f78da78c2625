import type { FastifyBaseLogger, FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import type { Language } from '../../../contract/errors.ts'
import type { Config } from '../config.ts'
import type { Logger } from '../logger.ts'
import type { Actor, Caller } from './actor.ts'
import type { App } from './app.ts'
import type { ZodTypeProvider } from './zod-provider.ts'
import { randomUUID } from 'node:crypto'
import cookie from '@fastify/cookie'
import helmet from '@fastify/helmet'
import swagger from '@fastify/swagger'
import fastify, { LogController } from 'fastify'
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { z } from 'zod'
import { DomainError, renderError } from '../errors.ts'
import { languageOf } from './language.ts'
import { isForeignOrigin } from './origin.ts'
import { registerReference } from './reference.ts'
import { InvalidInputError, isResponseSerializationError, jsonSchemaTransform, serializerCompiler, validationError, validatorCompiler } from './zod-provider.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Null until somebody has signed in. */
    actor: Actor | null
    language: Language
  }
  interface FastifyContextConfig {
    /** The action of the access table that guards this route, or `public`. Every route names one. */
    access?: string
  }
}

export interface RouteEntry { method: string, url: string, access: string }

export interface Http {
  app: App
  /** Every route that the router knows, for the test that holds it against the access table. */
  routes: RouteEntry[]
  metrics: Registry
}

export interface HttpOptions {
  config: Pick<Config, 'publicUrl' | 'trustProxy' | 'tls' | 'timeZone'>
  log: Logger
  authenticate: (request: FastifyRequest) => Promise<Actor | null>
  /** Null where everything that an answer needs is there; else what is missing. */
  notReady: () => string | null
}

const BODY_LIMIT = 1024 * 1024
const SAFE_METHODS: readonly string[] = ['GET', 'HEAD']
/** How long a request may take to arrive in full, and how long a closing server waits for those under way. */
const REQUEST_TIMEOUT_MS = 30_000
const DRAIN_MS = 5_000

/** Pages of our own need nothing from elsewhere and no inline code. */
function contentSecurityPolicy(publicUrl: string) {
  return {
    defaultSrc: ['\'none\''],
    scriptSrc: ['\'self\''],
    styleSrc: ['\'self\''],
    // Safari before 15.4 does not count the page's own socket as 'self'.
    connectSrc: ['\'self\'', publicUrl.replace(/^http/, 'ws')],
    imgSrc: ['\'self\'', 'blob:', 'data:'],
    fontSrc: ['\'self\''],
    mediaSrc: ['\'self\'', 'data:'],
    manifestSrc: ['\'self\''],
    workerSrc: ['\'self\''],
    frameAncestors: ['\'none\''],
    baseUri: ['\'none\''],
    formAction: ['\'self\''],
  }
}

function rawServer(options: HttpOptions) {
  const loggerInstance: FastifyBaseLogger = options.log
  const base = {
    loggerInstance,
    bodyLimit: BODY_LIMIT,
    trustProxy: options.config.trustProxy.length > 0 ? options.config.trustProxy : false,
    genReqId: () => randomUUID(),
    logController: new LogController({ disableRequestLogging: true }),
    routerOptions: { maxParamLength: 200 },
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: 'idle' as const,
    // What is no HTTP at all never reaches a route or a hook.
    frameworkErrors: (_error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      const { status, body } = renderError(new DomainError('MALFORMED_REQUEST'), languageOf(request.headers), request.id)
      void reply.status(status).type('application/json').send(JSON.stringify(body))
    },
  }
  return options.config.tls === null ? fastify(base) : fastify({ ...base, https: options.config.tls } as typeof base)
}

/** The HTTP house: errors, cookies, same-origin rule, documentation, health, metrics. Knows no route of the domain. */
export async function createHttp(options: HttpOptions): Promise<Http> {
  const { config, log } = options
  const app = rawServer(options).withTypeProvider<ZodTypeProvider>()
  const routes: RouteEntry[] = []
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  app.removeContentTypeParser('text/plain')

  app.addHook('onRoute', (route) => {
    const access = route.config?.access ?? (route.url.startsWith('/api/') ? null : 'public')
    if (access === null)
      throw new Error(`${String(route.method)} ${route.url} names no rule of the access table`)
    for (const method of [route.method].flat()) {
      if (method !== 'HEAD' && method !== 'OPTIONS')
        routes.push({ method, url: route.url, access })
    }
  })

  await app.register(cookie)
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: contentSecurityPolicy(config.publicUrl) },
    strictTransportSecurity: config.publicUrl.startsWith('https:') ? { maxAge: 31_536_000 } : false,
    crossOriginOpenerPolicy: { policy: 'same-origin' },
    referrerPolicy: { policy: 'no-referrer' },
  })
  app.addHook('onSend', async (request, reply) => {
    reply.header('permissions-policy', 'geolocation=(self), camera=(self), microphone=()')
    reply.header('x-request-id', request.id)
    // Whatever the interface says is of this moment and of this person.
    if (request.url.startsWith('/api/') && !reply.hasHeader('cache-control'))
      reply.header('cache-control', 'no-store')
  })
  let underWay = 0
  let closing = false
  const cutIfIdle = () => {
    if (closing && underWay === 0)
      app.server.closeAllConnections()
  }
  app.addHook('onRequest', async (_request, reply) => {
    underWay++
    reply.raw.once('close', () => {
      underWay--
      cutIfIdle()
    })
  })
  // Requests under way finish; who only sits there, or hangs, must not keep the process from ending.
  app.addHook('preClose', async () => {
    closing = true
    cutIfIdle()
    setTimeout(() => app.server.closeAllConnections(), DRAIN_MS).unref()
  })

  app.decorateRequest('actor', null)
  app.decorateRequest('language', 'zh-CN')
  app.addHook('onRequest', async (request) => {
    request.language = languageOf(request.headers)
    if (!SAFE_METHODS.includes(request.method))
      requireSameOrigin(request, config.publicUrl)
    // By the route, not by the address as it was typed: /%61pi is /api too.
    const { access } = request.routeOptions.config
    if (access === undefined || access === 'public')
      return
    request.actor = await options.authenticate(request)
    if (request.actor === null)
      throw new DomainError('UNAUTHENTICATED')
  })

  app.setErrorHandler((error: FastifyError | DomainError, request, reply) => {
    const known = toDomainError(error, request.language)
    if (known === null)
      log.error({ err: error, requestId: request.id, route: request.routeOptions.url }, 'request failed')
    const { status, body } = renderError(known ?? error, request.language, request.id)
    const retryAfter = known?.details?.retryAfterSec ?? (status === 503 ? 2 : undefined)
    if (typeof retryAfter === 'number')
      reply.header('retry-after', String(retryAfter))
    return reply.status(status).send(body)
  })
  app.setNotFoundHandler((request, reply) => {
    const { status, body } = renderError(new DomainError('NOT_FOUND'), request.language, request.id)
    return reply.status(status).send(body)
  })

  const metrics = new Registry()
  collectDefaultMetrics({ register: metrics })
  const durations = new Histogram({ name: 'http_request_duration_seconds', help: 'Time to answer', labelNames: ['method', 'route', 'status'], buckets: [0.005, 0.02, 0.05, 0.1, 0.3, 1, 3, 10], registers: [metrics] })
  app.addHook('onResponse', async (request, reply) => {
    durations.observe({ method: request.method, route: request.routeOptions.url ?? 'unknown', status: reply.statusCode }, reply.elapsedTime / 1000)
  })

  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'PingJi 平急', description: 'HTTP interface. Unsafe methods need the header x-requested-with: pingji.', version: '1' },
    },
    transform: jsonSchemaTransform,
  })
  app.get('/api/openapi.json', { config: { access: 'public' }, schema: { hide: true } }, async () => app.swagger())
  registerReference(app)
  app.get('/healthz', { config: { access: 'public' }, schema: { hide: true, response: { 200: z.strictObject({ status: z.literal('ok') }) } } }, async () => ({ status: 'ok' as const }))
  app.get('/readyz', { config: { access: 'public' }, schema: { hide: true, response: { '200': z.strictObject({ status: z.string() }), '5xx': z.strictObject({ status: z.string() }) } } }, async (_request, reply) => {
    const missing = options.notReady()
    return reply.status(missing === null ? 200 : 503).send({ status: missing ?? 'ready' })
  })
  app.get('/metrics', { config: { access: 'public' }, schema: { hide: true } }, async (_request, reply) => reply.type(metrics.contentType).send(await metrics.metrics()))

  return { app, routes, metrics }
}

/** A gauge whose value is asked for when it is read. */
export function addGauge(metrics: Registry, name: string, help: string, read: () => number): void {
  const gauge: Gauge = new Gauge({ name, help, registers: [metrics], collect: () => gauge.set(read()) })
}

/**
 * Cross-site request forgery: cookies are SameSite, and beside that an unsafe request must carry a
 * header that a foreign form cannot set and must not come from another origin.
 */
function requireSameOrigin(request: FastifyRequest, publicUrl: string): void {
  const { 'sec-fetch-site': site, 'x-requested-with': sender } = request.headers
  if (sender !== 'pingji' || isForeignOrigin(request.headers, publicUrl) || (site !== undefined && site !== 'same-origin' && site !== 'none'))
    throw new DomainError('ORIGIN_REFUSED')
}

/** Null: not one of ours, so a bug. */
function toDomainError(error: FastifyError | DomainError, language: Language): DomainError | null {
  if (error instanceof DomainError)
    return error
  if (error instanceof InvalidInputError)
    return validationError(error.issues, language)
  if (isResponseSerializationError(error))
    return null
  switch (error.code) {
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return new DomainError('MALFORMED_JSON')
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new DomainError('BODY_TOO_LARGE', { limitKb: BODY_LIMIT / 1024 })
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new DomainError('UNSUPPORTED_MEDIA_TYPE')
    default:
      // Refusals by the libraries below us: a forbidden path, a bad content length, a poisoned prototype …
      if (error.statusCode === 403 || error.statusCode === 404)
        return new DomainError('NOT_FOUND')
      return error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500 ? new DomainError('MALFORMED_REQUEST') : null
  }
}

/** The caller of a route that requires a session. */
export function callerOf(request: FastifyRequest): Caller {
  if (request.actor === null)
    throw new DomainError('UNAUTHENTICATED')
  return { actor: request.actor, requestId: request.id, language: request.language }
}
