import { computed, createApp } from 'vue'
import { loadCounty, wearSkin } from '../shared/county.ts'
import { face } from '../shared/face.ts'
import { setUpI18n } from '../shared/i18n/index.ts'
import { reloadWhenOutdated } from '../shared/reload.ts'
import ConsoleApp from './ConsoleApp.vue'
import { zhCN } from './i18n/zh-CN.ts'
import { followCounty } from './live.ts'
import { router } from './router.ts'
import 'virtual:tokens.css'
import 'virtual:element.css'
import '../shared/styles/base.css'
import './console.css'

reloadWhenOutdated()
void Promise.all([setUpI18n(zhCN, async () => (await import('./i18n/en.ts')).en), loadCounty()]).then(() => {
  wearSkin(computed(() => face.value.skin))
  createApp(ConsoleApp).use(router).mount('#app')
  followCounty()
})
