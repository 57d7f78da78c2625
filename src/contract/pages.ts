/** Which of the three web apps answers an address: the same rule for the service and for the development server. */

/** First segment → page. `/a/…` is an alert's signed link, `/c/…` a check-in code. */
const PAGES: Readonly<Record<string, string>> = { m: 'phone.html', a: 'phone.html', c: 'phone.html', wall: 'board.html' }

/** Addresses that never mean a page: the interface, the socket, and files that are not there (any more). */
const NO_PAGE = /^\/(?:api|socket\.io|assets)(?:\/|$)|\.\w+$/

/** The console has everything else. Null: no page, whatever it looks like. A code may have a dot in it, which is no file's. */
export function pageOf(path: string): string | null {
  const own = PAGES[/^\/([^/?]*)/.exec(path)?.[1] ?? '']
  return own ?? (NO_PAGE.test(path) ? null : 'console.html')
}
