import type { OutboxItem, OutboxStore } from './outbox.ts'

const NAME = 'pingji-outbox'

/**
 * IndexedDB where it works; private windows and some web views refuse it, then localStorage, then the
 * page's memory, which at least survives a lost network.
 */
export async function openOutboxStore(): Promise<OutboxStore> {
  for (const open of [openIndexedDb, openLocalStorage]) {
    try {
      const store = await open()
      await store.all()
      return store
    }
    catch {
      // The next one, then.
    }
  }
  return inMemory()
}

async function openIndexedDb(): Promise<OutboxStore> {
  const opening = indexedDB.open(NAME, 1)
  opening.onupgradeneeded = () => opening.result.createObjectStore('items', { keyPath: 'id' })
  const db = await settled(opening)
  const items = (mode: IDBTransactionMode): IDBObjectStore => db.transaction('items', mode).objectStore('items')
  // Written means committed, not merely asked for.
  const write = (request: IDBRequest): Promise<void> => new Promise((resolve, reject) => {
    const { transaction } = request
    if (transaction === null)
      return reject(new Error('no transaction'))
    transaction.oncomplete = () => resolve()
    transaction.onabort = () => reject(transaction.error ?? new Error('aborted'))
  })
  return {
    all: () => settled<OutboxItem[]>(items('readonly').getAll()),
    put: item => write(items('readwrite').put(item)),
    remove: id => write(items('readwrite').delete(id)),
  }
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error ?? new Error('IndexedDB failed'))
  })
}

async function openLocalStorage(): Promise<OutboxStore> {
  const read = (): OutboxItem[] => JSON.parse(localStorage.getItem(NAME) ?? '[]') as OutboxItem[]
  const write = (items: OutboxItem[]): void => localStorage.setItem(NAME, JSON.stringify(items))
  write(read())
  return {
    all: async () => read(),
    put: async item => write([...read().filter(other => other.id !== item.id), item]),
    remove: async id => write(read().filter(item => item.id !== id)),
  }
}

function inMemory(): OutboxStore {
  const items = new Map<string, OutboxItem>()
  return {
    all: async () => [...items.values()],
    put: async (item) => {
      items.set(item.id, item)
    },
    remove: async (id) => {
      items.delete(id)
    },
  }
}
