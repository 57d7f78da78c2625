import type { Review } from '../../../contract/review.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Database } from '../../platform/db/index.ts'
import type { Tail } from '../../platform/eventlog/index.ts'
import type { Caller } from '../../platform/http/index.ts'
import type { GridIndex } from '../registry/index.ts'
import { sql } from 'drizzle-orm'
import { DomainError } from '../../platform/errors.ts'
import { append } from '../../platform/eventlog/index.ts'
import { newId } from '../../platform/ids.ts'
import { audit } from '../audit/index.ts'
import { event, lockEmergency } from '../emergencies/index.ts'
import { allows, requireAccess, scopesFor } from '../identity/index.ts'
import { findPerson } from '../registry/index.ts'
import { reviewCsv } from './review-csv.ts'
import { readReview } from './review.repo.ts'

export interface ReviewDeps { db: Database, clock: Clock, grids: GridIndex, tail: Pick<Tail, 'wake'>, isDemo: boolean }
export type Reviews = ReturnType<typeof createReviews>

export function createReviews({ db, clock, grids, tail, isDemo }: ReviewDeps) {
  const read = (emergencyId: string) => db.read.tx(tx => readReview(tx, grids, emergencyId), { isolation: 'repeatable read', readOnly: true, deadlineMs: 30_000 })

  /** Townships and communities read the whole review, too: lessons are shared, and it names nobody outside the lists of those in charge. */
  function requireReview({ actor }: Caller): void {
    if (scopesFor(actor, 'review.view').length === 0)
      throw new DomainError('NOT_FOUND')
  }

  return {
    async get(caller: Caller, emergencyId: string): Promise<Review> {
      requireReview(caller)
      const review = await read(emergencyId)
      // Names of people not reached are for those in charge of them; others see their own grids only.
      if (allows(caller.actor, 'review.view', {}))
        return review
      const own = new Set(grids.within(scopesFor(caller.actor, 'review.view')).map(id => grids.get(id)?.gridName))
      return { ...review, silent: review.silent.filter(s => own.has(s.gridName)), unsigned: review.unsigned.filter(u => own.has(u.gridName)) }
    },

    async exportCsv({ actor, requestId }: Caller, emergencyId: string): Promise<{ csv: string, fileName: string }> {
      requireAccess(actor, 'review.export', {}, 'review.view')
      const review = await read(emergencyId)
      const by = await db.work.tx(async (tx) => {
        await audit(tx, { actorId: actor.personId, action: 'review.export', subjectType: 'emergency', subjectId: emergencyId, requestId, details: { format: 'csv' } })
        return (await findPerson(tx, actor.personId))?.name ?? ''
      })
      return { csv: reviewCsv(review, { by, at: clock.now().toISOString(), isDemo }), fileName: `${review.header.no}.csv` }
    },

    async exportJson({ actor, requestId }: Caller, emergencyId: string): Promise<Review & { exportedBy: string, exportedAt: string, demo: boolean }> {
      requireAccess(actor, 'review.export', {}, 'review.view')
      const review = await read(emergencyId)
      const exportedBy = await db.work.tx(async (tx) => {
        await audit(tx, { actorId: actor.personId, action: 'review.export', subjectType: 'emergency', subjectId: emergencyId, requestId, details: { format: 'json' } })
        return (await findPerson(tx, actor.personId))?.name ?? ''
      })
      return { ...review, exportedBy, exportedAt: clock.now().toISOString(), demo: isDemo }
    },

    /** Lessons are written from the stand-down on. */
    async addLesson(caller: Caller, emergencyId: string, text: string): Promise<{ id: string }> {
      if (scopesFor(caller.actor, 'review.addLesson').length === 0)
        throw new DomainError('NOT_FOUND')
      const now = clock.now()
      const id = newId()
      await db.work.tx(async (tx) => {
        const e = await lockEmergency(tx, emergencyId, 'share')
        if (e.state !== 'standDown' && e.state !== 'review' && e.state !== 'revoked')
          throw new DomainError('ILLEGAL_TRANSITION', { state: e.state })
        await tx.execute(sql`insert into lessons (id, emergency_id, author_id, text, at) values (${id}, ${emergencyId}, ${caller.actor.personId}, ${text}, ${now.toISOString()})`)
        await append(tx, emergencyId, [event(caller.actor.personId, now, 'review.lessonAdded', { lessonId: id, text })])
      })
      tail.wake(emergencyId)
      return { id }
    },
  }
}
