import type { MyEmergency } from '../../contract/boards.ts'
import type { EmergencyState, ResponseLevel } from '../../contract/vocabulary.ts'
import type { Skin } from '../shared/county.ts'
import { computed, onScopeDispose, shallowRef, watchEffect } from 'vue'
import { levelOf, OPEN_STATES } from '../../contract/vocabulary.ts'
import { leading, leadingLevel, skin } from '../shared/county.ts'

/** What bar, tab and stripes say. */
interface Face { skin: Skin, level: ResponseLevel | null, since: string | null, until: string | null }

const shown = shallowRef<Face | null>(null)

/** The face of the emergency on the screen, else the county's: a drill is striped while something real runs elsewhere, and the other way round. */
export const face = computed<Face>(() => shown.value ?? { skin: skin.value, level: leadingLevel.value, since: leading.value?.activatedAt ?? null, until: leading.value?.terminatedAt ?? null })

function faceOf({ isDrill, state, level, activatedAt, terminatedAt }: MyEmergency): Face | null {
  const open: readonly EmergencyState[] = OPEN_STATES
  const own = { level: levelOf(level), since: activatedAt, until: terminatedAt }
  if (isDrill)
    return { skin: 'drill', ...own }
  if (open.includes(state))
    return { skin: state === 'preAlert' ? 'standby' : 'emergency', ...own }
  // What is over wears what the county wears now, but no drill's stripes.
  return skin.value === 'drill' ? { skin: 'peacetime', level: null, since: null, until: null } : null
}

/** For the life of a page about one emergency. */
export function wearFaceOf(emergency: () => MyEmergency | null): void {
  watchEffect(() => {
    const one = emergency()
    shown.value = one === null ? null : faceOf(one)
  })
  onScopeDispose(() => {
    shown.value = null
  })
}
