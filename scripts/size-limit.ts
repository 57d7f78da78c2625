/**
 * What a phone downloads before it can show an alert: everything that phone.html asks for, and what
 * that imports without being asked again. Fails above the budget.
 */
import { readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const BUDGET = 100 * 1024
const root = fileURLToPath(new URL('../dist/web', import.meta.url))

function firstLoad(): Map<string, number> {
  const sizes = new Map<string, number>()
  const visit = (file: string): void => {
    if (sizes.has(file))
      return
    const bytes = readFileSync(join(root, file))
    sizes.set(file, gzipSync(bytes, { level: 9 }).length)
    if (file.endsWith('.js')) {
      // Static imports only: `import(` is what loads later.
      for (const [, from] of bytes.toString('utf8').matchAll(/(?:^|[;}\n])(?:import|export)(?:[\w*{}\s,$]+from)?["']([^"']+\.js)["']/g))
        visit(normalize(join(dirname(file), from ?? '')))
    }
  }
  const html = readFileSync(join(root, 'phone.html'), 'utf8')
  sizes.set('phone.html', gzipSync(html, { level: 9 }).length)
  for (const [, file] of html.matchAll(/(?:src|href)="\/(assets\/[^"]+\.(?:js|css))"/g))
    visit(file ?? '')
  return sizes
}

const sizes = firstLoad()
const total = [...sizes.values()].reduce((sum, size) => sum + size, 0)
const kb = (bytes: number): string => `${(bytes / 1024).toFixed(1).padStart(7)} KB`
for (const [file, size] of [...sizes].sort((a, b) => b[1] - a[1]))
  console.log(kb(size), file)
console.log(kb(total), `phone, first load, gzipped; budget ${BUDGET / 1024} KB`)
if (total > BUDGET)
  process.exit(1)
