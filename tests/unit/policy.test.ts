import type { Mode, Role, ScopeType } from '../../src/contract/vocabulary.ts'
import type { Action, Target } from '../../src/server/modules/identity/policy.ts'
import type { Actor, ActorGrant } from '../../src/server/platform/http/index.ts'
import { describe, expect, it } from 'vitest'
import { MODES, ROLES } from '../../src/contract/vocabulary.ts'
import { allows, POLICY, requireAccess, requireScopes, scopesFor } from '../../src/server/modules/identity/policy.ts'

/**
 * Written from the permission table of the domain rules (§3) and the command relations (§4.5), not from
 * the code. `A`: in every mode; `C`: only while the people are called (standby, emergency); `+link`:
 * also by a link session inside its emergency. Whoever is not named may not.
 */
type Cell = 'A' | 'C' | 'A+link' | 'C+link'
type Bearer = Role | 'captain' | 'self'

const county = { countyAdmin: 'A', countyCommander: 'A' } as const
const room = { ...county, countyDuty: 'A' } as const
const roomCalled = { countyAdmin: 'C', countyCommander: 'C', countyDuty: 'C' } as const

const EXPECTED: Record<Action, Partial<Record<Bearer, Cell>>> = {
  // 启动/调级/终止: county does, duty room prepares, community only 先期处置.
  'switch.prepare': room,
  'switch.activate': county,
  'switch.preAlert': room,
  'switch.initialResponse': { communitySecretary: 'A' },
  'emergency.adjust': county,
  'emergency.end': county,
  'emergency.lift': room,
  'emergency.endInitial': { ...county, communitySecretary: 'A' },
  'emergency.correct': room,
  'emergency.standDown': { ...county, communitySecretary: 'A' },
  'emergency.archive': { countyAdmin: 'A' },
  // 确认编队、派任务、点名: the community's command, only while its grids are called.
  'team.command': { communitySecretary: 'C' },
  // The unit replaces its own people; it does not direct them on site.
  'team.substitute': { communitySecretary: 'C', unitSecretary: 'C' },
  // 跨社区调度: county does, township approves inside itself; the duty room does not.
  'team.reinforce': { countyAdmin: 'C', countyCommander: 'C', townshipSecretary: 'C' },
  'presence.rollCall': { communitySecretary: 'A', gridChief: 'A+link', captain: 'A+link' },
  'presence.signFor': { communitySecretary: 'A', gridChief: 'A+link', captain: 'A+link' },
  'presence.showCode': { communitySecretary: 'A', gridChief: 'A+link', captain: 'A+link' },
  'presence.listUnsigned': { ...county, communitySecretary: 'A' },
  // 催办、电话叫应: everyone from the county to the unit inside his own subtree; the grid answers for people (代叫应).
  'call.urge': { ...roomCalled, townshipSecretary: 'C', communitySecretary: 'C', unitSecretary: 'C' },
  'call.answerFor': { ...roomCalled, townshipSecretary: 'C', communitySecretary: 'C', gridChief: 'C+link', gridOfficer: 'C', gridAssistant: 'C', unitSecretary: 'C', unitLiaison: 'C', captain: 'C+link' },
  'call.markUnreachable': { ...roomCalled, communitySecretary: 'C', unitSecretary: 'C' },
  // 名册维护: the unit keeps its own; the county only looks.
  'registry.editPeople': { unitSecretary: 'A', unitLiaison: 'A' },
  'registry.editPairings': { countyAdmin: 'A' },
  // 看全号: county, duty room, township with reason; community and grid their own teams; unit its own; of the members the captain alone.
  'person.revealPhone': { ...room, townshipSecretary: 'A', communitySecretary: 'C', gridChief: 'C', unitSecretary: 'A', unitLiaison: 'A', captain: 'C+link' },
  // What concerns oneself.
  'session.own': { self: 'A+link' },
  'mine.view': { self: 'A+link' },
  'call.answerOwn': { self: 'A+link' },
  'presence.own': { self: 'A+link' },
  // Looking, inside one's own subtree. A member without office sees his own matters alone.
  'registry.view': { ...room, townshipSecretary: 'A', communitySecretary: 'A', communityCadre: 'A', gridChief: 'A', gridOfficer: 'A', unitSecretary: 'A', unitLiaison: 'A', auditor: 'A', systemAdmin: 'A', securityAdmin: 'A' },
  'home.view': { ...room, townshipSecretary: 'A', communitySecretary: 'A', communityCadre: 'A', unitSecretary: 'A', unitLiaison: 'A', auditor: 'A', systemAdmin: 'A', securityAdmin: 'A' },
  'emergency.list': { ...room, townshipSecretary: 'A', communitySecretary: 'A', communityCadre: 'A', gridChief: 'A', gridOfficer: 'A', unitSecretary: 'A', unitLiaison: 'A', auditor: 'A' },
  'board.view': { ...room, townshipSecretary: 'A', communitySecretary: 'A', communityCadre: 'A', gridChief: 'A', gridOfficer: 'A', unitSecretary: 'A', unitLiaison: 'A', auditor: 'A' },
  'plan.view': { ...room, townshipSecretary: 'A', communitySecretary: 'A', auditor: 'A', systemAdmin: 'A' },
  'plan.edit': { countyAdmin: 'A' },
  'roster.view': { ...room, townshipSecretary: 'A', communitySecretary: 'A', unitSecretary: 'A', unitLiaison: 'A' },
  'review.view': { ...room, townshipSecretary: 'A', communitySecretary: 'A', auditor: 'A' },
  'review.addLesson': { ...room, townshipSecretary: 'A', communitySecretary: 'A' },
  'review.export': { ...county, auditor: 'A' },
  'sandbox.view': { ...room, systemAdmin: 'A' },
}

