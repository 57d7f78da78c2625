/** What the processes of the bench say to each other. All times are milliseconds since the epoch, of one clock. */
export const now = (): number => performance.timeOrigin + performance.now()

/** To the service's process. */
export type ServerCommand
  = | { do: 'start', databaseUrl: string, dataDir: string, port: number }
    | { do: 'stop' }
/** From it. */
export type ServerReply
  = | { done: 'start', port: number }
    | { done: 'pressed', at: number }
    | { done: 'stop' }

/** To the plain `ws` process. */
export type RawCommand = { do: 'start', port: number } | { do: 'broadcast', text: string, times: number } | { do: 'stop' }
export type RawReply = { done: 'start' } | { done: 'broadcast', at: number } | { done: 'stop' }

/** A way for an answer to travel: the product's, and the baselines on the same sockets. */
export type AnswerEvent = 'call:answer' | 'bench:memory' | 'bench:ordinary' | 'bench:prepared'

/** To a process of phones. */
export type PhonesCommand
  = | { do: 'connect', port: number, kind: 'pingji' | 'raw', cookies: string[], count: number, perSec: number, protocol: number }
    | { do: 'watchers', port: number, cookies: string[], protocol: number }
    /** Every phone answers its next alert at once. */
    | { do: 'arm' }
    | { do: 'watch', emergencyId: string, people: number }
    | { do: 'unwatch' }
    | { do: 'answer', emergencyId: string, event: AnswerEvent, count: number }
    | { do: 'answerAlone', emergencyId: string, event: AnswerEvent, count: number }
    | { do: 'answerHttp', port: number, emergencyId: string, cookies: string[], connections: number }
    | { do: 'awaitBytes', messages: number }
    | { do: 'stop' }
export type PhonesReply
  = | { done: 'connect', count: number }
    | { done: 'watchers', count: number }
    | { done: 'arm' }
    | { done: 'alerted', first: number, last: number, count: number, bytes: number, text: string }
    | { done: 'acknowledged', last: number, count: number, refused: number, firstRefusal: string }
    | { done: 'watch', last: number }
    | { done: 'board', last: number, answered: number }
    | { done: 'unwatch' }
    | { done: 'answer', ms: number, count: number, refused: number, firstRefusal: string }
    | { done: 'answerAlone', medianMs: number, refused: number, firstRefusal: string }
    | { done: 'answerHttp', ms: number, count: number, refused: number, firstRefusal: string }
    | { done: 'awaitBytes' }
    | { done: 'bytes', first: number, last: number, count: number }
    | { done: 'stop' }
