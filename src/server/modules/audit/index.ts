export { createAudit, readHeads } from './audit.service.ts'
export { audit, type AuditEntry } from './audit.ts'
export { type SealFault } from './seals.rules.ts'
