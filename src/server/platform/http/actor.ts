import type { Language } from '../../../contract/errors.ts'
import type { Role, ScopeType } from '../../../contract/vocabulary.ts'

export interface ActorGrant { role: Role, scopeType: ScopeType, scopeId: string | null }

/** Who is at the other end of a request or socket. */
export interface Actor {
  kind: 'account' | 'link'
  sessionId: string
  personId: string
  grants: readonly ActorGrant[]
  /** Link sessions serve this one emergency. */
  emergencyId: string | null
  expiresAt: Date
}

/** What a service knows of the request it serves, beside the command itself. */
export interface Caller {
  actor: Actor
  requestId: string
  language: Language
}
