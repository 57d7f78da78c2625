/** `npm run drill`: presses the key of a demo server as a drill and plays everybody's phone until the review reconciles. */
import type { BoardPeopleReply } from '../contract/boards.ts'
import type { SandboxMessages } from '../contract/calls.ts'
import type { Scope } from '../contract/common.ts'
import type { CountyInfo, DemoAccounts } from '../contract/identity.ts'
import type { EmergencyRef, Preparation } from '../contract/mobilization.ts'
import type { Plan } from '../contract/plans.ts'
import type { CheckInCode } from '../contract/presence.ts'
import type { Board } from '../contract/reducer.ts'
import type { PlaceTree } from '../contract/registry.ts'
import type { Review } from '../contract/review.ts'
import type { DrillArguments } from './arguments.ts'
import { randomUUID } from 'node:crypto'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { addCounts, emptyCounts, funnel, personStatus, tally, toCall } from '../contract/counting.ts'
import { readArguments } from './arguments.ts'
import { HttpClient } from './http-client.ts'
import { Ledger } from './ledger.ts'
import { Phone, wasRefused } from './phone.ts'
import { Random } from './random.ts'

interface Check { check: string, left: number | string, right: number | string, holds: boolean }

async function signIn(url: string, account: { phone: string, password: string }): Promise<HttpClient> {
  const client = new HttpClient(url)
  await client.post('/api/session', { phone: account.phone, password: account.password })
  return client
}

function resolveScope(tree: PlaceTree, words: string): Scope[] {
  if (words === 'county' || words === '全县')
    return [{ type: 'county', id: null }]
  return words.split(/[,，、]/).map((word): Scope => {
    for (const t of tree.townships) {
      if (t.name === word)
        return { type: 'township', id: t.id }
      for (const c of t.communities) {
        if (c.name === word || c.name === `${word}社区`)
          return { type: 'community', id: c.id }
        const grid = c.grids.find(g => g.name === word)
        if (grid !== undefined)
          return { type: 'grid', id: grid.id }
      }
    }
    throw new Error(`no township, community or grid is called "${word}"`)
  })
}

async function everyone(client: HttpClient, emergencyId: string): Promise<BoardPeopleReply['people']> {
  const people: BoardPeopleReply['people'] = []
  for (let after = ''; ;) {
    const page = await client.get<BoardPeopleReply>(`/api/emergencies/${emergencyId}/people?scope=county&limit=2000${after === '' ? '' : `&after=${after}`}`)
    people.push(...page.people)
    if (page.next === null)
      return people
    after = page.next
  }
}

