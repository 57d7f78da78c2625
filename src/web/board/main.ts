import { createApp } from 'vue'
import { loadCounty, wearSkin } from '../shared/county.ts'
import { setUpI18n } from '../shared/i18n/index.ts'
import { reloadWhenOutdated } from '../shared/reload.ts'
import BoardApp from './BoardApp.vue'
import { zhCN } from './i18n/zh-CN.ts'
import { skin } from './leading.ts'
import { router } from './router.ts'
import 'virtual:tokens.css'
import '../shared/styles/base.css'
import './board.css'

reloadWhenOutdated()
void Promise.all([setUpI18n(zhCN, async () => (await import('./i18n/en.ts')).en), loadCounty()]).then(() => {
  wearSkin(skin)
  createApp(BoardApp).use(router).mount('#app')
})
