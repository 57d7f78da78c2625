/**
 * The invented county of the demo: the outline of domain facts (12 communities, 59 grids, 91 units,
 * 4,550 unit party members). Unit names are generic county bodies with invented head-counts; nobody
 * in it exists.
 */

export const TOWNSHIPS = [
  { code: '621126100', name: '岷阳镇' },
  { code: '621126106', name: '十里镇' },
  { code: '621126107', name: '茶埠镇' },
] as const

/** ▲ grid branch, △ grid group; the first unit of a grid leads. */
const COMMUNITIES = `
621126100901 东城 岷阳镇 总支: 01当归城商圈▲←市场监管局111+商务局29+中药材产业发展中心44; 02东大街▲←农业银行48+人保财险22; 03药材市场▲←工业和信息化局41+供销合作社24; 04东苑小区△←税务局116; 05东后巷△←东关小学58+图书馆17; 06河堤路△←财政局75
621126100902 西城 岷阳镇 总支: 01西大街▲←宣传部31+融媒体中心36; 02西苑小区▲←第一初级中学65; 03广场▲←文体广电和旅游局56+总工会19; 04西后街△←西关小学56+统战部27; 05家属院片△←团县委11+统计局27+国家统计局调查队11; 06岷山路△←人社局80
621126100903 南城 岷阳镇 总支: 01南大街▲←法院77; 02南苑小区▲←第二中学119; 03南门坡▲←司法局58+信访局17; 04学府巷△←第一中学140; 05迎宾路△←邮政41+烟草专卖局24
621126100904 北城 岷阳镇 总支: 01北大街▲←中医医院136; 02北苑小区▲←北街小学51+幼儿园31; 03医院片▲←人民医院180; 04教场巷△←退役军人事务局36+档案馆17; 05车站△←交通运输局77
621126100905 洮滨 岷阳镇 总支: 01洮滨路▲←住建局99; 02滨河新区▲←水务局70; 03水厂片▲←自来水公司31+水文站10+气象局17; 04大桥头△←公路段46+消防救援大队27; 05沙坝△←应急管理局53
621126100906 叠藏 岷阳镇 总支: 01叠藏河东▲←自然资源局90; 02叠藏河西▲←林业和草原局85; 03桥南△←热力公司29+燃气公司15; 04纸坊△←城管执法局82; 05安居苑△←住房保障中心27+民政局44
621126100907 岷州 岷阳镇 总支: 01岷州大道▲←公安局204; 02岷州花园▲←政协机关34+巡察办18; 03政务区△←政务服务中心39+编办17+直属机关工委12; 04金融街△←工商银行29+建设银行27+甘肃银行15; 05文化巷△←党校27+社会工作部19
621126100908 新城 岷阳镇 支部: 01新城一区△←教育局70; 02新城二区△←移动36; 03体育场△←电信34+联通19; 04职教园△←职业中专87; 05物流园△←发展和改革局54+中国人寿19
621126100909 和平 岷阳镇 支部: 01和平街△←信用合作联社94; 02和平里△←妇联13+残联15+红十字会10; 03民生巷△←医疗保障局34+审计局29; 04工农路△←供电公司104; 05老粮库△←农发行17+邮储银行24
621126106901 十里 十里镇 支部: 01十里街△←卫生健康局63; 02十里新村△←农业农村局133; 03中药材园区△←畜牧兽医中心58+生态环境分局34; 04铁路桥△←检察院51
621126106902 城郊 十里镇 支部: 01城郊东△←县委办46; 02城郊西△←政府办51; 03安置一区△←纪委监委68; 04安置二区△←组织部41
621126107901 茶埠 茶埠镇 支部: 01茶埠街△←疾控中心51; 02茶埠新区△←妇幼保健院56; 03河口片△←人大机关36; 04集市△←政法委29
`

const PROFESSIONAL = new Set('公安局 消防救援大队 人民医院 中医医院 妇幼保健院 疾控中心 卫生健康局 应急管理局 水务局 供电公司 自来水公司 热力公司 燃气公司 移动 电信 联通 气象局 水文站 公路段 融媒体中心'.split(' '))

const CATEGORY_MEMBERS: Record<string, string> = {
  党群: '宣传部 总工会 统战部 团县委 编办 直属机关工委 社会工作部 妇联 县委办 政府办 纪委监委 组织部 政法委 人大机关 政协机关 巡察办',
  司法: '法院 检察院',
  事业: '残联 红十字会 党校 信访局 档案馆 中药材产业发展中心 图书馆 融媒体中心 畜牧兽医中心 生态环境分局',
  医疗: '中医医院 人民医院 疾控中心 妇幼保健院',
  学校: '东关小学 第一初级中学 西关小学 第二中学 第一中学 北街小学 幼儿园 职业中专',
  垂管: '烟草专卖局 国家统计局调查队 水文站 气象局 税务局 邮政 公路段 消防救援大队',
  金融: '农业银行 人保财险 工商银行 建设银行 甘肃银行 中国人寿 信用合作联社 农发行 邮储银行',
  公用: '自来水公司 热力公司 燃气公司 移动 电信 联通 供电公司',
}
const CATEGORY = new Map(Object.entries(CATEGORY_MEMBERS).flatMap(([category, names]) => names.split(' ').map(name => [name, category] as const)))

export interface OutlineUnit { name: string, members: number, category: string, isProfessional: boolean }
export interface OutlineGrid { code: string, name: string, partyKind: '网格党支部' | '网格党小组', placeType: string, units: OutlineUnit[] }
export interface OutlineCommunity { code: string, name: string, township: string, orgKind: '社区党总支' | '社区党支部', grids: OutlineGrid[] }

function placeType(name: string): string {
  if (/商圈|市场|集市|金融/.test(name))
    return '商圈'
  if (/安置|安居/.test(name))
    return '安置区'
  if (/新区|新城|新村|园/.test(name))
    return '新建小区'
  if (/小区|家属院/.test(name))
    return '老旧小区'
  if (/巷|后街|坡/.test(name))
    return '背街小巷'
  if (/城郊|沙坝|河口|铁路/.test(name))
    return '城郊'
  return '独栋楼院'
}

export const OUTLINE: OutlineCommunity[] = COMMUNITIES.trim().split('\n').map((line) => {
  const [head = '', body = ''] = line.split(': ')
  const [code = '', name = '', township = '', kind] = head.split(' ')
  return {
    code,
    name: `${name}社区`,
    township,
    orgKind: kind === '总支' ? '社区党总支' : '社区党支部',
    grids: body.split('; ').map((grid) => {
      const [, number = '', gridName = '', mark, list = ''] = /^(\d\d)(.+?)([▲△])←(.+)$/.exec(grid.trim()) ?? []
      return {
        code: `${code}0${number}`,
        name: gridName,
        partyKind: mark === '▲' ? '网格党支部' : '网格党小组',
        placeType: placeType(gridName),
        units: list.split('+').map((unit) => {
          const [, unitName = '', members] = /^(\D+)(\d+)$/.exec(unit) ?? []
          return { name: unitName, members: Number(members), category: CATEGORY.get(unitName) ?? '政府', isProfessional: PROFESSIONAL.has(unitName) }
        }),
      }
    }),
  }
})

/** Members of a community's grids for which one full-time officer each is responsible: 6 → 3+3, 5 → 3+2, 4 → one with 4 or 2+2. */
export function officerShares(gridCount: number, index: number): number[] {
  if (gridCount === 6)
    return [3, 3]
  if (gridCount === 5)
    return [3, 2]
  // Three communities have four grids: two of them one officer each, the last two.
  return index === OUTLINE.length - 1 ? [2, 2] : [4]
}
