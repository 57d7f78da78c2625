import type { Role } from '../contract/vocabulary.ts'

/** The demo's one password. Demo mode only: a production deployment loads no accounts. */
export const DEMO_PASSWORD = 'pingji-demo'

export interface DemoAccount { role: Role, name: string, phone: string, password: string, scopeName: string }

/** Which people of a generated county get a password: one of each role, and the secretary of every community. */
export function pickAccounts(people: readonly { role: Role, name: string, phone: string, scopeName: string }[]): DemoAccount[] {
  const seen = new Set<Role>()
  return people.filter(({ role }) => {
    if (role === 'communitySecretary')
      return true
    const first = !seen.has(role)
    seen.add(role)
    return first
  }).map(p => ({ ...p, password: DEMO_PASSWORD }))
}