async function drill(args: DrillArguments): Promise<boolean> {
  const { url, model } = args
  const say = (line: string) => process.stderr.write(`${line}\n`)
  const anyone = new HttpClient(url)
  const county = await anyone.get<CountyInfo>('/api/county')
  if (county.deployment !== 'demo')
    throw new Error(`${url} is a production deployment: drills with simulated phones run against a demo`)
  const { accounts } = await anyone.get<DemoAccounts>('/api/demo/accounts')
  const accountOf = (role: string) => {
    const account = accounts.find(a => a.role === role)
    if (account === undefined)
      throw new Error(`the demo has no account for ${role}`)
    return account
  }
  const commander = await signIn(url, accountOf('countyCommander'))
  const { plans } = await commander.get<{ plans: Plan[] }>('/api/plans')
  const plan = plans.find(p => p.code === args.plan)
  if (plan === undefined)
    throw new Error(`no plan "${args.plan}"; there are ${plans.map(p => p.code).join(', ')}`)
  const tree = await commander.get<PlaceTree>('/api/registry/tree')
  const stamp = plan.levels.find(l => l.level === args.level)
  const before = (await commander.get<SandboxMessages>('/api/sandbox/messages?after=0&limit=1')).messages.length === 0 ? 0 : await lastMessage(commander)

  const prepared = await commander.post<Preparation>('/api/switch/preparations', {
    action: 'activate',
    level: args.level,
    emergencyId: null,
    planId: plan.id,
    scope: resolveScope(tree, args.scope),
    isDrill: true,
    name: `${plan.name}拉动演练`,
    levelAuthority: 'county',
    basis: stamp?.basis ?? plan.name,
    approver: stamp?.approver ?? '县应急指挥部',
    approvalMode: 'written',
    measures: stamp?.measures ?? plan.name,
    expectedUntil: new Date(Date.now() + 24 * 3_600_000).toISOString(),
  })
  say(`${county.name} · ${plan.name} · level ${args.level} · required ${prepared.counts.required}, available ${prepared.counts.available}, ${prepared.counts.grids} grids, ${prepared.counts.units} units, duty ${prepared.counts.duty}`)
  await sleep(prepared.holdSec * 1_000)
  const ref = await commander.post<EmergencyRef>('/api/switch/activations', { preparationId: prepared.preparationId, nonce: prepared.nonce, heldMs: prepared.holdSec * 1_000 }, { 'idempotency-key': randomUUID() })
  const { emergencyId } = ref
  say(`${ref.no} activated: ${url}/`)

  const startedAt = performance.now()
  const wait = (minutes: number) => sleep(minutes * 60_000 / args.speed)
  const ledger = new Ledger()
  const captains = new Map<string, Phone>()
  /** Null where nobody leads the team, or he who did has handed over: then people help themselves. */
  async function askCaptain<T>(teamId: string, ask: (captain: Phone) => Promise<T>): Promise<T | null> {
    const captain = captains.get(teamId)
    try {
      return captain === undefined ? null : await ask(captain)
    }
    catch (error) {
      if (!wasRefused(error))
        throw error
      captains.delete(teamId)
      return null
    }
  }
  const world = {
    url,
    emergencyId,
    model,
    random: new Random(args.seed),
    ledger,
    offline: args.offline,
    duplicates: args.duplicates,
    wait,
    captains,
    codeOf: (teamId: string) => askCaptain(teamId, async ({ http }) => (await http.get<CheckInCode>(`/api/emergencies/${emergencyId}/teams/${teamId}/check-in-code`)).code),
    async signedInByCaptain(teamId: string, personId: string) {
      const reply = await askCaptain(teamId, ({ http }) => http.post(`/api/emergencies/${emergencyId}/people/${personId}/check-ins`, { checkInId: randomUUID() }))
      return reply !== null
    },
  }

  // Phones come alive as their messages arrive in the sandbox inboxes.
  const phones = new Map<string, Phone>()
  const lives: Promise<void>[] = []
  let after = before
  const expected = prepared.counts.toCall + prepared.counts.duty
  let progressAt = 0
  const progress = async (force = false) => {
    if (!force && performance.now() - progressAt < 2_000)
      return
    progressAt = performance.now()
    const board = await commander.get<Board>(`/api/emergencies/${emergencyId}/board`)
    const f = funnel(Object.values(board.teams))
    const minute = (performance.now() - startedAt) / 60_000 * args.speed
    say(`T+${minute.toFixed(0).padStart(3)} min  应到 ${f.required}  应叫应 ${f.toCall}  已叫应 ${f.answered}  在途 ${f.coming}  不能到 ${f.cannot}  未叫应 ${f.silent + f.pending}  未联系上 ${f.unreachable}  到岗 ${f.arrivedPosts}`)
  }
  const endsAt = startedAt + model.endsAtMin * 60_000 / args.speed
  let settled = false
  while (performance.now() < endsAt || phones.size < expected) {
    const { messages } = await commander.get<SandboxMessages>(`/api/sandbox/messages?after=${after}&limit=5000`)
    for (const message of messages) {
      after = message.id
      const code = /\/a\/([\w-]+)/.exec(message.text)?.[1]
      if (code === undefined || phones.has(message.personId))
        continue
      ledger.person(message.personId, message.name)
      const phone = new Phone(world, code)
      phones.set(message.personId, phone)
      lives.push(phone.live().catch((error: unknown) => {
        ledger.counts.refusals++
        if (!wasRefused(error))
          throw error
        say(`refused: ${String(error)}`)
      }))
    }
    await progress()
    if (performance.now() > endsAt + 60_000) {
      say(`only ${phones.size} of ${expected} messages arrived`)
      break
    }
    await sleep(200)
    settled = performance.now() >= endsAt
  }
  await Promise.all(lives)
  await progress(true)
  if (!settled)
    say('the drill ended before its time')

  // Secretaries go through those who stayed silent, as they would at the end of the ladder.
  const secretaries = new Map<string, HttpClient>()
  for (const account of accounts.filter(a => a.role === 'communitySecretary'))
    secretaries.set(account.scopeName, await signIn(url, account))
  const communities = tree.townships.flatMap(t => t.communities)
  const secretaryOf = (gridId: string | null) => {
    const community = communities.find(c => c.grids.some(g => g.id === gridId))
    const client = community === undefined ? undefined : secretaries.get(community.name)
    if (client === undefined)
      throw new Error(`no secretary for grid ${gridId}`)
    return client
  }
  const silent = (await everyone(commander, emergencyId)).filter(p => ['pending', 'silent'].includes(personStatus(p.standing)) && p.standing.audience === 'team')
  for (const community of communities) {
    const ids = silent.filter(p => community.grids.some(g => g.id === p.standing.gridId)).map(p => p.personId)
    for (let i = 0; i < ids.length; i += 500) {
      await secretaryOf(community.grids[0]?.id ?? null).post(`/api/emergencies/${emergencyId}/unreachable`, { personIds: ids.slice(i, i + 500), reason: '阶梯叫应结束，电话无人接听' })
      for (const id of ids.slice(i, i + 500))
        ledger.person(id, '').unreachable = true
    }
  }
  await progress(true)

  if (!args.stayOpen) {
    await commander.post(`/api/emergencies/${emergencyId}/terminate`, { reason: '演练结束', residualMeasures: '各队签离后撤收' })
    const onSite = (await everyone(commander, emergencyId)).filter(p => personStatus(p.standing) === 'onSite')
    await Promise.all(onSite.map(async (p) => {
      const phone = phones.get(p.personId)
      if (phone !== undefined && !world.random.chance(model.neverChecksOut))
        return phone.checkOut()
      await secretaryOf(p.standing.gridId).post(`/api/emergencies/${emergencyId}/people/${p.personId}/unsigned`, { reason: '已电话确认安全返回，未按流程签离' })
      ledger.person(p.personId, p.name).unsigned = true
    }))
    for (const community of communities)
      await secretaryOf(community.grids[0]?.id ?? null).post(`/api/emergencies/${emergencyId}/stand-down`, { communityId: community.id }).catch(ignoreForeign)
  }
  for (const phone of phones.values())
    phone.close()
  return reconcile(args, commander, emergencyId, ledger, prepared, say)
}

