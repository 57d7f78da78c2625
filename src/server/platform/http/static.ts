import type { App } from './app.ts'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import { pageOf } from '../../../contract/pages.ts'

/** Serves the built web client: hashed assets for ever, pages never from a cache, compressed as the build left them. */
export async function serveWebClient(app: App, root: string): Promise<void> {
  if (!existsSync(join(root, 'console.html')))
    throw new Error(`the web client is not built: ${root} is missing; run npm run build`)
  await app.register(fastifyStatic, {
    root,
    wildcard: false,
    index: false,
    cacheControl: false,
    preCompressed: true,
    globIgnore: ['**/*.{br,gz}', '**/.*'],
    setHeaders(reply, path) {
      reply.header('cache-control', path.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache')
    },
  })
  app.get('/*', { config: { access: 'public' }, schema: { hide: true } }, (request, reply) => {
    const page = pageOf(request.url.split('?', 1)[0] ?? '/')
    return page === null ? reply.callNotFound() : reply.sendFile(page)
  })
}
