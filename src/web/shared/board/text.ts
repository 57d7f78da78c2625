import type { SharedCatalogue } from '../i18n/index.ts'
import type { LiveWords } from './zh-CN.ts'
import { useText as useAnyText } from '../i18n/index.ts'

export const useText = () => useAnyText<SharedCatalogue & LiveWords>()
