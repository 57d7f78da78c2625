import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join, resolve } from 'node:path'
import { z } from 'zod'

const absent = (value: unknown) => value === '' ? undefined : value
const optional = <T extends z.ZodType>(schema: T) => z.preprocess(absent, schema.optional())

const zone = z.string().refine((name) => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== null
  }
  catch {
    return false
  }
}, 'must be an IANA time zone such as Asia/Shanghai')

/** An address, or a subnet such as 10.0.0.0/8. */
function isAddress(text: string): boolean {
  const [address = '', bits, ...rest] = text.trim().split('/')
  const family = isIP(address)
  return family !== 0 && rest.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)))
}

const Environment = z.object({
  MODE: z.preprocess(absent, z.enum(['demo', 'production']).default('demo')),
  HOST: z.preprocess(absent, z.string().default('0.0.0.0')),
  PORT: z.preprocess(absent, z.coerce.number().int().min(0).max(65535).default(3000)),
  PUBLIC_URL: optional(z.url({ protocol: /^https?$/ })),
  TRUST_PROXY: optional(z.string().refine(list => list.split(',').every(isAddress), 'must be exact addresses or subnets separated by commas')),
  TLS_CERT: optional(z.string()),
  TLS_KEY: optional(z.string()),
  DATABASE_URL: optional(z.url({ protocol: /^postgres(?:ql)?$/ })),
  DATA_DIR: z.preprocess(absent, z.string().default('./data')),
  LOG_LEVEL: z.preprocess(absent, z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info')),
  TZ_COUNTY: z.preprocess(absent, zone.default('Asia/Shanghai')),
  AUDIT_HEADS_FILE: optional(z.string()),
  COUNTY_NAME: z.preprocess(absent, z.string().min(2).max(20).default('岷县')),
})

type Raw = Readonly<Record<string, string | undefined>>

/** What only several variables together, or the disk, can tell. Apart from the schema, which stops there at its first fault. */
function crossFaults(env: Raw): string[] {
  const given = (name: string) => (env[name] ?? '') !== ''
  const faults: string[] = []
  if (given('TLS_CERT') !== given('TLS_KEY'))
    faults.push('TLS_CERT: TLS_CERT and TLS_KEY go together')
  for (const name of ['TLS_CERT', 'TLS_KEY']) {
    try {
      if (given(name))
        readFileSync(env[name] ?? '')
    }
    catch {
      faults.push(`${name}: cannot read ${env[name]}`)
    }
  }
  if (given('PUBLIC_URL') && URL.canParse(env.PUBLIC_URL ?? '') && new URL(env.PUBLIC_URL ?? '').pathname !== '/')
    faults.push('PUBLIC_URL: must have no path')
  if (env.MODE === 'production' && !given('PUBLIC_URL'))
    faults.push('PUBLIC_URL: is required in production: links in messages are built from it')
  return faults
}

export interface Config {
  /** `demo`: invented county, printed accounts, sandbox inboxes. `production`: none of these. */
  mode: 'demo' | 'production'
  host: string
  port: number
  /** Origin that links, cookies, Origin checks and QR codes are built from; no trailing slash. */
  publicUrl: string
  trustProxy: string[]
  tls: { cert: Buffer, key: Buffer } | null
  databaseUrl: string | null
  dataDir: string
  /** Where the heads of the audit chain are written down every hour. */
  auditHeadsFile: string
  logLevel: string
  timeZone: string
  countyName: string
}

/** Every fault of the environment at once. */
export class ConfigError extends Error {
  readonly faults: string[]

  constructor(faults: string[]) {
    super(`configuration has ${faults.length} fault(s):\n${faults.map(f => `  - ${f}`).join('\n')}`)
    this.faults = faults
  }
}

/** Reads the environment once. Throws ConfigError with all faults. */
export function readConfig(env: Raw): Readonly<Config> {
  const parsed = Environment.safeParse(env)
  const faults = [...parsed.success ? [] : parsed.error.issues.map(issue => `${issue.path.join('.')}: ${issue.message}`), ...crossFaults(env)]
  if (!parsed.success || faults.length > 0)
    throw new ConfigError(faults)
  const e = parsed.data
  const tls = e.TLS_CERT !== undefined && e.TLS_KEY !== undefined ? { cert: readFileSync(e.TLS_CERT), key: readFileSync(e.TLS_KEY) } : null
  return Object.freeze({
    mode: e.MODE,
    host: e.HOST,
    port: e.PORT,
    publicUrl: (e.PUBLIC_URL ?? `${tls === null ? 'http' : 'https'}://localhost:${e.PORT}`).replace(/\/$/, ''),
    trustProxy: e.TRUST_PROXY?.split(',').map(s => s.trim()) ?? [],
    tls,
    databaseUrl: e.DATABASE_URL ?? null,
    dataDir: resolve(e.DATA_DIR),
    auditHeadsFile: resolve(e.AUDIT_HEADS_FILE ?? join(e.DATA_DIR, 'audit-heads.jsonl')),
    logLevel: e.LOG_LEVEL,
    timeZone: e.TZ_COUNTY,
    countyName: e.COUNTY_NAME,
  })
}
