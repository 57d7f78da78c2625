export { cancelPendingCalls, issueAlert, type IssuedAlert, type NewAlert } from './alerts.repo.ts'
export { appText, fillTemplate, LEVEL_WORDS, smsSegments, smsText, type TextVariables } from './texts.rules.ts'
