import type { App } from '../../platform/http/index.ts'
import type { Mobilization } from './mobilization.service.ts'
import { z } from 'zod'
import { ErrorBody, Id } from '../../../contract/common.ts'
import { AdjustmentPreview, ChangeLevel, Correct, EmergencyRef, ExtendScope, Preparation, Prepare, Press, PreviewAdjustment, SeqReply, StandDown, SupplyBasis, Terminate, WithReason } from '../../../contract/mobilization.ts'
import { DomainError } from '../../platform/errors.ts'
import { callerOf } from '../../platform/http/index.ts'

const tags = ['switch']
const refusals = { '4xx': ErrorBody, '5xx': ErrorBody }
const params = z.strictObject({ emergencyId: Id })
const IdempotencyKey = z.string().min(8).max(100)

export function registerMobilizationRoutes(app: App, switchboard: Mobilization): void {
  app.post('/api/switch/preparations', { config: { access: 'switch.prepare' }, schema: { tags, summary: 'Preview of a press of the key, in numbers', body: Prepare, response: { 200: Preparation, ...refusals } } }, request => switchboard.prepare(callerOf(request), request.body))

  app.post('/api/switch/activations', { config: { access: 'switch.activate' }, schema: { tags, summary: 'Press the key; needs the header Idempotency-Key', body: Press, response: { 200: EmergencyRef, 201: EmergencyRef, ...refusals } } }, async (request, reply) => {
    const key = IdempotencyKey.safeParse(request.headers['idempotency-key'])
    if (!key.success)
      throw new DomainError('IDEMPOTENCY_KEY_REQUIRED')
    const ref = await switchboard.press(callerOf(request), request.body, key.data)
    return reply.status(ref.replayed ? 200 : 201).send(ref)
  })

  app.post('/api/emergencies/:emergencyId/level', { config: { access: 'emergency.adjust' }, schema: { tags, summary: 'Raise or lower the level', params, body: ChangeLevel, response: { 200: SeqReply, ...refusals } } }, request => switchboard.changeLevel(callerOf(request), request.params.emergencyId, request.body))
  app.post('/api/emergencies/:emergencyId/adjustments/preview', { config: { access: 'emergency.adjust' }, schema: { tags, summary: 'What a change of level or scope would do, in people', params, body: PreviewAdjustment, response: { 200: AdjustmentPreview, ...refusals } } }, request => switchboard.previewAdjustment(callerOf(request), request.params.emergencyId, request.body))
  app.post('/api/emergencies/:emergencyId/scope', { config: { access: 'emergency.adjust' }, schema: { tags, summary: 'Extend to more places', params, body: ExtendScope, response: { 200: SeqReply, ...refusals } } }, request => switchboard.extendScope(callerOf(request), request.params.emergencyId, request.body))
  app.post('/api/emergencies/:emergencyId/revoke', { config: { access: 'emergency.end' }, schema: { tags, summary: 'Pressed by mistake: take it back', params, body: WithReason, response: { 200: SeqReply, ...refusals } } }, request => switchboard.revoke(callerOf(request), request.params.emergencyId, request.body))
  app.post('/api/emergencies/:emergencyId/terminate', { config: { access: 'emergency.end' }, schema: { tags, summary: 'End the response', params, body: Terminate, response: { 200: SeqReply, ...refusals } } }, request => switchboard.terminate(callerOf(request), request.params.emergencyId, request.body))
  app.post('/api/emergencies/:emergencyId/lift', { config: { access: 'emergency.lift' }, schema: { tags, summary: 'End a pre-alert', params, body: WithReason, response: { 200: SeqReply, ...refusals } } }, request => switchboard.lift(callerOf(request), request.params.emergencyId, request.body))
  app.post('/api/emergencies/:emergencyId/corrections', { config: { access: 'emergency.correct' }, schema: { tags, summary: 'Correct the alert to the same people', params, body: Correct, response: { 200: SeqReply, ...refusals } } }, request => switchboard.correct(callerOf(request), request.params.emergencyId, request.body))
  app.post('/api/emergencies/:emergencyId/stand-down', { config: { access: 'emergency.standDown' }, schema: { tags, summary: 'A community reports everyone signed off', params, body: StandDown, response: { 200: SeqReply, ...refusals } } }, request => switchboard.standDown(callerOf(request), request.params.emergencyId, request.body))
  app.post('/api/emergencies/:emergencyId/archive', { config: { access: 'emergency.archive' }, schema: { tags, summary: 'Archive after the review', params, body: WithReason, response: { 200: SeqReply, ...refusals } } }, request => switchboard.archive(callerOf(request), request.params.emergencyId, request.body))
  app.post('/api/emergencies/:emergencyId/basis', { config: { access: 'emergency.adjust' }, schema: { tags, summary: 'Supply the written basis after an oral approval', params, body: SupplyBasis, response: { 200: SeqReply, ...refusals } } }, request => switchboard.supplyBasis(callerOf(request), request.params.emergencyId, request.body))
}
