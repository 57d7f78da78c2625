import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

/** docs/rules.md says which function holds which rule: no name in it may go stale. */
const text = readFileSync('docs/rules.md', 'utf8')
const sections = text.split(/^### /m).slice(1).map(section => ({ no: section.split(' ')[0], rows: section.split('\n').filter(line => line.startsWith('|')).slice(2) }))
const references = [...new Set([...text.matchAll(/`([\w./-]+\.(?:ts|sql)#\w+)`/g)].map(m => m[1] ?? ''))]

function declares(source: string, name: string): boolean {
  return [
    `\\b(?:function|const|class|interface|type|trigger|constraint) ${name}\\b`,
    // A method of a service.
    `^ {2,}(?:async )?${name}(?:\\(|: \\()`,
    // A constraint of a table.
    `'${name}'`,
  ].some(pattern => new RegExp(pattern, 'm').test(source))
}

describe('the table of rules', () => {
  it('speaks of every section', () => {
    expect(sections.map(s => s.no)).toEqual(Array.from({ length: 10 }, (_, i) => `4.${i + 1}`))
  })

  it('names for every rule who holds it, or says that it is not built yet', () => {
    expect(sections.flatMap(s => s.rows).filter(row => !/`[\w./-]+#\w+`|not built yet/.test(row))).toEqual([])
  })

  it.each(references)('%s exists', (reference) => {
    const [path = '', name = ''] = reference.split('#')
    const file = /^(?:src|drizzle)\//.test(path) ? path : `src/server/modules/${path}`
    expect(existsSync(file), file).toBe(true)
    expect(declares(readFileSync(file, 'utf8'), name), `${file} declares ${name}`).toBe(true)
  })

  it('is not fooled', () => {
    expect(declares('export function press() {}', 'pres')).toBe(false)
    expect(declares('    await press(1)', 'press')).toBe(false)
    expect(declares('    async press(caller) {', 'press')).toBe(true)
  })
})
