/** The sender against channels that misbehave as real ones do. */
import type { ChannelSender, HandoverResult, OutgoingMessage } from '../../src/server/modules/calls/index.ts'
import { sql } from 'drizzle-orm'
import { afterEach, describe, expect, it } from 'vitest'
import { openStage } from '../harness/stage.ts'

const stage = await openStage()
afterEach(() => stage.peace())

type Running = Awaited<ReturnType<typeof stage.press>>

/** A channel that keeps what it was given and answers as told. */
function channel(answer: (message: OutgoingMessage) => HandoverResult, { takes = 'fictional' as ChannelSender['takes'], batchSize = 500, poisoned = new Set<string>() } = {}) {
  const batches: OutgoingMessage[][] = []
  const sender: ChannelSender = {
    takes,
    batchSize,
    async send(batch) {
      batches.push([...batch])
      if (batch.some(m => poisoned.has(m.personId)))
        throw new Error('the provider hung up')
      return batch.map(answer)
    },
  }
  return { sender, batches, taken: () => batches.flat() }
}

const accepted = (m: OutgoingMessage): HandoverResult => ({ state: 'accepted', providerId: `p-${m.personId}` })
async function states(e: Running) {
  const rows = await stage.read<{ state: string, n: number }>(sql`
    select d.state, count(*)::int as n from deliveries d join alerts a on a.id = d.alert_id where a.emergency_id = ${e.id} and d.channel = 'sms' group by d.state`)
  return Object.fromEntries(rows.map(r => [r.state, r.n]))
}
async function callStates(e: Running) {
  const rows = await stage.read<{ call_state: string, n: number }>(sql`select call_state, count(*)::int as n from participants where emergency_id = ${e.id} group by call_state`)
  return Object.fromEntries(rows.map(r => [r.call_state, r.n]))
}
const peopleOf = async (e: Running) => (await stage.read(sql`select 1 from participants where emergency_id = ${e.id}`)).length
/** Lets the pauses before the next try be over. */
const pausesEnd = () => stage.db.work.tx(tx => tx.execute(sql`update deliveries set not_before = clock_timestamp() - interval '1 second' where state = 'failedTemp'`))

describe('a channel that takes everything', () => {
  it('gets each person once, with his own link, in batches of its size', async () => {
    const e = await stage.press()
    const { sender, batches, taken } = channel(accepted, { batchSize: 7 })
    await stage.sendsBy(sender)
    await stage.sendsBy(sender)
    const people = await peopleOf(e)
    expect(new Set(taken().map(m => m.personId)).size).toBe(people)
    expect(taken()).toHaveLength(people)
    expect(new Set(taken().map(m => m.key)).size).toBe(people)
    expect(Math.max(...batches.map(b => b.length))).toBe(7)
    expect(new Set(taken().map(m => /\/a\/([\w-]+)/.exec(m.text)?.[1])).size).toBe(people)
    expect(await callStates(e)).toEqual({ called: people })
  })
})

describe('a slow channel', () => {
  it('leaves alone what another sender has taken while it worked', async () => {
    const e = await stage.press()
    const people = await peopleOf(e)
    const { sender, taken } = channel(accepted, { batchSize: 7 })
    let first = true
    await stage.sendsBy({
      ...sender,
      async send(batch) {
        if (first)
          await stage.db.answers.tx(tx => tx.execute(sql`update deliveries set attempts = attempts + 1 where channel = 'sms' and state = 'sending' and person_id <> all(${sql.param(`{${batch.map(m => m.personId).join(',')}}`)}::uuid[])`))
        first = false
        return sender.send(batch)
      },
    })
    expect(taken()).toHaveLength(7)
    expect(await states(e)).toEqual({ accepted: 7, sending: people - 7 })
  })
})

describe('the queue', () => {
  it('lets a real response pass a drill, and the nearer rally limit the later one', async () => {
    const drill = await stage.press({ grids: [0], isDrill: true })
    const slow = await stage.press({ grids: [1], level: 3 })
    const fast = await stage.press({ grids: [2], level: 2, plan: 'fire' })
    const { sender, taken } = channel(accepted)
    await stage.sendsBy(sender)
    const of = async (e: Running) => new Set((await stage.read<{ person_id: string }>(sql`select person_id from participants where emergency_id = ${e.id}`)).map(r => r.person_id))
    const [inFast, inSlow, inDrill] = [await of(fast), await of(slow), await of(drill)]
    const order = taken().map(m => inFast.has(m.personId) ? 'fast' : inSlow.has(m.personId) ? 'slow' : inDrill.has(m.personId) ? 'drill' : 'none')
    expect(order.filter((word, i) => word !== order[i - 1])).toEqual(['fast', 'slow', 'drill'])
  })
})

