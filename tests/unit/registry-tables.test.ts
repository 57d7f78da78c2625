/** What the importer makes of a clerk's folder: cells, files, and what must hold between rows. */
import type { Fault } from '../../src/server/modules/registry/import-faults.ts'
import type { Tables } from '../harness/county-folder.ts'
import { afterAll, describe, expect, it } from 'vitest'
import { readCounty } from '../../src/server/modules/registry/county-files.ts'
import { validateCounty } from '../../src/server/modules/registry/county.rules.ts'
import { writeSheet } from '../../src/server/modules/registry/csv.ts'
import { faultText, isNotice } from '../../src/server/modules/registry/import-faults.ts'
import { SHEETS } from '../../src/server/modules/registry/sheets.ts'
import { countyFolders, fileOf } from '../harness/county-folder.ts'
import { toGb18030 } from '../harness/gb18030.ts'

const TODAY = '2026-06-15'
const folders = countyFolders()
afterAll(() => folders.remove())

/** Faults as `file row column code detail`; of a sound county none. */
const brief = (faults: readonly Fault[]) => faults.map(f => `${f.file.slice(0, 2)} ${f.row} ${f.column} ${f.code} ${f.detail}`.trim())
const read = async (folder: string) => readCounty(folder)
async function check(folder: string): Promise<string[]> {
  const { tables, faults } = await read(folder)
  return brief(faults.length > 0 ? faults : validateCounty(tables, TODAY))
}
const changed = (change: (tables: Tables) => unknown) => check(folders.make(change))
/** The nth data row of a sheet, which a spreadsheet shows as row n + 2. */
function row<T>(rows: readonly T[], n: number): T {
  const found = rows[n]
  if (found === undefined)
    throw new Error(`no row ${n}`)
  return found
}

describe('a folder', () => {
  it('of the demo county is sound', async () => {
    expect(await check(folders.make())).toEqual([])
  })

  it('is read alike in UTF-8 without BOM, with LF, and in GB18030', async () => {
    const { tables } = await read(folders.make())
    for (const change of [
      (text: string) => text.slice(1),
      (text: string) => text.replaceAll('\r\n', '\n'),
      (text: string) => toGb18030(text),
    ]) {
      const { tables: same, faults } = await read(folders.makeWithText('members', change))
      expect(faults).toEqual([])
      expect(same.members).toEqual(tables.members)
    }
  })

  it('may have its columns in any order, optional ones missing, blank rows between', async () => {
    const reordered = folders.makeWithText('townships', () => '乡镇名称 , 乡镇代码*\n\n岷阳镇,621126100\n , \n十里镇,621126106\n茶埠镇,621126107\n')
    const { tables, faults } = await read(reordered)
    expect(faults).toEqual([])
    // Rows as the spreadsheet numbers them.
    expect(tables.townships).toEqual([
      { file: '01-乡镇.csv', line: 3, cells: { code: '621126100', name: '岷阳镇' } },
      { file: '01-乡镇.csv', line: 5, cells: { code: '621126106', name: '十里镇' } },
      { file: '01-乡镇.csv', line: 6, cells: { code: '621126107', name: '茶埠镇' } },
    ])
    expect(await check(folders.makeWithText('communities', text => text.replace(/,[^,\r]*\r/g, '\r')))).toEqual([])
  })

  it.each([
    ['bytes of neither encoding', Buffer.from([0xFF, 0xFE, 0x41, 0x00]), ['01 0  notText']],
    ['nothing', '', ['01 0  emptyFile']],
    ['headings alone', '乡镇代码,乡镇名称\n', ['01 0  emptySheet']],
    ['an unknown heading', '乡镇代码,乡镇名称,邮编\n', ['01 1 邮编 ignoredColumn 邮编']],
    ['a missing heading', '乡镇代码\n', ['01 1 乡镇名称 missingHeading 乡镇名称']],
    ['a heading twice', '乡镇代码,乡镇名称,乡镇名称\n', ['01 1 乡镇名称 duplicateHeading 乡镇名称']],
    ['a shifted row', '乡镇代码,乡镇名称\n621126100,岷阳,镇\n', ['01 2  extraCells 镇']],
    ['an open quotation mark', '乡镇代码,乡镇名称\n621126100,岷阳镇\n621126106,"十里镇\n', ['01 3  openQuote']],
    ['a stray quotation mark', '乡镇代码,乡镇名称\n621126100,岷"阳"镇\n', ['01 2  strayQuote']],
    ['an open quotation mark before a long text', `乡镇代码,乡镇名称\n621126100,"岷阳镇\n${'621126106,十里镇\n'.repeat(9_000)}`, ['01 2  openQuote']],
  ])('with %s is refused', async (_, content, faults) => {
    const { tables, faults: found } = await read(folders.makeWithText('townships', () => content))
    expect(brief(found.length > 0 ? found : validateCounty(tables, TODAY).filter(f => f.code === 'emptySheet'))).toEqual(faults)
  })

  it('lacking a file is refused', async () => {
    expect(await check('/nonexistent')).toEqual(SHEETS.map(s => `${s.file.slice(0, 2)} 0  missingFile`))
  })

  it('reports every broken cell of every file at once', async () => {
    expect(await changed((t) => {
      row(t.members, 0).phone = '123'
      row(t.members, 4).name = ''
      row(t.roles, 1).role = '皇帝'
    })).toEqual([
      '07 2 手机号 notAPhone',
      '07 6 姓名 required',
      '09 3 职务 notAWord 县级管理员、县值班员、县指挥长、乡镇党委书记、社区书记、社区两委、单位党组织书记、单位联络员、审计员、系统管理员、安全管理员',
    ])
  })
})

