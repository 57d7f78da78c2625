/**
 * The one table of who may do what (domain rules §3 and §4.5). A rule gives some roles a right inside
 * their own scope; the mode is part of the question, because the community's command over a unit's
 * members exists only while an emergency covers the grid.
 */
import type { Scope } from '../../../contract/common.ts'
import type { Mode, Role } from '../../../contract/vocabulary.ts'
import type { Actor, ActorGrant } from '../../platform/http/index.ts'
import { DomainError } from '../../platform/errors.ts'

/** `captain`: of the team concerned. `self`: the person concerned. */
type Bearer = Role | 'captain' | 'self'

export interface Rule {
  bearers: readonly Bearer[]
  /** Left out: in every mode. */
  modes?: readonly Mode[]
  /** Also for sessions opened by a link, inside their one emergency. */
  link?: true
}

const COUNTY = ['countyAdmin', 'countyCommander'] as const
const COUNTY_ROOM = ['countyAdmin', 'countyCommander', 'countyDuty'] as const
const GRID_STAFF = ['gridChief', 'gridOfficer', 'gridAssistant'] as const
const CALLED: readonly Mode[] = ['standby', 'emergency']

export const POLICY = {
  'session.own': [{ bearers: ['self'], link: true }],
  'registry.view': [{ bearers: [...COUNTY_ROOM, 'townshipSecretary', 'communitySecretary', 'communityCadre', 'gridChief', 'gridOfficer', 'unitSecretary', 'unitLiaison', 'auditor', 'systemAdmin', 'securityAdmin'] }],
  'registry.editPeople': [{ bearers: ['unitSecretary', 'unitLiaison'] }],
  'registry.editPairings': [{ bearers: ['countyAdmin'] }],
  'person.revealPhone': [
    { bearers: [...COUNTY_ROOM, 'townshipSecretary', 'unitSecretary', 'unitLiaison'] },
    // Own teams only: the community and the grid see a unit's people while they work there.
    { bearers: ['communitySecretary', 'gridChief'], modes: CALLED },
    { bearers: ['captain'], modes: CALLED, link: true },
  ],
  'plan.view': [{ bearers: [...COUNTY_ROOM, 'townshipSecretary', 'communitySecretary', 'auditor', 'systemAdmin'] }],
  'plan.edit': [{ bearers: ['countyAdmin'] }],
  'roster.view': [{ bearers: [...COUNTY_ROOM, 'townshipSecretary', 'communitySecretary', 'unitSecretary', 'unitLiaison'] }],
  'home.view': [{ bearers: [...COUNTY_ROOM, 'townshipSecretary', 'communitySecretary', 'communityCadre', 'unitSecretary', 'unitLiaison', 'auditor', 'systemAdmin', 'securityAdmin'] }],
  'switch.prepare': [{ bearers: COUNTY_ROOM }],
  'switch.activate': [{ bearers: COUNTY }],
  'switch.preAlert': [{ bearers: COUNTY_ROOM }],
  // 先期处置, Art. 77: in the community's own grids.
  'switch.initialResponse': [{ bearers: ['communitySecretary'] }],
  'emergency.list': [{ bearers: [...COUNTY_ROOM, 'townshipSecretary', 'communitySecretary', 'communityCadre', 'gridChief', 'gridOfficer', 'unitSecretary', 'unitLiaison', 'auditor'] }],
  'emergency.adjust': [{ bearers: COUNTY }],
  'emergency.lift': [{ bearers: COUNTY_ROOM }],
  'emergency.end': [{ bearers: COUNTY }],
  'emergency.endInitial': [{ bearers: [...COUNTY, 'communitySecretary'] }],
  'emergency.correct': [{ bearers: COUNTY_ROOM }],
  'emergency.standDown': [{ bearers: [...COUNTY, 'communitySecretary'] }],
  'emergency.archive': [{ bearers: ['countyAdmin'] }],
  'board.view': [{ bearers: [...COUNTY_ROOM, 'townshipSecretary', 'communitySecretary', 'communityCadre', 'gridChief', 'gridOfficer', 'unitSecretary', 'unitLiaison', 'auditor'] }],
  'mine.view': [{ bearers: ['self'], link: true }],
  'call.answerOwn': [{ bearers: ['self'], link: true }],
  'call.answerFor': [
    { bearers: [...COUNTY_ROOM, 'townshipSecretary', 'communitySecretary', ...GRID_STAFF, 'unitSecretary', 'unitLiaison'], modes: CALLED },
    { bearers: ['captain', 'gridChief'], modes: CALLED, link: true },
  ],
  'call.markUnreachable': [{ bearers: [...COUNTY_ROOM, 'communitySecretary', 'unitSecretary'], modes: CALLED }],
  'call.urge': [{ bearers: [...COUNTY_ROOM, 'townshipSecretary', 'communitySecretary', 'unitSecretary'], modes: CALLED }],
  'team.command': [{ bearers: ['communitySecretary'], modes: CALLED }],
  'team.substitute': [{ bearers: ['communitySecretary', 'unitSecretary'], modes: CALLED }],
  'team.reinforce': [{ bearers: [...COUNTY, 'townshipSecretary'], modes: CALLED }],
  'presence.own': [{ bearers: ['self'], link: true }],
  'presence.signFor': [
    { bearers: ['communitySecretary', 'gridChief'] },
    { bearers: ['captain', 'gridChief'], link: true },
  ],
  'presence.showCode': [
    { bearers: ['communitySecretary', 'gridChief'] },
    { bearers: ['captain', 'gridChief'], link: true },
  ],
  'presence.rollCall': [
    { bearers: ['communitySecretary'] },
    { bearers: ['captain', 'gridChief'], link: true },
  ],
  'presence.listUnsigned': [{ bearers: [...COUNTY, 'communitySecretary'] }],
  'review.view': [{ bearers: [...COUNTY_ROOM, 'townshipSecretary', 'communitySecretary', 'auditor'] }],
  'review.addLesson': [{ bearers: [...COUNTY_ROOM, 'townshipSecretary', 'communitySecretary'] }],
  'review.export': [{ bearers: [...COUNTY, 'auditor'] }],
  'sandbox.view': [{ bearers: [...COUNTY_ROOM, 'systemAdmin'] }],
} as const satisfies Record<string, readonly Rule[]>

