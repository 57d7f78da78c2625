/**
 * The chain over the audit trail: each entry's seal is a keyed hash of the entry, its place and the seal before it.
 * Whoever can write to the database but has not the key can neither change, drop nor move a sealed entry unseen. What
 * he adds to the trail itself is sealed like any other, and what he takes from its end between two kept heads is not missed.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'

/** An entry with every column as text that the database always writes the same way. */
export interface SealedEntry {
  entryId: number
  /** UTC, with microseconds. */
  at: string
  actorId: string | null
  action: string
  subjectType: string
  subjectId: string | null
  requestId: string | null
  details: string
}

/** A link of the chain, and the entry that it is about; null where the entry is gone. */
export interface Seal {
  /** 1, 2, 3 … without gaps. */
  position: number
  entryId: number
  hash: Buffer
  entry: SealedEntry | null
}

/** How far the chain went at some moment, kept at another place: what is cut off behind it is missed. */
export interface Head { position: number, hash: string }

export type SealFault
  /** The entry, its place or its seal is not what was sealed. */
  = | { fault: 'altered', position: number, entryId: number }
  /** Sealed once, and no longer there. */
    | { fault: 'entryMissing', position: number, entryId: number }
  /** Places of the chain that nobody has. */
    | { fault: 'sealsMissing', from: number, to: number }
  /** Stands in the trail and not in the chain. */
    | { fault: 'unsealed', entryId: number }
  /** The chain is not the one whose head was kept. */
    | { fault: 'otherChain', position: number }

/** What the first seal continues. */
export const BEGINNING: Buffer = Buffer.alloc(32)

export function sealOf(key: Buffer, before: Buffer, position: number, e: SealedEntry): Buffer {
  return createHmac('sha256', key).update(before).update(JSON.stringify([position, e.entryId, e.at, e.actorId, e.action, e.subjectType, e.subjectId, e.requestId, e.details])).digest()
}

/**
 * Follows the chain, part by part, and names what does not fit. After a fault it goes on with the seal as stored,
 * so that one altered entry is one fault and not everything behind it.
 */
export class ChainReader {
  readonly #key: Buffer
  readonly #heads: Map<number, Set<string>>
  #position = 0
  #hash = BEGINNING

  constructor(key: Buffer, heads: readonly Head[]) {
    this.#key = key
    this.#heads = new Map()
    for (const { position, hash } of heads)
      this.#heads.set(position, (this.#heads.get(position) ?? new Set()).add(hash))
  }

  get head(): Head {
    return { position: this.#position, hash: this.#hash.toString('hex') }
  }

  /** The next seals, in the order of their positions. */
  read(seals: readonly Seal[]): SealFault[] {
    const faults: SealFault[] = []
    for (const { position, entryId, hash, entry } of seals) {
      if (position !== this.#position + 1)
        faults.push({ fault: 'sealsMissing', from: this.#position + 1, to: position - 1 })
      if (entry === null) {
        faults.push({ fault: 'entryMissing', position, entryId })
      }
      // Behind a gap the seal before is not known; the gap has been told.
      else if (position === this.#position + 1) {
        const expected = sealOf(this.#key, this.#hash, position, entry)
        if (entry.entryId !== entryId || hash.length !== expected.length || !timingSafeEqual(hash, expected))
          faults.push({ fault: 'altered', position, entryId })
      }
      this.#position = position
      this.#hash = hash
      const kept = this.#heads.get(position)
      if (kept !== undefined && (kept.size > 1 || !kept.has(hash.toString('hex'))))
        faults.push({ fault: 'otherChain', position })
    }
    return faults
  }

  /** After the last part: heads beyond the end say that it was cut off. */
  end(): SealFault[] {
    const furthest = Math.max(0, ...this.#heads.keys())
    return furthest > this.#position ? [{ fault: 'sealsMissing', from: this.#position + 1, to: furthest }] : []
  }
}
