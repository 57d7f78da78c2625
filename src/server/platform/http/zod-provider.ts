/** The one place that knows which library validates the wire. */
import type { FastifySchemaCompiler } from 'fastify'
import type { z } from 'zod'
import type { Language } from '../../../contract/errors.ts'
import { en, zhCN } from 'zod/locales'
import { FIELD_FAULTS } from '../../../contract/errors.ts'
import { DomainError } from '../errors.ts'

export { isResponseSerializationError, jsonSchemaTransform, serializerCompiler } from 'fastify-type-provider-zod'
export type { ZodTypeProvider } from 'fastify-type-provider-zod'

/** A body, query or parameter did not fit; turned into VALIDATION_FAILED where the reader's language is known. */
export class InvalidInputError extends Error {
  readonly issues: readonly z.core.$ZodIssue[]

  constructor(issues: readonly z.core.$ZodIssue[]) {
    super('invalid input')
    this.issues = issues
  }
}

/** Not what PostgreSQL cannot keep as text: NUL, half a surrogate pair. Every input comes by here, so nothing is made on the way. */
function isStorable(value: unknown): boolean {
  if (typeof value === 'string')
    return !value.includes('\0') && value.isWellFormed()
  if (typeof value !== 'object' || value === null)
    return true
  for (const key in value) {
    if (!isStorable((value as Record<string, unknown>)[key]))
      return false
  }
  return true
}

/** Where in the input it hides. */
function unstorable(value: unknown, path: readonly PropertyKey[] = []): z.core.$ZodIssue[] {
  if (isStorable(value))
    return []
  if (typeof value === 'string')
    return [{ code: 'invalid_format', format: 'text', path: [...path], message: '', input: value }]
  return Object.entries(value as object).flatMap(([key, inner]) => unstorable(inner, [...path, key]))
}

/** Keeps the offending input in the issues, because the sentences name it; it goes no further than that. */
function check<T extends z.ZodType>(schema: T, data: unknown): { ok: true, value: z.output<T> } | { ok: false, issues: readonly z.core.$ZodIssue[] } {
  const parsed = schema.safeParse(data, { reportInput: true })
  if (!parsed.success)
    return { ok: false, issues: parsed.error.issues }
  return isStorable(parsed.data) ? { ok: true, value: parsed.data } : { ok: false, issues: unstorable(parsed.data) }
}

export const validatorCompiler: FastifySchemaCompiler<z.ZodType> = ({ schema }) => (data) => {
  const checked = check(schema, data)
  return checked.ok ? { value: checked.value } : { error: new InvalidInputError(checked.issues) }
}

const LOCALES = { 'zh-CN': zhCN().localeError, 'en': en().localeError }

function plainFault(issue: z.core.$ZodIssue): { zh: string, en: string } | null {
  if (issue.code === 'invalid_format' && issue.format === 'text')
    return FIELD_FAULTS.unstorable
  return issue.code !== 'custom' && (issue.input ?? null) === null ? FIELD_FAULTS.missing : null
}

/** Names what is wrong with which field, in the reader's language. */
export function validationError(issues: readonly z.core.$ZodIssue[], language: Language): DomainError {
  const list = issues.map((issue) => {
    const plain = plainFault(issue)
    if (plain !== null)
      return { path: issue.path.join('.'), message: language === 'en' ? plain.en : plain.zh }
    const localized = LOCALES[language](issue as z.core.$ZodRawIssue)
    return {
      path: issue.path.join('.'),
      message: (typeof localized === 'string' ? localized : localized?.message) ?? issue.message,
    }
  })
  const fields = list.map(({ path, message }) => path === '' ? message : language === 'en' ? `${path} (${message})` : `${path}（${message}）`)
  return new DomainError('VALIDATION_FAILED', { issues: list, fields: fields.join(language === 'en' ? '; ' : '；') })
}

/** Parses what came another way than HTTP (socket commands) with the same schema and the same refusal. */
export function parseInput<T extends z.ZodType>(schema: T, data: unknown, language: Language): z.output<T> {
  const checked = check(schema, data)
  if (!checked.ok)
    throw validationError(checked.issues, language)
  return checked.value
}
