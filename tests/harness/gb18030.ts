/** What Node cannot do by itself: text as Chinese office programs write it. Two-byte characters and ASCII suffice for a county. */
const CODES = new Map<string, number>()
const decoder = new TextDecoder('gb18030', { fatal: true })
for (let high = 0x81; high <= 0xFE; high++) {
  for (let low = 0x40; low <= 0xFE; low++) {
    if (low === 0x7F)
      continue
    const char = decoder.decode(Uint8Array.of(high, low))
    if (!CODES.has(char))
      CODES.set(char, high << 8 | low)
  }
}

export function toGb18030(text: string): Buffer {
  const bytes: number[] = []
  for (const char of text.replace(/^\uFEFF/, '')) {
    const code = CODES.get(char)
    if (code !== undefined)
      bytes.push(code >> 8, code & 0xFF)
    else if (char <= '\x7F')
      bytes.push(char.charCodeAt(0))
    else
      throw new Error(`no two-byte code for ${char}`)
  }
  return Buffer.from(bytes)
}
