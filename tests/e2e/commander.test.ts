import type { Locator, Page } from 'playwright-core'
import type { Board } from '../../src/contract/reducer.ts'
import type { Review } from '../../src/contract/review.ts'
import { beforeAll, describe, expect, it } from 'vitest'
import { funnel } from '../../src/contract/counting.ts'
import { openService } from './service.ts'

const service = await openService()
const DESK = { width: 1366, height: 768 }
/** §6: the whole county at level III. */
const COUNTY_III = { required: '827', communities: '12', grids: '59', units: '91' }

const textOf = async (one: Locator): Promise<string> => (await one.textContent() ?? '').trim()

/** Presses and holds the key as a hand does. */
async function hold(page: Page, ms: number): Promise<void> {
  const box = await page.locator('[data-action=hold]').boundingBox()
  await page.mouse.move((box?.x ?? 0) + (box?.width ?? 0) / 2, (box?.y ?? 0) + (box?.height ?? 0) / 2)
  await page.mouse.down()
  await page.waitForTimeout(ms)
  await page.mouse.up()
}

describe('the county\'s commander', () => {
  let emergencyId = ''

  it('has the county called out in three interactions from the home page', async () => {
    const { page } = await service.open(DESK)
    await service.signIn(page, 'countyCommander')
    await page.getByText('全部网格已就绪').waitFor()
    await service.fits(page)
    await page.locator('a[data-plan=flood]').click()
    await page.locator('[data-level="3"]').click()
    await page.locator('[data-count=required] dd', { hasText: COUNTY_III.required }).waitFor()
    for (const [name, value] of Object.entries(COUNTY_III))
      expect(await textOf(page.locator(`[data-part=preview] [data-count=${name}] dd`))).toBe(value)
    // Key and numbers are on the screen before anything is scrolled.
    await expect(page.locator('[data-action=hold]').boundingBox().then(box => (box?.y ?? 0) + (box?.height ?? 0))).resolves.toBeLessThanOrEqual(DESK.height)
    const [lines, panel] = await page.evaluate<number[]>('(one => [one.scrollHeight, one.clientHeight])(document.querySelector("[data-part=preview]"))')
    expect(lines, 'lines of the preview').toBeLessThanOrEqual(panel ?? 0)
    await service.fits(page)
    await page.locator('[data-action=hold]:not([disabled])').waitFor()
    // A slip of the hand starts nothing.
    await hold(page, 1_000)
    await page.getByText('未满 3 秒，已取消').waitFor()
    expect(new URL(page.url()).pathname).toBe('/switch')
    await hold(page, 3_300)
    await page.waitForURL(/\/e\/[\w-]+$/)
    emergencyId = page.url().split('/e/')[1] ?? ''
    await page.locator('html[data-skin=emergency]').waitFor()
  })

  it('sees on the live page what the board counts, and an answer as it comes', async () => {
    const { page } = await service.open({ width: 1920, height: 1080 })
    await service.signIn(page, 'countyCommander')
    await page.goto(`${service.url}/e/${emergencyId}`)
    await page.locator('.funnel [data-count=required]').waitFor()
    await expect(page.locator('[data-grid]').count()).resolves.toBe(59)
    const board = await service.commander.get<Board>(`/api/emergencies/${emergencyId}/board?scope=county`)
    const sums = funnel(Object.values(board.teams))
    expect(sums.required).toBe(827)
    for (const name of ['required', 'toCall', 'answered', 'coming', 'cannot', 'unreachable'] as const)
      expect(await textOf(page.locator(`.funnel [data-count=${name}] .value`)), name).toBe(String(sums[name]))
    await service.fits(page)

    const [link = ''] = await service.links(emergencyId, 1)
    const phone = await service.open({ width: 360, height: 740, isPhone: true })
    await phone.page.goto(link)
    await phone.page.locator('[data-answer=going]').tap()
    await page.locator('.funnel [data-count=answered] .value', { hasText: /^\s*1\s*$/ }).waitFor()
  })

  it('shows it on a 4K wall without anything cut or scrolled', async () => {
    const { page } = await service.open({ width: 3840, height: 2160 })
    await service.signIn(page, 'countyCommander')
    await page.goto(`${service.url}/wall`)
    await page.locator('.funnel [data-count=required]').waitFor()
    await service.fits(page)
    const [content, screen] = await page.evaluate<number[]>('[document.documentElement.scrollHeight, document.documentElement.clientHeight]')
    expect(content).toBeLessThanOrEqual(screen ?? 0)
    const outside = await page.evaluate<number>(`[...document.querySelectorAll('.map .tiles > *')].filter((tile) => {
      const box = tile.getBoundingClientRect()
      return box.right > innerWidth || box.bottom > innerHeight || tile.scrollHeight > tile.clientHeight + 2
    }).length`)
    expect(outside, 'tiles that are cut').toBe(0)
  })

  it('reads it in English with one tap, and no sentence stays Chinese', async () => {
    const { page } = await service.open(DESK)
    await service.signIn(page, 'countyCommander')
    await page.goto(`${service.url}/e/${emergencyId}`)
    await page.locator('.funnel').waitFor()
    await page.getByText('English', { exact: true }).click()
    await page.getByText('End the response', { exact: true }).waitFor()
    await expect(page.evaluate('document.documentElement.lang')).resolves.toBe('en')
    for (const name of await page.locator('nav button, nav a, h2, dt, th').allInnerTexts())
      expect(name).not.toMatch(/[\u4E00-\u9FFF]/)
    await service.fits(page)
  })

  it('ends it; the communities stand down and the review adds up', async () => {
    const { page } = await service.open(DESK)
    await service.signIn(page, 'countyCommander')
    await page.goto(`${service.url}/e/${emergencyId}`)
    await page.locator('[data-action=terminate]').click()
    // Says in numbers what it will do, and wants a reason.
    await page.locator('[data-part=effect]', { hasText: '1,069' }).waitFor()
    await page.locator('[data-action=submit]').click()
    await page.getByText('请填写').first().waitFor()
    await page.locator('[data-field=reason]').fill('雨停水退')
    await page.locator('[data-action=submit]').click()
    await page.getByText('撤收中').first().waitFor()

    for (const { id } of service.communities)
      await service.commander.post(`/api/emergencies/${emergencyId}/stand-down`, { communityId: id })
    await page.getByText('响应已结束').waitFor()
    await page.goto(`${service.url}/e/${emergencyId}/review`)
    await page.getByText('全部核对一致').waitFor()
    const review = await service.commander.get<Review>(`/api/emergencies/${emergencyId}/review`)
    expect(review.reconciliation.filter(({ holds }) => !holds)).toEqual([])
    expect(await textOf(page.locator('.funnel [data-count=answered] .value'))).toBe('1')
    await service.fits(page)
    await page.goto(service.url)
    await page.getByText('全部网格已就绪').waitFor()
    await expect(page.evaluate('document.documentElement.dataset.skin')).resolves.toBe('peacetime')
  })
})

