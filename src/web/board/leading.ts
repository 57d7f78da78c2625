import type { EmergencyRow } from '../../contract/boards.ts'
import type { EmergencyState, ResponseLevel } from '../../contract/vocabulary.ts'
import type { Skin } from '../shared/county.ts'
import { computed, readonly, ref, shallowRef } from 'vue'
import { levelOf, OPEN_STATES } from '../../contract/vocabulary.ts'
import { api } from '../shared/api.ts'

const rows = shallowRef<EmergencyRow[] | null>(null)
const failure = ref<unknown>(null)

export const emergenciesFailure = readonly(failure)
export const isLoaded = computed(() => rows.value !== null)

export async function loadEmergencies(): Promise<void> {
  try {
    rows.value = (await api('GET /api/emergencies')).emergencies
    failure.value = null
  }
  catch (error) {
    failure.value = error
  }
}

/** What the wall may show, the gravest first. Social security events are never on a big screen (domain rule §9). */
export const open = computed<EmergencyRow[]>(() => {
  const rank = ({ isDrill, state, level }: EmergencyRow): number => (isDrill ? 100 : 0) + (state === 'preAlert' ? 10 : 0) + (level ?? 5)
  return (rows.value ?? [])
    .filter(({ state, eventClass }) => eventClass !== 'socialSecurity' && (OPEN_STATES as readonly EmergencyState[]).includes(state))
    .sort((a, b) => rank(a) - rank(b))
})
export const leading = computed<EmergencyRow | null>(() => open.value[0] ?? null)
export const leadingLevel = computed<ResponseLevel | null>(() => levelOf(leading.value?.level))
export const skin = computed<Skin>(() => {
  if (leading.value === null)
    return 'peacetime'
  if (leading.value.isDrill)
    return 'drill'
  return leading.value.state === 'preAlert' ? 'standby' : 'emergency'
})
