/**
 * What a person said on this phone, kept until the server has it: written down before it is sent, sent
 * again until answered, in order within one emergency, and never shown as received before the server
 * says so. A command carries an id made on the phone, so that sending it twice is harmless.
 *
 * Pure: store, sender and timers come from outside (`outbox-store.ts`, `outbox-sender.ts`).
 */
import type { GiveAnswer, GiveReceipt } from '../../contract/calls.ts'
import type { CheckIn } from '../../contract/presence.ts'
import { backoffMs } from './backoff.ts'

export type OutboxCommand
  = | { kind: 'answer', body: GiveAnswer }
    | { kind: 'receipt', body: GiveReceipt }
    | { kind: 'checkIn', body: CheckIn }
    | { kind: 'checkOut', body: { checkInId: string } }

export interface OutboxItem {
  id: string
  /** Who said it: on a shared phone nothing is ever sent in another person's name. */
  personId: string
  emergencyId: string
  command: OutboxCommand
  /** Local ms, strictly increasing: the order of sending. */
  createdAt: number
}

export interface OutboxStore {
  all: () => Promise<OutboxItem[]>
  put: (item: OutboxItem) => Promise<void>
  remove: (id: string) => Promise<void>
}

export type Outcome
  = | { result: 'accepted', reply: unknown }
    | { result: 'refused', error: Error }
    /** Not heard, too busy, or signed out: the same again later. */
    | { result: 'retry', afterMs?: number }

export type Settled = Extract<Outcome, { result: 'accepted' | 'refused' }>

/** `kept`: written down, in line. `sending`. `waiting`: tried, will be tried again by itself. */
export type Phase = 'kept' | 'sending' | 'waiting'
export interface Entry extends OutboxItem { phase: Phase, attempts: number }

export interface Outbox {
  /** Reads what an earlier page left and goes on with it. */
  start: () => Promise<void>
  stop: () => void
  /** Resolves once it is written down, not once it is sent. The same id again changes nothing. */
  add: (item: Omit<OutboxItem, 'createdAt' | 'personId'>) => Promise<void>
  /** The network is back, the page is visible, the person signed in: try now. */
  kick: () => void
  entries: () => readonly Entry[]
  /** Called after every change of `entries`. */
  onChange: (listener: () => void) => () => void
  /** The server's answer, once per item. */
  onSettled: (listener: (item: OutboxItem, outcome: Settled) => void) => () => void
}

export interface OutboxOptions {
  personId: string
  store: OutboxStore
  send: (item: OutboxItem) => Promise<Outcome>
  now?: () => number
  random?: () => number
}

const BACKOFF = { baseMs: 1_000, capMs: 30_000 }
/** Past this an answer tells nobody anything, and a phone must not carry it for ever. */
const KEEP_MS = 7 * 86_400_000

interface Lane { queue: Entry[], isSending: boolean, timer: ReturnType<typeof setTimeout> | null }

export function createOutbox({ personId, store, send, now = Date.now, random = Math.random }: OutboxOptions): Outbox {
  const lanes = new Map<string, Lane>()
  const changes = new Set<() => void>()
  const settlements = new Set<(item: OutboxItem, outcome: Settled) => void>()
  let isStopped = false
  let latest = 0
  let writing: Promise<void> = Promise.resolve()
  const beingAdded = new Map<string, Promise<void>>()

  const changed = (): void => changes.forEach(listener => listener())
  const entries = (): Entry[] => [...lanes.values()].flatMap(lane => lane.queue)

  function place(item: OutboxItem): Lane {
    let lane = lanes.get(item.emergencyId)
    if (lane === undefined) {
      lane = { queue: [], isSending: false, timer: null }
      lanes.set(item.emergencyId, lane)
    }
    lane.queue.push({ ...item, phase: 'kept', attempts: 0 })
    latest = Math.max(latest, item.createdAt)
    return lane
  }

  /** Waits for earlier ones still being written, so that a lane keeps the order of the taps. */
  function write(input: Omit<OutboxItem, 'createdAt' | 'personId'>): Promise<void> {
    latest = Math.max(now(), latest + 1)
    const item: OutboxItem = { ...input, personId, createdAt: latest }
    const adding = writing.then(() => store.put(item)).then(() => {
      const lane = place(item)
      changed()
      void run(lane)
    }).finally(() => beingAdded.delete(item.id))
    writing = adding.catch(() => {})
    beingAdded.set(item.id, adding)
    return adding
  }

  function drop(lane: Lane, entry: Entry): void {
    lane.queue.splice(lane.queue.indexOf(entry), 1)
  }

  const nextOf = (lane: Lane): Entry | undefined => isStopped ? undefined : lane.queue[0]

  /** One at a time and the oldest first: a change of mind must not overtake the first answer. */
  async function run(lane: Lane): Promise<void> {
    if (lane.isSending || lane.timer !== null)
      return
    lane.isSending = true
    for (let entry = nextOf(lane); entry !== undefined; entry = nextOf(lane)) {
      entry.phase = 'sending'
      changed()
      const outcome = await send(strip(entry)).catch((): Outcome => ({ result: 'retry' }))
      entry.attempts++
      if (outcome.result === 'retry') {
        entry.phase = 'waiting'
        wait(lane, Math.max(outcome.afterMs ?? 0, backoffMs(entry.attempts, { ...BACKOFF, random })))
        break
      }
      // A store that fails to forget only makes us say it again: the id makes that harmless.
      await store.remove(entry.id).catch(() => {})
      drop(lane, entry)
      const item = strip(entry)
      settlements.forEach(listener => listener(item, outcome))
    }
    lane.isSending = false
    changed()
  }

  function wait(lane: Lane, ms: number): void {
    if (isStopped)
      return
    lane.timer = setTimeout(() => {
      lane.timer = null
      void run(lane)
    }, ms)
  }

  function kick(): void {
    for (const lane of lanes.values()) {
      if (lane.timer !== null)
        clearTimeout(lane.timer)
      lane.timer = null
      void run(lane)
    }
  }

  return {
    entries,
    kick,
    async start() {
      const left = (await store.all()).filter(item => item.personId === personId).sort((a, b) => a.createdAt - b.createdAt)
      for (const item of left) {
        if (now() - item.createdAt > KEEP_MS)
          await store.remove(item.id).catch(() => {})
        else if (!entries().some(entry => entry.id === item.id))
          place(item)
      }
      changed()
      kick()
    },
    stop() {
      isStopped = true
      for (const lane of lanes.values()) {
        if (lane.timer !== null)
          clearTimeout(lane.timer)
      }
    },
    async add(input) {
      if (entries().some(entry => entry.id === input.id))
        return
      await (beingAdded.get(input.id) ?? write(input))
    },
    onChange(listener) {
      changes.add(listener)
      return () => changes.delete(listener)
    },
    onSettled(listener) {
      settlements.add(listener)
      return () => settlements.delete(listener)
    },
  }
}

function strip({ phase: _phase, attempts: _attempts, ...item }: Entry): OutboxItem {
  return item
}
