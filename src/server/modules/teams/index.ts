export { captainsAmiss, dissolveTeams, formTeams, type Handover, leaderlessTeams, nameLeaders, passLead, replaceCaptains, setRequired, teamsToLead, teamTiles, teamToBe } from './form.repo.ts'
export { registerTeamsRoutes } from './teams.routes.ts'
export { createTeams, type NotifyPeople, type Teams } from './teams.service.ts'
