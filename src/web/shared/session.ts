import type { Me, SignIn } from '../../contract/identity.ts'
import type { Role, ScopeType } from '../../contract/vocabulary.ts'
import { computed, readonly, ref, shallowRef } from 'vue'
import { api, ApiError, onSessionEnded } from './api.ts'

const person = shallowRef<Me | null>(null)
const ended = ref(false)
const known = ref(false)
let asking: Promise<Me | null> | null = null

/** Who sits here; null: nobody, or not asked yet. */
export const me = readonly(person)
/** The service has said who sits here, or that nobody does. False: it could not be asked yet. */
export const isKnown = readonly(known)
/** Signed in before, and no longer: the sign-in page says why it appears. */
export const hasEnded = readonly(ended)
export const isSignedIn = computed(() => person.value !== null)

export const hasRole = (...roles: readonly Role[]): boolean => person.value?.grants.some(grant => roles.includes(grant.role)) ?? false
/** The widest place that the person answers for. */
export function scopeOf(type: ScopeType): { id: string | null, name: string } | null {
  const grant = person.value?.grants.find(({ scope }) => scope.type === type)
  return grant === undefined ? null : { id: grant.scope.id, name: grant.scopeName }
}

onSessionEnded(() => {
  ended.value = person.value !== null || ended.value
  person.value = null
  known.value = true
})

/** Asked once per page; a network failure is thrown, so that nobody is sent to sign in for want of a signal. */
export function loadMe(): Promise<Me | null> {
  if (person.value !== null)
    return Promise.resolve(person.value)
  asking ??= api('GET /api/me')
    .then(welcome, (error: unknown) => {
      if (!(error instanceof ApiError) || error.status !== 401)
        throw error
      known.value = true
      return null
    })
    .finally(() => {
      asking = null
    })
  return asking
}

/** Also after a link was traded. */
export function welcome(who: Me): Me {
  person.value = who
  ended.value = false
  known.value = true
  return who
}

export async function signIn(credentials: SignIn): Promise<Me> {
  return welcome(await api('POST /api/session', { body: credentials }))
}

export async function signOut(): Promise<void> {
  await api('DELETE /api/session').catch((error: unknown) => {
    // Already out is out.
    if (!(error instanceof ApiError) || error.status !== 401)
      throw error
  })
  person.value = null
  ended.value = false
}
