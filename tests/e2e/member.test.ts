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
