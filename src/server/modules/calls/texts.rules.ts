import type { EmergencyKind, EmergencyState, ResponseLevel } from '../../../contract/vocabulary.ts'

export const LEVEL_WORDS: Record<ResponseLevel, string> = { 1: 'Ⅰ级', 2: 'Ⅱ级', 3: 'Ⅲ级', 4: 'Ⅳ级' }

/** What a message of the end of somebody's part says. */
export const DRILL_ABORTED = '演练中止，真实险情优先'
export const loweredTo = (level: ResponseLevel): string => `响应降为${LEVEL_WORDS[level]}`

/** What grid staff are told to do: nobody comes to them in a 先期处置, and not yet while teams stand by. */
export function dutyWords({ kind, state, level }: { kind: EmergencyKind, state: EmergencyState, level: ResponseLevel | null }): string {
  if (kind === 'initialResponse')
    return '先期处置，请到本网格在岗处置，有情况随时报告'
  if (state === 'preAlert')
    return '预警待命，请到本网格在岗待命，保持手机畅通'
  const started = `${level === null ? '' : LEVEL_WORDS[level]}已启动，请到本网格在岗待命`
  return level === 4 ? started : `${started}，接应党员先锋队`
}

export type TextVariables = Record<string, string>

/**
 * Fills the braces; an unknown variable becomes nothing rather than a brace on somebody's phone. One that
 * stands for itself waits for the sender; in what people typed braces are letters, and are filled by nobody.
 */
export function fillTemplate(template: string, variables: TextVariables): string {
  return template.replace(/\{([^{}]+)\}/g, (waiting, name: string) => {
    const value = variables[name] ?? ''
    return value === waiting ? waiting : value.replaceAll('{', '｛').replaceAll('}', '｝')
  })
}

/**
 * The text that goes out. A drill says 演练 at the front, where a short preview shows it, and 非真实险情 at
 * the end, whatever the template holds (invariant 11).
 */
export function smsText(template: string, variables: TextVariables, isDrill: boolean): string {
  const text = fillTemplate(template, variables)
  if (!isDrill)
    return text
  const signature = variables.签名 ?? ''
  const body = text.startsWith(signature) ? text.slice(signature.length) : text
  // A phone would take what follows a link for a part of it.
  const gap = /[\w}]$/.test(body) ? ' ' : ''
  return `${signature}演练：${body}${gap}演练，非真实险情。`
}

export function appText(template: string, variables: TextVariables, isDrill: boolean): string {
  const text = fillTemplate(template, variables)
  return isDrill ? `【演练】${text}（演练，非真实险情）` : text
}

/** Chinese messages: 70 characters fit one, longer ones are cut into parts of 67. Counted in UCS-2 units, as networks do: a rare character in a name takes two. */
export function smsSegments(text: string): number {
  return text.length <= 70 ? 1 : Math.ceil(text.length / 67)
}