const ACTIONS = Object.keys(POLICY) as Action[]

const HERE = { townshipId: 'township-1', communityId: 'community-1', gridId: 'grid-1', unitId: 'unit-1' }
const ELSEWHERE = { townshipId: 'township-2', communityId: 'community-2', gridId: 'grid-2', unitId: 'unit-2' }
const ME = 'person-me'
const SOMEONE = 'person-someone'

const SCOPE: Record<Role, ScopeType> = {
  countyAdmin: 'county',
  countyDuty: 'county',
  countyCommander: 'county',
  auditor: 'county',
  systemAdmin: 'county',
  securityAdmin: 'county',
  townshipSecretary: 'township',
  communitySecretary: 'community',
  communityCadre: 'community',
  gridChief: 'grid',
  gridOfficer: 'grid',
  gridAssistant: 'grid',
  unitSecretary: 'unit',
  unitLiaison: 'unit',
  unitMember: 'unit',
}

function grantOf(role: Role): ActorGrant {
  const scopeType = SCOPE[role]
  const scopeId = { county: null, township: HERE.townshipId, community: HERE.communityId, grid: HERE.gridId, unit: HERE.unitId }[scopeType]
  return { role, scopeType, scopeId }
}

function actorOf(kind: 'account' | 'link', grants: readonly ActorGrant[]): Actor {
  return { kind, sessionId: 'session', personId: ME, grants, emergencyId: kind === 'link' ? 'emergency-1' : null, expiresAt: new Date(0) }
}

type Relation = 'own' | 'foreign'

function mayBy(cell: Cell | undefined, mode: Mode, kind: 'account' | 'link', emergency: string): boolean {
  if (cell === undefined || (cell.startsWith('C') && mode === 'peacetime'))
    return false
  return kind === 'account' || (cell.endsWith('+link') && emergency === 'emergency-1')
}

/** A county role's subtree is the whole county, so nothing in it is foreign. */
function expected(action: Action, bearer: Bearer, relation: Relation, mode: Mode, kind: 'account' | 'link', emergency: string): boolean {
  const reaches = relation === 'own' || (bearer !== 'captain' && bearer !== 'self' && SCOPE[bearer] === 'county')
  return reaches && mayBy(EXPECTED[action][bearer], mode, kind, emergency)
}

function targetOf(bearer: Bearer, relation: Relation, mode: Mode, emergencyId: string): Target {
  const place = relation === 'own' ? HERE : ELSEWHERE
  switch (bearer) {
    case 'self': return { ...place, personId: relation === 'own' ? ME : SOMEONE, mode, emergencyId }
    case 'captain': return { ...place, personId: SOMEONE, captainId: relation === 'own' ? ME : SOMEONE, mode, emergencyId }
    default: return { ...place, personId: SOMEONE, captainId: SOMEONE, mode, emergencyId }
  }
}

