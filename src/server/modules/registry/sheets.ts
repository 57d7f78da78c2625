/**
 * The county's tables as a clerk keeps them: one CSV per subject with Chinese headings. The importer
 * reads exactly what is declared here, and the demo's generator writes it.
 */
import type { AssistantSource, ExemptionReason, GridPost, MobilisationClass, PartyOrgKind, PlaceType, PoliticalStatus, Role, ScopeType, Skill, UnitCategory } from '../../../contract/vocabulary.ts'
import type { CellFault } from './import-faults.ts'
import { normalisePhone } from './phone.ts'

/** Words of a sheet ↔ identifiers. */
function words<T extends string>(pairs: Record<string, T>) {
  return pairs
}

/** What offices also write for them; no sheet of ours does. */
const OTHER_WORDS: ReadonlyMap<string, string> = new Map(Object.entries({
  党员: '中共党员',
  正式党员: '中共党员',
  中共正式党员: '中共党员',
  中共预备党员: '预备党员',
  团员: '共青团员',
  普通群众: '群众',
  专职: '专职网格员',
  兼职: '兼职网格员',
  党群机关: '党群',
  政府部门: '政府',
  政法: '司法',
  事业单位: '事业',
  医疗机构: '医疗',
  医院: '医疗',
  教育: '学校',
  垂直管理: '垂管',
  金融机构: '金融',
  公用事业: '公用',
  水电工: '水电',
  司机: '驾驶',
  一梯队: '第一梯队',
  二梯队: '第二梯队',
  三梯队: '第三梯队',
  一: '第一梯队',
  二: '第二梯队',
  三: '第三梯队',
  1: '第一梯队',
  2: '第二梯队',
  3: '第三梯队',
}))

export const PLACE_TYPE_WORDS = words<PlaceType>({ 商圈: 'commercial', 老旧小区: 'oldCompound', 独栋楼院: 'standaloneBlocks', 背街小巷: 'backStreets', 新建小区: 'newCompound', 安置区: 'resettlement', 城郊: 'suburb' })
export const UNIT_CATEGORY_WORDS = words<UnitCategory>({ 党群: 'party', 政府: 'government', 司法: 'judicial', 事业: 'institution', 医疗: 'medical', 学校: 'school', 垂管: 'vertical', 金融: 'finance', 公用: 'utility' })
export const MOBILISATION_WORDS = words<MobilisationClass>({ 一般: 'general', 专业: 'professional', 限制: 'restricted' })
export const PARTY_ORG_WORDS = words<PartyOrgKind>({ 乡镇党委: 'townshipCommittee', 社区党总支: 'communityGeneralBranch', 社区党支部: 'communityBranch', 网格党支部: 'gridBranch', 网格党小组: 'gridGroup', 单位党委: 'unitCommittee', 单位党总支: 'unitGeneralBranch', 单位党支部: 'unitBranch' })
export const POLITICAL_WORDS = words<PoliticalStatus>({ 中共党员: 'partyMember', 预备党员: 'probationaryMember', 共青团员: 'leagueMember', 群众: 'masses' })
export const GRID_POST_WORDS = words<GridPost>({ 网格长: 'gridChief', 专职网格员: 'gridOfficer', 兼职网格员: 'gridAssistant' })
export const SOURCE_WORDS = words<AssistantSource>({ 党员骨干: 'partyBackbone', 居民代表: 'residentRepresentative', 志愿者: 'volunteer' })
export const SKILL_WORDS = words<Skill>({ 医疗: 'medical', 水电: 'plumbingElectric', 驾驶: 'driving', 通信: 'radio', 外语: 'foreignLanguage', 心理: 'counselling', 法律: 'legal', 工程机械: 'machinery', 急救: 'firstAid', 后勤: 'logistics' })
export const EXEMPTION_WORDS = words<ExemptionReason>({ 病假: 'ill', 孕产哺乳: 'maternity', 照护: 'caring', 外出: 'away', 本单位值守: 'essentialDuty', 家庭受灾: 'familyAffected', 其他: 'other' })
export const ROLE_WORDS = words<Role>({ 县级管理员: 'countyAdmin', 县值班员: 'countyDuty', 县指挥长: 'countyCommander', 乡镇党委书记: 'townshipSecretary', 社区书记: 'communitySecretary', 社区两委: 'communityCadre', 单位党组织书记: 'unitSecretary', 单位联络员: 'unitLiaison', 审计员: 'auditor', 系统管理员: 'systemAdmin', 安全管理员: 'securityAdmin' })
export const SCOPE_WORDS = words<ScopeType>({ 全县: 'county', 乡镇: 'township', 社区: 'community', 网格: 'grid', 单位: 'unit' })

export type Cell = string | number | boolean | null | string[]
export type CellParser = ((text: string) => { value: Cell } | { fault: CellFault, detail: string }) & { /** All that may stand there, where the set is closed. */ words?: readonly string[] }

