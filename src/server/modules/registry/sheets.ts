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
export type CellParser = (text: string) => { value: Cell } | { fault: CellFault, detail: string }

export interface Column {
  field: string
  heading: string
  required: boolean
  parse: CellParser
}

export interface Sheet {
  name: SheetName
  file: string
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
const phone: CellParser = (raw) => {
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
    if (/^\d(?:\.\d+)?E\+?\d+$/i.test(value))
      return { fault: 'rounded', detail: value }
    return new RegExp(`^\\d{${digits}}$`).test(value) ? { value } : { fault: 'notACode', detail: String(digits) }
  }
}
function word(pairs: Record<string, string>): CellParser {
  const known = new Map(Object.entries(pairs))
  return (raw) => {
    const value = known.get(plain(raw))
    return value === undefined ? { fault: 'notAWord', detail: [...known.keys()].join('、') } : { value }
  }
}
function wordList(pairs: Record<string, string>): CellParser {
  const known = new Map(Object.entries(pairs))
  return (raw) => {
    const values = raw.split(/[、，,;；/\s]+/).filter(part => part !== '').map(part => known.get(plain(part)))
    return values.every(v => v !== undefined) ? { value: [...new Set(values)] } : { fault: 'notAWord', detail: [...known.keys()].join('、') }
  }
}
const yes: CellParser = (raw) => {
  const value = plain(raw)
  return value === '是' || value === '否' ? { value: value === '是' } : { fault: 'notAWord', detail: '是、否' }
}
const tier = word({ 第一梯队: '1', 第二梯队: '2', 第三梯队: '3' })
/** YYYY-MM-DD, YYYY/M/D, YYYY.M.D, YYYY年M月D日. */
const day: CellParser = (raw) => {
  const [, y, m = '', d = ''] = /^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?$/.exec(plain(raw)) ?? []
  const value = `${y}-${m.padStart(2, '0')}-${d.padStart(2, '0')}`
  const at = new Date(`${value}T00:00:00Z`)
  return Number.isNaN(at.getTime()) || at.toISOString().slice(0, 10) !== value || value < '1900-01-01' ? { fault: 'notADate', detail: tidy(raw) } : { value }
}

const must = (field: string, heading: string, parse: CellParser): Column => ({ field, heading, required: true, parse })
const may = (field: string, heading: string, parse: CellParser): Column => ({ field, heading, required: false, parse })

/** Who a row is about; the number is what tells people apart. */
const PERSON = [must('name', '姓名', name), must('phone', '手机号', phone), may('birthYear', '出生年份', integer(1900, 2100)), must('politicalStatus', '政治面貌', word(POLITICAL_WORDS))]
const GRID = [must('community', '社区', name), must('grid', '网格', name)]

export const SHEETS = [
  { name: 'townships', file: '01-乡镇.csv', columns: [must('code', '乡镇代码', code(9)), must('name', '乡镇名称', name)] },
  { name: 'communities', file: '02-社区.csv', columns: [must('code', '社区代码', code(12)), must('name', '社区名称', name), must('township', '所属乡镇', name), may('dutyPhone', '值班电话', name)] },
  { name: 'grids', file: '03-网格.csv', columns: [must('code', '网格代码', code(15)), must('name', '网格名称', name), must('community', '所属社区', name), must('placeType', '网格类型', word(PLACE_TYPE_WORDS))] },
  { name: 'units', file: '04-单位.csv', columns: [must('name', '单位名称', name), must('category', '单位类别', word(UNIT_CATEGORY_WORDS)), must('mobilisationClass', '动员类别', word(MOBILISATION_WORDS))] },
  { name: 'partyOrgs', file: '05-党组织.csv', columns: [must('name', '党组织名称', text), must('kind', '党组织类别', word(PARTY_ORG_WORDS)), may('parent', '上级党组织', text), may('township', '所属乡镇', name), may('community', '所属社区', name), may('grid', '所属网格', name), may('unit', '所属单位', name)] },
  { name: 'pairings', file: '06-结对.csv', columns: [must('unit', '单位名称', name), ...GRID, must('isLead', '是否牵头', yes), must('validFrom', '起始日期', day), may('validTo', '截止日期', day)] },
  { name: 'members', file: '07-单位党员.csv', columns: [...PERSON, must('unit', '单位', name), may('post', '职务', name), may('tier', '梯队', tier), may('skills', '特长', wordList(SKILL_WORDS)), may('residence', '居住社区', name)] },
  { name: 'gridStaff', file: '08-网格人员.csv', columns: [...PERSON, must('post', '岗位', word(GRID_POST_WORDS)), ...GRID, may('source', '来源', word(SOURCE_WORDS)), must('recruited', '是否招聘', yes)] },
  { name: 'roles', file: '09-职务授权.csv', columns: [...PERSON, must('role', '职务', word(ROLE_WORDS)), must('scopeType', '范围类别', word(SCOPE_WORDS)), may('scopeName', '范围名称', name), must('validFrom', '起始日期', day), may('validTo', '截止日期', day)] },
  { name: 'rallyPoints', file: '10-集结点.csv', columns: [...GRID, must('name', '集结点名称', name), must('address', '地址', text), may('latitude', '纬度', number(-90, 90)), may('longitude', '经度', number(-180, 180)), may('fenceM', '签到半径', integer(50, 5_000))] },
  { name: 'exemptions', file: '11-免动员.csv', columns: [must('name', '姓名', name), must('phone', '手机号', phone), must('reason', '原因', word(EXEMPTION_WORDS)), must('validFrom', '起始日期', day), may('validTo', '截止日期', day), may('note', '说明', text)] },
] as const satisfies readonly { name: string, file: string, columns: readonly Column[] }[]

export type SheetName = typeof SHEETS[number]['name']

export interface Row {
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
