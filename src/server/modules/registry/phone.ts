import type { Secrets } from '../../platform/secrets.ts'
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto'

/**
 * Eleven digits starting with 1, whatever spaces, dashes, country prefix or full-width digits a clerk
 * typed. Null: not a mobile number. Unallocated prefixes pass: the demo county lives in one.
 */
export function normalisePhone(text: string): string | null {
  const digits = text.normalize('NFKC').replace(/[\s\-()]/g, '').replace(/^(?:\+?86|0086)(?=1\d{10}$)/, '')
  return /^1[3-9]\d{9}$/.test(digits) ? digits : null
}

export function maskPhone(phone: string): string {
  return `${phone.slice(0, 3)}****${phone.slice(-4)}`
}

/** Numbers that nobody can own: the demo's prefix 154 and landlines 0932-0…; a real gateway refuses them. */
export function isFictional(phone: string): boolean {
  return phone.startsWith('154') || /^0932-?0/.test(phone)
}

export interface PhoneVault {
  /** Keyed hash for look-up; null for what is no phone number. */
  hash: (phone: string) => Buffer | null
  /** AES-256-GCM: nonce (12), tag (16), ciphertext. */
  seal: (phone: string) => Buffer
  open: (cipher: Buffer) => string
}

export function createPhoneVault(secrets: Pick<Secrets, 'phoneKey' | 'phoneHashKey'>): PhoneVault {
  return {
    hash(phone) {
      const normal = normalisePhone(phone)
      return normal === null ? null : createHmac('sha256', secrets.phoneHashKey.bytes).update(normal).digest()
    },
    seal(phone) {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', secrets.phoneKey.bytes, nonce)
      const body = Buffer.concat([cipher.update(phone, 'utf8'), cipher.final()])
      return Buffer.concat([nonce, cipher.getAuthTag(), body])
    },
    open(sealed) {
      const decipher = createDecipheriv('aes-256-gcm', secrets.phoneKey.bytes, sealed.subarray(0, 12))
      decipher.setAuthTag(sealed.subarray(12, 28))
      return Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]).toString('utf8')
    },
  }
}
