import type { ConsoleCatalogue } from './zh-CN.ts'
import { en as shared } from '../../shared/i18n/en.ts'

export const en: ConsoleCatalogue = {
  ...shared,
  console: {
    nav: { label: 'Main navigation', home: 'Peacetime', switch: 'One key', live: 'Live command', review: 'Review', plans: 'Plans', registry: 'Registry', sandbox: 'Sandbox messages' },
    duty: 'On duty',
    home: {
      title: 'Peacetime',
      members: 'Members',
      candidates: 'Can be called',
      gridStaff: 'Grid staff',
      grids: 'Grids',
      units: 'Paired units',
      ready: 'Ready grids',
      underStrength: 'Grids below 8 at level Ⅲ',
      underStrengthHint: 'If level Ⅲ were activated, the teams of these grids would have fewer than 8 people',
      lastDrill: 'Last drill',
      neverDrilled: 'No drill yet',
      open: 'Open responses and drills',
      none: 'No response or drill is open',
      noneHint: 'The county is in peacetime; pairings serve their grids day by day.',
      startedAt: 'Activated {time}',
    },
  },
}
