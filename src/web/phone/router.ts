import { createRouter, createWebHistory } from 'vue-router'
import { loadMe } from '../shared/session.ts'
import { askAgain } from './live.ts'
import EmergencyPage from './pages/emergency/EmergencyPage.vue'
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
    // The link of a message, and the code on the captain's phone: both open without a login.
    { path: '/a/:code', name: 'link', component: () => import('./pages/link/LinkPage.vue'), meta: { isPublic: true, isFullScreen: true } },
    { path: '/c/:code', name: 'scan', component: () => import('./pages/scan/ScanPage.vue'), meta: { isPublic: true } },
    { path: '/m/e/:emergencyId', name: 'emergency', component: EmergencyPage, meta: { isFullScreen: true } },
    { path: '/m/e/:emergencyId/team', name: 'team', component: () => import('./pages/team/TeamPage.vue') },
    { path: '/m/me', name: 'me', component: () => import('./pages/settings/SettingsPage.vue') },
    { path: '/:path(.*)*', name: 'notFound', component: () => import('../shared/ui/NotFoundPage.vue'), meta: { isPublic: true } },
  ],
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
})

router.beforeEach(async (to) => {
  if (to.meta.isPublic === true)
    return true
  // Without a network the page itself shows what it has and offers a retry.
  const who = await loadMe().catch(() => askAgain())
  return who === null ? { name: 'signIn', query: { next: to.fullPath } } : true
})
