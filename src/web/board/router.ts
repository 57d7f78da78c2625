import { createRouter, createWebHistory } from 'vue-router'
import WallPage from './pages/WallPage.vue'

export const router = createRouter({
  history: createWebHistory('/wall'),
  routes: [{ path: '/:path(.*)*', name: 'wall', component: WallPage }],
})
