/** What the import command says at the machine; the faults themselves have their texts in the registry. */
export interface ImportTexts {
  usage: string
  faults: (count: number) => string
  notices: (count: number) => string
  more: (count: number) => string
  applied: string
  dryRun: string
  remarked: (path: string) => string
  templateWritten: (path: string) => string
  faultHeadings: readonly string[]
  differenceHeadings: readonly string[]
  tables: Readonly<Record<string, string>>
}

export const IMPORT_TEXTS: Record<'zh-CN' | 'en', ImportTexts> = {
  'zh-CN': {
    usage: `用法：npm run import -- 目录 [--dry-run] [--remarks 输出目录] [--language en]
      npm run import -- --template 模板.xlsx

  目录        各表所在的文件夹：XLSX 或 CSV，按列名识别，一张表可分成几个文件或工作表
  --dry-run   只核对并计数，不写入
  --remarks   有问题的表加上“导入备注”一列写到该目录，改好后换掉原表即可再导入
  --template  写出空白模板

导入后系统与各表一致：表中不再出现的单位、结对、人员岗位和授权自今日起终止（县级授权除外）。
`,
    faults: count => `发现 ${count} 处问题，未写入任何数据：`,
    notices: count => `另有 ${count} 处提醒（不影响导入）：`,
    more: count => `…… 另有 ${count} 处未列出`,
    applied: '已导入：',
    dryRun: '试运行，未写入：',
    remarked: path => `已写出带备注的表：${path}`,
    templateWritten: path => `已写出模板：${path}`,
    faultHeadings: ['文件', '行', '列', '问题'],
    differenceHeadings: ['表', '新增', '变更', '终止', '未变'],
    tables: { townships: '乡镇', communities: '社区', grids: '网格', units: '单位', party_orgs: '党组织', persons: '人员', memberships: '组织关系', employments: '单位人员', residences: '居住社区', person_skills: '特长', grid_posts: '网格岗位', role_grants: '职务授权', pairings: '结对', rally_points: '集结点', exemptions: '免动员' },
  },
  'en': {
    usage: `Usage: npm run import -- DIR [--dry-run] [--remarks OUT] [--language en]
       npm run import -- --template FILE.xlsx

  DIR         folder of the county's tables: XLSX or CSV, known by their headings; one table may be spread
              over files and tabs
  --dry-run   checks and counts, writes nothing
  --remarks   tables with faults go to this folder with a column of remarks; mended they replace the old ones
  --template  writes the tables empty

Afterwards the registry says what the tables say: units, pairings, posts and appointments that they no
longer name end today (county-wide appointments excepted).
`,
    faults: count => `Nothing was written. Faults: ${count}`,
    notices: count => `Notices, no obstacle to the import: ${count}`,
    more: count => `… and ${count} more`,
    applied: 'Imported:',
    dryRun: 'Dry run, nothing was written:',
    remarked: path => `Written with remarks: ${path}`,
    templateWritten: path => `Template written: ${path}`,
    faultHeadings: ['File', 'Row', 'Column', 'Fault'],
    differenceHeadings: ['Table', 'Added', 'Changed', 'Ended', 'Unchanged'],
    tables: { townships: 'Townships', communities: 'Communities', grids: 'Grids', units: 'Units', party_orgs: 'Party organisations', persons: 'People', memberships: 'Memberships', employments: 'Unit members', residences: 'Residences', person_skills: 'Skills', grid_posts: 'Grid posts', role_grants: 'Appointments', pairings: 'Pairings', rally_points: 'Rally points', exemptions: 'Exemptions' },
  },
}
