/**
 * Many ask the same within a breath (every phone of the county after an alarm): one reading answers all
 * who asked before it began. Nobody gets an answer older than his question.
 */
export function sharedRead<T>(read: () => Promise<T>): () => Promise<T> {
  let running: Promise<unknown> = Promise.resolve()
  let next: Promise<T> | null = null
  return () => {
    if (next !== null)
      return next
    const mine = running.then(() => {
      next = null
      return read()
    })
    next = mine
    running = mine.catch(() => {})
    return mine
  }
}
