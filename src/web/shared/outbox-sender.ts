import type { OutboxItem, Outcome } from './outbox.ts'
import type { Live } from './realtime/index.ts'
import { assertNever } from '../../contract/vocabulary.ts'
import { api, ApiError } from './api.ts'

/** Not the person's fault and not for ever: the phone keeps the command and says it again. */
const PASSING: ReadonlySet<ApiError['code']> = new Set([
  'NETWORK',
  'TIMEOUT',
  'UNREADABLE',
  'INTERNAL',
  'DB_UNAVAILABLE',
  'OVERLOADED',
  'RATE_LIMITED',
  'UNAUTHENTICATED',
  'SESSION_ENDED',
  'PROTOCOL_VERSION_MISMATCH',
])

/** By the open socket where there is one (it spares a handshake in the worst minute), else over HTTP. */
export function createOutboxSender(live: Pick<Live, 'state' | 'send'>): (item: OutboxItem) => Promise<Outcome> {
  return async (item) => {
    try {
      return { result: 'accepted', reply: await deliver(live, item) }
    }
    catch (error) {
      if (!(error instanceof ApiError) || PASSING.has(error.code))
        return { result: 'retry', ...retryAfter(error) }
      return { result: 'refused', error }
    }
  }
}

function retryAfter(error: unknown): { afterMs?: number } {
  const seconds = error instanceof ApiError ? error.details.retryAfterSec : undefined
  return typeof seconds === 'number' ? { afterMs: seconds * 1_000 } : {}
}

async function deliver(live: Pick<Live, 'state' | 'send'>, item: OutboxItem): Promise<unknown> {
  if (live.state.value === 'live') {
    try {
      return await bySocket(live, item)
    }
    catch (error) {
      // A socket may be dead without knowing it.
      if (!(error instanceof ApiError) || (error.code !== 'NETWORK' && error.code !== 'TIMEOUT'))
        throw error
    }
  }
  return await byHttp(item)
}

function bySocket(live: Pick<Live, 'send'>, { emergencyId, command }: OutboxItem): Promise<unknown> {
  switch (command.kind) {
    case 'answer': return live.send('call:answer', { ...command.body, emergencyId })
    case 'receipt': return live.send('call:receipt', { ...command.body, emergencyId })
    case 'checkIn': return live.send('presence:checkIn', { ...command.body, emergencyId })
    case 'checkOut': return byHttp({ emergencyId, command })
    default: return assertNever(command)
  }
}

function byHttp({ emergencyId: id, command }: Pick<OutboxItem, 'emergencyId' | 'command'>): Promise<unknown> {
  switch (command.kind) {
    case 'answer': return api('POST /api/emergencies/:id/answers', { params: { id }, body: command.body })
    case 'receipt': return api('POST /api/emergencies/:id/receipts', { params: { id }, body: command.body })
    case 'checkIn': return api('POST /api/emergencies/:id/check-ins', { params: { id }, body: command.body })
    case 'checkOut': return api('POST /api/emergencies/:id/check-outs', { params: { id }, body: command.body })
    default: return assertNever(command)
  }
}