describe('the access table', () => {
  it('has an expectation for every action, and no more', () => {
    expect(Object.keys(EXPECTED).sort()).toEqual([...ACTIONS].sort())
  })

  it.each(ACTIONS)('%s: every role, relation, mode and kind of session', (action) => {
    const wrong: string[] = []
    for (const bearer of [...ROLES, 'captain', 'self'] as const) {
      const grants = bearer === 'captain' || bearer === 'self' ? [] : [grantOf(bearer)]
      for (const relation of ['own', 'foreign'] as const) {
        for (const mode of MODES) {
          for (const kind of ['account', 'link'] as const) {
            for (const emergency of ['emergency-1', 'emergency-2']) {
              const may = allows(actorOf(kind, grants), action, targetOf(bearer, relation, mode, emergency))
              if (may !== expected(action, bearer, relation, mode, kind, emergency))
                wrong.push(`${bearer} ${relation} ${mode} ${kind} ${emergency}: ${may}`)
            }
          }
        }
      }
    }
    expect(wrong).toEqual([])
  })

  it.each(ACTIONS)('%s: nobody without a grant, and nobody by a grant of another kind of place', (action) => {
    for (const mode of MODES) {
      expect(allows(actorOf('account', []), action, { ...HERE, personId: SOMEONE, captainId: SOMEONE, mode })).toBe(false)
      for (const role of ROLES) {
        if (SCOPE[role] === 'county')
          continue
        // The id of a place matches only as that kind of place.
        const misplaced = actorOf('account', [{ role, scopeType: SCOPE[role] === 'unit' ? 'grid' : 'unit', scopeId: 'x' }])
        expect(allows(misplaced, action, { ...HERE, [SCOPE[role] === 'unit' ? 'unitId' : 'gridId']: 'x', personId: SOMEONE, mode })).toBe(false)
      }
    }
  })

  it('lets nobody act where the mode is not known but matters', () => {
    expect(allows(actorOf('account', [grantOf('communitySecretary')]), 'team.command', HERE)).toBe(false)
    expect(allows(actorOf('account', [grantOf('communitySecretary')]), 'team.command', { ...HERE, mode: 'emergency' })).toBe(true)
  })

  it('matches an unknown place with no scope', () => {
    expect(allows(actorOf('account', [grantOf('communitySecretary')]), 'registry.view', {})).toBe(false)
    expect(allows(actorOf('account', [{ role: 'communitySecretary', scopeType: 'community', scopeId: null }]), 'registry.view', {})).toBe(false)
    expect(allows(actorOf('account', [grantOf('countyDuty')]), 'registry.view', {})).toBe(true)
  })
})

describe('refusals', () => {
  const secretary = actorOf('account', [grantOf('unitSecretary')])

  it('says FORBIDDEN of what the actor sees, NOT_FOUND of what he does not', () => {
    const member = { ...HERE, mode: 'emergency' as const }
    expect(() => requireAccess(secretary, 'registry.editPeople', HERE, 'registry.view')).not.toThrow()
    expect(() => requireAccess(secretary, 'team.command', member, 'board.view')).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }))
    expect(() => requireAccess(secretary, 'team.command', { ...ELSEWHERE, mode: 'emergency' }, 'board.view')).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }))
    expect(() => requireAccess(secretary, 'registry.editPairings', {})).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }))
  })

  it('cuts lists to the scopes of the roles that may', () => {
    const two = actorOf('account', [grantOf('unitSecretary'), grantOf('gridAssistant'), grantOf('gridChief')])
    expect(scopesFor(two, 'registry.view')).toEqual([{ type: 'unit', id: HERE.unitId }, { type: 'grid', id: HERE.gridId }])
    expect(scopesFor(actorOf('account', [grantOf('unitSecretary'), grantOf('countyDuty')]), 'registry.view')).toEqual([{ type: 'county', id: null }])
    expect(scopesFor(actorOf('link', [grantOf('countyDuty')]), 'registry.view')).toEqual([])
    expect(() => requireScopes(actorOf('account', [grantOf('unitMember')]), 'registry.view')).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }))
  })
})
