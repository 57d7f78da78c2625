import type { Ref } from 'vue'
import { onScopeDispose, ref } from 'vue'

/** The server's clock decides what "now" is; a phone's may be minutes off. */
let aheadMs = 0

export function setServerTime(iso: string): void {
  aheadMs = Date.parse(iso) - Date.now()
}

export const serverNow = (): number => Date.now() + aheadMs

const now = ref(serverNow())
let timer: ReturnType<typeof setInterval> | null = null
let users = 0

/** Ticks once a second while anything on the screen shows time; one timer for all. */
export function useNow(): Readonly<Ref<number>> {
  now.value = serverNow()
  users++
  timer ??= setInterval(() => {
    now.value = serverNow()
  }, 1_000)
  onScopeDispose(() => {
    if (--users === 0 && timer !== null) {
      clearInterval(timer)
      timer = null
    }
  })
  return now
}
