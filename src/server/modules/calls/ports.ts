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
  /** Hands a batch over; one result per message, in order. Throwing means: unknown for all of them. */
  send: (batch: readonly OutgoingMessage[]) => Promise<HandoverResult[]>
  /** Most messages in one call. */
  batchSize: number
}
