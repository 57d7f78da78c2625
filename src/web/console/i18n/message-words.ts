/**
 * Words that a form offers for messages and records. They go out in Chinese whatever language the operator
 * reads, so they are no part of a catalogue.
 */
import type { Prepare } from '../../../contract/mobilization.ts'

export function offeredName(action: Prepare['action'], plan: string, community: string): string {
  switch (action) {
    case 'activate': return `${plan}应急响应`
    case 'preAlert': return `${plan}预警待命`
    case 'initialResponse': return `${community}${plan}先期处置`
  }
}

export const OFFERED_RESIDUAL_MEASURES = '继续值守，转入常态化巡查'
