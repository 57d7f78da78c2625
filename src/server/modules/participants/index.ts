export { bulkChange, changeOf, findByOrdinal, findHolder, findParticipant, insertParticipant, lockPeople, lockPerson, type ParticipantRow, peopleIn, type PersonInEmergency, saveParticipants } from './participants.repo.ts'
export { type Audience, choose, CHOSEN, countDuty, fingerprint, previewPreemption, previewUnits, summonChosen, summonDuty, type UnitPreview } from './summon.repo.ts'
