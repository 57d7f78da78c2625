/**
 * What the screen offers to whom. The server decides (its access table); this only spares people buttons
 * that would be refused.
 */
import type { EmergencyHeader } from '../../contract/events.ts'
import type { BoardScope } from '../../contract/reducer.ts'
import type { Role } from '../../contract/vocabulary.ts'
import { hasRole, scopeOf } from '../shared/session.ts'

export const COUNTY = ['countyAdmin', 'countyCommander'] as const satisfies readonly Role[]
export const COUNTY_ROOM = [...COUNTY, 'countyDuty'] as const satisfies readonly Role[]
export const SWITCH_ROLES = [...COUNTY_ROOM, 'communitySecretary'] as const satisfies readonly Role[]
export const LIVE_ROLES = [...COUNTY_ROOM, 'townshipSecretary', 'communitySecretary', 'communityCadre', 'auditor'] as const satisfies readonly Role[]
export const LIST_ROLES = [...LIVE_ROLES, 'gridChief', 'gridOfficer', 'unitSecretary', 'unitLiaison'] as const satisfies readonly Role[]
export const REVIEW_ROLES = [...COUNTY_ROOM, 'townshipSecretary', 'communitySecretary', 'auditor'] as const satisfies readonly Role[]
export const HOME_ROLES = [...LIVE_ROLES, 'unitSecretary', 'unitLiaison', 'systemAdmin', 'securityAdmin'] as const satisfies readonly Role[]
export const SANDBOX_ROLES = [...COUNTY_ROOM, 'systemAdmin'] as const satisfies readonly Role[]

export const ACTIONS = ['activate', 'correct', 'urge', 'level', 'extend', 'reinforce', 'basis', 'standDown', 'lift', 'terminate', 'revoke', 'archive'] as const
export type CommandAction = typeof ACTIONS[number]

/** These take something away from people on the ground: they stand apart and say in numbers what they do. */
export const DESTRUCTIVE: ReadonlySet<CommandAction> = new Set<CommandAction>(['lift', 'terminate', 'revoke'])

/** The buttons of one emergency, in this state, for this reader. */
export function actionsOf({ state, kind, level, approvalMode }: EmergencyHeader): CommandAction[] {
  const isCounty = hasRole(...COUNTY)
  const isRoom = hasRole(...COUNTY_ROOM)
  const isSecretary = hasRole('communitySecretary')
  const isOpen = state === 'preAlert' || state === 'activated'
  const isInitial = kind === 'initialResponse'
  const may: Readonly<Record<CommandAction, boolean>> = {
    activate: isCounty && (state === 'preAlert' || (state === 'activated' && isInitial)),
    correct: isRoom && isOpen,
    urge: isOpen && (isRoom || hasRole('townshipSecretary', 'communitySecretary')),
    level: isCounty && state === 'activated' && level !== null,
    extend: isOpen && (isInitial ? isSecretary : isCounty),
    reinforce: state === 'activated' && !isInitial && (isCounty || hasRole('townshipSecretary')),
    basis: isCounty && isOpen && approvalMode === 'oral',
    standDown: state === 'standDown' && (isCounty || isSecretary),
    lift: isRoom && state === 'preAlert',
    terminate: state === 'activated' && (isCounty || (isInitial && isSecretary)),
    revoke: state === 'activated' && (isCounty || (isInitial && isSecretary)),
    archive: state === 'review' && hasRole('countyAdmin'),
  }
  return ACTIONS.filter(action => may[action])
}

/** The widest picture that the reader may see: the county, else his township, else his community. */
export function ownScope(): BoardScope {
  if (hasRole(...COUNTY_ROOM, 'auditor'))
    return { type: 'county', id: null }
  const township = scopeOf('township')
  if (township !== null)
    return { type: 'township', id: township.id }
  return { type: 'community', id: scopeOf('community')?.id ?? null }
}