/** Communities outside the scope answer NOT_FOUND to a stand-down. */
function ignoreForeign(error: unknown): void {
  if (!wasRefused(error))
    throw error
}

async function lastMessage(client: HttpClient): Promise<number> {
  let after = 0
  for (;;) {
    const { messages } = await client.get<SandboxMessages>(`/api/sandbox/messages?after=${after}&limit=5000`)
    const last = messages.at(-1)
    if (last === undefined)
      return after
    after = last.id
  }
}

/** Board = people = review = what the phones were told. Every person must stand in a named state that fits his own ledger. */
async function reconcile(args: DrillArguments, commander: HttpClient, emergencyId: string, ledger: Ledger, prepared: Preparation, say: (line: string) => void): Promise<boolean> {
  const board = await commander.get<Board>(`/api/emergencies/${emergencyId}/board`)
  const people = await everyone(commander, emergencyId)
  const review = await commander.get<Review>(`/api/emergencies/${emergencyId}/review`)
  const members = people.filter(p => p.standing.audience === 'team')
  const fromPeople = emptyCounts()
  for (const p of members)
    tally(fromPeople, p.standing, 1)
  const fromTeams = emptyCounts()
  for (const team of Object.values(board.teams))
    addCounts(fromTeams, team.counts)
  const f = funnel(Object.values(board.teams))
  const unaccounted = people.filter((p) => {
    const mine = ledger.people.get(p.personId)
    const status = personStatus(p.standing)
    if (mine === undefined)
      return true
    if (mine.checkedOut)
      return status !== 'left'
    if (mine.checkedIn)
      return status !== 'onSite'
    if (mine.answer === 'cannot')
      return status !== 'cannot'
    if (mine.answer !== null)
      return !['going', 'later'].includes(status) && p.standing.audience === 'team'
    return p.standing.audience === 'team' ? status !== 'unreachable' : status !== 'silent'
  })
  const check = (name: string, left: number | string, right: number | string): Check => ({ check: name, left, right, holds: left === right })
  const checks: Check[] = [
    check('required = preview', f.required, prepared.counts.required),
    check('to call: board = sum of people', f.toCall, members.length),
    check('to call: statuses add up', toCall(fromPeople), members.length),
    check('answered: board = people', f.answered, fromPeople.answered),
    check('answered: board = phones told so', f.answered, members.filter(p => ledger.people.get(p.personId)?.answer != null || ledger.people.get(p.personId)?.checkedIn === true).length),
    check('every status: board = people', JSON.stringify(fromTeams), JSON.stringify(fromPeople)),
    check('arrived: board = phones', f.onSite + f.left, members.filter(p => ledger.people.get(p.personId)?.checkedIn === true).length),
    check('review: to call', review.funnel.toCall, f.toCall),
    check('review: answered', review.funnel.answered, f.answered),
    ...review.reconciliation.map(r => ({ ...r, check: `review: ${r.check}` })),
    check('people unaccounted for', unaccounted.length, 0),
  ]
  const good = checks.every(c => c.holds)
  if (args.json)
    process.stdout.write(`${JSON.stringify({ emergencyId, no: board.header.no, funnel: f, ledger: ledger.counts, checks, good }, null, 2)}\n`)
  say(`phones: ${ledger.counts.links} links opened, ${ledger.counts.answers} answers, ${ledger.counts.replays} replays, ${ledger.counts.lostReplies} replies lost, ${ledger.counts.late} late, ${ledger.counts.checkIns} check-ins, ${ledger.counts.checkOuts} check-outs`)
  for (const c of checks)
    say(`${c.holds ? '✓' : '✗'} ${c.check}${c.holds ? `: ${typeof c.left === 'number' ? c.left : 'equal'}` : `: ${c.left} ≠ ${c.right}`}`)
  for (const p of unaccounted.slice(0, 20))
    say(`  ${p.name} (${p.unitName ?? ''}): board says ${personStatus(p.standing)}, phone says ${JSON.stringify(ledger.people.get(p.personId))}`)
  return good
}

try {
  process.exitCode = await drill(readArguments(process.argv.slice(2))) ? 0 : 1
}
catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 2
}
