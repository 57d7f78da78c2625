/**
 * The county's tables as a clerk keeps them: one CSV per subject with Chinese headings. The importer
 * reads exactly what is declared here, and the demo's generator writes it.
 */
import type { AssistantSource, ExemptionReason, GridPost, MobilisationClass, PartyOrgKind, PlaceType, PoliticalStatus, Role, ScopeType, Skill, UnitCategory } from '../../../contract/vocabulary.ts'
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

export type CellFault = 'required' | 'notAWord' | 'notADate' | 'notAPhone' | 'notANumber' | 'notACode' | 'tooLong'

export type Cell = string | number | boolean | null | string[]
export type CellParser = (text: string) => { value: Cell } | { fault: CellFault, allowed?: string }

export interface Column {
  field: string
  heading: string
  required: boolean
  parse: CellParser
}

export interface Sheet {
  name: SheetName
  file: string
  columns: Column[]
}

const text: CellParser = t => t.length > 200 ? { fault: 'tooLong' } : { value: t }
const phone: CellParser = (t) => {
  const normal = normalisePhone(t)
  return normal === null ? { fault: 'notAPhone' } : { value: normal }
}
const number = (min: number, max: number): CellParser => (t) => {
  const value = Number(t)
  return Number.isFinite(value) && value >= min && value <= max ? { value } : { fault: 'notANumber', allowed: `${min}–${max}` }
}
const code = (digits: number): CellParser => t => new RegExp(`^\\d{${digits}}$`).test(t) ? { value: t } : { fault: 'notACode', allowed: `${digits}` }
const word = (pairs: Record<string, string>): CellParser => t => pairs[t] === undefined ? { fault: 'notAWord', allowed: Object.keys(pairs).join('、') } : { value: pairs[t] }
const wordList = (pairs: Record<string, string>): CellParser => (t) => {
  const parts = t.split(/[、,，;；\s]+/).filter(Boolean)
  const values = parts.map(p => pairs[p])
  return values.some(v => v === undefined) ? { fault: 'notAWord', allowed: Object.keys(pairs).join('、') } : { value: values.filter(v => v !== undefined) }
}
const yes: CellParser = t => t === '是' ? { value: true } : t === '否' ? { value: false } : { fault: 'notAWord', allowed: '是、否' }
const tier = word({ 第一梯队: '1', 第二梯队: '2', 第三梯队: '3' })
/** YYYY-MM-DD, YYYY/M/D, YYYY.M.D, YYYY年M月D日. */
const day: CellParser = (t) => {
  const match = /^(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?$/.exec(t)
  if (match === null)
    return { fault: 'notADate' }
  const iso = `${match[1]}-${match[2]?.padStart(2, '0')}-${match[3]?.padStart(2, '0')}`
  const date = new Date(`${iso}T00:00:00Z`)
  return Number.isNaN(date.getTime()) || date.toISOString().slice(0, 10) !== iso ? { fault: 'notADate' } : { value: iso }
}

const must = (field: string, heading: string, parse: CellParser): Column => ({ field, heading, required: true, parse })
const may = (field: string, heading: string, parse: CellParser): Column => ({ field, heading, required: false, parse })

export const SHEETS = [
  { name: 'townships', file: '01-乡镇.csv', columns: [must('code', '乡镇代码', code(9)), must('name', '乡镇名称', text)] },
  { name: 'communities', file: '02-社区.csv', columns: [must('code', '社区代码', code(12)), must('name', '社区名称', text), must('township', '所属乡镇', text), may('dutyPhone', '值班电话', text)] },
  { name: 'grids', file: '03-网格.csv', columns: [must('code', '网格代码', code(15)), must('name', '网格名称', text), must('community', '所属社区', text), must('placeType', '网格类型', word(PLACE_TYPE_WORDS))] },
  { name: 'units', file: '04-单位.csv', columns: [must('name', '单位名称', text), must('category', '单位类别', word(UNIT_CATEGORY_WORDS)), must('mobilisationClass', '动员类别', word(MOBILISATION_WORDS))] },
  { name: 'partyOrgs', file: '05-党组织.csv', columns: [must('name', '党组织名称', text), must('kind', '党组织类别', word(PARTY_ORG_WORDS)), may('parent', '上级党组织', text), may('township', '所属乡镇', text), may('community', '所属社区', text), may('grid', '所属网格', text), may('unit', '所属单位', text)] },
  { name: 'pairings', file: '06-结对.csv', columns: [must('unit', '单位名称', text), must('community', '社区', text), must('grid', '网格', text), must('isLead', '是否牵头', yes), must('validFrom', '起始日期', day)] },
  { name: 'members', file: '07-单位党员.csv', columns: [must('name', '姓名', text), must('phone', '手机号', phone), may('birthYear', '出生年份', number(1900, 2020)), must('politicalStatus', '政治面貌', word(POLITICAL_WORDS)), must('unit', '单位', text), may('post', '职务', text), may('tier', '梯队', tier), may('skills', '特长', wordList(SKILL_WORDS)), may('residence', '居住社区', text)] },
  { name: 'gridStaff', file: '08-网格人员.csv', columns: [must('name', '姓名', text), must('phone', '手机号', phone), may('birthYear', '出生年份', number(1900, 2020)), must('politicalStatus', '政治面貌', word(POLITICAL_WORDS)), must('post', '岗位', word(GRID_POST_WORDS)), must('community', '社区', text), must('grid', '网格', text), may('source', '来源', word(SOURCE_WORDS)), must('recruited', '是否招聘', yes)] },
  { name: 'roles', file: '09-职务授权.csv', columns: [must('name', '姓名', text), must('phone', '手机号', phone), may('birthYear', '出生年份', number(1900, 2020)), must('politicalStatus', '政治面貌', word(POLITICAL_WORDS)), must('role', '职务', word(ROLE_WORDS)), must('scopeType', '范围类别', word(SCOPE_WORDS)), may('scopeName', '范围名称', text), must('validFrom', '起始日期', day)] },
  { name: 'rallyPoints', file: '10-集结点.csv', columns: [must('community', '社区', text), must('grid', '网格', text), must('name', '集结点名称', text), must('address', '地址', text), may('latitude', '纬度', number(-90, 90)), may('longitude', '经度', number(-180, 180))] },
  { name: 'exemptions', file: '11-免动员.csv', columns: [must('name', '姓名', text), must('phone', '手机号', phone), must('reason', '原因', word(EXEMPTION_WORDS)), must('validFrom', '起始日期', day), may('validTo', '截止日期', day), may('note', '说明', text)] },
] as const satisfies readonly { name: string, file: string, columns: readonly Column[] }[]

export type SheetName = typeof SHEETS[number]['name']

export interface Row { line: number, cells: Record<string, Cell> }
export type CountyTables = Record<SheetName, Row[]>

export type FaultCode = CellFault | 'missingFile' | 'missingHeading' | 'unknownHeading' | 'duplicateHeading' | 'badBytes' | 'malformedCsv' | 'duplicate' | 'unknownReference' | 'cycle' | 'wrongParent' | 'bareUnit' | 'bareGrid' | 'noLead' | 'twoLeads' | 'noChief' | 'noOfficer' | 'fewAssistants' | 'noPartyOrg' | 'nameDiffers' | 'wrongScope' | 'endBeforeStart'

export interface Fault {
  file: string
  /** Line of the sheet as a spreadsheet shows it; 0 = the file as a whole. */
  row: number
  column: string
  code: FaultCode
  /** The offending value, the other row, what is allowed. */
  detail: string
}

const FAULT_TEXTS: Record<FaultCode, { zh: string, en: string }> = {
  required: { zh: '不能为空', en: 'must not be empty' },
  notAWord: { zh: '不在可选范围：{detail}', en: 'not one of: {detail}' },
  notADate: { zh: '不是有效日期，应如 2024-03-31：{detail}', en: 'not a date such as 2024-03-31: {detail}' },
  notAPhone: { zh: '不是 11 位手机号', en: 'not an 11-digit mobile number' },
  notANumber: { zh: '不是有效数字：{detail}', en: 'not a valid number: {detail}' },
  notACode: { zh: '应为 {detail} 位数字代码', en: 'must be a code of {detail} digits' },
  tooLong: { zh: '超过 200 字', en: 'longer than 200 characters' },
  missingFile: { zh: '缺少文件', en: 'file is missing' },
  missingHeading: { zh: '缺少列“{detail}”', en: 'column “{detail}” is missing' },
  unknownHeading: { zh: '不认识的列“{detail}”', en: 'unknown column “{detail}”' },
  duplicateHeading: { zh: '列“{detail}”出现两次', en: 'column “{detail}” appears twice' },
  badBytes: { zh: '含有无法识别的字符，请存为 UTF-8 或 GB18030：{detail}', en: 'unreadable characters, save as UTF-8 or GB18030: {detail}' },
  malformedCsv: { zh: '表格格式有误：{detail}', en: 'malformed CSV: {detail}' },
  duplicate: { zh: '与第 {detail} 行重复', en: 'duplicates row {detail}' },
  unknownReference: { zh: '找不到“{detail}”', en: '“{detail}” does not exist' },
  cycle: { zh: '上下级关系出现循环：{detail}', en: 'the tree contains a cycle: {detail}' },
  wrongParent: { zh: '上级党组织类别不符：{detail}', en: 'wrong kind of parent: {detail}' },
  bareUnit: { zh: '单位“{detail}”没有结对网格', en: 'unit “{detail}” has no pairing' },
  bareGrid: { zh: '网格“{detail}”没有结对单位', en: 'grid “{detail}” has no pairing' },
  noLead: { zh: '网格“{detail}”没有牵头单位', en: 'grid “{detail}” has no lead unit' },
  twoLeads: { zh: '网格“{detail}”有多个牵头单位', en: 'grid “{detail}” has more than one lead unit' },
  noChief: { zh: '网格“{detail}”应有且只有一名网格长', en: 'grid “{detail}” must have exactly one chief' },
  noOfficer: { zh: '网格“{detail}”没有专职网格员', en: 'grid “{detail}” has no full-time officer' },
  fewAssistants: { zh: '网格“{detail}”兼职网格员不足 2 名', en: 'grid “{detail}” has fewer than two assistants' },
  noPartyOrg: { zh: '网格“{detail}”应有且只有一个党支部或党小组', en: 'grid “{detail}” must have exactly one party branch or group' },
  nameDiffers: { zh: '同一手机号的姓名不一致：{detail}', en: 'the same number under another name: {detail}' },
  wrongScope: { zh: '职务与范围不符：{detail}', en: 'role and scope do not fit: {detail}' },
  endBeforeStart: { zh: '截止日期早于起始日期', en: 'ends before it starts' },
}

export function faultText(fault: Fault, language: 'zh-CN' | 'en' = 'zh-CN'): string {
  return FAULT_TEXTS[fault.code][language === 'en' ? 'en' : 'zh'].replace('{detail}', fault.detail)
}
