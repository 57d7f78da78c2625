import type { Review, ReviewExport } from '../../../contract/review.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Database, Tx } from '../../platform/db/index.ts'
import type { Tail } from '../../platform/eventlog/index.ts'
import type { Actor, Caller } from '../../platform/http/index.ts'
import type { Action } from '../identity/index.ts'
import type { GridIndex } from '../registry/index.ts'
import { sql } from 'drizzle-orm'
import { DomainError } from '../../platform/errors.ts'
import { append } from '../../platform/eventlog/index.ts'
import { newId } from '../../platform/ids.ts'
import { audit } from '../audit/index.ts'
import { event, getEmergency, gridsOf, lockEmergency } from '../emergencies/index.ts'
import { requireAccess, scopesFor } from '../identity/index.ts'
import { findPerson } from '../registry/index.ts'
import { reviewCsv } from './review-csv.ts'
import { readReview } from './review.repo.ts'

export interface ReviewDeps { db: Database, clock: Clock, timeZone: string, grids: GridIndex, tail: Pick<Tail, 'wake'>, isDemo: boolean }
export type Reviews = ReturnType<typeof createReviews>

export function createReviews({ db, clock, timeZone, grids, tail, isDemo }: ReviewDeps) {
  /** The grids for which the actor may do this. @throws NOT_FOUND where the emergency touches none of them */
  async function requireTouched(tx: Tx, actor: Actor, action: Action, emergencyId: string): Promise<ReadonlySet<string>> {
    const own = new Set(grids.within(scopesFor(actor, action)))
    await getEmergency(tx, emergencyId)
    if (!(await gridsOf(tx, emergencyId)).some(id => own.has(id)))
      throw new DomainError('NOT_FOUND')
    return own
  }

  const snapshot = <T>(work: (tx: Tx) => Promise<T>) => db.read.tx(work, { isolation: 'repeatable read', readOnly: true, deadlineMs: 30_000 })

  /** For taking out of the house: audited before anything is handed over. */
  async function exported({ actor, requestId }: Caller, emergencyId: string, format: 'csv' | 'json'): Promise<ReviewExport> {
    requireAccess(actor, 'review.export', {}, 'review.view')
    const review = await snapshot(tx => readReview(tx, grids, emergencyId, { now: clock.now(), names: () => true }))
    const exportedBy = await db.work.tx(async (tx) => {
      await audit(tx, { actorId: actor.personId, action: 'review.export', subjectType: 'emergency', subjectId: emergencyId, requestId, details: { format } })
      return (await findPerson(tx, actor.personId))?.name ?? ''
    })
    const notes = [...isDemo ? ['演示数据（虚构）'] : [], ...review.drillOrReal === 'drill' ? ['演练，非真实险情'] : []]
    return { ...review, watermark: { exportedBy, exportedAt: clock.now().toISOString(), notes } }
  }

  return {
    /** Townships and communities whom it touched read all of its numbers, because lessons are shared; people by name only in their own grids. */
    get: ({ actor }: Caller, emergencyId: string): Promise<Review> => snapshot(async (tx) => {
      const own = await requireTouched(tx, actor, 'review.view', emergencyId)
      return readReview(tx, grids, emergencyId, { now: clock.now(), names: gridId => own.has(gridId) })
    }),

    async exportCsv(caller: Caller, emergencyId: string): Promise<{ csv: string, fileName: string }> {
      const review = await exported(caller, emergencyId, 'csv')
      return { csv: reviewCsv(review, timeZone), fileName: `${review.header.no}.csv` }
    },

    exportJson: (caller: Caller, emergencyId: string): Promise<ReviewExport> => exported(caller, emergencyId, 'json'),

    /** Lessons are written from the stand-down on. */
    async addLesson({ actor }: Caller, emergencyId: string, text: string): Promise<{ id: string }> {
      const now = clock.now()
      const id = newId()
      await db.work.tx(async (tx) => {
        await requireTouched(tx, actor, 'review.addLesson', emergencyId)
        const e = await lockEmergency(tx, emergencyId, 'share')
        if (e.state !== 'standDown' && e.state !== 'review' && e.state !== 'revoked')
          throw new DomainError('ILLEGAL_TRANSITION', { state: e.state })
        await tx.execute(sql`insert into lessons (id, emergency_id, author_id, text, at) values (${id}, ${emergencyId}, ${actor.personId}, ${text}, ${now.toISOString()})`)
        await append(tx, emergencyId, [event(actor.personId, now, 'review.lessonAdded', { lessonId: id, text })])
      })
      tail.wake(emergencyId)
      return { id }
    },
  }
}
