import type { EmergencyState, ResponseLevel } from '../../contract/vocabulary.ts'
import type { Skin } from './county.ts'
import { computed, onScopeDispose, shallowRef, watchEffect } from 'vue'
import { levelOf, OPEN_STATES } from '../../contract/vocabulary.ts'
import { leading, leadingLevel, skin } from './county.ts'

/** What bar, tab and stripes say. */
export interface Face { skin: Skin, level: ResponseLevel | null, since: string | null, until: string | null }

export const CALM: Face = { skin: 'peacetime', level: null, since: null, until: null }

const worn = shallowRef<Face | null>(null)

/** The face of the emergency on the screen, else the county's: a drill is striped while something real runs elsewhere, and the other way round. */
export const face = computed<Face>(() => worn.value ?? { skin: skin.value, level: leadingLevel.value, since: leading.value?.activatedAt ?? null, until: leading.value?.terminatedAt ?? null })

export interface Faced { isDrill: boolean, state: EmergencyState, level: number | null, activatedAt: string | null, terminatedAt: string | null }

function faceOf({ isDrill, state, level, activatedAt, terminatedAt }: Faced): Face | null {
  const open: readonly EmergencyState[] = OPEN_STATES
  const own = { level: levelOf(level), since: activatedAt, until: terminatedAt }
  if (isDrill)
    return { skin: 'drill', ...own }
  if (open.includes(state))
    return { skin: state === 'preAlert' ? 'standby' : 'emergency', ...own }
  // What is over wears what the county wears now, but no drill's stripes.
  return skin.value === 'drill' ? CALM : null
}

/** For the life of a page; null: the county's. */
export function wearFace(of: () => Face | null): void {
  watchEffect(() => {
    worn.value = of()
  })
  onScopeDispose(() => {
    worn.value = null
  })
}

/** For the life of a page about one emergency. */
export function wearFaceOf(emergency: () => Faced | null): void {
  wearFace(() => {
    const one = emergency()
    return one === null ? null : faceOf(one)
  })
}
