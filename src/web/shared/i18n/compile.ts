import type { MessageContext, MessageFunction } from 'vue-i18n'

const PLACEHOLDER = /\{(\w+)\}/
const cache = new Map<string, MessageFunction<string>>()

/**
 * Messages are plain text with `{name}` places; ` | ` parts singular from plural, chosen by `count` or `n`.
 * Compiled to closures: nothing is evaluated, so the CSP needs no exception.
 */
export function compileMessage(message: unknown): MessageFunction<string> {
  if (typeof message !== 'string')
    throw new TypeError('a message must be text')
  let compiled = cache.get(message)
  if (compiled === undefined) {
    compiled = compile(message)
    cache.set(message, compiled)
  }
  return compiled
}

function compile(message: string): MessageFunction<string> {
  const variants = message.split(' | ').map(compileVariant)
  const [only] = variants
  if (variants.length === 1 && only !== undefined)
    return only
  return context => context.plural(variants.map(variant => variant(context)))
}

type Variant = (context: Pick<MessageContext<string>, 'named'>) => string

function compileVariant(text: string): Variant {
  // Odd pieces are names: the pattern has one group.
  const pieces = text.split(PLACEHOLDER)
  if (pieces.length === 1)
    return () => text
  return context => pieces.map((piece, i) => i % 2 === 0 ? piece : String(context.named(piece) ?? '')).join('')
}
