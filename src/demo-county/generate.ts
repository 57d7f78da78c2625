import type { Role } from '../contract/vocabulary.ts'
import type { SheetName, WrittenRow } from '../server/modules/registry/index.ts'
import type { DemoAccount } from './accounts.ts'
import { pickAccounts } from './accounts.ts'
import { officerShares, OUTLINE, TOWNSHIPS } from './outline.ts'

export interface GeneratedCounty {
  tables: Record<SheetName, WrittenRow[]>
  accounts: DemoAccount[]
}

/** mulberry32: small, fast, the same everywhere. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6D2B79F5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

const SURNAMES = [...'王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文后包']
const GIVEN = [...'安柏宝斌彩晨诚春翠丹德东恩芳飞峰福刚国海涵航浩和恒红宏华慧吉佳嘉建健江杰洁锦晶静军俊凯兰乐磊丽莉立良亮林玲龙梅美萌敏明娜宁鹏平强琴青清庆秋荣蓉瑞森山珊尚少生胜诗石书树爽顺松涛天廷彤婉伟文武希霞先祥翔小晓欣新鑫星雄秀旭雪雅艳阳洋瑶业艺毅颖永勇雨玉元媛云泽展振正志智忠子祖']
const POSTS = ['科员', '干事', '主任科员', '股长', '副股长', '技术员', '教师', '医师', '会计', '办事员']
const SKILLS = ['医疗', '水电', '驾驶', '通信', '外语', '心理', '法律', '工程机械', '急救', '后勤']
const SOURCES = [['党员骨干', 70], ['居民代表', 55], ['志愿者', 36]] as const
const EXEMPTIONS: [reason: string, share: number, note: string][] = [['病假', 0.3, '术后休养'], ['孕产哺乳', 0.15, ''], ['照护', 0.2, '照护重病家人'], ['外出', 0.2, '外派学习'], ['本单位值守', 0.15, '本单位应急值班']]
/** County seat, roughly; every position of the demo is scattered around it, and its address says so. */
const CENTRE = { latitude: 34.44, longitude: 104.04 }
const SINCE = '2024-01-01'

/**
 * The county's tables, the same for the same seed and scale. `scale` multiplies every unit's members
 * (20 → about 91,000); places, units and staff stay. Numbers lie in prefix 154, which nobody can own.
 */
