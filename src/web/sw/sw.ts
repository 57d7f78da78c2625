/**
 * Keeps the phone's page and its files, so that it opens without a network and shows what it knows. Data
 * is never kept here: what a person said waits in the outbox, and what the county says comes from the server.
 */
export {}

declare const self: ServiceWorkerGlobalScope

const CACHE = `phone-${__PRECACHE_VERSION__}`
const SHELL = '/m'
/** A line so slow that the page would come too late: show the kept one. */
const PATIENCE_MS = 4_000

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(CACHE).then(cache => cache.addAll([SHELL, ...__PRECACHE_FILES__])))
})

self.addEventListener('activate', (event) => {
  event.waitUntil(caches.keys()
    .then(names => Promise.all(names.filter(name => name.startsWith('phone-') && name !== CACHE).map(name => caches.delete(name))))
    .then(() => self.clients.claim()))
})

self.addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  if (request.method !== 'GET' || url.origin !== self.location.origin)
    return
  if (request.mode === 'navigate' && /^\/[mac](?:\/|$)/.test(url.pathname))
    event.respondWith(freshPage(request))
  else if (url.pathname.startsWith('/assets/'))
    event.respondWith(caches.match(request).then(kept => kept ?? fetch(request)))
})

async function freshPage(request: Request): Promise<Response> {
  const fetched = fetch(request)
  const late = new Promise<undefined>(resolve => setTimeout(resolve, PATIENCE_MS))
  const page = await Promise.race([fetched, late]).catch(() => undefined)
  if (page?.ok === true)
    return page
  return await caches.match(SHELL) ?? await fetched
}
