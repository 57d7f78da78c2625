import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLogger } from '../../../src/server/platform/logger.ts'
import { ensureWebClient } from '../../../src/server/platform/web-build.ts'

let project: string
let built: number
let works: boolean

beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'pingji-build-'))
  mkdirSync(join(project, 'src/web'), { recursive: true })
  writeFileSync(join(project, 'src/web/main.ts'), 'one')
  built = 0
  works = true
})
afterEach(() => rmSync(project, { recursive: true }))

function ensure() {
  return ensureWebClient(createLogger('silent'), {
    project,
    build: async (_, into) => {
      mkdirSync(into, { recursive: true })
      writeFileSync(join(into, 'console.html'), `build ${++built}`)
      return works
    },
  })
}
const served = () => readFileSync(join(project, 'dist/web/console.html'), 'utf8')

describe('the web client', () => {
  it('is built when it is missing, and not again while nothing changes', async () => {
    await ensure()
    await ensure()
    expect([built, served()]).toEqual([1, 'build 1'])
  })

  it.each([
    ['a changed source', () => writeFileSync(join(project, 'src/web/main.ts'), 'two')],
    ['a renamed source', () => {
      rmSync(join(project, 'src/web/main.ts'))
      writeFileSync(join(project, 'src/web/other.ts'), 'one')
    }],
    ['another lockfile', () => writeFileSync(join(project, 'package-lock.json'), '{}')],
    ['a build made by hand', () => rmSync(join(project, 'dist/web/.sources'))],
  ])('%s makes it stale', async (_, change) => {
    await ensure()
    change()
    await ensure()
    expect(served()).toBe('build 2')
  })

  it('a build that fails leaves the old one, and nothing of its own', async () => {
    await ensure()
    writeFileSync(join(project, 'src/web/main.ts'), 'broken')
    works = false
    await expect(ensure()).rejects.toThrow('could not be built')
    expect([served(), readdirSync(join(project, 'dist'))]).toEqual(['build 1', ['web']])
  })

  it('two at once end with one whole build', async () => {
    await Promise.all([ensure(), ensure()])
    expect(readdirSync(join(project, 'dist'))).toEqual(['web'])
    expect(existsSync(join(project, 'dist/web/.sources'))).toBe(true)
  })

  it('many processes at once, again and again, end with one whole build each time', async () => {
    const module = new URL('../../../src/server/platform/web-build.ts', import.meta.url).href
    const script = `
      const { ensureWebClient } = await import(${JSON.stringify(module)})
      const { mkdirSync, rmSync, writeFileSync } = await import('node:fs')
      for (let n = 0; n < 100; n++) {
        await ensureWebClient({ info() {} }, { project: process.argv[1], build: async (_, into) => {
          for (let i = 0; i < 10; i++)
            writeFileSync(into + '/' + i, 'part')
          return true
        } })
        // What a build made by hand leaves: it is stale.
        rmSync(process.argv[1] + '/dist/web/.sources', { force: true })
      }`
    const faults = await Promise.all(Array.from({ length: 4 }, () => new Promise<string>((resolve) => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script, project])
      let text = ''
      child.stderr.on('data', chunk => text += String(chunk))
      child.once('exit', code => resolve(code === 0 ? '' : text))
    })))
    expect(faults).toEqual(['', '', '', ''])
    await ensure()
    expect(readdirSync(join(project, 'dist'))).toEqual(['web'])
  })

  it('delivered without sources it is taken as it is', async () => {
    rmSync(join(project, 'src'), { recursive: true })
    await ensure()
    expect(built).toBe(0)
  })
})