export interface Column {
  field: string
  heading: string
  /** What offices also call it. */
  otherwise: readonly string[]
  required: boolean
  parse: CellParser
}

export interface Sheet {
  name: SheetName
  /** The template's name; a table is known by its headings, and only in doubt by what its file or tab is called. */
  file: string
  called: readonly string[]
  columns: readonly Column[]
}

/** Digits, letters and signs in the width that machines write, without the spaces that clerks type for looks. */
const plain = (text: string) => text.normalize('NFKC').replace(/\s/g, '')
/**
 * The same name however it was typed, and still as Chinese text is set: half-width digits and letters,
 * full-width parentheses, one space at most and none between Chinese characters.
 */
function tidy(text: string): string {
  return text.normalize('NFC')
    .replace(/[\uFF10-\uFF19\uFF21-\uFF3A]/gi, wide => wide.normalize('NFKC'))
    .replace(/\(/g, '（')
    .replace(/\)/g, '）')
    .replace(/\s+/g, ' ')
    .replace(/(?<=\P{ASCII}) | (?=\P{ASCII})/gu, '')
    .trim()
}

function upTo(length: number): CellParser {
  return (raw) => {
    const value = tidy(raw)
    return [...value].length > length ? { fault: 'tooLong', detail: String(length) } : { value }
  }
}
const name = upTo(50)
const text = upTo(200)
/** What a spreadsheet makes of a long number in a narrow column. */
const ROUNDED = /^\d(?:\.\d+)?E\+?\d+$/i
const phone: CellParser = (raw) => {
  if (ROUNDED.test(plain(raw)))
    return { fault: 'rounded', detail: plain(raw) }
  const value = normalisePhone(raw)
  return value === null ? { fault: 'notAPhone', detail: '' } : { value }
}
function number(min: number, max: number): CellParser {
  return (raw) => {
    const value = Number(plain(raw))
    return value >= min && value <= max ? { value } : { fault: 'notANumber', detail: `${min}–${max}` }
  }
}
function integer(min: number, max: number): CellParser {
  return (raw) => {
    const value = Number(plain(raw).replace(/[年米]$/, ''))
    return Number.isInteger(value) && value >= min && value <= max ? { value } : { fault: 'notANumber', detail: `${min}–${max}` }
  }
}
function code(digits: number): CellParser {
  return (raw) => {
    const value = plain(raw)
    if (ROUNDED.test(value))
      return { fault: 'rounded', detail: value }
    return new RegExp(`^\\d{${digits}}$`).test(value) ? { value } : { fault: 'notACode', detail: String(digits) }
  }
}
function word(pairs: Record<string, string>): CellParser {
  const known = new Map(Object.entries(pairs))
  return Object.assign<CellParser, { words: string[] }>((raw) => {
    const written = plain(raw)
    const value = known.get(written) ?? known.get(OTHER_WORDS.get(written) ?? '')
    return value === undefined ? { fault: 'notAWord', detail: [...known.keys()].join('、') } : { value }
  }, { words: [...known.keys()] })
}
function wordList(pairs: Record<string, string>): CellParser {
  const known = new Map(Object.entries(pairs))
  return (raw) => {
    const values = raw.split(/[、，,;；/\s]+/).filter(part => part !== '').map(part => known.get(plain(part)) ?? known.get(OTHER_WORDS.get(plain(part)) ?? ''))
    return values.every(v => v !== undefined) ? { value: [...new Set(values)] } : { fault: 'notAWord', detail: [...known.keys()].join('、') }
  }
}
const YES: ReadonlySet<string> = new Set(['是', '√', '✓', '有', 'Y', 'YES', 'TRUE', '1'])
const NO: ReadonlySet<string> = new Set(['否', '×', 'X', '无', 'N', 'NO', 'FALSE', '0'])
const yes: CellParser = Object.assign<CellParser, { words: string[] }>((raw) => {
  const value = plain(raw).toUpperCase()
  return YES.has(value) || NO.has(value) ? { value: YES.has(value) } : { fault: 'notAWord', detail: '是、否' }
}, { words: ['是', '否'] })
const tier = word({ 第一梯队: '1', 第二梯队: '2', 第三梯队: '3' })
/** Days since 1899-12-30, which is how a spreadsheet keeps a date that nobody formatted as one (1954 to 2119). */
const SERIAL = /^[2-7]\d{4}(?:\.0*)?$/
function fromSerial(text: string): string {
  return SERIAL.test(text) ? new Date(Date.UTC(1899, 11, 30 + Number(text))).toISOString().slice(0, 10) : text
}
/** YYYY-MM-DD, YYYY/M/D, YYYY.M.D, YYYY年M月D日, YYYYMMDD, a spreadsheet's serial number; a time of day behind it is cut off. */
const day: CellParser = (raw) => {
  const text = fromSerial(plain(raw.normalize('NFKC').replace(/(?:\s|T)+(?:[上下]午)?\d{1,2}:\d{2}(?::\d{2})?\s*$/, '')))
  const [, y, m = '', d = ''] = /^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?$/.exec(text) ?? /^((?:19|20)\d{2})(\d{2})(\d{2})$/.exec(text) ?? []
  const value = `${y}-${m.padStart(2, '0')}-${d.padStart(2, '0')}`
  const at = new Date(`${value}T00:00:00Z`)
  return Number.isNaN(at.getTime()) || at.toISOString().slice(0, 10) !== value || value < '1900-01-01' ? { fault: 'notADate', detail: tidy(raw) } : { value }
}

