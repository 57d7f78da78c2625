export { append, type Appended, lastSeqOf, type NewEvent, openStream, readAfter, type StoredEvent } from './eventlog.ts'
export { createTail, type Tail } from './tail.ts'
