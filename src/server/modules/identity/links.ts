/**
 * Codes of the short links in messages: `<emergency serial><person's ordinal><truncated MAC>`, made
 * when a message is sent and stored nowhere. 14 bytes, 19 characters; guessing one of a hundred
 * thousand live codes takes 2^47 tries, and tries are limited by address.
 */
import type { Secret } from '../../platform/secrets.ts'
import { createHmac, timingSafeEqual } from 'node:crypto'

const MAC_BYTES = 8

function mac(key: Secret, head: Buffer): Buffer {
  return createHmac('sha256', key.bytes).update('call-link').update(head).digest().subarray(0, MAC_BYTES)
}

export function linkCode(key: Secret, serial: number, ordinal: number): string {
  const head = Buffer.alloc(6)
  head.writeUIntBE(serial, 0, 3)
  head.writeUIntBE(ordinal, 3, 3)
  return Buffer.concat([head, mac(key, head)]).toString('base64url')
}

/** Null for anything that was not made here. */
export function readLinkCode(key: Secret, code: string): { serial: number, ordinal: number } | null {
  const bytes = Buffer.from(code, 'base64url')
  // The last character has two bits to spare: only the one spelling is ours.
  if (bytes.length !== 6 + MAC_BYTES || bytes.toString('base64url') !== code)
    return null
  const head = bytes.subarray(0, 6)
  if (!timingSafeEqual(bytes.subarray(6), mac(key, head)))
    return null
  return { serial: head.readUIntBE(0, 3), ordinal: head.readUIntBE(3, 3) }
}
