import { z } from 'zod'
import { Id, Instant, Reason, Scope } from './common.ts'
import { ANSWERS, CANNOT_REASONS } from './vocabulary.ts'

const answerFields = {
  /** uuid v7 made on the phone: the same id again is a replay, a new id a change of mind. */
  answerId: Id,
  answer: z.enum(ANSWERS),
  /** `later` only: when the person expects to be there. */
  promisedAt: Instant.nullable(),
  /** `cannot` only. */
  reason: z.enum(CANNOT_REASONS).nullable(),
  note: z.string().trim().max(200),
}

/** POST /api/emergencies/:id/answers, and the socket event `call:answer`. */
export const GiveAnswer = z.strictObject(answerFields)
  .refine(a => (a.answer === 'later') === (a.promisedAt !== null), { path: ['promisedAt'], params: { code: 'PROMISED_AT' } })
  .refine(a => (a.answer === 'cannot') === (a.reason !== null), { path: ['reason'], params: { code: 'CANNOT_REASON' } })
export type GiveAnswer = z.infer<typeof GiveAnswer>

/** POST /api/emergencies/:id/people/:personId/answers — an officer, or a colleague who reached him (代叫应). */
export const AnswerReply = z.strictObject({
  answerId: Id,
  answer: z.enum(ANSWERS),
  at: Instant,
  /** The response had ended: kept, but no number changes. */
  isLate: z.boolean(),
  replayed: z.boolean(),
})
export type AnswerReply = z.infer<typeof AnswerReply>

/** POST /api/emergencies/:id/receipts, and the socket event `call:receipt`: the phone shows the alert. */
export const GiveReceipt = z.strictObject({ alertId: Id, read: z.boolean() })
export type GiveReceipt = z.infer<typeof GiveReceipt>
export const ReceiptReply = z.strictObject({ state: z.enum(['delivered', 'read']) })

/** POST /api/emergencies/:id/unreachable — 未联系上, said by the officer who tried. */
export const MarkUnreachable = z.strictObject({ personIds: z.array(Id).min(1).max(500), reason: Reason })
/** POST /api/emergencies/:id/urges — 催办: calls everyone in the scope who has not answered once more. */
export const Urge = z.strictObject({ scope: Scope })
export const UrgeReply = z.strictObject({ recipients: z.number().int(), seq: z.number().int() })

/** GET /api/sandbox/messages?personId=&after=&limit= (demo only). */
export const SandboxQuery = z.strictObject({
  personId: Id.optional(),
  after: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(5000).default(200),
})
export const SandboxMessages = z.strictObject({
  messages: z.array(z.strictObject({ id: z.number().int(), personId: Id, name: z.string(), phoneMasked: z.string(), text: z.string(), at: Instant })),
})
export type SandboxMessages = z.infer<typeof SandboxMessages>
