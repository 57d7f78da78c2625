import { setTimeout as sleep } from 'node:timers/promises'

/** Waits for a condition, never for a time; `timeoutMs` only says when to stop hoping. */
export async function until(holds: () => boolean | Promise<boolean>, what: string, timeoutMs = 15_000): Promise<void> {
  const end = performance.now() + timeoutMs
  while (!await holds()) {
    if (performance.now() > end)
      throw new Error(`never came true: ${what}`)
    await sleep(20)
  }
}
