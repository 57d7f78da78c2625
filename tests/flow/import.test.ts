/** A county's folder into the registry and again, through the command that a county runs. */
import type { Tables } from '../harness/county-folder.ts'
import { randomBytes } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { parseImport, reportLines, runImport } from '../../src/server/cli/import.ts'
import { appoint, createPhoneVault, importCounty } from '../../src/server/modules/registry/index.ts'
import { Secret } from '../../src/server/platform/secrets.ts'
import { countyFolders } from '../harness/county-folder.ts'
import { asOwner, openTestDatabase } from '../harness/database.ts'
import { toGb18030 } from '../harness/gb18030.ts'

const TODAY = '2026-06-15'
const TOMORROW = '2026-06-16'
const db = await openTestDatabase()
const vault = createPhoneVault({ phoneKey: new Secret(randomBytes(32)), phoneHashKey: new Secret(randomBytes(32)) })
const whole = countyFolders()
const folders = countyFolders({ membersPerUnit: 8 })
afterAll(() => {
  whole.remove()
  folders.remove()
})

const read = <T extends Record<string, unknown>>(query: ReturnType<typeof sql>) => db.read.tx(tx => tx.execute<T>(query))
const TABLES = ['townships', 'communities', 'grids', 'units', 'party_orgs', 'persons', 'memberships', 'employments', 'residences', 'person_skills', 'grid_posts', 'role_grants', 'pairings', 'rally_points', 'exemptions']

async function load(folder: string, { today = TODAY, dryRun = false } = {}) {
  const report = await importCounty(db, vault, { folder, dryRun, today, actorId: null })
  return {
    ...report,
    /** What happened, without the tables to which nothing did. */
    did: Object.fromEntries(report.differences.filter(d => d.added + d.changed + d.ended > 0).map(d => [d.table, [d.added, d.changed, d.ended]])),
  }
}
const change = (edit: (tables: Tables) => unknown, options?: { today?: string, dryRun?: boolean }) => load(folders.make(edit), options)

/** A fingerprint of everything an import writes. */
async function fingerprint(): Promise<string> {
  const [row] = await read<{ all: string }>(sql.raw(`select md5(concat(${TABLES.map(t => `(select string_agg(x::text, '|' order by x::text) from ${t} x)`).join(', ')})) as all`))
  return row?.all ?? ''
}
const count = async (table: string) => Number((await read<{ n: number }>(sql.raw(`select count(*)::int as n from ${table}`)))[0]?.n)
function leadOf(grid: string, day: string) {
  return read(sql`
  select u.name from pairings p join units u on u.id = p.unit_id join grids g on g.id = p.grid_id
  where g.name = ${grid} and p.is_lead and p.valid_from <= ${day} and (p.valid_to is null or p.valid_to >= ${day})`)
}
function first<T>(rows: readonly T[], is: (row: T) => boolean = () => true): T {
  const found = rows.find(is)
  if (found === undefined)
    throw new Error('no such row')
  return found
}

beforeEach(async () => {
  // Nobody removes what others refer to, whatever his rights: the triggers that say so are put aside.
  await asOwner(db.url, async owner => void await owner.unsafe(`set session_replication_role = replica; truncate ${TABLES.join(', ')}, stale_rosters, roster_entries, roster_quotas cascade`))
})

