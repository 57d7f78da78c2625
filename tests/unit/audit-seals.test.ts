/** Four kinds of tampering with a sealed trail, ten thousand times: each is found. */
import type { Seal, SealedEntry, SealFault } from '../../src/server/modules/audit/seals.rules.ts'
import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { BEGINNING, ChainReader, sealOf } from '../../src/server/modules/audit/seals.rules.ts'

const KEY = randomBytes(32)
const LENGTH = 40

/** Repeatable chance (mulberry32). */
function chance(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6D2B79F5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

const uuid = (n: number) => `01a20e36-0000-7000-8000-${String(n).padStart(12, '0')}`

function entry(n: number): SealedEntry {
  return { entryId: n * 2, at: `2026-07-01T02:${String(n % 60).padStart(2, '0')}:00.123456`, actorId: n % 5 === 0 ? null : uuid(n), action: n % 3 === 0 ? 'emergency.activate' : 'person.revealPhone', subjectType: 'emergency', subjectId: uuid(n % 4), requestId: `r${n}`, details: `{"level": ${n % 4 + 1}}` }
}

function sealed(length: number): Seal[] {
  let before = BEGINNING
  return Array.from({ length }, (_, i) => {
    const e = entry(i + 1)
    before = sealOf(KEY, before, i + 1, e)
    return { position: i + 1, entryId: e.entryId, hash: before, entry: e }
  })
}

const TRAIL = sealed(LENGTH)
const HEAD = { position: LENGTH, hash: (TRAIL.at(-1) as Seal).hash.toString('hex') }

/** Read in parts, as from the table. */
function faultsOf(seals: readonly Seal[], heads = [HEAD]): SealFault[] {
  const reader = new ChainReader(KEY, heads)
  const faults: SealFault[] = []
  for (let i = 0; i < seals.length; i += 16)
    faults.push(...reader.read(seals.slice(i, i + 16)))
  return [...faults, ...reader.end()]
}

type Random = (below: number) => number

const KINDS: Record<'flip' | 'drop' | 'reorder' | 'insert', (seals: Seal[], random: Random) => void> = {
  /** One bit, in any column of an entry or in a seal. */
  flip(seals, random) {
    const seal = seals[random(seals.length)] as Seal
    const e = seal.entry as SealedEntry
    const columns = ['hash', ...Object.entries(e).flatMap(([name, value]) => value === null ? [] : [name])]
    const column = columns[random(columns.length)] as keyof SealedEntry | 'hash'
    if (column === 'hash') {
      seal.hash = Buffer.from(seal.hash)
      seal.hash[random(32)]! ^= 1 << random(8)
    }
    else if (column === 'entryId') {
      seal.entry = { ...e, entryId: e.entryId ^ (1 << random(20)) }
    }
    else {
      const bytes = Buffer.from(e[column] as string, 'latin1')
      bytes[random(bytes.length)]! ^= 1 << random(7)
      seal.entry = { ...e, [column]: bytes.toString('latin1') }
    }
  },
  /** An entry, its seal, or both; one of them or the whole rest. */
  drop(seals, random) {
    const at = random(seals.length)
    const seal = seals[at] as Seal
    const kind = random(3)
    if (kind === 0)
      seal.entry = null
    else
      seals.splice(at, kind === 1 ? 1 : seals.length)
  },
  /** Two entries change places: under each other's seals, or with them and with new positions. */
  reorder(seals, random) {
    const [i, step] = [random(seals.length), 1 + random(seals.length - 1)]
    const [a, b] = [seals[i] as Seal, seals[(i + step) % seals.length] as Seal]
    if (random(2) === 0) {
      ;[a.entry, b.entry] = [b.entry, a.entry]
      ;[a.entryId, b.entryId] = [b.entryId, a.entryId]
    }
    else {
      ;[a.position, b.position] = [b.position, a.position]
      seals.sort((x, y) => x.position - y.position)
    }
  },
  /** A forged entry with a seal made without the key, at any place; those behind it move up, sealed anew by the forger or not. */
  insert(seals, random) {
    const at = random(seals.length + 1)
    const forger = randomBytes(32)
    const e: SealedEntry = { ...entry(1_000), entryId: 999 }
    const before = seals[at - 1]?.hash ?? BEGINNING
    seals.splice(at, 0, { position: at + 1, entryId: 999, hash: sealOf(forger, before, at + 1, e), entry: e })
    const again = random(2) === 0
    for (let i = at + 1; i < seals.length; i++) {
      const seal = seals[i] as Seal
      seal.position = i + 1
      if (again)
        seal.hash = sealOf(forger, (seals[i - 1] as Seal).hash, i + 1, seal.entry as SealedEntry)
    }
  },
}

describe('a sealed trail', () => {
  it('that nobody touched has no fault, whatever head was kept of it', () => {
    expect(faultsOf(TRAIL)).toEqual([])
    expect(faultsOf(TRAIL, TRAIL.map(({ position, hash }) => ({ position, hash: hash.toString('hex') })))).toEqual([])
    expect(faultsOf([], [])).toEqual([])
  })

  it.each(Object.keys(KINDS) as (keyof typeof KINDS)[])('gives every %s away, 2,500 times', (kind) => {
    const random = chance(20_261_124)
    for (let n = 0; n < 2_500; n++) {
      const seals = TRAIL.map(seal => ({ ...seal }))
      KINDS[kind](seals, random)
      expect(faultsOf(seals), `${kind} ${n}`).not.toEqual([])
    }
  })

  it('names one altered entry alone, and not everything behind it', () => {
    const seals = TRAIL.map(seal => ({ ...seal }))
    ;(seals[6] as Seal).entry = { ...entry(7), details: '{"level": 9}' }
    expect(faultsOf(seals)).toEqual([{ fault: 'altered', position: 7, entryId: 14 }])
  })

  it('that was cut off, or made anew with its key, is not the one whose head was kept', () => {
    expect(faultsOf(TRAIL.slice(0, 30))).toEqual([{ fault: 'sealsMissing', from: 31, to: LENGTH }])
    expect(faultsOf(TRAIL.slice(0, 30), [])).toEqual([])
    const e = { ...entry(3), action: 'emergency.revoke' }
    let before = BEGINNING
    const anew = TRAIL.map((seal, i) => {
      const now = i === 2 ? e : seal.entry as SealedEntry
      before = sealOf(KEY, before, i + 1, now)
      return { ...seal, hash: before, entry: now }
    })
    expect(faultsOf(anew, [])).toEqual([])
    expect(faultsOf(anew)).toEqual([{ fault: 'otherChain', position: LENGTH }])
  })
})