export type Action = keyof typeof POLICY

/** Where the thing is that somebody wants to act on; what is unknown is left out and then matches no scope. */
export interface Target {
  townshipId?: string
  communityId?: string
  gridId?: string
  unitId?: string
  personId?: string
  captainId?: string | null
  emergencyId?: string
  mode?: Mode
}

/** Does the scope of this grant hold the target? */
export function covers(grant: ActorGrant, target: Target): boolean {
  switch (grant.scopeType) {
    case 'county': return true
    case 'township': return grant.scopeId !== null && grant.scopeId === target.townshipId
    case 'community': return grant.scopeId !== null && grant.scopeId === target.communityId
    case 'grid': return grant.scopeId !== null && grant.scopeId === target.gridId
    case 'unit': return grant.scopeId !== null && grant.scopeId === target.unitId
  }
}

/** May this person do this, here, in this mode? Pure. */
export function allows(actor: Actor, action: Action, target: Target): boolean {
  const rules: readonly Rule[] = POLICY[action]
  return rules.some((rule) => {
    if (rule.modes !== undefined && (target.mode === undefined || !rule.modes.includes(target.mode)))
      return false
    if (actor.kind === 'link' && (rule.link !== true || target.emergencyId !== actor.emergencyId))
      return false
    return rule.bearers.some((bearer) => {
      if (bearer === 'self')
        return target.personId === actor.personId
      if (bearer === 'captain')
        return target.captainId === actor.personId
      return actor.grants.some(grant => grant.role === bearer && covers(grant, target))
    })
  })
}

/**
 * @throws NOT_FOUND where the actor may not even see the thing (`see`), so that absent and forbidden
 * look alike to outsiders; FORBIDDEN where he sees it and may not act.
 */
export function requireAccess(actor: Actor, action: Action, target: Target, see?: Action): void {
  if (allows(actor, action, target))
    return
  throw new DomainError(see === undefined || allows(actor, see, target) ? 'FORBIDDEN' : 'NOT_FOUND')
}

/** The places and units inside which the actor may do this, for cutting lists in SQL. Empty: nowhere. */
export function scopesFor(actor: Actor, action: Action): Scope[] {
  if (actor.kind === 'link')
    return []
  const rules: readonly Rule[] = POLICY[action]
  const bearers = new Set<Bearer>(rules.flatMap(rule => rule.bearers))
  const scopes = actor.grants.filter(grant => bearers.has(grant.role)).map(({ scopeType, scopeId }) => ({ type: scopeType, id: scopeId }))
  return scopes.some(s => s.type === 'county') ? [{ type: 'county', id: null }] : scopes
}

/** The first gate of a list: somebody without any scope for it is refused outright. */
export function requireScopes(actor: Actor, action: Action): Scope[] {
  const scopes = scopesFor(actor, action)
  if (scopes.length === 0)
    throw new DomainError('FORBIDDEN')
  return scopes
}