describe('an import', () => {
  it('loads the whole county, and a second one changes nothing', async () => {
    const folder = whole.make()
    const first = await load(folder)
    expect(first.faults).toEqual([])
    expect(first.notices).toEqual([])
    expect(first.did).toMatchObject({ townships: [3, 0, 0], communities: [12, 0, 0], grids: [59, 0, 0], units: [91, 0, 0], party_orgs: [165, 0, 0], employments: [4_550, 0, 0], pairings: [91, 0, 0], rally_points: [59, 0, 0] })
    const before = await fingerprint()
    const second = await load(folder)
    expect(second.applied).toBe(true)
    expect(second.did).toEqual({})
    expect(second.differences.map(d => d.unchanged)).toEqual(first.differences.map(d => d.added))
    expect((await load(folder, { today: TOMORROW })).did).toEqual({})
    expect(await fingerprint()).toBe(before)
  })

  it('keeps numbers sealed, to be found by their keyed hash alone', async () => {
    await load(folders.make())
    const [person] = await read<{ phone_cipher: Buffer }>(sql`select phone_cipher from persons where phone_hash = decode(${vault.hash('15409320000')?.toString('hex') ?? ''}, 'hex')`)
    expect(vault.open(person?.phone_cipher ?? Buffer.alloc(0))).toBe('15409320000')
    expect(await read(sql`select 1 from persons where position('15409320000'::bytea in phone_cipher) > 0`)).toEqual([])
  })

  it('reads GB18030 to the same registry', async () => {
    await load(folders.make())
    expect(await load(folders.makeWithText('members', toGb18030))).toMatchObject({ applied: true, did: {} })
  })

  it('as a dry run counts the same and leaves nothing', async () => {
    const before = await fingerprint()
    const dry = await load(folders.make(), { dryRun: true })
    expect(dry).toMatchObject({ applied: false, faults: [] })
    expect(await fingerprint()).toBe(before)
    expect((await load(folders.make())).differences).toEqual(dry.differences)
  })

  it.each<[string, (t: Tables) => unknown, object]>([
    ['a broken row', t => Object.assign(first(t.members, m => m.unit === '气象局'), { phone: '12' }), { file: '07-单位党员.csv', column: '手机号', code: 'notAPhone' }],
    ['a number twice', t => t.members.push(first(t.members)), { file: '07-单位党员.csv', row: 730, column: '手机号', code: 'duplicate', detail: '2' }],
    ['a cycle in the party tree', t => Object.assign(first(t.partyOrgs), { parent: '东城社区党总支' }), { file: '05-党组织.csv', row: 2, column: '上级党组织', code: 'cycle' }],
    ['a bare unit', t => t.units.push({ name: '天文台', category: '事业', mobilisationClass: '一般' }), { file: '04-单位.csv', row: 93, column: '单位名称', code: 'bareUnit', detail: '天文台' }],
    ['a bare grid', t => t.pairings.splice(t.pairings.findIndex(p => p.unit === '税务局'), 1), { file: '03-网格.csv', row: 5, column: '网格名称', code: 'bareGrid' }],
  ])('with %s is refused by file, row and column, and leaves nothing', async (_, edit, fault) => {
    const before = await fingerprint()
    const report = await change(edit)
    expect(report.applied).toBe(false)
    expect(report.faults).toContainEqual(expect.objectContaining(fault))
    expect(await fingerprint()).toBe(before)
    expect(await count('persons')).toBe(0)
  })

  it('that fails midway leaves nothing', async () => {
    await asOwner(db.url, async owner => void await owner.unsafe('alter table exemptions add constraint exemptions_test_check check (false) not valid'))
    try {
      const before = await fingerprint()
      await expect(load(folders.make())).rejects.toThrow()
      expect(await fingerprint()).toBe(before)
    }
    finally {
      await asOwner(db.url, async owner => void await owner.unsafe('alter table exemptions drop constraint exemptions_test_check'))
    }
  })

  it('is written down with its numbers', async () => {
    const entries = () => read<{ details: { differences: object[] } }>(sql`select details from audit_log where action = 'registry.import' order by id`)
    const before = (await entries()).length
    await load(folders.make())
    await load(folders.make(), { dryRun: true })
    const after = await entries()
    expect(after).toHaveLength(before + 1)
    expect(after.at(-1)?.details.differences).toHaveLength(TABLES.length)
  })

  it('run twice at once happens one after the other', async () => {
    const reports = await Promise.all([load(folders.make()), load(folders.make())])
    expect(reports.map(r => Object.keys(r.did).length).sort()).toEqual([0, TABLES.length])
  })
})