export function generateCounty({ scale, seed }: { scale: number, seed: number }): GeneratedCounty {
  const random = randomOf(seed)
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T
  let serial = 0
  // Scale 1 stays inside 1540932xxxx; larger counties spread over the whole prefix.
  const nextPhone = () => scale === 1 ? `1540932${String(serial++).padStart(4, '0')}` : `154${String(10_000_000 + serial++).padStart(8, '0')}`
  const nextName = () => pick(SURNAMES) + pick(GIVEN) + (random() < 0.72 ? pick(GIVEN) : '')
  const birthYear = (from: number, to: number) => String(from + Math.floor(random() * (to - from + 1)))

  const dayOf = (year: number) => `${year}-${String(1 + Math.floor(random() * 12)).padStart(2, '0')}-${String(1 + Math.floor(random() * 28)).padStart(2, '0')}`
  /** Fisher–Yates. */
  const shuffled = <T>(items: readonly T[]): T[] => {
    const mixed = [...items]
    for (let i = mixed.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1))
      const [a, b] = [mixed[i], mixed[j]]
      if (a !== undefined && b !== undefined)
        [mixed[i], mixed[j]] = [b, a]
    }
    return mixed
  }

  const tables: GeneratedCounty['tables'] = { townships: [], communities: [], grids: [], units: [], partyOrgs: [], pairings: [], members: [], gridStaff: [], roles: [], rallyPoints: [], exemptions: [] }
  const candidates: { role: Role, name: string, phone: string, scopeName: string }[] = []

  for (const { code, name } of TOWNSHIPS) {
    tables.townships.push({ code, name })
    tables.partyOrgs.push({ name: `${name}党委`, kind: '乡镇党委', township: name })
  }
  for (const [index, c] of OUTLINE.entries()) {
    // Communities lie around the seat, their grids around them.
    const bearing = 2 * Math.PI * index / OUTLINE.length
    const middle = { latitude: CENTRE.latitude + 0.018 * Math.sin(bearing), longitude: CENTRE.longitude + 0.024 * Math.cos(bearing) }
    tables.communities.push({ code: c.code, name: c.name, township: c.township, dutyPhone: `0932-00000${String(index + 1).padStart(2, '0')}` })
    tables.partyOrgs.push({ name: `${c.name}${c.orgKind === '社区党总支' ? '党总支' : '党支部'}`, kind: c.orgKind, parent: `${c.township}党委`, community: c.name })
    const branches = c.grids.filter(g => g.partyKind === '网格党支部').map(g => `${c.name}${g.name}网格党支部`)
    let group = 0
    for (const [nth, g] of c.grids.entries()) {
      tables.grids.push({ code: g.code, name: g.name, community: c.name, placeType: g.placeType })
      const isBranch = g.partyKind === '网格党支部'
      const parent = isBranch || branches.length === 0 ? `${c.name}${c.orgKind === '社区党总支' ? '党总支' : '党支部'}` : branches[group++ % branches.length] ?? ''
      tables.partyOrgs.push({ name: `${c.name}${g.name}${g.partyKind}`, kind: g.partyKind, parent, community: c.name, grid: g.name })
      tables.rallyPoints.push({
        community: c.name,
        grid: g.name,
        name: nth === 0 ? `${c.name}党群服务中心` : `${g.name}党群服务站`,
        address: `${c.township}${c.name}${g.name}（演示地址）`,
        latitude: (middle.latitude + (random() - 0.5) * 0.012).toFixed(5),
        longitude: (middle.longitude + (random() - 0.5) * 0.016).toFixed(5),
        fenceM: '300',
      })
      for (const [i, u] of g.units.entries()) {
        const count = u.members * scale
        tables.units.push({ name: u.name, category: u.category, mobilisationClass: u.isProfessional ? '专业' : '一般' })
        const kind = count >= 100 ? '单位党委' : count >= 50 ? '单位党总支' : '单位党支部'
        tables.partyOrgs.push({ name: `${u.name}${kind.slice(2)}`, kind, unit: u.name })
        tables.pairings.push({ unit: u.name, community: c.name, grid: g.name, isLead: i === 0 ? '是' : '否', validFrom: SINCE })
        for (let m = 0; m < count; m++) {
          const name = nextName()
          const phone = nextPhone()
          const tierDraw = random()
          const year = birthYear(1966, 2004)
          const politicalStatus = random() < 0.02 ? '预备党员' : '中共党员'
          tables.members.push({
            name,
            phone,
            birthYear: year,
            politicalStatus,
            unit: u.name,
            post: m === 0 ? '党组织书记' : m === 1 ? '办公室主任' : pick(POSTS),
            tier: tierDraw < 0.3 ? '第一梯队' : tierDraw < 0.6 ? '第二梯队' : tierDraw < 0.85 ? '第三梯队' : '',
            skills: random() < 0.22 ? [...new Set([pick(SKILLS), ...random() < 0.15 ? [pick(SKILLS)] : []])].join('、') : '',
            residence: random() < 0.55 ? pick(OUTLINE).name : '',
          })
          if (m > 1 && random() < 0.035) {
            let left = random()
            const [reason, , note] = EXEMPTIONS.find(([, share]) => (left -= share) < 0) ?? EXEMPTIONS[0] ?? ['', 0, '']
            // Without an end: the demo knows no date of today, and some must be exempt whenever it runs.
            tables.exemptions.push({ name, phone, reason, validFrom: dayOf(2025), validTo: '', note })
          }
          else if (m > 1 && random() < 0.01) {
            // One that is over.
            tables.exemptions.push({ name, phone, reason: '病假', validFrom: '2024-03-01', validTo: `2024-0${4 + Math.floor(random() * 6)}-15`, note: '' })
          }
          if (m === 0 || m === 1) {
            tables.roles.push({ name, phone, birthYear: year, politicalStatus, role: m === 0 ? '单位党组织书记' : '单位联络员', scopeType: '单位', scopeName: u.name, validFrom: SINCE })
            candidates.push({ role: m === 0 ? 'unitSecretary' : 'unitLiaison', name, phone, scopeName: u.name })
          }
          if (m === 2)
            candidates.push({ role: 'unitMember', name, phone, scopeName: u.name })
        }
      }
    }
  }

  const person = () => ({ name: nextName(), phone: nextPhone(), birthYear: birthYear(1970, 2000), politicalStatus: '中共党员' })
  let grid = 0
  const sources = shuffled(SOURCES.flatMap(([source, people]) => Array.from<string>({ length: people }).fill(source)))
  for (const [index, c] of OUTLINE.entries()) {
    const shares = officerShares(c.grids.length, index)
    const officers = shares.flatMap((share) => {
      const officer = person()
      return Array.from<typeof officer>({ length: share }).fill(officer)
    })
    for (const [i, g] of c.grids.entries()) {
      const place = { community: c.name, grid: g.name }
      const chief = person()
      tables.gridStaff.push({ ...chief, post: '网格长', ...place, source: '', recruited: '是' })
      candidates.push({ role: 'gridChief', name: chief.name, phone: chief.phone, scopeName: g.name })
      const officer = officers[i]
      if (officer !== undefined) {
        tables.gridStaff.push({ ...officer, post: '专职网格员', ...place, source: '', recruited: '否' })
        candidates.push({ role: 'gridOfficer', name: officer.name, phone: officer.phone, scopeName: g.name })
      }
      // 43 grids with three, 16 with two: 161 in all, from three sources.
      for (let n = 0; n < (grid < 43 ? 3 : 2); n++) {
        const source = sources.pop() ?? '志愿者'
        const helper = { ...person(), politicalStatus: source === '党员骨干' ? '中共党员' : '群众' }
        tables.gridStaff.push({ ...helper, post: '兼职网格员', ...place, source, recruited: '否' })
        candidates.push({ role: 'gridAssistant', name: helper.name, phone: helper.phone, scopeName: g.name })
      }
      grid++
    }
  }

  const grant = (role: Role, roleWord: string, scopeType: string, scopeName: string) => {
    const p = person()
    tables.roles.push({ ...p, role: roleWord, scopeType, scopeName, validFrom: SINCE })
    candidates.push({ role, name: p.name, phone: p.phone, scopeName: scopeName === '' ? '全县' : scopeName })
  }
  grant('countyCommander', '县指挥长', '全县', '')
  grant('countyAdmin', '县级管理员', '全县', '')
  grant('countyDuty', '县值班员', '全县', '')
  grant('auditor', '审计员', '全县', '')
  grant('systemAdmin', '系统管理员', '全县', '')
  grant('securityAdmin', '安全管理员', '全县', '')
  for (const { name } of TOWNSHIPS)
    grant('townshipSecretary', '乡镇党委书记', '乡镇', name)
  for (const c of OUTLINE)
    grant('communitySecretary', '社区书记', '社区', c.name)
  // The other 65 of the 124 recruited community workers (59 are grid chiefs) work as community cadres.
  for (let n = 0; n < 65; n++)
    grant('communityCadre', '社区两委', '社区', OUTLINE[n % OUTLINE.length]?.name ?? '')

  const ORDER: Role[] = ['countyCommander', 'countyAdmin', 'countyDuty', 'townshipSecretary', 'communitySecretary', 'communityCadre', 'gridChief', 'gridOfficer', 'gridAssistant', 'unitSecretary', 'unitLiaison', 'unitMember', 'auditor', 'systemAdmin', 'securityAdmin']
  return { tables, accounts: pickAccounts([...candidates].sort((a, b) => ORDER.indexOf(a.role) - ORDER.indexOf(b.role))) }
}
