/** Ratios of what stood side by side in one pass, and how they are shown. */

interface Goal { name: string, goal: string, met: (ratio: number) => boolean }

const GOALS: Record<string, Goal> = {
  story: { name: 'key → all answers on the board / (plain ws broadcast + answers without database)', goal: '≤ 2.0', met: r => r <= 2 },
  durable: { name: 'durable answers per second / without their database work', goal: '≥ 0.7', met: r => r >= 0.7 },
  ordinary: { name: 'durable answers per second / an ordinary transaction each', goal: '≥ 15', met: r => r >= 15 },
  prepared: { name: 'durable answers per second / a hand-written transaction of prepared statements each', goal: '', met: () => true },
  alone: { name: 'a lone answer / a lone hand-written transaction (latency)', goal: '≤ 1.0', met: r => r <= 1 },
  alert: { name: 'rows durable → last alert / plain ws broadcast of the same bytes', goal: '≤ 1.3', met: r => r <= 1.3 },
  watchers: { name: 'key → last answer, with watchers / without', goal: '≤ 1.05', met: r => r <= 1.05 },
  key: { name: 'rows of the whole county\'s key durable / by plain SQL', goal: '≤ 1.5', met: r => r <= 1.5 },
  http: { name: 'answers per second over HTTP, 200 connections / over the open sockets', goal: '', met: () => true },
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] ?? 0 : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}

export function spread(numbers: readonly number[]): string {
  return `[${Math.min(...numbers).toFixed(0)}..${Math.max(...numbers).toFixed(0)}]`
}

export class Ratios {
  readonly #pairs: Record<string, { ours: number, theirs: number }[]> = {}

  add(key: string, ours: number, theirs: number): void {
    (this.#pairs[key] ??= []).push({ ours, theirs })
  }

  times(key: string): string {
    const pairs = this.#pairs[key] ?? []
    return `${median(pairs.map(p => p.ours)).toFixed(0)} ms against ${median(pairs.map(p => p.theirs)).toFixed(0)} ms`
  }

  rows() {
    return Object.entries(GOALS).flatMap(([key, { name, goal, met }]) => {
      const pairs = this.#pairs[key] ?? []
      const each = pairs.map(p => p.ours / p.theirs)
      const ratio = median(each)
      return pairs.length === 0 ? [] : [{ key, name, ratio, least: Math.min(...each), most: Math.max(...each), goal, met: goal === '' ? null : met(ratio), pairs }]
    })
  }
}

export function table(rows: readonly string[][], head: string[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map(row => (row[i] ?? '').length)))
  const line = (cells: readonly string[]) => cells.map((cell, i) => i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)).join('  ').trimEnd()
  return [line(head), line(widths.map(width => '-'.repeat(width))), ...rows.map(line)].join('\n')
}
