import { describe, it } from 'vitest'
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
