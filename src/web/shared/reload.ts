const KEY = 'pingji-reloaded-at'
const GAP_MS = 60_000

/** A page of yesterday's build asks for files that are gone: load it anew, but never in a circle. */
export function reloadOnce(): void {
  try {
    if (Date.now() - Number(sessionStorage.getItem(KEY) ?? 0) < GAP_MS)
      return
    sessionStorage.setItem(KEY, String(Date.now()))
  }
  catch {
    return
  }
  location.reload()
}

export function reloadWhenOutdated(): void {
  window.addEventListener('vite:preloadError', reloadOnce)
}
