/** The preview in numbers, from what the statements of the key found. */
import type { Preparation } from '../../../contract/mobilization.ts'
import type { ShortfallReason } from '../../../contract/vocabulary.ts'
import type { UnitPreview } from '../participants/index.ts'
import type { GridPlace } from '../registry/index.ts'
import { UNDER_STRENGTH_BELOW } from '../../../contract/vocabulary.ts'
import { smsSegments } from '../calls/index.ts'
import { shortfallReasons } from './mobilization.rules.ts'

interface Found {
  places: readonly GridPlace[]
  /** One row per unit and grid; none where only grid staff are called. */
  units: readonly UnitPreview[]
  duty: number
  sampleSms: string
  mobilises: boolean
}

export function previewNumbers({ places, units, duty, sampleSms, mobilises }: Found): Pick<Preparation, 'counts' | 'underStrength' | 'shortfalls' | 'unreachable'> {
  const total = (pick: (u: UnitPreview) => number) => units.reduce((sum, u) => sum + pick(u), 0)
  const available = total(u => u.available)
  const perGrid = new Map(places.map(p => [p.gridId, { required: 0, available: 0 }]))
  const reasons = new Map<ShortfallReason, number>()
  const shortfalls: Preparation['shortfalls'] = []
  for (const u of units) {
    const grid = perGrid.get(u.gridId)
    if (grid !== undefined) {
      grid.required += u.required
      grid.available += u.available
    }
    const why = shortfallReasons(u)
    if (why.length > 0)
      shortfalls.push({ unitId: u.unitId, unitName: u.unitName, gridId: u.gridId, gridName: u.gridName, required: u.required, available: u.available, reasons: why })
    for (const { reason, people } of [...u.shortfalls, ...why.filter(w => !u.shortfalls.some(s => s.reason === w.reason))])
      reasons.set(reason, (reasons.get(reason) ?? 0) + people)
  }
  return {
    counts: {
      townships: new Set(places.map(p => p.townshipId)).size,
      communities: new Set(places.map(p => p.communityId)).size,
      grids: places.length,
      units: new Set(units.filter(u => u.required > 0).map(u => u.unitId)).size,
      teams: mobilises ? places.length : 0,
      required: total(u => u.required),
      available,
      candidates: total(u => u.candidates),
      toCall: available,
      duty,
      smsSegments: (available + duty) * smsSegments(sampleSms),
    },
    underStrength: mobilises
      ? places.flatMap(({ gridId, gridName, communityName }) => {
          const grid = perGrid.get(gridId)
          return grid === undefined || grid.available >= UNDER_STRENGTH_BELOW ? [] : [{ gridId, gridName, communityName, ...grid }]
        })
      : [],
    shortfalls,
    unreachable: [...reasons].map(([reason, people]) => ({ reason, people })),
  }
}
