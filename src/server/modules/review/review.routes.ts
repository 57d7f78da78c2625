import type { App } from '../../platform/http/index.ts'
import type { Reviews } from './review.service.ts'
import { z } from 'zod'
import { ErrorBody, Id } from '../../../contract/common.ts'
import { IdReply } from '../../../contract/registry.ts'
import { AddLesson } from '../../../contract/review.ts'
import { callerOf } from '../../platform/http/index.ts'

const tags = ['review']
const refusals = { '4xx': ErrorBody, '5xx': ErrorBody }
const params = z.strictObject({ emergencyId: Id })

export function registerReviewRoutes(app: App, reviews: Reviews): void {
  app.get('/api/emergencies/:emergencyId/review', { config: { access: 'review.view' }, schema: { tags, summary: 'After-action review (contract/review.ts: Review)', params } }, async (request, reply) => reply.send(await reviews.get(callerOf(request), request.params.emergencyId)))
  app.get('/api/emergencies/:emergencyId/review.csv', { config: { access: 'review.export' }, schema: { tags, summary: 'The review as a spreadsheet', params } }, async (request, reply) => {
    const { csv, fileName } = await reviews.exportCsv(callerOf(request), request.params.emergencyId)
    return reply.type('text/csv; charset=utf-8').header('content-disposition', `attachment; filename*=UTF-8''${encodeURIComponent(fileName)}`).send(csv)
  })
  app.get('/api/emergencies/:emergencyId/review.json', { config: { access: 'review.export' }, schema: { tags, summary: 'The review as JSON', params } }, async (request, reply) => {
    const review = await reviews.exportJson(callerOf(request), request.params.emergencyId)
    return reply.header('content-disposition', `attachment; filename*=UTF-8''${encodeURIComponent(`${review.header.no}.json`)}`).send(review)
  })
  app.post('/api/emergencies/:emergencyId/lessons', { config: { access: 'review.addLesson' }, schema: { tags, summary: 'Write down a lesson', params, body: AddLesson, response: { 201: IdReply, ...refusals } } }, async (request, reply) => reply.status(201).send(await reviews.addLesson(callerOf(request), request.params.emergencyId, request.body.text)))
}
