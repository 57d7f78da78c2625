import type { MobilisationClass, ResponseLevel } from '../../../contract/vocabulary.ts'
import type { PlanStamp } from './plans.tables.ts'

/** Posts that a unit fills: its members × whole percent, rounded up, in integers (0.1 × n is not exact in floating point). */
export function quotaOf(members: number, pct: number): number {
  return Math.floor((members * pct + 99) / 100)
}

export function pctOf(levels: PlanStamp['levels'], level: ResponseLevel, mobilisationClass: MobilisationClass): number {
  switch (mobilisationClass) {
    case 'general': return levels[level].generalPct
    case 'professional': return levels[level].professionalPct
    case 'restricted': return 0
  }
}
