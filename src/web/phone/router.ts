import { createRouter, createWebHistory } from 'vue-router'
import { loadMe } from '../shared/session.ts'
import HomePage from './pages/home/HomePage.vue'

declare module 'vue-router' {
  interface RouteMeta {
    isPublic?: boolean
    /** A page that fills the screen, without the bar at the foot. */
    isFullScreen?: boolean
  }
}

export const router = createRouter({
  history: createWebHistory('/'),
  routes: [
    { path: '/m/sign-in', name: 'signIn', component: () => import('./pages/sign-in/SignInPage.vue'), meta: { isPublic: true, isFullScreen: true } },
    { path: '/m', name: 'home', component: HomePage },
    { path: '/m/me', name: 'me', component: () => import('./pages/settings/SettingsPage.vue') },
    { path: '/:path(.*)*', name: 'notFound', component: () => import('./pages/not-found/NotFoundPage.vue'), meta: { isPublic: true } },
  ],
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
})

router.beforeEach(async (to) => {
  if (to.meta.isPublic === true)
    return true
  // Without a network the page itself shows what it has and offers a retry.
  const who = await loadMe().catch(() => undefined)
  return who === null ? { name: 'signIn', query: { next: to.fullPath } } : true
})
