/** `npm run admin -- …`: accounts from the machine itself, beside a running service or without one. */
import type { Role } from '../../contract/vocabulary.ts'
import type { PhoneVault } from '../modules/registry/index.ts'
import type { Database, Tx } from '../platform/db/index.ts'
import { randomInt } from 'node:crypto'
import process from 'node:process'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { errorText } from '../../contract/errors.ts'
import { audit } from '../modules/audit/index.ts'
import { disableAccount, hashPassword, saveAccount } from '../modules/identity/index.ts'
import { appoint, createPhoneVault, findByPhone } from '../modules/registry/index.ts'
import { dayOf, systemClock } from '../platform/clock.ts'
import { DomainError } from '../platform/errors.ts'
import { loadSecrets } from '../platform/secrets.ts'
import { withDatabase } from './with-database.ts'

/** Roles of the whole county; all others follow from the tables that are imported. */
const COUNTY_ROLES = ['countyAdmin', 'countyCommander', 'countyDuty', 'auditor', 'systemAdmin', 'securityAdmin'] as const satisfies readonly Role[]

const USAGE = `用法 Usage:
  npm run admin -- create --name 姓名 --phone 手机号 [--role ${COUNTY_ROLES.join('|')}] [--password-stdin]
  npm run admin -- password --phone 手机号 [--password-stdin]
  npm run admin -- disable --phone 手机号

  create    登记县级人员并开通账号（缺省 countyAdmin）  registers a county officer and opens an account
  password  为已登记人员设置新密码                      a new password for somebody who is registered
  disable   停用账号并退出其所有登录                    closes an account and ends its sessions

未给 --password-stdin 时生成密码，只显示一次。
Without --password-stdin a password is made and shown once.
`

const MIN_PASSWORD = 12
/** Without letters and digits that are mistaken for each other when read aloud or copied by hand. */
const ALPHABET = 'abcdefghjkmnpqrstuvwxyz23456789'

/** 16 characters, about 79 bits, in groups. */
function makePassword(): string {
  const group = () => Array.from({ length: 4 }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
  return Array.from({ length: 4 }, group).join('-')
}

export interface AdminContext {
  db: Database
  vault: PhoneVault
  /** County day. */
  today: string
  readInput: () => Promise<string>
  say: (line: string) => void
  complain: (line: string) => void
}

/** @returns the exit code: 0 done, 1 refused, 2 not understood. */
export async function runAdmin(args: readonly string[], { db, vault, today, readInput, say, complain }: AdminContext): Promise<number> {
  let given
  try {
    given = parseArgs({ args: [...args], allowPositionals: true, options: { 'name': { type: 'string' }, 'phone': { type: 'string' }, 'role': { type: 'string' }, 'password-stdin': { type: 'boolean', default: false } } })
  }
  catch {
    complain(USAGE)
    return 2
  }
  const { values, positionals: [command, ...rest] } = given
  const role = COUNTY_ROLES.find(r => r === (values.role ?? 'countyAdmin'))
  const name = values.name?.trim() ?? ''
  const { phone } = values
  if (rest.length > 0 || phone === undefined || role === undefined || (command === 'create') !== (name !== '') || (command !== 'create' && values.role !== undefined)) {
    complain(USAGE)
    return 2
  }

  async function choosePassword(): Promise<{ password: string, hash: string } | null> {
    const password = values['password-stdin'] ? (await readInput()).replace(/\r?\n$/, '') : makePassword()
    if ([...password].length < MIN_PASSWORD) {
      complain(`密码至少 ${MIN_PASSWORD} 个字符。 The password needs at least ${MIN_PASSWORD} characters.`)
      return null
    }
    return { password, hash: await hashPassword(password) }
  }

  /** For the one at the machine, who sees it once. */
  function hand(password: string): void {
    if (!values['password-stdin'])
      say(`密码 Password: ${password}`)
  }

  const record = (tx: Tx, action: string, personId: string, details: Record<string, unknown> = {}) => audit(tx, { actorId: null, action, subjectType: 'person', subjectId: personId, requestId: null, details })

  const registered = async (tx: Tx) => {
    const person = await findByPhone(tx, vault, phone)
    if (person === null)
      throw new DomainError('NOT_FOUND')
    return person
  }

  try {
    switch (command) {
      case 'create': {
        const chosen = await choosePassword()
        if (chosen === null)
          return 1
        await db.work.tx(async (tx) => {
          const { personId, isNew } = await appoint(tx, vault, { name, phone, role }, today)
          await saveAccount(tx, personId, chosen.hash)
          await record(tx, 'account.create', personId, { role, isNew })
        })
        say(`已开通 ${name}（${role}）的账号。 The account of ${name} (${role}) is open.`)
        hand(chosen.password)
        return 0
      }
      case 'password': {
        const chosen = await choosePassword()
        if (chosen === null)
          return 1
        const person = await db.work.tx(async (tx) => {
          const found = await registered(tx)
          await saveAccount(tx, found.personId, chosen.hash)
          await record(tx, 'account.password', found.personId)
          return found
        })
        say(`已为${person.name}设置新密码，原有登录已退出。 ${person.name} has a new password; earlier sessions have ended.`)
        hand(chosen.password)
        return 0
      }
      case 'disable': {
        const person = await db.work.tx(async (tx) => {
          const found = await registered(tx)
          if (!await disableAccount(tx, found.personId))
            throw new DomainError('NOT_FOUND')
          await record(tx, 'account.disable', found.personId)
          return found
        })
        say(`已停用${person.name}的账号。 The account of ${person.name} is closed.`)
        return 0
      }
      default:
        complain(USAGE)
        return 2
    }
  }
  catch (error) {
    if (!(error instanceof DomainError))
      throw error
    complain(`${errorText(error.code, 'zh-CN', error.details)}。 ${errorText(error.code, 'en', error.details)}.`)
    return 1
  }
}

if (import.meta.main) {
  await withDatabase(({ db, config }) => runAdmin(process.argv.slice(2), {
    db,
    vault: createPhoneVault(loadSecrets(config.dataDir, process.env)),
    today: dayOf(systemClock.now(), config.timeZone),
    readInput: () => text(process.stdin),
    say: line => void process.stdout.write(`${line}\n`),
    complain: line => void process.stderr.write(`${line}\n`),
  }))
}
