import type { App } from '../../platform/http/index.ts'
import type { Calls } from './calls.service.ts'
import { z } from 'zod'
import { AnswerReply, GiveAnswer, GiveReceipt, MarkUnreachable, ReceiptReply, Urge, UrgeReply } from '../../../contract/calls.ts'
import { ErrorBody, Id } from '../../../contract/common.ts'
import { Me } from '../../../contract/identity.ts'
import { SeqReply } from '../../../contract/mobilization.ts'
import { callerOf } from '../../platform/http/index.ts'
import { setSessionCookie } from '../identity/index.ts'

const tags = ['calls']
const refusals = { '4xx': ErrorBody, '5xx': ErrorBody }
const params = z.strictObject({ emergencyId: Id })
const personParams = z.strictObject({ emergencyId: Id, personId: Id })

export function registerCallsRoutes(app: App, calls: Calls): void {
  // A POST, because previews and scanners fetch links: opening one must never answer or sign in.
  app.post('/api/links/:code', { config: { access: 'public' }, schema: { tags, summary: 'Trade a message\'s link for a session in one emergency', params: z.strictObject({ code: z.string().max(100) }), body: z.strictObject({}), response: { 200: Me, ...refusals } } }, async (request, reply) => {
    const opened = await calls.tradeLink(request.params.code, request.ip, request.headers['user-agent'] ?? '')
    setSessionCookie(reply, opened)
    return opened.me
  })
  app.post('/api/emergencies/:emergencyId/answers', { config: { access: 'call.answerOwn' }, schema: { tags, summary: 'Answer the alert', params, body: GiveAnswer, response: { 200: AnswerReply, ...refusals } } }, request => calls.answer(callerOf(request), request.params.emergencyId, request.body))
  app.post('/api/emergencies/:emergencyId/receipts', { config: { access: 'call.answerOwn' }, schema: { tags, summary: 'The phone shows the alert', params, body: GiveReceipt, response: { 200: ReceiptReply, ...refusals } } }, request => calls.receipt(callerOf(request), request.params.emergencyId, request.body))
  app.post('/api/emergencies/:emergencyId/people/:personId/answers', { config: { access: 'call.answerFor' }, schema: { tags, summary: 'Answer in somebody\'s name', params: personParams, body: GiveAnswer, response: { 200: AnswerReply, ...refusals } } }, request => calls.answerFor(callerOf(request), request.params.emergencyId, request.params.personId, request.body))
  app.post('/api/emergencies/:emergencyId/unreachable', { config: { access: 'call.markUnreachable' }, schema: { tags, summary: 'Mark people as not reached', params, body: MarkUnreachable, response: { 200: SeqReply, ...refusals } } }, request => calls.markUnreachable(callerOf(request), request.params.emergencyId, request.body))
  app.post('/api/emergencies/:emergencyId/urges', { config: { access: 'call.urge' }, schema: { tags, summary: 'Call the silent ones once more', params, body: Urge, response: { 200: UrgeReply, ...refusals } } }, request => calls.urge(callerOf(request), request.params.emergencyId, request.body))
}
