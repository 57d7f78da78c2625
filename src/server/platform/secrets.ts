import { randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { z } from 'zod'
import { ConfigError } from './config.ts'

const NAMES = ['phoneKey', 'phoneHashKey', 'linkKey', 'checkInKey', 'auditKey'] as const
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

const BYTES = 32
const FORM = `must be ${BYTES} bytes as ${2 * BYTES} hex digits or base64`

function decode(text: string): Buffer | null {
  const value = Buffer.from(text, /^[\da-f]{64}$/i.test(text) ? 'hex' : 'base64')
  return value.length === BYTES ? value : null
}

/** Environment names: PHONE_KEY, or PHONE_KEY_FILE with a path. */
function fromEnvironment(env: Readonly<Record<string, string | undefined>>, name: SecretName, faults: string[]): Buffer | null {
  const variable = name.replace(/[A-Z]/g, letter => `_${letter}`).toUpperCase()
  const file = env[`${variable}_FILE`] ?? ''
  let text = env[variable]?.trim() ?? ''
  if (file !== '') {
    try {
      text = readFileSync(file, 'utf8').trim()
    }
    catch {
      faults.push(`${variable}_FILE: cannot read ${file}`)
      return null
    }
  }
  if (text === '')
    return null
  const value = decode(text)
  if (value === null)
    faults.push(`${file === '' ? variable : `${variable}_FILE`}: ${FORM}`)
  return value
}

/** What the folder holds; null before the first run. */
function readStored(file: string): Record<string, unknown> | null {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  }
  catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      return null
    throw new ConfigError([`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`])
  }
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(text))
  }
  catch {
    throw new ConfigError([`${file} is damaged: restore it from the backup, it holds the keys of the stored phone numbers`])
  }
}

/** Adds the names that the file lacks. What another process starting at the same moment has written stands. */
function complete(file: string): Record<string, unknown> {
  for (;;) {
    const stored = readStored(file)
    if (stored !== null && NAMES.every(name => name in stored))
      return stored
    const fresh = Object.fromEntries(NAMES.map(name => [name, stored?.[name] ?? randomBytes(BYTES).toString('hex')]))
    const draft = `${file}.${process.pid}`
    writeFileSync(draft, `${JSON.stringify({ ...stored, ...fresh }, null, 2)}\n`, { mode: 0o600 })
    try {
      if (stored === null)
        linkSync(draft, file)
      else
        renameSync(draft, file)
    }
    catch (error) {
      // EEXIST: somebody was faster. Anything else: a file system without links.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
        renameSync(draft, file)
    }
    finally {
      rmSync(draft, { force: true })
    }
  }
}

/**
 * The deployment's keys: from the environment, else from `secrets.json` in the data folder, made on
 * first run. Losing phoneKey makes stored phone numbers unreadable: it belongs into the backup.
 * @throws ConfigError with every fault.
 */
export function loadSecrets(dataDir: string, env: Readonly<Record<string, string | undefined>>): Secrets {
  const faults: string[] = []
  const given = new Map(NAMES.map(name => [name, fromEnvironment(env, name, faults)]))
  const secrets = {} as Record<SecretName, Secret>
  let stored: Record<string, unknown> | null = null
  for (const name of NAMES) {
    let value = given.get(name) ?? null
    if (value === null && faults.length === 0) {
      mkdirSync(dataDir, { recursive: true })
      const file = join(dataDir, 'secrets.json')
      stored ??= complete(file)
      value = decode(String(stored[name]))
      if (value === null)
        faults.push(`${file}: ${name} ${FORM}`)
    }
    if (value !== null)
      secrets[name] = new Secret(value)
  }
  if (faults.length > 0)
    throw new ConfigError(faults)
  return Object.freeze(secrets)
}