describe('an import over a county that stands', () => {
  beforeEach(async () => {
    await load(folders.make(), { today: '2026-01-01' })
  })

  it('hands a post over, and ends the old one yesterday', async () => {
    expect((await change((t) => {
      const chief = first(t.gridStaff)
      const helper = first(t.gridStaff, s => s.post === '兼职网格员' && s.grid === chief.grid)
      helper.post = '网格长'
      helper.source = ''
      chief.post = '兼职网格员'
      chief.source = '志愿者'
    })).did).toEqual({ grid_posts: [2, 0, 2] })
    expect(await read(sql`select count(*)::int as posts, max(valid_to)::text as until from grid_posts gp join grids g on g.id = gp.grid_id where g.name = '当归城商圈' and valid_to is not null`)).toEqual([{ posts: 2, until: '2026-06-14' }])
    expect(await count(`grid_posts where post = 'gridChief' and valid_to is null`)).toBe(59)
  })

  it('lets another unit lead', async () => {
    expect((await change((t) => {
      first(t.pairings, p => p.unit === '市场监管局').isLead = '否'
      first(t.pairings, p => p.unit === '商务局').isLead = '是'
    })).did).toEqual({ pairings: [0, 2, 0] })
    expect(await leadOf('当归城商圈', TODAY)).toEqual([{ name: '商务局' }])
  })

  it('moves a pairing to another grid and back, without overlap', async () => {
    const moved = (t: Tables) => Object.assign(first(t.pairings, p => p.unit === '图书馆'), { grid: '东苑小区', validFrom: TODAY })
    expect((await change(moved)).did).toEqual({ pairings: [1, 0, 1] })
    expect((await change(moved)).did).toEqual({})
    // Moved and moved back on one day: as if nothing had been.
    expect((await load(folders.make())).did).toEqual({ pairings: [1, 0, 1] })
    expect((await load(folders.make(), { today: TOMORROW })).did).toEqual({})
    expect(await read(sql`select g.name, p.valid_from::text, p.valid_to::text from pairings p join units u on u.id = p.unit_id join grids g on g.id = p.grid_id where u.name = '图书馆' order by p.valid_from`)).toEqual([
      { name: '东后巷', valid_from: '2024-01-01', valid_to: '2026-06-14' },
      { name: '东后巷', valid_from: '2026-06-15', valid_to: null },
    ])
  })

  it('asks whether a new number is the same man, and then keeps him with all that he is', async () => {
    await load(folders.make())
    const idOf = async (phone: string) => (await read<{ id: string }>(sql`select id from persons where phone_hash = decode(${vault.hash(phone)?.toString('hex') ?? ''}, 'hex')`))[0]?.id
    const member = (t: Tables) => first(t.members, m => m.unit === '气象局' && t.roles.every(r => r.phone !== m.phone) && t.exemptions.every(e => e.phone !== m.phone))
    let before: string | undefined
    const renumbered = (answer?: string) => (t: Tables) => {
      const one = member(t)
      before = one.phone
      Object.assign(one, { phone: '15499990001', ...(answer !== undefined && { samePerson: answer }) })
    }
    const asked = await change(renumbered())
    expect(asked).toMatchObject({ applied: false, faults: [{ file: '07-单位党员.csv', column: '是否同一人', code: 'perhapsRenumbered', detail: expect.stringMatching(/^154\*{4}\d{4}$/) }] })
    const id = await idOf(before ?? '')
    expect(id).toBeDefined()

    // The same man: his row, his unit, nothing ended.
    expect((await change(renumbered('是'))).did).toEqual({ persons: [0, 1, 0] })
    expect(await idOf('15499990001')).toBe(id)
    expect(await idOf(before ?? '')).toBeUndefined()
    expect((await change(renumbered('是'))).did).toEqual({})
    expect((await change((t) => {
      Object.assign(member(t), { phone: '15499990003', samePerson: '是', birthYear: '1971' })
    })).did).toEqual({ persons: [0, 1, 0] })
    expect(await idOf('15499990003')).toBe(id)

    // Another man of that name: the first one leaves, the second comes.
    expect((await change((t) => {
      Object.assign(member(t), { phone: '15499990002', samePerson: '否' })
    })).did).toMatchObject({ persons: [1, 0, 0], employments: [1, 0, 1] })
    expect(await idOf('15499990002')).not.toBe(id)
    expect(await idOf('15499990003')).toBe(id)
  })

  it('moves people between units, and ends those who left with their authority', async () => {
    const report = await change((t) => {
      const [secretary] = t.members
      t.members = t.members.filter(m => m !== secretary)
      t.roles = t.roles.filter(r => r.phone !== secretary?.phone)
      first(t.members, m => m.unit === '商务局' && m.post !== '党组织书记' && m.post !== '办公室主任').unit = '图书馆'
    })
    expect(report.did).toMatchObject({ employments: [1, 0, 2], memberships: [1, 0, 2], role_grants: [0, 0, 1] })
    expect(report.notices.map(n => [n.code, n.detail])).toEqual([['noSecretary', '市场监管局']])
    expect(await count(`employments where valid_to is null`)).toBe(91 * 8 - 1)
    expect(await count(`roles_on('${TODAY}') r join units u on u.id = r.scope_id where u.name = '市场监管局' and r.role = 'unitSecretary'`)).toBe(0)
    // He is remembered, and can come back.
    expect((await load(folders.make(), { today: TOMORROW })).did).toMatchObject({ employments: [2, 0, 1], role_grants: [1, 0, 0] })
  })

  it('renames places by their codes, even by swapping names, and never removes them', async () => {
    const ids = await read(sql`select code, id from grids order by code`)
    const report = await change((t) => {
      const swap = (name: string | undefined) => name === '东大街' ? '药材市场' : name === '药材市场' ? '东大街' : name ?? ''
      for (const g of t.grids.filter(g => g.community === '东城社区'))
        g.name = swap(g.name)
      for (const rows of [t.pairings, t.gridStaff, t.rallyPoints, t.partyOrgs]) {
        for (const r of rows.filter(r => r.community === '东城社区' && r.grid !== undefined))
          r.grid = swap(r.grid)
      }
    })
    expect(report.faults).toEqual([])
    expect(report.did).toEqual({ grids: [0, 2, 0] })
    expect(await read(sql`select code, id from grids order by code`)).toEqual(ids)

    const gone = await change((t) => {
      for (const name of ['grids', 'gridStaff', 'rallyPoints', 'partyOrgs'] as const)
        t[name] = t[name].filter(r => (r.grid ?? r.name) !== '集市' && r.grid !== '集市')
      first(t.pairings, p => p.grid === '集市').grid = '河口片'
      first(t.pairings, p => p.unit === '政法委').isLead = '否'
    })
    expect(gone).toMatchObject({ applied: false, faults: [{ file: '03-网格.csv', code: 'placeMissing', detail: '621126107901004 集市' }] })
  })

  it('dissolves and revives a unit with its organisation', async () => {
    const without = (t: Tables) => {
      t.units = t.units.filter(u => u.name !== '红十字会')
      t.partyOrgs = t.partyOrgs.filter(o => o.unit !== '红十字会')
      t.members = t.members.filter(m => m.unit !== '红十字会')
      t.pairings = t.pairings.filter(p => p.unit !== '红十字会')
      t.roles = t.roles.filter(r => r.scopeName !== '红十字会')
      const people = new Set(t.members.map(m => m.phone))
      t.exemptions = t.exemptions.filter(e => people.has(e.phone))
    }
    expect((await change(without)).did).toMatchObject({ units: [0, 0, 1], party_orgs: [0, 0, 1], employments: [0, 0, 8], pairings: [0, 0, 1], role_grants: [0, 0, 2] })
    expect((await change(without)).did).toEqual({})
    expect((await load(folders.make(), { today: TOMORROW })).did).toMatchObject({ units: [0, 1, 0], party_orgs: [0, 1, 0], employments: [8, 0, 0], pairings: [1, 0, 0], role_grants: [2, 0, 0] })
    expect(await count('units')).toBe(91)
  })

  it('locks no administrator out: county-wide appointments end by their date alone', async () => {
    await db.work.tx(tx => appoint(tx, vault, { name: '机器旁的人', phone: '15499990001', role: 'systemAdmin' }, '2026-01-02'))
    expect((await load(folders.make())).did).toEqual({})
    const auditor = (t: Tables) => first(t.roles, r => r.role === '审计员')
    expect((await change(t => t.roles.splice(t.roles.indexOf(auditor(t)), 1))).did).toEqual({})
    expect(await count(`roles_on('${TODAY}') where scope_type = 'county'`)).toBe(7)
    expect((await change(t => Object.assign(auditor(t), { validTo: '2026-06-14' }))).did).toEqual({ role_grants: [0, 1, 0] })
    expect(await count(`roles_on('${TODAY}') where scope_type = 'county'`)).toBe(6)
  })

  it('leaves the exemptions that units have reported', async () => {
    await db.work.tx(tx => tx.execute(sql`insert into exemptions (id, person_id, reason, valid_from) select gen_random_uuid(), person_id, 'maternity', '2026-06-01' from employments limit 1`))
    const before = await count('exemptions')
    expect((await load(folders.make())).did).toEqual({})
    expect(await count('exemptions')).toBe(before)
  })

  it('marks as stale the rosters whose ground has moved, and no others', async () => {
    await asOwner(db.url, async owner => void await owner.unsafe('delete from stale_rosters'))
    await load(folders.make())
    expect(await count('stale_rosters')).toBe(0)
    await change(t => Object.assign(first(t.members, m => m.unit === '税务局'), { tier: '第三梯队', skills: '医疗' }))
    expect(await read(sql`select g.name from stale_rosters s join grids g on g.id = s.grid_id`)).toEqual([{ name: '东苑小区' }])
  })
})

