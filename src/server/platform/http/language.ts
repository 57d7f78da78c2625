import type { Language } from '../../../contract/errors.ts'

/** The reader's language: his choice in the `lang` cookie, else what the browser asks for, else Chinese. */
export function languageOf(headers: { 'cookie'?: string | undefined, 'accept-language'?: string | undefined }): Language {
  const chosen = /(?:^|;\s*)lang=(zh-CN|en)(?:;|$)/.exec(headers.cookie ?? '')?.[1]
  if (chosen === 'en' || chosen === 'zh-CN')
    return chosen
  const first = headers['accept-language']?.split(',')[0]?.trim().toLowerCase() ?? ''
  return first.startsWith('en') ? 'en' : 'zh-CN'
}
