import type { ErrorCode, Language } from '../../contract/errors.ts'
import { ERRORS, errorText } from '../../contract/errors.ts'

/** The only error thrown on purpose. Anything else is a bug and becomes INTERNAL. */
export class DomainError extends Error {
  readonly code: ErrorCode
  readonly details: Readonly<Record<string, unknown>> | undefined

  constructor(code: ErrorCode, details?: Readonly<Record<string, unknown>>) {
    super(code)
    this.name = 'DomainError'
    this.code = code
    this.details = details
  }

  get status(): number {
    return ERRORS[this.code].status
  }
}

export interface RenderedError {
  error: { code: ErrorCode, message: string, details?: Readonly<Record<string, unknown>>, requestId: string }
}

/** Body of a refusal, the same for HTTP and for socket acks. An unknown error shows nothing of itself. */
export function renderError(error: unknown, language: Language, requestId: string): { status: number, body: RenderedError } {
  const known = error instanceof DomainError ? error : new DomainError('INTERNAL')
  return {
    status: known.status,
    body: {
      error: {
        code: known.code,
        message: errorText(known.code, language, { ...known.details, requestId }),
        ...(known.details === undefined ? {} : { details: known.details }),
        requestId,
      },
    },
  }
}
