import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const NAMES = ['phoneKey', 'phoneHashKey', 'linkKey', 'checkInKey'] as const
type SecretName = typeof NAMES[number]

/** Keys of 32 bytes. Prints as ***, so that no log or error can carry one. */
export class Secret {
  readonly #value: Buffer

  constructor(value: Buffer) {
    this.#value = value
  }

  get bytes(): Buffer {
    return this.#value
  }

  toString(): string {
    return '***'
  }

  toJSON(): string {
    return '***'
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '***'
  }
}

export type Secrets = Readonly<Record<SecretName, Secret>>

/** Environment names: PHONE_KEY, or PHONE_KEY_FILE with a path; hex or base64 of 32 bytes. */
function fromEnvironment(env: Readonly<Record<string, string | undefined>>, name: SecretName): Buffer | null {
  const variable = name.replace(/[A-Z]/g, letter => `_${letter}`).toUpperCase()
  const file = env[`${variable}_FILE`]
  const text = (file === undefined || file === '' ? env[variable] : readFileSync(file, 'utf8'))?.trim()
  if (text === undefined || text === '')
    return null
  const value = Buffer.from(text, /^[\da-f]{64}$/i.test(text) ? 'hex' : 'base64')
  if (value.length !== 32)
    throw new Error(`${variable} must be 32 bytes as 64 hex digits or base64`)
  return value
}

/**
 * The deployment's keys: from the environment, else from `secrets.json` in the data folder, made on
 * first run. Losing phoneKey makes stored phone numbers unreadable: it belongs into the backup.
 */
export function loadSecrets(dataDir: string, env: Readonly<Record<string, string | undefined>>): Secrets {
  const file = join(dataDir, 'secrets.json')
  let stored: Partial<Record<SecretName, string>> = {}
  try {
    stored = JSON.parse(readFileSync(file, 'utf8')) as typeof stored
  }
  catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      throw new Error(`${file} cannot be read: restore it from the backup, it holds the keys of the stored phone numbers`)
  }
  const secrets = {} as Record<SecretName, Secret>
  let made = false
  for (const name of NAMES) {
    const given = fromEnvironment(env, name)
    if (given !== null) {
      secrets[name] = new Secret(given)
      continue
    }
    if (stored[name] === undefined) {
      stored[name] = randomBytes(32).toString('hex')
      made = true
    }
    secrets[name] = new Secret(Buffer.from(stored[name], 'hex'))
  }
  if (made) {
    mkdirSync(dataDir, { recursive: true })
    writeFileSync(`${file}.new`, `${JSON.stringify(stored, null, 2)}\n`, { mode: 0o600 })
    renameSync(`${file}.new`, file)
  }
  return Object.freeze(secrets)
}
