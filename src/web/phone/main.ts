import { computed, createApp } from 'vue'
import { loadCounty, wearSkin } from '../shared/county.ts'
import { face } from '../shared/face.ts'
import { setUpI18n } from '../shared/i18n/index.ts'
import { reloadWhenOutdated } from '../shared/reload.ts'
import { restoreTextSize } from '../shared/text-size.ts'
import { zhCN } from './i18n/zh-CN.ts'
import { followPerson, showAlerts } from './live.ts'
import PhoneApp from './PhoneApp.vue'
import { router } from './router.ts'
import 'virtual:tokens.css'
import 'virtual:vant.css'
import '../shared/styles/base.css'
import './phone.css'

reloadWhenOutdated()
restoreTextSize()
// The county's name and mode may come later; the first screen does not wait for them.
void loadCounty()
wearSkin(computed(() => face.value.skin))

void setUpI18n(zhCN, async () => (await import('./i18n/en.ts')).en).then(() => {
  createApp(PhoneApp).use(router).mount('#app')
  followPerson()
  showAlerts(
    emergencyId => void router.push({ name: 'emergency', params: { emergencyId } }),
    () => {
      const { name } = router.currentRoute.value
      return name === 'emergency' || name === 'team' ? { isDrill: face.value.skin === 'drill' } : null
    },
  )
})

// Absent in WeChat's web view, over plain http and in private windows: then the page works without it.
if (import.meta.env.PROD && 'serviceWorker' in navigator) {
  window.addEventListener('load', () => {
    navigator.serviceWorker.register('/sw.js', { scope: '/' }).catch(() => {})
  })
}