describe('headings', () => {
  it('mean one column each: no word is another column\'s own or other name in the same sheet', () => {
    const twice = SHEETS.flatMap(({ name, columns }) => {
      const words = columns.flatMap(({ heading, otherwise }) => [heading, ...otherwise])
      return words.filter((word, i) => words.indexOf(word) !== i).map(word => `${name} ${word}`)
    })
    expect(twice).toEqual([])
  })

  it('are a column\'s own name before another name for it', async () => {
    // 联系电话 is another name for the duty phone, and stands first.
    const { tables, faults } = await read(folders.makeWithText('communities', text => text.split('\r\n').filter(line => line !== '').map((line, n) => `${n === 0 ? '联系电话' : '0932-0111111'},${line.replace('\uFEFF', '')}`).join('\r\n')))
    expect(brief(faults)).toEqual(['02 1 联系电话 ignoredColumn 联系电话'])
    expect(tables.communities[0]?.cells.dutyPhone).not.toBe('0932-0111111')
  })
})

describe('a cell', () => {
  const member = async (field: string, text: string) => {
    const { tables, faults } = await read(folders.make((t) => {
      t.members = [{ ...row(t.members, 0), [field]: text }]
    }))
    return faults.length > 0 ? brief(faults).join('; ') : tables.members[0]?.cells[field]
  }

  it.each(['154 0932 0000', '154-0932-0000', '１５４０９３２００００', '+86 15409320000', '0086-154-0932-0000', '\u200B15409320000 '])('reads the number %s', async (text) => {
    expect(await member('phone', text)).toBe('15409320000')
  })
  it.each(['1540932000', '154093200000', '25409320000', '0932-0000001'])('refuses the number %s', async (text) => {
    expect(await member('phone', text)).toBe('07 2 手机号 notAPhone')
  })

  it.each([['王　伟', '王伟'], [' 王 伟 ', '王伟'], ['阿里木·买买提', '阿里木·买买提'], ['John  Smith', 'John Smith']])('reads the name %s', async (text, name) => {
    expect(await member('name', text)).toBe(name)
  })
  it('takes a text as the same however its brackets and digits were typed', async () => {
    expect(await member('post', '科员(１级)')).toBe('科员（1级）')
  })
  it.each(['王\u0000伟', '王\u202E伟', '王\u2067伟', '王\u061C伟', '王\u0007伟'])('refuses control characters and those that turn the text: %j', async (text) => {
    expect(await member('name', text)).toBe('07 2 姓名 forbiddenCharacter')
  })
  it('refuses what is too long', async () => {
    expect(await member('name', '王'.repeat(51))).toBe('07 2 姓名 tooLong 50')
  })
  it('gives back the formula that an export has disarmed', async () => {
    expect(await member('post', '=1+1')).toBe('=1+1')
    expect([...writeSheet('townships', [{ code: '=1', name: '＋岷阳镇' }])].join('')).toBe('\uFEFF"乡镇代码","乡镇名称"\r\n"\'=1","\'＋岷阳镇"\r\n')
  })
  it.each([['1980', 1980], ['1980年5月', 1980], ['1980.05', 1980], ['1980-05-12', 1980], ['198005', 1980], ['19800512', 1980], ['29353', 1980], ['1980年', 1980]])('reads the year of birth %s', async (text, year) => {
    expect(await member('birthYear', text)).toBe(year)
  })
  it.each(['80', '5月', '198', '1980-5-12-1', '1980年5月12日生'])('refuses the year of birth %s', async (text) => {
    expect(await member('birthYear', text)).toBe('07 2 出生年份 notANumber 1900–2100')
  })
  it('says when a spreadsheet has rounded a number', async () => {
    expect(await member('phone', '1.54E+10')).toBe('07 2 手机号 rounded 1.54E+10')
  })
  it('reads what offices write for the words of the sheet', async () => {
    expect(await member('politicalStatus', '党员')).toBe('partyMember')
    expect(await member('politicalStatus', '中共预备党员')).toBe('probationaryMember')
    expect(await member('tier', '二梯队')).toBe('2')
  })
  it('reads lists, tiers and years', async () => {
    expect(await member('skills', '医疗、驾驶，医疗')).toEqual(['medical', 'driving'])
    expect(await member('skills', '医疗、飞行')).toMatch(/^07 2 特长 notAWord 医疗、/)
    expect(await member('tier', ' 第二梯队')).toBe('2')
    expect(await member('birthYear', '1985年')).toBe(1985)
    expect(await member('birthYear', '85')).toBe('07 2 出生年份 notANumber 1900–2100')
    // A word that every object knows is no word of the sheet.
    expect(await member('politicalStatus', 'constructor')).toMatch(/notAWord/)
  })
  it.each([['2024-03-31', '2024-03-31'], ['2024/3/31', '2024-03-31'], ['2024.3.1', '2024-03-01'], ['2024年3月31日', '2024-03-31'], ['２０２４－０３－３１', '2024-03-31'], ['45382', '2024-03-31'], ['20240331', '2024-03-31'], ['2024-03-31 00:00:00', '2024-03-31'], ['2024/3/31 8:30', '2024-03-31']])('reads the date %s', async (text, date) => {
    const { tables } = await read(folders.make((t) => {
      t.members.length = 1
      row(t.pairings, 0).validFrom = text
    }))
    expect(tables.pairings[0]?.cells.validFrom).toBe(date)
  })
  it.each(['2024-02-30', '24-03-31', '0000-01-01', '2024-13-01', '去年'])('refuses the date %s', async (text) => {
    expect(await changed((t) => {
      t.members.length = 1
      row(t.pairings, 0).validFrom = text
    })).toEqual([`06 2 起始日期 notADate ${text}`])
  })
  it('says when a spreadsheet has rounded a code', async () => {
    expect(await changed((t) => {
      row(t.grids, 0).code = '6.21126E+14'
      row(t.grids, 1).code = '62112610090100'
    })).toEqual(['03 2 网格代码 rounded 6.21126E+14', '03 3 网格代码 notACode 15'])
  })
})

