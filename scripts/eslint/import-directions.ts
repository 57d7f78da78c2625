/**
 * Import directions, held by lint instead of good will. Pure: a verdict from two project paths.
 * A refused import means that a rule stands in the wrong room, or that a port is missing: what a lower
 * room needs from a higher one it declares as a function type, and `app.ts` hands it in.
 */

/** Downhill: a room may import those before it, through their index.ts. */
export const ROOMS = [
  'identity',
  'audit',
  'registry',
  'plans',
  'emergencies',
  'participants',
  'teams',
  'calls',
  'presence',
  'fieldwork',
  'mobilization',
  'casework',
  'service',
  'staffing',
  'readiness',
  'boards',
  'review',
] as const

/** Read models: they join the tables of every room and write to none. */
const READERS: readonly string[] = ['boards', 'review']

const roomOf = (path: string): string | undefined => /^src\/server\/modules\/([^/]+)\//.exec(path)?.[1]
const isTable = (path: string): boolean => path.endsWith('.tables.ts')
const isFace = (path: string): boolean => path.endsWith('/index.ts')
const isWithin = (path: string, ...folders: string[]): boolean => folders.some(folder => path.startsWith(`src/${folder}/`))

/**
 * Why may `from` not import `to`? Null: it may. Both are paths from the project's root; packages are not asked about.
 */
export function directionFault(from: string, to: string): string | null {
  if (isWithin(from, 'contract'))
    return isWithin(to, 'contract') ? null : 'the contract knows neither server nor web'
  if (isWithin(from, 'simulator'))
    return isWithin(to, 'contract', 'simulator') ? null : 'simulated phones speak the real protocols: the contract is all they know of the service'
  if (isWithin(from, 'demo-county'))
    return isWithin(to, 'contract', 'demo-county') || to === 'src/server/modules/registry/index.ts' ? null : 'the demo county is tables for the importer: contract and the registry\'s face only'
  if (isWithin(from, 'web'))
    return webFault(from, to)
  if (isWithin(from, 'server/platform'))
    return isWithin(to, 'contract', 'server/platform') ? null : 'the platform knows no domain word'
  if (isWithin(from, 'server/channels'))
    return isWithin(to, 'contract', 'server/platform', 'server/channels') || (roomOf(to) !== undefined && isFace(to)) ? null : 'channels implement ports of the modules\' faces'
  const room = roomOf(from)
  if (room !== undefined)
    return roomFault(room, from, to)
  // app.ts and main.ts wire everything on the server's side, and nothing of the web's.
  return isWithin(from, 'server') && isWithin(to, 'web', 'simulator') ? 'the server serves the built web client and never imports it' : null
}

function roomFault(room: string, from: string, to: string): string | null {
  const target = roomOf(to)
  if (target === undefined)
    return isWithin(to, 'contract', 'server/platform') ? null : 'a module knows the contract, the platform and the modules above it'
  if (target === room)
    return null
  const order: readonly string[] = ROOMS
  if (!order.includes(room) || !order.includes(target))
    return `${order.includes(room) ? target : room} has no place in the order of rooms (scripts/eslint/import-directions.ts)`
  if (order.indexOf(target) > order.indexOf(room))
    return `uphill: ${target} stands below ${room}; declare a function type and let app.ts hand it in`
  if (isFace(to))
    return null
  // Foreign keys need the other table; the read models join them.
  if (isTable(to) && (isTable(from) || READERS.includes(room)))
    return null
  return `ask ${target}'s face (index.ts), not its inside`
}

function webFault(from: string, to: string): string | null {
  if (isWithin(to, 'contract'))
    return null
  if (!isWithin(to, 'web'))
    return 'the web client knows the contract and itself'
  const app = from.split('/')[2] ?? ''
  const target = to.split('/')[2] ?? ''
  return target === app || target === 'shared' || !to.slice('src/web/'.length).includes('/') ? null : `${app} and ${target} are apps of their own; what both need belongs into shared`
}

/** Web code whose bundle a phone loads: zod would cost it 25 KB. */
export function mustStayFreeOfZod(from: string): boolean {
  return isWithin(from, 'web/phone', 'web/shared', 'web/sw', 'web/board')
}
