import type { EmergencyEvent } from '../../../../contract/events.ts'
import type { CommunityTiles } from '../../../shared/board/tiles.ts'

/** Communities that have reported everyone signed off. */
export function stoodDownIds(events: readonly EmergencyEvent[]): ReadonlySet<string> {
  return new Set(events.flatMap(event => event.type === 'emergency.communityStoodDown' ? [event.data.communityId] : []))
}

export const onSiteOf = ({ tiles }: CommunityTiles): number => tiles.reduce((sum, { counts, duty }) => sum + counts.onSite + (duty?.onSite ?? 0), 0)
