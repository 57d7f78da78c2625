import type { ConsoleCatalogue } from './zh-CN.ts'
import { useText as useAnyText } from '../../shared/i18n/index.ts'

export const useText = () => useAnyText<ConsoleCatalogue>()
