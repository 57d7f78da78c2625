import type { ComputedRef } from 'vue'
import type { Live } from './index.ts'
import { computed, onScopeDispose, ref } from 'vue'

const STALE_AFTER_MS = 10_000

/** True when a board has heard nothing for ten seconds: it then says as of when its numbers are. */
export function useStaleness(live: Pick<Live, 'lastHeardAt'>): ComputedRef<boolean> {
  const now = ref(Date.now())
  const timer = setInterval(() => {
    now.value = Date.now()
  }, 1_000)
  onScopeDispose(() => clearInterval(timer))
  return computed(() => live.lastHeardAt.value !== null && now.value - live.lastHeardAt.value > STALE_AFTER_MS)
}
