export { dissolveTeams, formTeams, nameLeaders, setRequired, teamTiles } from './form.repo.ts'
