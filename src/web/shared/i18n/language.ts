import type { Language } from '../../../contract/errors.ts'

/** Each language named in itself, as the switch shows it. */
export const LANGUAGE_NAMES: Readonly<Record<Language, string>> = { 'zh-CN': '中文', 'en': 'English' }

/** The same rule as the server's: the choice in the cookie, else what the browser asks for, else Chinese. */
export function readLanguage(): Language {
  const chosen = /(?:^|;\s*)lang=(zh-CN|en)(?:;|$)/.exec(document.cookie)?.[1]
  if (chosen === 'en' || chosen === 'zh-CN')
    return chosen
  return navigator.language.toLowerCase().startsWith('en') ? 'en' : 'zh-CN'
}

/** A cookie, because the server writes sentences too: refusals, alerts, exports. */
export function keepLanguage(language: Language): void {
  const secure = location.protocol === 'https:' ? '; Secure' : ''
  document.cookie = `lang=${language}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`
}
