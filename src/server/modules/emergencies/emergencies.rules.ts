import type { EmergencyKind, EmergencyState, Mode } from '../../../contract/vocabulary.ts'

/** Commands that move the state machine of domain rule §4.1. */
export const STATE_COMMANDS = ['activate', 'confirm', 'adjust', 'extend', 'correct', 'supplyBasis', 'lift', 'revoke', 'terminate', 'standDown', 'openReview', 'archive'] as const
export type StateCommand = typeof STATE_COMMANDS[number]

/**
 * Where a command leads. A command that is not listed for a state is refused; one that leads to the
 * same state changes the emergency without ending its step.
 */
const STEPS: Record<EmergencyState, Partial<Record<StateCommand, EmergencyState>>> = {
  preAlert: { activate: 'activated', correct: 'preAlert', supplyBasis: 'preAlert', lift: 'lifted', extend: 'preAlert' },
  activated: { confirm: 'activated', adjust: 'activated', extend: 'activated', correct: 'activated', supplyBasis: 'activated', revoke: 'revoked', terminate: 'standDown' },
  standDown: { standDown: 'standDown', openReview: 'review', correct: 'standDown', supplyBasis: 'standDown' },
  // A response may end before the paper comes.
  review: { archive: 'archived', supplyBasis: 'review' },
  archived: {},
  lifted: {},
  revoked: {},
}

/** The next state, or null where the command is not allowed now. Only an initial response can be confirmed; it has no level to adjust. */
export function nextState(state: EmergencyState, kind: EmergencyKind, command: StateCommand): EmergencyState | null {
  if (command === 'confirm' && kind !== 'initialResponse')
    return null
  if (command === 'adjust' && kind !== 'response')
    return null
  return STEPS[state][command] ?? null
}

/** The mode of a grid or of the county: 急时 if any activated emergency covers it, else 待命, else 平时. Standing down still is 急时 until people are signed off. */
export function modeOf(states: Iterable<EmergencyState>): Mode {
  let mode: Mode = 'peacetime'
  for (const state of states) {
    if (state === 'activated' || state === 'standDown')
      return 'emergency'
    if (state === 'preAlert')
      mode = 'standby'
  }
  return mode
}

/** Open: holds its people and takes answers that count, check-ins and check-outs. */
export function isOpen(state: EmergencyState): boolean {
  return state === 'preAlert' || state === 'activated' || state === 'standDown'
}

/** Answers count while calls run. */
export function countsAnswers(state: EmergencyState): boolean {
  return state === 'preAlert' || state === 'activated'
}

/** `2026-0007`; a drill says so in its very number. */
export function numberOf(year: string, isDrill: boolean, nth: number): string {
  return `${isDrill ? '演练-' : ''}${year}-${String(nth).padStart(4, '0')}`
}
