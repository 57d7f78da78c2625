import { sql } from 'drizzle-orm'
import { describe, expect, it } from 'vitest'
import { runAdmin } from '../../src/server/cli/admin.ts'
import { openHouse, TODAY } from '../harness/house.ts'

const house = await openHouse({ env: { MODE: 'production', PUBLIC_URL: 'http://localhost' } })
const { db, vault, person, phone, tx } = house

async function admin(args: string, input = ''): Promise<{ code: number, said: string, complained: string }> {
  let said = ''
  let complained = ''
  const code = await runAdmin(args.split(' '), { db, vault, today: TODAY, readInput: async () => input, say: line => void (said += `${line}\n`), complain: line => void (complained += `${line}\n`) })
  return { code, said, complained }
}

const signIn = (number: string, password: string) => house.speak(null)('POST', '/api/session', { phone: number, password })
const passwordIn = (said: string) => /^密码 Password: (\S+)$/m.exec(said)?.[1] ?? ''
const count = (table: string) => tx(async t => (await t.execute<{ n: number }>(sql`select count(*)::int as n from ${sql.raw(table)}`))[0]?.n)

describe('the first administrator', () => {
  it('is made by one command, and signs in with the password that is shown once', async () => {
    const { code, said, complained } = await admin('create --name 赵管理 --phone 13900000001')
    expect([code, complained]).toEqual([0, ''])
    expect(passwordIn(said)).toMatch(/^[a-z2-9]{4}(?:-[a-z2-9]{4}){3}$/)
    const { status, body } = await signIn('13900000001', passwordIn(said))
    expect(status).toBe(200)
    expect(body).toMatchObject({ name: '赵管理', grants: [{ role: 'countyAdmin', scope: { type: 'county', id: null }, scopeName: '岷县' }] })
    expect(await tx(t => t.execute(sql`select actor_id, action, details from audit_log where action like 'account.%'`))).toEqual([{ actor_id: null, action: 'account.create', details: { role: 'countyAdmin', isNew: true } }])
  })

  it('may be made again: one person, one grant, a new password', async () => {
    const people = await count('persons')
    const grants = await count('role_grants')
    const { said } = await admin('create --name 赵管理 --phone 139-0000-0001')
    expect([await count('persons'), await count('role_grants')]).toEqual([people, grants])
    expect((await signIn('13900000001', passwordIn(said))).status).toBe(200)
  })

  it('brings a password of his own', async () => {
    const { code, said } = await admin('create --name 钱指挥 --phone 13900000002 --role countyCommander --password-stdin', '岷县 一键响应 只是测试\n')
    expect([code, said.includes('密码')]).toEqual([0, false])
    expect(await signIn('13900000002', '岷县 一键响应 只是测试')).toMatchObject({ status: 200, body: { grants: [{ role: 'countyCommander' }] } })
  })

  it.each([
    ['create --name 赵管理 --phone 123', 1, '11 位数字'],
    ['create --name 别人 --phone 13900000001', 1, '已登记'],
    ['create --name 孙 --phone 13900000003 --password-stdin', 1, '至少 12 个字符'],
    ['create --name 孙 --phone 13900000003 --role communitySecretary', 2, '用法'],
    ['create --phone 13900000003', 2, '用法'],
    ['create --name 孙', 2, '用法'],
    ['create --name 孙 --phone 13900000003 --colour red', 2, '用法'],
    ['password --phone 13900000003', 1, '没有找到'],
    ['password --phone 13900000001 --role auditor', 2, '用法'],
    ['disable --phone 13900000003', 1, '没有找到'],
    ['destroy --phone 13900000001', 2, '用法'],
    ['', 2, '用法'],
  ])('is not made by: %s', async (args, code, words) => {
    const before = [await count('persons'), await count('accounts'), await count('role_grants')]
    const done = await admin(args, 'short')
    expect(done.code).toBe(code)
    expect(done.complained).toContain(words)
    expect([await count('persons'), await count('accounts'), await count('role_grants')]).toEqual(before)
  })
})

describe('an account', () => {
  it('is opened for anyone who is registered, with the roles that he has', async () => {
    const { said } = await admin(`password --phone ${phone.东城书记}`)
    expect(await signIn(phone.东城书记 ?? '', passwordIn(said))).toMatchObject({ status: 200, body: { personId: person.东城书记, grants: [{ role: 'communitySecretary' }] } })
  })

  it('is closed with all its sessions, and opened again by a password', async () => {
    const { said } = await admin(`password --phone ${phone.西城书记}`)
    const cookie = String([(await signIn(phone.西城书记 ?? '', passwordIn(said))).headers['set-cookie']].flat()[0]).split(';')[0] ?? ''
    expect((await admin(`disable --phone ${phone.西城书记}`)).code).toBe(0)
    expect((await house.speak(cookie)('GET', '/api/me')).status).toBe(401)
    expect((await signIn(phone.西城书记 ?? '', passwordIn(said))).status).toBe(401)
    const again = await admin(`password --phone ${phone.西城书记}`)
    expect((await signIn(phone.西城书记 ?? '', passwordIn(said))).status).toBe(401)
    expect((await signIn(phone.西城书记 ?? '', passwordIn(again.said))).status).toBe(200)
  })
})

it('logs no error', () => {
  expect(house.errors).toEqual([])
})
