import type { App } from './http.ts'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import { DomainError } from '../errors.ts'

/** First segment of an address → the page that serves it; each page has its own router. */
const PAGES: Record<string, string> = { m: 'phone.html', a: 'phone.html', c: 'phone.html', wall: 'board.html' }

/** Serves the built web client: hashed assets for ever, pages never from a cache. */
export async function serveWebClient(app: App, root: string): Promise<void> {
  if (!existsSync(join(root, 'console.html')))
    throw new Error(`the web client is not built: ${root} is missing; run npm run build`)
  await app.register(fastifyStatic, {
    root,
    wildcard: false,
    index: false,
    cacheControl: false,
    setHeaders(reply, path) {
      reply.header('cache-control', path.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache')
    },
  })
  const page = (file: string) => (_request: unknown, reply: { sendFile: (file: string) => unknown }) => reply.sendFile(file)
  for (const [segment, file] of Object.entries(PAGES)) {
    app.get(`/${segment}`, { config: { access: 'public' }, schema: { hide: true } }, page(file))
    app.get(`/${segment}/*`, { config: { access: 'public' }, schema: { hide: true } }, page(file))
  }
  // Everything else is the console's; an unknown address of the interface stays a 404 with a body.
  app.get('/*', { config: { access: 'public' }, schema: { hide: true } }, (request, reply) => {
    if (request.url.startsWith('/api/'))
      throw new DomainError('NOT_FOUND')
    return reply.sendFile('console.html')
  })
}