/** The year of a birthday in any of these forms, or a year alone. */
const birthYear: CellParser = (raw) => {
  const text = fromSerial(plain(raw))
  const year = /^((?:19|20)\d{2})(?:年|[-/.年]\d{1,2}(?:[-/.月]|[-/.月]\d{1,2}日?)?|\d{2}(?:\d{2})?)?$/.exec(text)?.[1]
  return year === undefined ? { fault: 'notANumber', detail: '1900–2100' } : { value: Number(year) }
}

const must = (field: string, heading: string, parse: CellParser, otherwise: readonly string[] = []): Column => ({ field, heading, otherwise, required: true, parse })
const may = (field: string, heading: string, parse: CellParser, otherwise: readonly string[] = []): Column => ({ field, heading, otherwise, required: false, parse })

const PHONE_WORDS = ['手机', '手机号码', '联系电话', '联系方式', '电话', '电话号码', '移动电话', '本人电话']
const FROM_WORDS = ['开始日期', '起始时间', '开始时间', '起', '自', '生效日期', '任职日期', '结对日期', '结对时间']
const TO_WORDS = ['结束日期', '截止时间', '结束时间', '止', '至', '失效日期', '免职日期', '到期日期']
const COMMUNITY_WORDS = ['所属社区', '社区名称', '所在社区', '村社', '村（社区）']
const GRID_WORDS = ['所属网格', '网格名称', '所在网格', '责任网格', '网格名']

/** Who a row is about; the number is what tells people apart. */
const PERSON = [must('name', '姓名', name, ['名字', '党员姓名', '人员姓名']), must('phone', '手机号', phone, PHONE_WORDS), may('birthYear', '出生年份', birthYear, ['出生年月', '出生日期', '出生时间', '生日']), must('politicalStatus', '政治面貌', word(POLITICAL_WORDS), ['面貌', '党员类别', '人员类别'])]
/** The answer to a doubt of the importer: a new number, and the same man as before? */
const SAME_PERSON = may('samePerson', '是否同一人', yes, ['同一人'])
const GRID = [must('community', '社区', name, COMMUNITY_WORDS), must('grid', '网格', name, GRID_WORDS)]
const PERIOD = [must('validFrom', '起始日期', day, FROM_WORDS), may('validTo', '截止日期', day, TO_WORDS)]