describe('a real gateway', () => {
  it('is never handed a number that nobody owns, nor the sandbox one that somebody may', async () => {
    const e = await stage.press()
    const { sender, taken } = channel(accepted, { takes: 'real' })
    await stage.sendsBy(sender)
    expect(taken()).toEqual([])
    expect(await states(e)).toEqual({ failedPerm: await peopleOf(e) })
    expect(await callStates(e)).toEqual({ pending: await peopleOf(e) })
  })
})

describe('a channel with opinions of its own', () => {
  it('loses only those it refuses: the truth is kept per person', async () => {
    const e = await stage.press()
    const [refusedOne, later, fine] = await e.members(0)
    const { sender, taken } = channel(m => m.personId === refusedOne?.personId
      ? { state: 'failedPerm', failure: 'blacklisted' }
      : m.personId === later?.personId ? { state: 'failedTemp', retryAfterSec: 30, failure: '429' } : accepted(m))
    await stage.sendsBy(sender)
    expect(await refusedOne?.row()).toMatchObject({ call_state: 'pending' })
    expect(await later?.row()).toMatchObject({ call_state: 'pending' })
    expect(await fine?.row()).toMatchObject({ call_state: 'called' })
    const before = taken().length
    await stage.sendsBy(sender)
    expect(taken()).toHaveLength(before)
    await pausesEnd()
    await stage.sendsBy(sender)
    expect(taken().slice(before).map(m => m.personId)).toEqual([later?.personId])
  })

  it('is asked again eight times and then no more', async () => {
    const e = await stage.press({ grids: [3] })
    const { sender, taken } = channel(() => ({ state: 'failedTemp', retryAfterSec: 0, failure: 'busy' }))
    for (let i = 0; i < 10; i++) {
      await stage.sendsBy(sender)
      await pausesEnd()
    }
    expect(taken()).toHaveLength(8 * await peopleOf(e))
    expect(await states(e)).toEqual({ failedPerm: await peopleOf(e) })
  })

  it('that hangs up over one message loses that one alone; its neighbours go out at the next tries', async () => {
    const e = await stage.press()
    const members = await e.members(0)
    const poison = members[1]
    const { sender } = channel(accepted, { poisoned: new Set([poison?.personId ?? '']) })
    const people = await peopleOf(e)
    const left: number[] = []
    for (let i = 0; i < 3; i++) {
      await stage.sendsBy(sender)
      left.push((await states(e)).failedTemp ?? 0)
      await pausesEnd()
    }
    expect(left).toEqual([people, 20, 1])
    expect(await poison?.row()).toMatchObject({ call_state: 'pending' })
    expect(await callStates(e)).toEqual({ pending: 1, called: people - 1 })
  })

  it('that forgets to answer for some is asked again for those', async () => {
    const e = await stage.press({ grids: [3] })
    const people = await peopleOf(e)
    let cut = true
    const forgetful: ChannelSender = { takes: 'fictional', batchSize: 500, send: async batch => (cut ? batch.slice(0, 2) : batch).map(accepted) }
    await stage.sendsBy(forgetful)
    expect(await states(e)).toEqual({ accepted: 2, failedTemp: people - 2 })
    cut = false
    await pausesEnd()
    await stage.sendsBy(forgetful)
    expect(await states(e)).toEqual({ accepted: people })
  })
})

describe('two senders at once', () => {
  it('share the queue and send nothing twice', async () => {
    const e = await stage.press()
    const { sender, taken } = channel(accepted, { batchSize: 3 })
    await stage.storm(() => Promise.all([stage.sendsBy(sender), stage.sendsBy(sender), stage.sendsBy(sender)]))
    expect(taken()).toHaveLength(await peopleOf(e))
    expect(await callStates(e)).toEqual({ called: await peopleOf(e) })
  })
})
