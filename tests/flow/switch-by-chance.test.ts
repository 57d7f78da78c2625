/** Officers and members do whatever comes to their minds, in whatever order: never an error, never an illegal history, never one person in two teams. */
import type { Asked } from '../harness/switchboard.ts'
import { sql } from 'drizzle-orm'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { RALLY } from '../harness/small-county.ts'
import { openStage } from '../harness/stage.ts'
import { switchboardOf } from '../harness/switchboard.ts'

const stage = await openStage()
const { prepares, presses, orders } = switchboardOf(stage)

const level = fc.constantFrom(1, 2, 3, 4) as fc.Arbitrary<1 | 2 | 3 | 4>
const grids = fc.uniqueArray(fc.nat(3), { minLength: 1 })
const nth = fc.nat(7)
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('start' as const), action: fc.constantFrom('activate', 'preAlert', 'initialResponse'), plan: fc.constantFrom('flood', 'fire'), level, grids, isDrill: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('turn' as const), nth, level, grids }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('level' as const), nth, level }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('scope' as const), nth, grids }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('revoke', 'terminate', 'lift', 'correct', 'standDown', 'archive'), nth, community: fc.nat(1) }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constantFrom('answer', 'arrive', 'leave', 'substitute', 'release', 'confirm'), nth, person: fc.nat(30), answer: fc.constantFrom('going', 'later', 'cannot') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('send', 'wait') }) },
)

async function take(s: typeof step extends fc.Arbitrary<infer S> ? S : never): Promise<number> {
  const open = await stage.read<{ id: string, is_drill: boolean }>(sql`select id, is_drill from emergencies where state in ('preAlert', 'activated', 'standDown') or ${s.do === 'archive'} order by created_at, id`)
  const e = 'nth' in s ? open[s.nth % Math.max(open.length, 1)] : undefined
  const pressIf = async (asked: Asked, officer: 'countyCommander' | 'secretaryOfFirst') => {
    const prepared = await prepares(asked, officer)
    return (prepared.status === 200 ? await presses(prepared, {}, officer) : prepared).status
  }
  if (s.do === 'start')
    return pressIf({ ...s, grids: s.action === 'initialResponse' ? s.grids.map(n => n % 2) : s.grids }, s.action === 'initialResponse' ? 'secretaryOfFirst' : 'countyCommander')
  if (s.do === 'send' || s.do === 'wait') {
    stage.clock.advance(s.do === 'wait' ? 40 : 1)
    await stage.runs(s.do === 'wait' ? 'ladder-end' : 'sms-sender')
    return 200
  }
  if (e === undefined || !('nth' in s))
    return 404
  switch (s.do) {
    case 'turn': return pressIf({ ...s, turns: stage.running(e.id), isDrill: e.is_drill }, 'countyCommander')
    case 'level': return (await orders(e, 'level', { level: s.level, reason: '水位变化' })).status
    case 'scope': return (await orders(e, 'scope', { scope: s.grids.map(n => ({ type: 'grid', id: stage.county.grids[n]?.id })), reason: '下游' })).status
    case 'revoke':
    case 'lift': return (await orders(e, s.do, { reason: '误按' })).status
    case 'archive': return (await orders(e, 'archive', { reason: '归档' }, 'countyAdmin')).status
    case 'terminate': return (await orders(e, 'terminate', { reason: '雨停', residualMeasures: '巡查' })).status
    case 'correct': return (await orders(e, 'corrections', { text: '集结点不变' })).status
    case 'standDown': return (await orders(e, 'stand-down', { communityId: stage.county.communities[s.community]?.id })).status
    default: {
      const people = await stage.read<{ person_id: string, team_id: string | null }>(sql`select person_id, team_id from participants where emergency_id = ${e.id} order by ordinal`)
      const someone = people[s.person % Math.max(people.length, 1)]
      if (someone === undefined)
        return 404
      const member = await stage.running(e.id).member(someone.person_id)
      switch (s.do) {
        case 'answer': return (await member.answers(s.answer)).status
        case 'arrive': return (await member.checksIn({ at: RALLY })).status
        case 'leave': return (await member.checksOut()).status
        case 'confirm': return someone.team_id === null ? 404 : (await orders(e, `teams/${someone.team_id}/confirm`, {}, 'secretaryOfFirst')).status
        case 'release': return (await orders(e, `people/${someone.person_id}/release`, { reason: '家中受灾' }, 'secretaryOfFirst')).status
        case 'substitute': return (await orders(e, `people/${someone.person_id}/substitute`, { standInId: null, reason: '生病' }, 'secretaryOfFirst')).status
      }
    }
  }
}

it('whatever is done, everything stays true', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 15, maxLength: 30 }), async (steps) => {
    for (const s of steps) {
      expect(await take(s), JSON.stringify(s)).toBeLessThan(500)
      expect(await stage.read(sql`
        select p.person_id from participants p join emergencies e on e.id = p.emergency_id
        where p.holds group by p.person_id having count(*) > 1 or bool_or(e.state not in ('preAlert', 'activated', 'standDown')) or bool_or(p.member_state <> 'active')`)).toEqual([])
      expect(await stage.read(sql`
        select t.id from vanguard_teams t join emergencies e on e.id = t.emergency_id left join participants p on p.emergency_id = e.id and p.person_id = t.captain_id
        where e.state in ('preAlert', 'activated') and t.captain_id is not null and (p.team_id is distinct from t.id or p.member_state <> 'active' or p.post <> 'captain')`)).toEqual([])
    }
    await stage.peace()
  }), { numRuns: 6 })
}, 120_000)