describe('between the rows', () => {
  it.each<[string, (t: Tables) => unknown, string[]]>([
    ['a number in two units', t => Object.assign(row(t.members, 200), { phone: row(t.members, 3).phone, name: row(t.members, 3).name }), ['07 202 手机号 duplicate 5']],
    ['a number under two names', t => Object.assign(row(t.gridStaff, 2), { phone: row(t.gridStaff, 0).phone }), [`08 4 姓名 nameDiffers`]],
    ['an exemption for nobody', t => Object.assign(row(t.exemptions, 0), { phone: '15499999999', name: '无名氏' }), ['11 2 手机号 unknownReference 无名氏']],
    ['an exemption that ends before it starts', t => Object.assign(row(t.exemptions, 0), { validFrom: '2025-02-01', validTo: '2025-01-01' }), ['11 2 截止日期 endBeforeStart']],
    ['a minor', t => Object.assign(row(t.members, 5), { birthYear: '2009' }), ['07 7 出生年份 minor']],
    ['a unit that does not exist', t => Object.assign(row(t.members, 5), { unit: '天文台' }), ['07 7 单位 unknownReference 天文台']],
    ['a grid of another community', t => Object.assign(row(t.rallyPoints, 0), { community: '西城社区' }), ['10 2 网格 unknownReference 西城社区/当归城商圈', '03 2 网格名称 noRallyPoint 东城社区/当归城商圈']],
    ['a code outside its community', t => Object.assign(row(t.grids, 0), { code: '621126100902099' }), ['03 2 网格代码 codeOutsideParent 621126100901']],
    ['a code twice', t => Object.assign(row(t.grids, 1), { code: row(t.grids, 0).code }), ['03 3 网格代码 duplicate 2']],
    ['a roster of a restricted unit', t => Object.assign(t.units.find(u => u.name === '红十字会') ?? {}, { mobilisationClass: '限制' }), Array.from({ length: 10 }, () => expect.stringMatching(/^07 \d+ 单位 restrictedRoster 红十字会$/))],
    ['a role beyond its scope', t => Object.assign(row(t.roles, 0), { scopeType: '全县', scopeName: '' }), ['04 2 单位名称 noSecretary 市场监管局', '09 2 范围类别 wrongScope 单位党组织书记 / 全县']],
    ['a county role for a place', t => Object.assign(t.roles.find(r => r.role === '审计员') ?? {}, { scopeName: '岷阳镇' }), [expect.stringMatching(/^09 \d+ 范围类别 wrongScope 审计员 \/ 全县 岷阳镇$/)]],
  ])('%s is found', async (_, change, faults) => {
    expect((await changed(change)).map(f => f.replace(/(nameDiffers) .*/, '$1')).sort()).toEqual([...faults].sort())
  })

  it.each<[string, (t: Tables) => void, string[]]>([
    ['a unit without pairing', (t) => {
      t.pairings = t.pairings.filter(p => p.unit !== '商务局')
    }, ['04 3 单位名称 bareUnit 商务局']],
    ['a grid without pairing', (t) => {
      t.pairings = t.pairings.filter(p => p.unit !== '税务局')
    }, ['04 9 单位名称 bareUnit 税务局', '03 5 网格名称 bareGrid 东城社区/东苑小区']],
    ['a pairing that is over', t => void Object.assign(t.pairings.find(p => p.unit === '税务局') ?? {}, { validTo: '2026-06-14' }), ['04 9 单位名称 bareUnit 税务局', '03 5 网格名称 bareGrid 东城社区/东苑小区']],
    ['a pairing yet to begin', t => void Object.assign(t.pairings.find(p => p.unit === '税务局') ?? {}, { validFrom: '2026-06-16' }), ['04 9 单位名称 bareUnit 税务局', '03 5 网格名称 bareGrid 东城社区/东苑小区']],
    ['a pairing twice', t => void t.pairings.push(row(t.pairings, 1)), ['06 93 单位名称 duplicate 3']],
    ['two leads', t => void Object.assign(row(t.pairings, 1), { isLead: '是' }), ['03 2 网格名称 twoLeads 东城社区/当归城商圈']],
    ['no lead', t => void Object.assign(row(t.pairings, 0), { isLead: '否' }), ['03 2 网格名称 noLead 东城社区/当归城商圈']],
    ['a grid without chief', (t) => {
      t.gridStaff = t.gridStaff.slice(1)
    }, ['03 2 网格名称 noChief 东城社区/当归城商圈']],
    ['a second chief', t => void Object.assign(t.gridStaff.find(s => s.post === '兼职网格员') ?? {}, { post: '网格长' }), ['03 2 网格名称 twoChiefs 东城社区/当归城商圈']],
    ['one assistant', (t) => {
      t.gridStaff = t.gridStaff.filter((s, i) => s.post !== '兼职网格员' || i > 3)
    }, ['03 2 网格名称 fewAssistants 东城社区/当归城商圈']],
    ['no officer', (t) => {
      t.gridStaff = t.gridStaff.filter(s => s.grid !== '当归城商圈' || s.post !== '专职网格员')
    }, ['03 2 网格名称 noOfficer 东城社区/当归城商圈']],
  ])('%s is found', async (_, change, faults) => {
    expect((await changed(change)).sort()).toEqual([...faults].sort())
  })

  const org = (t: Tables, name: string) => t.partyOrgs.find(o => o.name === name) ?? {}
  it.each<[string, (t: Tables) => unknown, string[]]>([
    ['a cycle', (t) => {
      Object.assign(org(t, '岷阳镇党委'), { parent: '东城社区东苑小区网格党小组' })
    }, ['05 2 上级党组织 cycle 岷阳镇党委 → 东城社区东苑小区网格党小组 → 东城社区当归城商圈网格党支部 → 东城社区党总支 → 岷阳镇党委']],
    ['a group under a general branch', t => Object.assign(org(t, '东城社区东苑小区网格党小组'), { parent: '东城社区党总支' }), ['上级党组织 wrongParent 社区党支部、网格党支部']],
    ['a branch under a branch', t => Object.assign(org(t, '东城社区东大街网格党支部'), { parent: '东城社区药材市场网格党支部' }), ['上级党组织 wrongParent 社区党总支']],
    ['a community\'s organisation without parent', t => Object.assign(org(t, '东城社区党总支'), { parent: '' }), ['上级党组织 wrongParent 乡镇党委']],
    ['a parent that does not exist', t => Object.assign(org(t, '东城社区党总支'), { parent: '天上党委' }), ['上级党组织 unknownReference 天上党委']],
    ['a group under another community\'s branch', t => Object.assign(org(t, '东城社区东苑小区网格党小组'), { parent: '西城社区广场网格党支部' }), ['上级党组织 foreignParent 西城社区广场网格党支部']],
    ['a community under another township', t => Object.assign(org(t, '东城社区党总支'), { parent: '十里镇党委' }), ['上级党组织 foreignParent 十里镇党委']],
    ['a unit\'s organisation with a grid', t => Object.assign(org(t, '税务局党委'), { community: '东城社区', grid: '东苑小区' }), ['党组织类别 wrongPlace 所属单位']],
    ['a grid without organisation', (t) => {
      t.partyOrgs = t.partyOrgs.filter(o => o.name !== '东城社区东苑小区网格党小组')
    }, ['网格名称 noGridOrg 东城社区/东苑小区']],
    ['a unit with a roster and no organisation', (t) => {
      t.partyOrgs = t.partyOrgs.filter(o => o.unit !== '税务局')
    }, ['单位名称 noUnitOrg 税务局']],
    ['a community without organisation', (t) => {
      t.partyOrgs = t.partyOrgs.filter(o => o.community !== '茶埠社区' || o.grid !== undefined)
    }, [...Array.from<string>({ length: 4 }).fill('上级党组织 unknownReference 茶埠社区党支部'), '社区名称 noCommunityOrg 茶埠社区']],
    ['a township without committee', (t) => {
      t.partyOrgs = t.partyOrgs.filter(o => o.name !== '茶埠镇党委')
    }, ['上级党组织 unknownReference 茶埠镇党委', '乡镇名称 noTownshipOrg 茶埠镇']],
  ])('of the party tree %s is found', async (_, change, faults) => {
    expect((await changed(t => void change(t))).map(f => f.includes('cycle') ? f : f.replace(/^\d\d \d+ /, ''))).toEqual(faults)
  })

  it('what is unusual and no obstacle is a notice', async () => {
    const { tables } = await read(folders.make((t) => {
      Object.assign(org(t, '税务局党委'), { kind: '单位党支部' })
      t.roles = t.roles.filter(r => r.scopeName !== '税务局' && !(r.role === '社区书记' && r.scopeName === '茶埠社区'))
      t.rallyPoints = t.rallyPoints.slice(1)
      Object.assign(t.gridStaff.find(s => s.post === '兼职网格员') ?? {}, { phone: row(t.members, 9).phone, name: row(t.members, 9).name })
    }))
    const found = validateCounty(tables, TODAY)
    expect(found.every(isNotice)).toBe(true)
    expect(brief(found).map(f => f.replace(/^\d\d \d+ \S+ /, '')).sort()).toEqual(['alsoMember 07-单位党员.csv 11', 'noRallyPoint 东城社区/当归城商圈', 'noSecretary 税务局', 'noSecretary 茶埠社区', 'orgKindBySize 单位党委 (116)'])
  })
})

it('a fault speaks both languages', () => {
  const fault: Fault = { file: fileOf('members'), row: 5, column: '手机号', code: 'duplicate', detail: '3' }
  expect([faultText(fault), faultText(fault, 'en')]).toEqual(['与第 3 行重复', 'duplicates row 3'])
})
