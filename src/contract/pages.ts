/** Which of the three web apps answers an address: the same rule for the service and for the development server. */

/** First segment → page. `/a/…` is an alert's signed link, `/c/…` a check-in code. */
const PAGES: Readonly<Record<string, string>> = { m: 'phone.html', a: 'phone.html', c: 'phone.html', wall: 'board.html' }

/** The console has everything else. */
export function pageOf(path: string): string {
  return PAGES[/^\/([^/?]*)/.exec(path)?.[1] ?? ''] ?? 'console.html'
}
