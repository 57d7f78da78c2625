/** Which of the three web apps answers an address: the same rule for the service and for the development server. */

/** First segment → page. `/a/…` is an alert's signed link, `/c/…` a check-in code. */
const PAGES: ReadonlyMap<string, string> = new Map([['m', 'phone.html'], ['a', 'phone.html'], ['c', 'phone.html'], ['wall', 'board.html']])

/** A code may have a dot in it, which is no file's. */
const CODE = /^\/[ac]\//
/** Addresses that never mean a page: the interface, the socket, and files that are not there (any more). */
const NO_PAGE = /^\/(?:api|socket\.io|assets)(?:\/|$)|\.\w+$/

/** The console has everything else. Null: no page, whatever it looks like. */
export function pageOf(path: string): string | null {
  return NO_PAGE.test(path) && !CODE.test(path) ? null : PAGES.get(/^\/([^/?]*)/.exec(path)?.[1] ?? '') ?? 'console.html'
}
