/**
 * Does a browser say that the request comes from a page of another site? Programs send no Origin.
 * The deployment under another name than PUBLIC_URL, such as an address in the office's network, is not another site.
 */
export function isForeignOrigin({ origin, host }: { origin?: string | undefined, host?: string | undefined }, publicUrl: string): boolean {
  if (origin === undefined || origin === publicUrl)
    return false
  return !URL.canParse(origin) || new URL(origin).host !== host
}
