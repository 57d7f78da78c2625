/** What the calls module needs of the outside world; each channel implements it. */

export interface OutgoingMessage {
  /** `alert person`: the provider's idempotency key where it has one. */
  key: string
  personId: string
  phone: string
  text: string
}

/** One lattice for every channel: "accepted" is not "reached". */
export type HandoverResult
  = { state: 'accepted', providerId: string }
    | { state: 'failedTemp', retryAfterSec: number, failure: string }
    | { state: 'failedPerm', failure: string }

export interface ChannelSender {
  /**
   * Numbers that nobody can own belong to the sandbox, all others to a real gateway. The calls module
   * hands a sender only its own kind, so that neither can do the other's work by mistake.
   */
  takes: 'fictional' | 'real'
  /** Hands a batch over; one result per message, in order. Throwing means: nobody knows, so they are tried again in smaller parts. */
  send: (batch: readonly OutgoingMessage[]) => Promise<HandoverResult[]>
  /** Most messages in one call. */
  batchSize: number
}
