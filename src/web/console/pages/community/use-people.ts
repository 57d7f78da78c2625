import type { BoardPerson, BoardScope } from '../../../../contract/reducer.ts'
import { onScopeDispose, ref, shallowRef } from 'vue'
import { api } from '../../../shared/api.ts'

const PAGE = 2_000
/** Named people are fetched singly up to this many; above it the whole list is cheaper. */
const FEW = 150
const AGAIN_MS = 1_500

/** The people of a scope by name, refreshed when the board says whose rows changed. */
export function usePeople(emergencyId: string, scope: BoardScope) {
  const people = shallowRef<ReadonlyMap<string, BoardPerson>>(new Map())
  const failure = ref<unknown>(null)
  const isLoaded = ref(false)
  let wanted: Set<string> | 'all' = new Set()
  let timer: ReturnType<typeof setTimeout> | null = null

  const query = { scope: scope.type, ...(scope.id !== null && { scopeId: scope.id }) }

  async function loadAll(): Promise<void> {
    const all = new Map<string, BoardPerson>()
    for (let after: string | null = null; ;) {
      const page: { people: BoardPerson[], next: string | null } = await api('GET /api/emergencies/:id/people', { params: { id: emergencyId }, query: { ...query, limit: PAGE, ...(after !== null && { after }) } })
      page.people.forEach(p => all.set(p.personId, p))
      if (page.next === null)
        break
      after = page.next
    }
    people.value = all
    isLoaded.value = true
  }

  async function refresh(): Promise<void> {
    timer = null
    const asked = wanted
    wanted = new Set()
    try {
      if (asked === 'all' || asked.size > FEW || !isLoaded.value) {
        await loadAll()
      }
      else if (asked.size > 0) {
        const page = await api('GET /api/emergencies/:id/people', { params: { id: emergencyId }, query: { ...query, ids: [...asked].join(',') } })
        const next = new Map(people.value)
        // Who is asked for and not answered has left the scope.
        asked.forEach(id => next.delete(id))
        page.people.forEach(p => next.set(p.personId, p))
        people.value = next
      }
      failure.value = null
    }
    catch (error) {
      failure.value = error
    }
  }

  function want(ids: readonly string[] | 'all'): void {
    if (ids === 'all' || wanted === 'all')
      wanted = 'all'
    else
      ids.forEach(id => (wanted as Set<string>).add(id))
    timer ??= setTimeout(refresh, isLoaded.value ? AGAIN_MS : 0)
  }

  want('all')
  onScopeDispose(() => {
    if (timer !== null)
      clearTimeout(timer)
  })
  return { people, failure, isLoaded, want, reload: () => want('all') }
}
