import type { z } from 'zod'
import type { RollCall } from '../../contract/presence.ts'
import { shallowRef } from 'vue'
import { api, ApiError } from './api.ts'

/**
 * A roll call (点名) as the captain's phone and the secretary's board hold it. Several people may share one: opening goes
 * on with the one that is open, and one that somebody else has ended is shown as it ended.
 */
export function useRollCall(emergencyId: string) {
  const rollCall = shallowRef<z.infer<typeof RollCall> | null>(null)

  async function change(work: (id: string) => Promise<z.infer<typeof RollCall>>): Promise<void> {
    const id = rollCall.value?.id
    if (id === undefined)
      return
    try {
      rollCall.value = await work(id)
    }
    catch (error) {
      if (error instanceof ApiError && error.code === 'ROLL_CALL_CLOSED')
        rollCall.value = await api('GET /api/roll-calls/:id', { params: { id } }).catch(() => null)
      throw error
    }
  }

  return {
    rollCall,
    async open(communityId: string, teamId: string | null): Promise<void> {
      rollCall.value = await api('POST /api/emergencies/:id/roll-calls', { params: { id: emergencyId }, body: { communityId, teamId } })
    },
    mark: (personId: string, present: boolean) => change(id => api('POST /api/roll-calls/:id/marks', { params: { id }, body: { marks: [{ personId, present }] } })),
    end: () => change(id => api('POST /api/roll-calls/:id/close', { params: { id }, body: {} })),
  }
}
