import type { Rule } from 'eslint'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, relative, resolve, sep } from 'node:path'
import { directionFault, mustStayFreeOfZod } from './import-directions.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const pathOf = (file: string): string => relative(ROOT, file).split(sep).join('/')

const VALUE_IMPORT = /^(?:import|export) (?!type )[^'"]*['"]([^'"]+)['"]/gm
const zodBearing = new Map<string, boolean>()

/** Does a value import of this file bring zod into a bundle, by itself or by what it imports? */
function bringsZod(file: string): boolean {
  const known = zodBearing.get(file)
  if (known !== undefined || !existsSync(file))
    return known ?? false
  zodBearing.set(file, false)
  const sources = [...readFileSync(file, 'utf8').matchAll(VALUE_IMPORT)].map(match => match[1] ?? '')
  const brings = sources.some(source => source === 'zod' || (source.startsWith('.') && bringsZod(resolve(dirname(file), source))))
  zodBearing.set(file, brings)
  return brings
}

interface ImportNode { type: string, importKind?: string, exportKind?: string, source?: { type: string, value?: unknown } | null, specifiers?: { type: string, importKind?: string }[] }

function isTypeOnly(node: ImportNode): boolean {
  const specifiers = node.specifiers ?? []
  return node.importKind === 'type' || node.exportKind === 'type' || (specifiers.length > 0 && specifiers.every(s => s.importKind === 'type'))
}

const importDirections: Rule.RuleModule = {
  meta: { type: 'problem', schema: [], messages: { refused: '{{why}}' } },
  create(context) {
    const from = pathOf(context.filename)
    function check(node: Rule.Node): void {
      // The parser adds `importKind`, which ESTree does not know.
      const declaration = node as ImportNode
      const source = declaration.source?.value
      if (typeof source !== 'string')
        return
      const refuse = (why: string | null): void => {
        if (why !== null)
          context.report({ node, messageId: 'refused', data: { why } })
      }
      if (!source.startsWith('.')) {
        if (from.startsWith('src/contract/') && source !== 'zod' && !source.startsWith('zod/'))
          refuse('the contract imports zod only')
        return
      }
      const target = resolve(dirname(context.filename), source)
      const to = pathOf(target)
      refuse(directionFault(from, to))
      if (mustStayFreeOfZod(from) && to.startsWith('src/contract/') && !isTypeOnly(declaration) && bringsZod(target))
        refuse('this file brings zod into the phone\'s bundle (25 KB): take its types with `import type`')
    }
    return { ImportDeclaration: check, ExportNamedDeclaration: check, ExportAllDeclaration: check, ImportExpression: check }
  },
}

export const houseRules = { rules: { 'import-directions': importDirections } }
