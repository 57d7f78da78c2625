import type { App } from '../../platform/http/index.ts'
import type { Identity, OpenedSession } from './identity.service.ts'
import { z } from 'zod'
import { ErrorBody } from '../../../contract/common.ts'
import { Me, SignIn } from '../../../contract/identity.ts'
import { callerOf } from '../../platform/http/index.ts'

/** Puts the session's token where only the browser sees it. */
export function setSessionCookie(reply: { setCookie: (name: string, value: string, options: object) => unknown }, { token, cookie }: OpenedSession): void {
  reply.setCookie(cookie.name, token, { path: '/', httpOnly: true, sameSite: 'lax', secure: cookie.secure, expires: cookie.expires })
}

export function registerIdentityRoutes(app: App, identity: Identity): void {
  app.post('/api/session', { config: { access: 'public' }, schema: { tags: ['identity'], summary: 'Sign in with phone number and password', body: SignIn, response: { '200': Me, '4xx': ErrorBody } } }, async (request, reply) => {
    const opened = await identity.signIn(request.body, request.ip, request.headers['user-agent'] ?? '')
    setSessionCookie(reply, opened)
    return opened.me
  })

  app.delete('/api/session', { config: { access: 'session.own' }, schema: { tags: ['identity'], summary: 'Sign out', response: { '204': z.null(), '4xx': ErrorBody } } }, async (request, reply) => {
    await identity.signOut(callerOf(request).actor)
    // A browser heeds a __Host- cookie, its removal included, only with the same attributes.
    reply.clearCookie(identity.cookie.name, { path: '/', httpOnly: true, sameSite: 'lax', secure: identity.cookie.secure })
    return reply.status(204).send(null)
  })

  app.get('/api/me', { config: { access: 'session.own' }, schema: { tags: ['identity'], summary: 'Who am I, with which roles', response: { '200': Me, '4xx': ErrorBody } } }, request => identity.me(callerOf(request).actor))
}