export const SHEETS = [
  { name: 'townships', file: '01-乡镇.csv', called: ['乡镇', '街道'], columns: [must('code', '乡镇代码', code(9), ['代码', '区划代码', '行政区划代码', '编码', '乡镇编码']), must('name', '乡镇名称', name, ['乡镇', '名称', '乡镇（街道）', '街道', '街道名称'])] },
  { name: 'communities', file: '02-社区.csv', called: ['社区', '村社'], columns: [must('code', '社区代码', code(12), ['代码', '区划代码', '编码', '社区编码']), must('name', '社区名称', name, ['社区', '名称', '村社', '村（社区）']), must('township', '所属乡镇', name, ['乡镇', '乡镇名称', '所在乡镇', '街道', '所属街道']), may('dutyPhone', '值班电话', name, ['办公电话', '社区电话', '联系电话', '电话'])] },
  { name: 'grids', file: '03-网格.csv', called: ['网格'], columns: [must('code', '网格代码', code(15), ['代码', '编码', '网格编码', '网格编号']), must('name', '网格名称', name, ['网格', '名称', '网格名']), must('community', '所属社区', name, ['社区', '社区名称', '所在社区', '村社']), must('placeType', '网格类型', word(PLACE_TYPE_WORDS), ['类型', '网格类别', '类别'])] },
  { name: 'units', file: '04-单位.csv', called: ['单位'], columns: [must('name', '单位名称', name, ['单位', '名称', '单位全称', '部门', '部门名称']), must('category', '单位类别', word(UNIT_CATEGORY_WORDS), ['类别', '单位性质', '性质', '单位类型']), must('mobilisationClass', '动员类别', word(MOBILISATION_WORDS), ['动员类型', '动员分类', '急时类别'])] },
  { name: 'partyOrgs', file: '05-党组织.csv', called: ['党组织'], columns: [must('name', '党组织名称', text, ['党组织', '组织名称', '名称', '支部名称']), must('kind', '党组织类别', word(PARTY_ORG_WORDS), ['类别', '组织类别', '党组织类型', '类型']), may('parent', '上级党组织', text, ['上级', '上级组织', '隶属党组织', '上级党组织名称']), may('township', '所属乡镇', name, ['乡镇', '所在乡镇']), may('community', '所属社区', name, ['社区', '所在社区']), may('grid', '所属网格', name, ['网格', '所在网格']), may('unit', '所属单位', name, ['单位', '所在单位', '单位名称'])] },
  { name: 'pairings', file: '06-结对.csv', called: ['结对', '共建', '包联', '包抓'], columns: [must('unit', '单位名称', name, ['单位', '结对单位', '包联单位', '包抓单位', '共建单位', '责任单位']), ...GRID, must('isLead', '是否牵头', yes, ['牵头', '牵头单位', '是否牵头单位', '是否为牵头单位']), ...PERIOD] },
  { name: 'members', file: '07-单位党员.csv', called: ['党员', '花名册', '名册'], columns: [...PERSON, must('unit', '单位', name, ['单位名称', '所在单位', '工作单位', '所属单位', '部门']), may('post', '职务', name, ['职务职级', '现任职务', '岗位', '职位']), may('tier', '梯队', tier, ['应急梯队', '队伍梯队', '批次']), may('skills', '特长', wordList(SKILL_WORDS), ['专长', '技能', '特长技能', '专业特长']), may('residence', '居住社区', name, ['居住地社区', '居住地', '现居住社区', '住址社区']), SAME_PERSON] },
  { name: 'gridStaff', file: '08-网格人员.csv', called: ['网格人员', '网格员', '网格长', '网格队伍'], columns: [...PERSON, must('post', '岗位', word(GRID_POST_WORDS), ['网格岗位', '职务', '身份', '岗位类别']), ...GRID, may('source', '来源', word(SOURCE_WORDS), ['人员来源', '兼职来源']), must('recruited', '是否招聘', yes, ['招聘', '是否为招聘', '是否公开招聘']), SAME_PERSON] },
  { name: 'roles', file: '09-职务授权.csv', called: ['授权', '职务', '账号'], columns: [...PERSON, must('role', '职务', word(ROLE_WORDS), ['角色', '系统职务', '授权职务', '岗位']), must('scopeType', '范围类别', word(SCOPE_WORDS), ['范围类型', '管理范围类别', '权限范围类别']), may('scopeName', '范围名称', name, ['范围', '管理范围', '权限范围']), ...PERIOD] },
  { name: 'rallyPoints', file: '10-集结点.csv', called: ['集结点'], columns: [...GRID, must('name', '集结点名称', name, ['集结点', '集结地点', '名称']), must('address', '地址', text, ['详细地址', '集结点地址', '位置']), may('latitude', '纬度', number(-90, 90), ['北纬']), may('longitude', '经度', number(-180, 180), ['东经']), may('fenceM', '签到半径', integer(50, 5_000), ['半径', '围栏半径', '签到范围', '签到半径（米）'])] },
  { name: 'exemptions', file: '11-免动员.csv', called: ['免动员', '免除', '请假'], columns: [must('name', '姓名', name, ['名字', '人员姓名', '党员姓名']), must('phone', '手机号', phone, PHONE_WORDS), must('reason', '原因', word(EXEMPTION_WORDS), ['事由', '免动员原因', '请假原因', '请假事由']), ...PERIOD, may('note', '说明', text, ['备注', '情况说明'])] },
] as const satisfies readonly { name: string, file: string, called: readonly string[], columns: readonly Column[] }[]

export type SheetName = typeof SHEETS[number]['name']

/** A row of a file before anybody knows what it means: text alone. */
export interface RawRow {
  /** Row as a spreadsheet numbers it. */
  line: number
  cells: string[]
}

export interface Row {
  /** The file and tab that it stands in. */
  file: string
  /** Row as a spreadsheet numbers it. */
  line: number
  cells: Record<string, Cell>
}
export type CountyTables = Record<SheetName, Row[]>

const BY_NAME = new Map<SheetName, Sheet>(SHEETS.map(sheet => [sheet.name, sheet]))

export function sheetOf(name: SheetName): Sheet {
  const sheet = BY_NAME.get(name)
  if (sheet === undefined)
    throw new Error(`no sheet ${name}`)
  return sheet
}

/** The word that a clerk wrote for an identifier. */
export function wordFor(pairs: Record<string, string>, identifier: string): string {
  return Object.keys(pairs).find(key => pairs[key] === identifier) ?? identifier
}