describe('the command', () => {
  const run = async (folder: string, dryRun = false) => {
    const lines: string[] = []
    const code = await runImport({ folder, dryRun, remarks: null, language: 'zh-CN' }, { db, vault, today: TODAY, say: line => void lines.push(line) })
    return { code, lines }
  }

  it('prints the difference in numbers, and forms the rosters', async () => {
    const { code, lines } = await run(folders.make())
    expect(code).toBe(0)
    expect(lines.slice(0, 5)).toEqual(['已导入：', '表        新增  变更  终止  未变', '乡镇         3     0     0     0', '社区        12     0     0     0', '网格        59     0     0     0'])
    expect(await count('roster_quotas')).toBe(91)
    expect((await run(folders.make(), true)).lines[0]).toBe('试运行，未写入：')
  })

  it('prints faults as a table and exits with 1', async () => {
    const { code, lines } = await run(folders.make(t => Object.assign(t.members[1] ?? {}, { phone: '12', birthYear: 'x' })))
    expect(code).toBe(1)
    expect(lines).toEqual([
      '发现 2 处问题，未写入任何数据：',
      '文件             行  列        问题',
      '07-单位党员.csv   3  手机号    不是 11 位手机号',
      '07-单位党员.csv   3  出生年份  应为 1900–2100 之间的数字',
    ])
    expect(await count('persons')).toBe(0)
  })

  it('lists two hundred faults and counts the rest', async () => {
    const { lines } = await run(folders.make(t => t.members.forEach((m) => {
      m.phone = ''
    })))
    expect(lines).toHaveLength(1 + 1 + 200 + 1)
    expect(lines.at(-1)).toBe('…… 另有 528 处未列出')
  })

  it('speaks English when asked, and refuses what it does not understand', () => {
    expect(parseImport(['dir', '--dry-run', '--language', 'en'])).toEqual({ folder: 'dir', dryRun: true, remarks: null, language: 'en' })
    expect(parseImport(['dir'])).toEqual({ folder: 'dir', dryRun: false, remarks: null, language: 'zh-CN' })
    expect(parseImport(['dir', '--dry-run', '--remarks', 'out'])).toMatchObject({ remarks: 'out' })
    expect(parseImport(['--template', 'x.xlsx'])).toEqual({ template: 'x.xlsx' })
    for (const args of [[], ['dir', '--template', 'x.xlsx'], ['a', 'b'], ['dir', '--force'], ['dir', '--language', 'fr']])
      expect(parseImport(args)).toBeNull()
    expect(reportLines({ faults: [], notices: [{ file: '03-网格.csv', row: 2, column: '网格名称', code: 'noRallyPoint', detail: 'x' }], differences: [{ table: 'grids', added: 0, changed: 1, ended: 0, unchanged: 58 }], applied: true }, 'en')).toEqual([
      'Imported:',
      'Table  Added  Changed  Ended  Unchanged',
      'Grids      0        1      0         58',
      '',
      'Notices, no obstacle to the import: 1',
      'File         Row  Column    Fault',
      '03-网格.csv    2  网格名称  grid “x” has no rally point',
    ])
  })
})
