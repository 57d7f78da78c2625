import { describe, expect, it } from 'vitest'
import { openService } from './service.ts'

const service = await openService()

describe('a community secretary', () => {
  it.each([['a desk', { width: 1366, height: 768 }], ['a phone', { width: 390, height: 844, isPhone: true }]] as const)('on %s sees the teams live, confirms them and signs a person in', async (where, size) => {
    const community = where === 'a desk' ? '洮滨社区' : '叠藏社区'
    const emergencyId = await service.press(community)
    const { page } = await service.open(size)
    await service.signIn(page, 'communitySecretary', community)
    await page.goto(`${service.url}/community?e=${emergencyId}`)
    await page.getByText('确认全部编队').click()
    await page.getByText('已确认').first().waitFor()
    await service.fits(page)
    const [link = ''] = await service.links(emergencyId, 1)
    const phone = await service.open({ width: 360, height: 740, isPhone: true })
    await phone.page.goto(link)
    await phone.page.locator('[data-answer=going]').tap()
    await phone.page.getByText('已收到您的答复').waitFor()
    // The board hears of it without being asked.
    await page.locator('.chip', { hasText: '在途' }).waitFor()
    await page.locator('.chip', { hasText: '在途' }).click()
    await page.locator('.person').first().click()
    await page.getByRole('button', { name: '代签到' }).click()
    await page.locator('.chip', { hasText: '到岗' }).waitFor()
    await phone.page.getByText('您已到岗').waitFor()
  })
})

describe('a member who is signed in', () => {
  it('is called from a drill to the real thing, whatever page is open', async () => {
    // Level Ⅰ summons nearly everyone of the unit, the demo's member among them.
    const drill = await service.press('东城社区', { isDrill: true, level: 1, name: '拉动' })
    const { page } = await service.open({ width: 360, height: 740, isPhone: true })
    await service.signIn(page, 'unitMember')
    await page.goto(`${service.url}/m/e/${drill}`)
    await page.locator('[data-answer=going]').tap()
    await page.getByText('已收到您的答复').waitFor()
    await page.locator('html[data-skin=drill]').waitFor()

    const real = await service.press('东城社区', { level: 1, name: '叠藏河洪水' })
    await page.waitForURL(new RegExp(real))
    await page.getByText('叠藏河洪水', { exact: true }).waitFor()
    await page.locator('html[data-skin=emergency]').waitFor()
    await page.locator('[data-answer=going]').waitFor()

    // The page of the drill says where he belongs now, and does not send him home.
    await page.goto(`${service.url}/m/e/${drill}`)
    await page.getByText('您已转入另一项响应，请按新的通知行动。').waitFor()
    await page.locator('html[data-skin=drill]').waitFor()
  })

  it('of the grid\'s staff is thanked for being at his post, and not told to turn back', async () => {
    const { page } = await service.open({ width: 360, height: 740, isPhone: true })
    await service.signIn(page, 'gridChief')
    await page.goto(`${service.url}/m`)
    await page.getByText('立即答复').first().tap()
    await page.getByText('收到，在岗接应').tap()
    await page.getByText('已收到您的答复：在岗接应').waitFor()
    // A drill calls him too, and does not take the real thing from the screen.
    const real = new URL(page.url()).pathname
    await service.press('东城社区', { isDrill: true, level: 3, name: '另一次拉动' })
    await page.waitForTimeout(1_500)
    expect(new URL(page.url()).pathname).toBe(real)
    await expect(page.evaluate('document.documentElement.dataset.skin')).resolves.toBe('emergency')
    await service.commander.post(`/api/emergencies/${new URL(page.url()).pathname.split('/e/')[1]}/terminate`, { reason: '雨停水退', residualMeasures: '继续值守' })
    await page.getByText('请按社区安排收尾，感谢值守。').waitFor()
  })
})
