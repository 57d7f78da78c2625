import type { App } from './app.ts'
import fastify from 'fastify'

/** The viewer adds its style sheet as a <style> element; the exception is this path's alone. */
const CSP = 'default-src \'none\'; script-src \'self\'; style-src \'self\' \'unsafe-inline\'; connect-src \'self\'; img-src \'self\' data:; font-src \'self\' data:; frame-ancestors \'none\'; base-uri \'none\'; form-action \'none\''

const PAGE = `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>PingJi 平急 · HTTP interface</title>
  <link rel="icon" type="image/svg+xml" href="/icons/mark.svg">
</head>
<body>
  <div id="reference"></div>
  <script src="/api/docs/viewer.js"></script>
  <script src="/api/docs/start.js"></script>
</body>
</html>
`

/** Nothing is sent to or loaded from anywhere else. */
const START = `Scalar.createApiReference('#reference', ${JSON.stringify({
  url: '/api/openapi.json',
  withDefaultFonts: false,
  telemetry: false,
  hideClientButton: true,
  showDeveloperTools: 'never',
  agent: { disabled: true },
  mcp: { disabled: true },
  documentDownloadType: 'json',
  defaultHttpClient: { targetKey: 'shell', clientKey: 'curl' },
})})\n`

/**
 * The viewer's script ships only inside its Fastify plugin, a module of 4 MB: loaded when somebody first
 * reads the reference, not at every start of the process.
 */
async function loadViewer(): Promise<string> {
  const { default: plugin } = await import('@scalar/fastify-api-reference')
  const shelf = fastify()
  await shelf.register(plugin, { routePrefix: '/', configuration: { url: '/api/openapi.json' } })
  const { body } = await shelf.inject('/js/scalar.js')
  await shelf.close()
  return body
}

/** The reference for people, at /api/docs. */
export function registerReference(app: App): void {
  const route = { config: { access: 'public' }, schema: { hide: true } }
  let viewer: Promise<string> | null = null
  app.get('/api/docs', route, (_request, reply) => reply.header('content-security-policy', CSP).type('text/html').send(PAGE))
  app.get('/api/docs/start.js', route, (_request, reply) => reply.type('text/javascript').send(START))
  app.get('/api/docs/viewer.js', route, async (_request, reply) => {
    viewer ??= loadViewer()
    return reply.type('text/javascript').header('cache-control', 'public, max-age=86400').send(await viewer)
  })
}
