import type { FastifyBaseLogger, FastifyError, FastifyInstance, FastifyRequest } from 'fastify'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Language } from '../../../contract/errors.ts'
import type { Config } from '../config.ts'
import type { Logger } from '../logger.ts'
import type { Actor, Caller } from './actor.ts'
import type { ZodTypeProvider } from './zod-provider.ts'
import { randomUUID } from 'node:crypto'
import cookie from '@fastify/cookie'
import helmet from '@fastify/helmet'
import swagger from '@fastify/swagger'
import fastify from 'fastify'
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { z } from 'zod'
import { DomainError, renderError } from '../errors.ts'
import { languageOf } from './language.ts'
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

export type App = FastifyInstance<Server, IncomingMessage, ServerResponse, FastifyBaseLogger, ZodTypeProvider>

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

/** Pages of our own need nothing from elsewhere and no inline code. */
const CSP = {
  defaultSrc: ['\'none\''],
  scriptSrc: ['\'self\''],
  styleSrc: ['\'self\''],
  connectSrc: ['\'self\''],
  imgSrc: ['\'self\'', 'blob:', 'data:'],
  fontSrc: ['\'self\''],
  mediaSrc: ['\'self\'', 'data:'],
  manifestSrc: ['\'self\''],
  workerSrc: ['\'self\''],
  frameAncestors: ['\'none\''],
  baseUri: ['\'none\''],
  formAction: ['\'self\''],
}

function rawServer(options: HttpOptions) {
  const loggerInstance: FastifyBaseLogger = options.log
  const base = {
    loggerInstance,
    bodyLimit: BODY_LIMIT,
    trustProxy: options.config.trustProxy.length > 0 ? options.config.trustProxy : false,
    genReqId: () => randomUUID(),
    disableRequestLogging: true,
    routerOptions: { maxParamLength: 200 },
    forceCloseConnections: true,
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

  app.addHook('onRoute', (route) => {
    for (const method of [route.method].flat()) {
      if (method !== 'HEAD' && method !== 'OPTIONS')
        routes.push({ method, url: route.url, access: route.config?.access ?? '' })
    }
  })

  await app.register(cookie)
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: CSP },
    strictTransportSecurity: config.publicUrl.startsWith('https:') ? { maxAge: 31_536_000 } : false,
    crossOriginOpenerPolicy: { policy: 'same-origin' },
    referrerPolicy: { policy: 'no-referrer' },
  })
  app.addHook('onSend', async (_request, reply) => {
    reply.header('permissions-policy', 'geolocation=(self), camera=(self), microphone=()')
  })

  app.decorateRequest('actor', null)
  app.decorateRequest('language', 'zh-CN')
  app.addHook('onRequest', async (request) => {
    request.language = languageOf(request.headers)
    if (!request.url.startsWith('/api/'))
      return
    if (request.method !== 'GET' && request.method !== 'HEAD')
      requireSameOrigin(request, config.publicUrl)
    request.actor = await options.authenticate(request)
    if (request.actor === null && request.routeOptions.config.access !== undefined && request.routeOptions.config.access !== 'public')
      throw new DomainError('UNAUTHENTICATED')
  })

  app.setErrorHandler((error: FastifyError | DomainError, request, reply) => {
    const known = toDomainError(error, request.language)
    if (known === null)
      log.error({ err: error, requestId: request.id, route: request.routeOptions.url }, 'request failed')
    const { status, body } = renderError(known ?? error, request.language, request.id)
    const retryAfter = known?.details?.retryAfterSec
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
  const { origin, host, 'sec-fetch-site': site } = request.headers
  const foreign = origin !== undefined && origin !== publicUrl && origin !== `${request.protocol}://${host}`
  if (request.headers['x-requested-with'] !== 'pingji' || foreign || (site !== undefined && site !== 'same-origin' && site !== 'none'))
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
      // Fastify's own refusals of broken requests (bad URL, bad content length …).
      return error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500 ? new DomainError('MALFORMED_JSON') : null
  }
}

/** The caller of a route that requires a session. */
export function callerOf(request: FastifyRequest): Caller {
  if (request.actor === null)
    throw new DomainError('UNAUTHENTICATED')
  return { actor: request.actor, requestId: request.id, language: request.language }
}
