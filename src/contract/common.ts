/** Shared shapes of the wire. Schemas are strict: an unknown key is a 400. No transforms: input type = output type. */
import { z } from 'zod'
import { SCOPE_TYPES } from './vocabulary.ts'

export const Id = z.uuid()
export const Instant = z.iso.datetime({ offset: true })
/** Calendar day of the county, YYYY-MM-DD. The format alone allows a year 0, which no calendar has. */
export const Day = z.iso.date().refine(day => day >= '1900-01-01')
export const ShortText = z.string().trim().min(1).max(100)
export const LongText = z.string().trim().min(1).max(2000)
/** A reason that a person writes down; shown to others and kept. */
export const Reason = z.string().trim().min(2).max(500)

export const Scope = z.strictObject({
  type: z.enum(SCOPE_TYPES),
  id: Id.nullable(),
})
export type Scope = z.infer<typeof Scope>

/** Body of every refusal, for HTTP and for socket acks alike. */
export const ErrorBody = z.strictObject({
  error: z.strictObject({
    code: z.string(),
    message: z.string(),
    details: z.unknown().optional(),
    requestId: z.string(),
  }),
})
export type ErrorBody = z.infer<typeof ErrorBody>
