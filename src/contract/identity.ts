import { z } from 'zod'
import { Id, Instant, Scope } from './common.ts'
import { MODES, ROLES } from './vocabulary.ts'

export const Grant = z.strictObject({ role: z.enum(ROLES), scope: Scope, scopeName: z.string() })
export type Grant = z.infer<typeof Grant>

/** POST /api/session */
export const SignIn = z.strictObject({
  phone: z.string().trim().min(5).max(30),
  password: z.string().min(1).max(200),
  /** Second factor, where the role has one. */
  secondFactor: z.string().max(20).optional(),
})
export type SignIn = z.infer<typeof SignIn>

/** GET /api/me, and the reply of signing in and of trading a link. */
export const Me = z.strictObject({
  personId: Id,
  name: z.string(),
  phoneMasked: z.string(),
  unit: z.strictObject({ id: Id, name: z.string() }).nullable(),
  sessionKind: z.enum(['account', 'link']),
  /** Link sessions serve one emergency. */
  emergencyId: Id.nullable(),
  grants: z.array(Grant),
  expiresAt: Instant,
})
export type Me = z.infer<typeof Me>

/** GET /api/county: what every screen needs before anyone signs in. */
export const CountyInfo = z.strictObject({
  name: z.string(),
  /** `demo`: every screen says 演示数据（虚构）. */
  deployment: z.enum(['demo', 'production']),
  timeZone: z.string(),
  mode: z.enum(MODES),
  /** The open emergencies, in words only; anything more needs a session. */
  open: z.array(z.strictObject({ id: Id, name: z.string(), isDrill: z.boolean(), level: z.number().nullable(), state: z.string(), activatedAt: Instant.nullable(), terminatedAt: Instant.nullable() })),
  protocol: z.number(),
  now: Instant,
})
export type CountyInfo = z.infer<typeof CountyInfo>

/** Demo only, GET /api/demo/accounts: printed accounts, one of each role. */
export const DemoAccounts = z.strictObject({
  accounts: z.array(z.strictObject({ role: z.enum(ROLES), name: z.string(), phone: z.string(), password: z.string(), scopeName: z.string() })),
})
export type DemoAccounts = z.infer<typeof DemoAccounts>
