export { dissolveTeams, formTeams, nameLeaders, replaceCaptains, setRequired, teamTiles, teamToBe } from './form.repo.ts'
export { registerTeamsRoutes } from './teams.routes.ts'
export { createTeams, type NotifyPeople, type Teams } from './teams.service.ts'
