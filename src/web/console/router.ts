import type { Role } from '../../contract/vocabulary.ts'
import { createRouter, createWebHistory } from 'vue-router'
import { hasRole, loadMe } from '../shared/session.ts'
import HomePage from './pages/home/HomePage.vue'
import { HOME_ROLES, LIST_ROLES, LIVE_ROLES, REVIEW_ROLES, SANDBOX_ROLES, SWITCH_ROLES } from './rights.ts'

declare module 'vue-router' {
  interface RouteMeta {
    /** Open to anyone; everything else needs a session. */
    isPublic?: boolean
    /** Where set, only these see the entry; the server decides what they may do. */
    roles?: readonly Role[]
  }
}

export const router = createRouter({
  history: createWebHistory('/'),
  routes: [
    { path: '/sign-in', name: 'signIn', component: () => import('./pages/sign-in/SignInPage.vue'), meta: { isPublic: true } },
    { path: '/', name: 'home', component: HomePage },
    { path: '/switch', name: 'switch', component: () => import('./pages/switch/SwitchPage.vue'), meta: { roles: SWITCH_ROLES } },
    { path: '/emergencies', name: 'emergencies', component: () => import('./pages/emergencies/EmergenciesPage.vue'), meta: { roles: LIST_ROLES } },
    { path: '/e/:id', name: 'live', component: () => import('./pages/live/LivePage.vue'), props: true, meta: { roles: LIVE_ROLES } },
    { path: '/e/:id/review', name: 'review', component: () => import('./pages/review/ReviewPage.vue'), props: true, meta: { roles: REVIEW_ROLES } },
    { path: '/sandbox', name: 'sandbox', component: () => import('./pages/sandbox/SandboxPage.vue'), meta: { roles: SANDBOX_ROLES } },
    { path: '/community', name: 'community', component: () => import('./pages/community/CommunityPage.vue'), meta: { roles: ['communitySecretary', 'communityCadre', 'townshipSecretary', 'countyCommander', 'countyAdmin', 'countyDuty'] } },
    { path: '/unit', name: 'unit', component: () => import('./pages/unit/UnitPage.vue'), meta: { roles: ['unitSecretary', 'unitLiaison'] } },
    { path: '/:path(.*)*', name: 'notFound', component: () => import('../shared/ui/NotFoundPage.vue') },
  ],
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
})

router.beforeEach(async (to) => {
  if (to.meta.isPublic === true)
    return true
  // Without a network the page itself shows what fails and offers a retry.
  const who = await loadMe().catch(() => undefined)
  if (who === null)
    return { name: 'signIn', query: to.fullPath === '/' ? {} : { next: to.fullPath } }
  // Members and grid staff work on the phone: their start is there.
  if (who && to.name === 'home' && !hasRole(...HOME_ROLES)) {
    window.location.replace('/m')
    return false
  }
  if (to.meta.roles !== undefined && !hasRole(...to.meta.roles))
    return { name: 'notFound', params: { path: to.path.slice(1).split('/') } }
  return true
})
