export { event } from './emergencies.events.ts'
export { addGrids, type EmergencyPatch, type EmergencyRow, findTwin, getEmergency, gridsOf, headerOf, insertEmergency, lockEmergencies, lockEmergency, modesOfGrids, type NewEmergency, openEmergencies, overlappingEmergencies, type SharedEmergency, shareEmergencies, startOf, updateEmergency } from './emergencies.repo.ts'
export { countsAnswers, isOpen, modeOf, nextState, STATE_COMMANDS, type StateCommand } from './emergencies.rules.ts'
