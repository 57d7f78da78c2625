/** Columns a terminal takes for a text: Chinese characters and full-width signs take two. */
function widthOf(text: string): number {
  let width = 0
  for (const char of text)
    width += /[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{20000}-\u{3FFFD}]/u.test(char) ? 2 : 1
  return width
}

/** Lines of a table whose columns stand under their headings; numbers are set right. */
export function tableLines(headings: readonly string[], rows: readonly (readonly (string | number)[])[]): string[] {
  const lines = [headings, ...rows]
  const widths = headings.map((_, i) => Math.max(...lines.map(line => widthOf(String(line[i] ?? '')))))
  return lines.map(line => line.map((cell, i) => {
    const padding = ' '.repeat((widths[i] ?? 0) - widthOf(String(cell)))
    return rows.some(row => typeof row[i] === 'number') ? padding + cell : cell + padding
  }).join('  ').trimEnd())
}
