/** What an import may find wrong, and how it says so. */

export type CellFault = 'required' | 'notAWord' | 'notADate' | 'notAPhone' | 'notANumber' | 'notACode' | 'rounded' | 'tooLong'

export type FaultCode = keyof typeof FAULT_TEXTS

export interface Fault {
  file: string
  /** Row as a spreadsheet numbers it, headings being row 1; 0 = the file as a whole. */
  row: number
  column: string
  code: FaultCode
  /** The offending value, the other row, what is allowed. */
  detail: string
}

/** A file that cannot be read as a table, or not beyond this row. */
export class UnreadableTable extends Error {
  readonly code: FaultCode
  readonly row: number
  constructor(code: FaultCode, row = 0) {
    super(code)
    this.code = code
    this.row = row
  }
}

const FAULT_TEXTS = {
  // The file
  missingFile: { zh: '没有找到这张表（可用 CSV 或 XLSX，一张表可分成几个文件或工作表）', en: 'there is no such table (CSV or XLSX; one table may be spread over files and tabs)' },
  foreignFormat: { zh: '这种格式读不了，请另存为 .xlsx 或“CSV UTF-8”', en: 'this format cannot be read; save it as .xlsx or “CSV UTF-8”' },
  notAWorkbook: { zh: '打不开：可能是改了扩展名的旧版 .xls、加了密码或已损坏，请另存为不加密的 .xlsx', en: 'cannot be opened: an old .xls under another name, a password, or damage; save it as .xlsx without a password' },
  notText: { zh: '不是 UTF-8 或 GB18030 编码的 CSV 文件，请另存为“CSV UTF-8”', en: 'not a CSV file in UTF-8 or GB18030; save it as “CSV UTF-8”' },
  emptyFile: { zh: '没有表头', en: 'there are no headings' },
  emptySheet: { zh: '只有表头，没有数据', en: 'there are headings but no rows' },
  missingHeading: { zh: '缺少列“{detail}”', en: 'column “{detail}” is missing' },
  duplicateHeading: { zh: '列“{detail}”出现两次', en: 'column “{detail}” appears twice' },
  strayQuote: { zh: '引号用法有误', en: 'a quotation mark is out of place' },
  openQuote: { zh: '引号没有配对', en: 'a quotation mark is never closed' },
  malformedRow: { zh: '这一行无法读取', en: 'this row cannot be read' },
  extraCells: { zh: '单元格比表头多，可能有未加引号的逗号：{detail}', en: 'more cells than headings, perhaps a comma without quotation marks: {detail}' },

  // The cell
  required: { zh: '不能为空', en: 'must not be empty' },
  forbiddenCharacter: { zh: '含有控制字符或改变文字方向的字符', en: 'contains a control character or one that changes the direction of text' },
  notAWord: { zh: '不在可选范围（{detail}）', en: 'is not one of: {detail}' },
  notADate: { zh: '不是有效日期，应如 2024-03-31：{detail}', en: 'is not a date such as 2024-03-31: {detail}' },
  notAPhone: { zh: '不是 11 位手机号', en: 'is not an 11-digit mobile number' },
  notANumber: { zh: '应为 {detail} 之间的数字', en: 'must be a number within {detail}' },
  notACode: { zh: '应为 {detail} 位数字代码', en: 'must be a code of {detail} digits' },
  rounded: { zh: '被表格软件改成了科学计数法（{detail}），请将该列设为“文本”后重新填写', en: 'was rounded by the spreadsheet ({detail}); format the column as text and enter it again' },
  tooLong: { zh: '超过 {detail} 字', en: 'is longer than {detail} characters' },

  // Between rows
  duplicate: { zh: '与第 {detail} 行重复', en: 'duplicates row {detail}' },
  unknownReference: { zh: '找不到“{detail}”', en: '“{detail}” does not exist' },
  codeOutsideParent: { zh: '代码应以上级代码 {detail} 开头', en: 'the code must begin with that of the place above, {detail}' },
  nameDiffers: { zh: '同一手机号的姓名不一致：{detail}', en: 'the same number under another name: {detail}' },
  minor: { zh: '未满 18 周岁，不得动员', en: 'is under 18 and must not be mobilised' },
  wrongScope: { zh: '职务与范围不符：{detail}', en: 'role and scope do not fit: {detail}' },
  endBeforeStart: { zh: '截止日期早于起始日期', en: 'ends before it starts' },
  restrictedRoster: { zh: '限制类单位“{detail}”的名册不得导入', en: 'the roster of the restricted unit “{detail}” must not be loaded' },

  // Party tree
  wrongPlace: { zh: '该类党组织应填写且只填写：{detail}', en: 'an organisation of this kind belongs to exactly: {detail}' },
  wrongParent: { zh: '上级党组织应为：{detail}', en: 'the parent must be: {detail}' },
  foreignParent: { zh: '上级党组织属于其他乡镇或社区：{detail}', en: 'the parent belongs to another township or community: {detail}' },
  cycle: { zh: '上下级关系出现循环：{detail}', en: 'the tree contains a cycle: {detail}' },
  noTownshipOrg: { zh: '乡镇“{detail}”应有且只有一个党委', en: 'township “{detail}” must have exactly one committee' },
  noCommunityOrg: { zh: '社区“{detail}”应有且只有一个党总支或党支部', en: 'community “{detail}” must have exactly one general branch or branch' },
  noGridOrg: { zh: '网格“{detail}”应有且只有一个党支部或党小组', en: 'grid “{detail}” must have exactly one party branch or group' },
  noUnitOrg: { zh: '单位“{detail}”有名册，应有且只有一个党组织', en: 'unit “{detail}” has a roster and must have exactly one party organisation' },

  // Cooperation and staff
  bareUnit: { zh: '单位“{detail}”没有生效的结对网格', en: 'unit “{detail}” has no pairing in force' },
  bareGrid: { zh: '网格“{detail}”没有生效的结对单位', en: 'grid “{detail}” has no pairing in force' },
  noLead: { zh: '网格“{detail}”没有牵头单位', en: 'grid “{detail}” has no lead unit' },
  twoLeads: { zh: '网格“{detail}”有多个牵头单位', en: 'grid “{detail}” has more than one lead unit' },
  noChief: { zh: '网格“{detail}”没有网格长', en: 'grid “{detail}” has no chief' },
  twoChiefs: { zh: '网格“{detail}”有多名网格长', en: 'grid “{detail}” has more than one chief' },
  noOfficer: { zh: '网格“{detail}”没有专职网格员', en: 'grid “{detail}” has no full-time officer' },
  fewAssistants: { zh: '网格“{detail}”兼职网格员不足 2 名', en: 'grid “{detail}” has fewer than two assistants' },

  // Against what is registered already
  perhapsRenumbered: { zh: '疑似更换手机号（原号 {detail}）：是同一人填“是”，不是填“否”', en: 'perhaps the same person under a new number (was {detail}): enter 是 for yes, 否 for no' },
  severalOfThatName: { zh: '原有 {detail} 等同名人员，分不清是谁更换了手机号：不是同一人填“否”；是同一人请先用原号导入，再在系统中改号', en: 'several of that name ({detail}); it is not clear whose number has changed: enter 否 if it is nobody of them' },
  placeMissing: { zh: '系统中已有“{detail}”，不能以导入删除', en: '“{detail}” is registered already and cannot be removed by an import' },

  // Worth a look, no obstacle
  alsoMember: { zh: '同时是单位党员（{detail}），急时编入单位队伍', en: 'is a unit\'s member too ({detail}) and joins that unit\'s team in an emergency' },
  orgKindBySize: { zh: '按党员人数宜设{detail}', en: 'by its number of members it should be: {detail}' },
  noSecretary: { zh: '“{detail}”没有书记，急时无人指挥或派人', en: '“{detail}” has no secretary to command or send people in an emergency' },
  notRecognised: { zh: '没有认出这是哪张表，未导入；若需要，请按模板改列名', en: 'not recognised as one of the county\'s tables and left out; if it is one, name its columns as the template does' },
  ignoredColumn: { zh: '列“{detail}”不导入', en: 'column “{detail}” is not imported' },
  noRallyPoint: { zh: '网格“{detail}”没有集结点', en: 'grid “{detail}” has no rally point' },
} satisfies Record<string, { zh: string, en: string }>

const NOTICES: ReadonlySet<FaultCode> = new Set<FaultCode>(['notRecognised', 'ignoredColumn', 'alsoMember', 'orgKindBySize', 'noSecretary', 'noRallyPoint'])

/** A notice is shown and lets the import pass; a fault stops it. */
export function isNotice({ code }: Fault): boolean {
  return NOTICES.has(code)
}

export function faultText({ code, detail }: Fault, language: 'zh-CN' | 'en' = 'zh-CN'): string {
  return FAULT_TEXTS[code][language === 'en' ? 'en' : 'zh'].replace('{detail}', detail)
}
