import type { CheckInCode } from '../../src/contract/presence.ts'
import type { Board } from '../../src/contract/reducer.ts'
import { describe, expect, it } from 'vitest'
import { openService } from './service.ts'

const service = await openService()
const PHONE = { width: 360, height: 740, isPhone: true }

describe('a member\'s phone', () => {
  it('opens the link without a login, answers in one tap, checks in, signs off', async () => {
    const emergencyId = await service.press('东城社区')
    const [link = ''] = await service.links(emergencyId, 1)
    const { page } = await service.open(PHONE)
    await page.goto(link)
    await page.waitForURL(/\/m\/e\//)
    await page.getByText('服从东城社区党组织统一指挥', { exact: true }).waitFor()
    // The big answer is on the screen before anything is scrolled.
    await expect(page.locator('[data-answer=going]').boundingBox().then(box => (box?.y ?? 0) + (box?.height ?? 0))).resolves.toBeLessThanOrEqual(PHONE.height)
    await service.fits(page)
    await page.locator('[data-answer=going]').tap()
    await page.getByText('已收到您的答复：立即出发').waitFor()
    await page.locator('[data-action=check-in]').tap()
    await page.getByText('您已到岗').waitFor()
    await service.fits(page)
    await page.locator('[data-action=check-out]').tap()
    await page.locator('.van-dialog__confirm').tap()
    await page.getByText('您已签离').waitFor()
  })

  it('changes its mind, and says why it cannot come', async () => {
    const emergencyId = await service.press('西城社区')
    const [link = ''] = await service.links(emergencyId, 1)
    const { page } = await service.open(PHONE)
    await page.goto(link)
    await page.locator('[data-answer=going]').tap()
    await page.getByText('已收到您的答复：立即出发').waitFor()
    await page.getByText('改变答复').tap()
    await page.locator('[data-answer=cannot]').tap()
    await page.locator('.van-action-sheet__item', { hasText: '照护' }).tap()
    await page.getByText('已收到您的答复：因故不能到').waitFor()
  })

  it('is checked in by the team\'s code, which any scanner opens', async () => {
    const emergencyId = await service.press('洮滨社区')
    const secretary = await service.as('communitySecretary', '洮滨社区')
    const { teams } = await secretary.get<Board>(`/api/emergencies/${emergencyId}/board?scope=community&scopeId=${service.communityOf('洮滨社区').id}`)
    const [team] = Object.values(teams)
    const [link = ''] = await service.links(emergencyId, 1, team?.gridId)
    const { page } = await service.open({ ...PHONE, isBare: true })
    await page.goto(link)
    await page.locator('[data-answer=going]').tap()
    await page.getByText('已收到您的答复：立即出发').waitFor()
    const { url } = await secretary.get<CheckInCode>(`/api/emergencies/${emergencyId}/teams/${team?.teamId}/check-in-code`)
    await page.goto(url)
    await page.getByText('签到成功').waitFor()
    await page.getByText('查看我的任务').tap()
    await page.getByText('您已到岗').waitFor()
  })

  it('shows a correction above the place that it corrects', async () => {
    const emergencyId = await service.press('新城社区')
    const [link = ''] = await service.links(emergencyId, 1)
    const { page } = await service.open(PHONE)
    await page.goto(link)
    await page.locator('[data-answer=going]').tap()
    await page.getByText('已收到您的答复：立即出发').waitFor()
    await service.commander.post(`/api/emergencies/${emergencyId}/corrections`, { text: '集结点改为社区广场东侧' })
    const [correction, place] = await Promise.all([page.getByText('更正：集结点改为社区广场东侧'), page.locator('.place')].map(async one => (await one.boundingBox())?.y ?? Number.NaN))
    expect(correction).toBeLessThan(place ?? 0)
  })

  it('tells who never came that he may go home, and does not ask him to sign off', async () => {
    const emergencyId = await service.press('和平社区')
    const [link = ''] = await service.links(emergencyId, 1)
    const { page } = await service.open(PHONE)
    await page.goto(link)
    await page.locator('[data-answer=going]').waitFor()
    await service.commander.post(`/api/emergencies/${emergencyId}/terminate`, { reason: '雨停水退', residualMeasures: '继续值守' })
    await page.getByText('您无需到岗；已在路上的请返回，注意安全。').waitFor()
    await expect(page.locator('[data-action=check-out]').count()).resolves.toBe(0)
    await service.commander.post(`/api/emergencies/${emergencyId}/stand-down`, { communityId: service.communityOf('和平社区').id })
    await page.reload()
    await page.getByText('您无需到岗；已在路上的请返回，注意安全。').waitFor()
    await expect(page.getByText('感谢您的付出').count()).resolves.toBe(0)
  })

  it('keeps an answer without a network and sends it when there is one', async () => {
    const emergencyId = await service.press('南城社区')
    const [link = ''] = await service.links(emergencyId, 1)
    const { page, context } = await service.open(PHONE)
    await page.goto(link)
    await page.locator('[data-answer=going]').waitFor()
    await context.setOffline(true)
    await page.locator('[data-answer=going]').tap()
    await page.getByText('答复已存在手机上，正在发送').waitFor()
    await expect(page.getByText('已收到您的答复').count()).resolves.toBe(0)
    await context.setOffline(false)
    await page.getByText('已收到您的答复：立即出发').waitFor({ timeout: 45_000 })
  })

  it('shows a kept answer after a reload without a network, and sends it by itself', async () => {
    const emergencyId = await service.press('岷州社区')
    const [link = ''] = await service.links(emergencyId, 1)
    const { page, context } = await service.open(PHONE)
    await page.goto(link)
    await page.locator('[data-answer=going]').waitFor()
    // The page opens without a network once its worker has it.
    await page.evaluate('navigator.serviceWorker.ready.then(() => {})')
    await page.reload()
    await page.locator('[data-answer=going]').waitFor()
    await context.setOffline(true)
    await page.locator('[data-answer=going]').tap()
    await page.getByText('答复已存在手机上，正在发送').waitFor()
    await page.reload()
    await page.getByText('答复已存在手机上，正在发送').waitFor()
    await context.setOffline(false)
    await page.getByText('已收到您的答复：立即出发').waitFor({ timeout: 45_000 })
  })

  it('loses no tap while the service cannot say whose phone it is', async () => {
    const emergencyId = await service.press('十里社区')
    const [link = ''] = await service.links(emergencyId, 1)
    const { page } = await service.open({ ...PHONE, isBare: true })
    await page.goto(link)
    await page.locator('[data-answer=going]').waitFor()
    await page.route('**/api/me', route => route.fulfill({ status: 503, json: { error: { code: 'OVERLOADED', message: '', requestId: '', details: {} } } }))
    await page.reload()
    await page.locator('[data-answer=going]').tap()
    await page.getByText('已收到您的答复：立即出发').waitFor()
  })

  it('says what the service has accepted at once, however slowly the rest comes', async () => {
    const emergencyId = await service.press('城郊社区')
    const [link = ''] = await service.links(emergencyId, 1)
    const { page } = await service.open({ ...PHONE, isBare: true })
    await page.goto(link)
    await page.locator('[data-answer=going]').waitFor()
    await page.route('**/mine', () => {})
    await page.locator('[data-answer=going]').tap()
    await page.getByText('已收到您的答复：立即出发').waitFor()
    await page.locator('[data-action=check-in]').tap()
    await page.getByText('您已到岗').waitFor()
  })

  it('speaks English, and at 150 % nothing is cut', async () => {
    const emergencyId = await service.press('北城社区')
    const [link = ''] = await service.links(emergencyId, 1)
    const { page } = await service.open({ ...PHONE, language: 'en' })
    await page.goto(link)
    await page.getByText('Received, setting out now').waitFor()
    await service.fits(page)
    await page.locator('button[aria-pressed]').first().tap()
    await expect(page.evaluate('document.documentElement.dataset.text')).resolves.toBe('large')
    await service.fits(page)
    // Where, by when and the big answer are on the screen together, before anything is scrolled; also within the bars of a chat app.
    for (const height of [PHONE.height, 620]) {
      await page.setViewportSize({ width: PHONE.width, height })
      const [place, limit, going] = await Promise.all(['.place', '.limit', '[data-answer=going]'].map(one => page.locator(one).boundingBox()))
      expect((place?.y ?? 0) + (place?.height ?? 0)).toBeLessThanOrEqual(limit?.y ?? 0)
      expect((limit?.y ?? 0) + (limit?.height ?? 0)).toBeLessThanOrEqual(going?.y ?? 0)
      expect((going?.y ?? 0) + (going?.height ?? 0)).toBeLessThanOrEqual(height)
    }
  })

  it('wears stripes and the word in a drill, so that nobody takes it for the real thing', async () => {
    const emergencyId = await service.press('茶埠社区', { isDrill: true })
    const [link = ''] = await service.links(emergencyId, 1)
    const { page } = await service.open(PHONE)
    await page.goto(link)
    await page.locator('[data-answer=going]').waitFor()
    await expect(page.getByText('演练 · 非真实险情').count()).resolves.toBeGreaterThan(0)
    await expect(page.getByText(/【演练】/).count()).resolves.toBeGreaterThan(0)
  })

  it('is told when a link is no link', async () => {
    const { page } = await service.open(PHONE)
    await page.goto(`${service.url}/a/AAAAAAAAAAAAAAAAAAA`)
    await page.getByText('链接无效或已过期').waitFor()
  })
})
