export { registerPresenceRoutes } from './presence.routes.ts'
export { createPresence, type Presence } from './presence.service.ts'
