import type { PersonStatus } from '../../../contract/counting.ts'
import type { KeyOf, SharedCatalogue } from '../i18n/index.ts'

/** What a person is, in words; after the end nobody is on the way, and nobody is being called. */
export function statusKey(status: PersonStatus, isOver: boolean): KeyOf<SharedCatalogue> {
  switch (status) {
    case 'pending': case 'silent': case 'going': case 'later': return isOver ? `personStatusOver.${status}` : `personStatus.${status}`
    default: return `personStatus.${status}`
  }
}

/** The same for the counts that change their meaning with the end. */
export function countKey(count: 'coming' | 'silent', isOver: boolean): KeyOf<SharedCatalogue> {
  return isOver ? `countOver.${count}` : `count.${count}`
}
