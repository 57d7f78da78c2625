/** Every later command in every state, and the corners of the commands after the key. */
import type { Officer } from '../harness/small-county.ts'
import type { Running } from '../harness/stage.ts'
import { afterEach, describe, expect, it } from 'vitest'
import { EMERGENCY_STATES } from '../../src/contract/vocabulary.ts'
import { nextState } from '../../src/server/modules/emergencies/index.ts'
import { RALLY } from '../harness/small-county.ts'
import { openStage } from '../harness/stage.ts'
import { switchboardOf } from '../harness/switchboard.ts'

const stage = await openStage()
const { starts, orders, statuses, alerts, lastSeq, held } = switchboardOf(stage)
afterEach(() => stage.peace())

const ENDING = { reason: '雨停', residualMeasures: '继续巡查' }
const communityOf = (n: number) => ({ communityId: stage.county.communities[n]?.id })
const place = (...numbers: number[]) => ({ scope: numbers.map(n => ({ type: 'grid', id: stage.county.grids[n]?.id })), reason: '雨区扩大' })

describe('every command in every state', () => {
  const COMMANDS = {
    adjust: ['level', { level: 1, reason: '雨势加强' }, 'countyCommander'],
    extend: ['scope', place(0, 1, 2, 3), 'countyCommander'],
    correct: ['corrections', { text: '更正' }, 'countyCommander'],
    lift: ['lift', { reason: '解除' }, 'countyCommander'],
    revoke: ['revoke', { reason: '误触' }, 'countyCommander'],
    terminate: ['terminate', ENDING, 'countyCommander'],
    standDown: ['stand-down', communityOf(0), 'countyCommander'],
    archive: ['archive', { reason: '已复盘' }, 'countyAdmin'],
    supplyBasis: ['basis', { basis: '县办发〔2026〕1号' }, 'countyCommander'],
  } as const satisfies Record<string, readonly [string, object, Officer]>

  async function emergencyIn(state: typeof EMERGENCY_STATES[number]): Promise<Running> {
    const e = await starts({ action: state === 'preAlert' || state === 'lifted' ? 'preAlert' : 'activate', level: 2, grids: [0], approvalMode: 'oral' })
    if (state === 'lifted')
      await orders(e, 'lift', { reason: '解除' })
    if (state === 'revoked')
      await orders(e, 'revoke', { reason: '误触' })
    if (state === 'standDown' || state === 'review' || state === 'archived')
      await orders(e, 'terminate', ENDING)
    if (state === 'review' || state === 'archived')
      await orders(e, 'stand-down', communityOf(0))
    if (state === 'archived')
      await orders(e, 'archive', { reason: '已复盘' }, 'countyAdmin')
    expect(await e.state()).toBe(state)
    return e
  }

  it.each(EMERGENCY_STATES.flatMap(state => (Object.keys(COMMANDS) as (keyof typeof COMMANDS)[]).map(command => [state, command] as const)))('in %s, %s', async (state, command) => {
    const e = await emergencyIn(state)
    const seen = await e.events()
    const [path, body, officer] = COMMANDS[command]
    const reply = await orders(e, path, body, officer)
    const next = nextState(state, 'response', command)
    if (next === null) {
      expect(reply.status).toBe(409)
      expect(['EMERGENCY_CLOSED', 'ILLEGAL_TRANSITION']).toContain(reply.body.error.code)
      expect([await e.events(), await e.state()]).toEqual([seen, state])
    }
    else {
      expect(reply.status, JSON.stringify(reply.body)).toBe(200)
      // With its last community an emergency goes on to its review.
      expect(await e.state()).toBe(command === 'standDown' ? 'review' : next)
    }
  })
})

describe('standby that becomes movement', () => {
  it('starts its ladder again', async () => {
    const e = await starts({ level: 4, grids: [0] })
    stage.clock.advance(30)
    await orders(e, 'level', { level: 3, reason: '升级' })
    stage.clock.advance(59)
    await stage.runs('ladder-end')
    expect(await statuses(e)).toEqual({ pending: 4 })
    stage.clock.advance(2)
    await stage.runs('ladder-end')
    expect(await statuses(e)).toEqual({ unreachable: 4 })
  })
})

describe('a falling level', () => {
  it('does not fill a post that the community has emptied', async () => {
    const e = await starts({ level: 2, grids: [1] })
    for (const member of (await e.members(1)).slice(0, 4))
      await orders(e, `people/${member.personId}/release`, { reason: '另有任务' }, 'secretaryOfFirst')
    await orders(e, 'level', { level: 3, reason: '减弱' })
    expect(await statuses(e)).toEqual({ pending: 1, released: 4 })
  })

  it('tells nobody twice who was let go before', async () => {
    const e = await starts({ level: 2, grids: [1] })
    await stage.runs('sms-sender')
    const [gone] = await e.members(1)
    await orders(e, `people/${gone?.personId}/release`, { reason: '身体不适' }, 'secretaryOfFirst')
    const seq = await lastSeq(e)
    await orders(e, 'level', { level: 3, reason: '减弱' })
    expect((await alerts(e, seq))[0]).toEqual(['release', 2])
  })
})

describe('an aborted drill', () => {
  it('that only stood by is lifted; of one on the ground, who was called away answers to the real one', async () => {
    const standby = await starts({ isDrill: true, action: 'preAlert', level: 3, grids: [1] })
    const drill = await starts({ isDrill: true, level: 3, grids: [0] })
    const [there] = await drill.members(0)
    await there?.checksIn({ at: RALLY })
    const real = await starts({ level: 2, grids: [0, 1] })
    expect([await standby.state(), await drill.state(), await held(real)]).toEqual(['lifted', 'standDown', 15])
    expect((await orders(drill, 'stand-down', communityOf(0))).status).toBe(200)
  })

  it('waits for those on the ground whom the real one did not need', async () => {
    const drill = await starts({ isDrill: true, level: 2, grids: [0] })
    const there = (await drill.members(0)).at(-1)
    await there?.checksIn({ at: RALLY })
    await starts({ level: 3, grids: [0] })
    expect(await drill.state()).toBe('standDown')
    expect(await orders(drill, 'stand-down', communityOf(0))).toMatchObject({ status: 409, body: { error: { code: 'NOT_STOOD_DOWN', details: { people: 1 } } } })
    await there?.checksOut()
    expect((await orders(drill, 'stand-down', communityOf(0))).status).toBe(200)
  })
})
