import type { ExtractTablesWithRelations } from 'drizzle-orm'
import type { PgTransaction } from 'drizzle-orm/pg-core'
import type { PostgresJsQueryResultHKT } from 'drizzle-orm/postgres-js'

type NoSchema = Record<string, never>

/** A transaction. Every repository function takes one first: there is no default connection for a query to slip out through. */
export type Tx = PgTransaction<PostgresJsQueryResultHKT, NoSchema, ExtractTablesWithRelations<NoSchema>>

/**
 * What a transaction may return while its last writes are still on their way: COMMIT is sent right behind them,
 * which spares a round trip. If one of them fails the server makes a ROLLBACK of it and `done` rejects; nothing
 * that is found out after them can undo them any more.
 */
export class LastWrites<T> {
  readonly done: Promise<T>

  constructor(done: Promise<T>) {
    this.done = done
    // Where the transaction has been given up meanwhile nobody waits for it any more.
    done.catch(() => {})
  }
}
