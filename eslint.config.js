import antfu from '@antfu/eslint-config'
import { houseRules } from './scripts/eslint/plugin.ts'

export default antfu({
  typescript: true,
  vue: true,
  ignores: ['drizzle', 'dist', 'data', '**/*.md', 'src/web/public'],
}, {
  plugins: { house: houseRules },
  rules: {
    'house/import-directions': 'error',
    // Line breaks are the author's: a table of routes or columns reads best with a line per row.
    'antfu/reasonable-newline': 'off',
    'antfu/if-newline': 'off',
    'style/max-statements-per-line': ['error', { max: 2 }],
    // A schema and its inferred type share one name on purpose.
    'ts/no-redeclare': 'off',
    'ts/no-use-before-define': ['error', { functions: false, classes: false, variables: false }],
    // Everything here runs on Node or is bundled; scripts are modules with top-level await.
    'node/prefer-global/buffer': 'off',
    'antfu/no-top-level-await': 'off',
    // Blind to closures: drains and schedulers wait for what a callback changes.
    'no-unmodified-loop-condition': 'off',
    'no-restricted-syntax': ['error', 'TSEnumDeclaration', 'TSModuleDeclaration[kind="namespace"]', 'TSParameterProperty'],
    'ts/no-explicit-any': 'error',
  },
}, {
  files: ['src/server/**/*.ts'],
  rules: {
    // The log is the only voice of the process; main.ts announces itself on stdout.
    'no-console': 'error',
  },
}, {
  // A promise that nobody awaits loses its error: in the process this needs types to be seen.
  files: ['src/server/**/*.ts', 'src/simulator/**/*.ts'],
  languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
  rules: {
    'ts/no-floating-promises': 'error',
    'ts/no-misused-promises': ['error', { checksVoidReturn: { arguments: true, attributes: false, properties: false } }],
    'ts/await-thenable': 'error',
    'ts/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
  },
}, {
  files: ['scripts/**', 'tests/**', 'src/simulator/**', 'src/demo-county/**'],
  rules: { 'no-console': 'off' },
})
