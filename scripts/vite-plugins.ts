import type { Plugin } from 'vite'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { brotliCompress, gzip } from 'node:zlib'
import { pageOf } from '../src/contract/pages.ts'
import { elementCss, tokensCss, vantCss } from '../src/web/shared/tokens/css.ts'

/** The tokens as style sheets: `import 'virtual:tokens.css'`, and the mapping into each component kit. */
export function tokenSheets(): Plugin {
  const sheets: Record<string, () => string> = { 'virtual:tokens.css': tokensCss, 'virtual:vant.css': vantCss, 'virtual:element.css': elementCss }
  return {
    name: 'pingji:tokens',
    resolveId: id => id in sheets ? `\0${id}` : undefined,
    load: id => id.startsWith('\0virtual:') ? sheets[id.slice(1)]?.() : undefined,
  }
}

const kebab = (name: string): string => name.replace(/(?<=[a-z0-9])[A-Z]/g, c => `-${c}`).toLowerCase()

/** Functions that live in a component's folder under another name. */
const VANT_FUNCTIONS = /^(?:show|close)\w*?(Dialog|Toast|Notify|ImagePreview)$/

const KITS = {
  'vant': (name: string) => {
    const part = kebab(VANT_FUNCTIONS.exec(name)?.[1] ?? name)
    return { module: `vant/es/${part}/index.mjs`, style: `vant/es/${part}/style/index.mjs` }
  },
  'element-plus': (name: string) => {
    const part = kebab(name.replace(/^(?:El|v)(?=[A-Z])/, ''))
    return { module: 'element-plus/es', style: `element-plus/es/components/${part}/style/css.mjs` }
  },
}

const hasStyle = (style: string): boolean => existsSync(new URL(`../node_modules/${style}`, import.meta.url))

const KIT_IMPORT = /^import \{([^}]+)\} from ['"](vant|element-plus)['"];?$/gm
const VANT_ICON_FONT = /vant[\\/]es[\\/]icon[\\/]index\.css$/

/**
 * `import { Button } from 'vant'` loads that part and its style and nothing else. Vant's icon font is
 * replaced by the few drawings that its parts use (`vant-icons.css`): 27 KB less for the phone.
 */
export function kitParts(): Plugin {
  const ownIcons = fileURLToPath(new URL('../src/web/shared/styles/vant-icons.css', import.meta.url))
  return {
    name: 'pingji:kits',
    enforce: 'pre',
    async resolveId(source, importer) {
      if (!source.endsWith('icon/index.css') || importer === undefined)
        return undefined
      const resolved = await this.resolve(source, importer, { skipSelf: true })
      return resolved !== null && VANT_ICON_FONT.test(resolved.id) ? ownIcons : undefined
    },
    transform(code, id) {
      if (!id.includes('/src/web/') || !/from ['"](?:vant|element-plus)['"]/.test(code))
        return undefined
      return {
        code: code.replace(KIT_IMPORT, (_, names: string, kit: keyof typeof KITS) => names.split(',').map(name => name.trim()).filter(name => name !== '' && !name.startsWith('type ')).map((name) => {
          const { module, style } = KITS[kit](name.split(' as ')[0] ?? name)
          return hasStyle(style) ? `import { ${name} } from '${module}'; import '${style}';` : `import { ${name} } from '${module}';`
        }).join(' ')),
        map: null,
      }
    },
  }
}

/**
 * Tells the service worker what to keep: every file that the phone's page can reach. The list's hash
 * names the cache, so that a new build is a new cache.
 */
export function precacheList(): Plugin {
  return {
    name: 'pingji:precache',
    apply: 'build',
    enforce: 'post',
    generateBundle(_options, bundle) {
      const reached = new Set<string>()
      const visit = (file: string): void => {
        const chunk = bundle[file]
        if (chunk?.type !== 'chunk' || reached.has(file))
          return
        reached.add(file)
        for (const css of chunk.viteMetadata?.importedCss ?? [])
          reached.add(css)
        for (const next of [...chunk.imports, ...chunk.dynamicImports])
          visit(next)
      }
      const phone = Object.values(bundle).find(output => output.type === 'chunk' && output.isEntry && output.name === 'phone')
      const worker = bundle['sw.js']
      if (phone === undefined || worker?.type !== 'chunk')
        throw new Error('the phone entry or the service worker is missing from the bundle')
      visit(phone.fileName)
      const files = [...reached].sort().map(file => `/${file}`)
      const version = createHash('sha256').update(files.join('\n')).digest('hex').slice(0, 12)
      worker.code = worker.code
        .replace(/__PRECACHE_FILES__/g, JSON.stringify(files))
        .replace(/__PRECACHE_VERSION__/g, JSON.stringify(version))
    },
  }
}

/** In development, the server's rule of which page answers which address. */
export function pagesInDevelopment(): Plugin {
  return {
    name: 'pingji:pages',
    configureServer(server) {
      server.middlewares.use((request, _response, next) => {
        const page = request.headers.accept?.includes('text/html') === true ? pageOf((request.url ?? '/').split('?', 1)[0] ?? '/') : null
        if (page !== null)
          request.url = `/${page}`
        next()
      })
    },
  }
}

/** Every text of the build also as .br and .gz, so that the service compresses nothing while it serves. */
export function compressed(): Plugin {
  const pack = { br: promisify(brotliCompress), gz: promisify(gzip) }
  return {
    name: 'pingji:compressed',
    apply: 'build',
    enforce: 'post',
    async writeBundle({ dir }, bundle) {
      const texts = Object.values(bundle).filter(output => /\.(?:js|css|html|svg|webmanifest)$/.test(output.fileName))
      await Promise.all(texts.flatMap(output => (['br', 'gz'] as const).map(async (kind) => {
        const source = output.type === 'chunk' ? output.code : output.source
        await writeFile(`${join(dir ?? '.', output.fileName)}.${kind}`, await pack[kind](source))
      })))
    },
  }
}