describe('a drill', () => {
  const community = service.communityOf('北城社区').id
  let emergencyId = ''
  beforeAll(async () => {
    emergencyId = await service.press('北城社区', { isDrill: true })
  })

  it.each([['home', '/'], ['live', '/e/:id'], ['community', '/community?c=:community&e=:id'], ['wall', '/wall']])('wears stripes and the word on the %s page', async (_, path) => {
    const { page } = await service.open(DESK)
    await service.signIn(page, 'countyCommander')
    await page.goto(service.url + path.replace(':id', emergencyId).replace(':community', community))
    await page.getByText('演练 · 非真实险情').first().waitFor()
    await expect(page.evaluate('document.documentElement.dataset.skin')).resolves.toBe('drill')
    await service.fits(page)
  })

  it('keeps its stripes beside a real response, which leads', async () => {
    await service.press('茶埠社区')
    const { page } = await service.open(DESK)
    await service.signIn(page, 'countyCommander')
    await expect(page.locator('.running').first().getAttribute('class')).resolves.not.toContain('drill')
    await expect(page.evaluate('document.documentElement.dataset.skin')).resolves.toBe('emergency')
    await page.goto(`${service.url}/community?c=${community}&e=${emergencyId}`)
    await page.getByText('演练 · 非真实险情').first().waitFor()
    await expect(page.evaluate('document.documentElement.dataset.skin')).resolves.toBe('drill')
    await page.getByText('另有急时进行中').waitFor()
  })

  it('says so on paper, and a real one\'s paper never does', async () => {
    const real = await service.press('岷州社区')
    const { page } = await service.open(DESK)
    await service.signIn(page, 'countyCommander')
    const stripes = page.getByText('演练 · 非真实险情').filter({ visible: true })
    for (const [id, many] of [[emergencyId, 1], [real, 0]] as const) {
      await page.goto(`${service.url}/e/${id}/review`)
      await page.getByText('全部核对一致').waitFor()
      await page.emulateMedia({ media: 'print' })
      await expect(stripes.count()).resolves.toBe(many)
      await page.emulateMedia({ media: 'screen' })
    }
  })
})
