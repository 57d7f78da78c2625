import type { Language } from '../contract/errors.ts'
/** What a socket may ask for: the same schemas, the same services, the same refusals as over HTTP. */
import type { Boards, Gateway, LiveBoards } from './modules/boards/index.ts'
import type { Calls } from './modules/calls/index.ts'
import type { Presence } from './modules/presence/index.ts'
import type { Logger } from './platform/logger.ts'
import type { Realtime } from './platform/realtime/index.ts'
import { z } from 'zod'
import { GiveAnswer, GiveReceipt } from '../contract/calls.ts'
import { Id, Scope } from '../contract/common.ts'
import { CheckIn } from '../contract/presence.ts'
import { parseInput } from './platform/http/index.ts'
import { command } from './platform/realtime/index.ts'

const Addressed = z.looseObject({ emergencyId: Id })
const Watch = z.strictObject({ emergencyId: Id, scope: Scope })
const Unwatch = z.strictObject({ watchId: z.string().max(200) })

export interface SocketDeps { realtime: Realtime, log: Logger, calls: Calls, presence: Presence, boards: Boards, live: LiveBoards, gateway: Pick<Gateway, 'alarmsOut'> }

/** The emergency's id stands in the path over HTTP and beside the body here. */
export function addressed<T extends z.ZodType>(schema: T, input: unknown, language: Language): [emergencyId: string, body: z.output<T>] {
  const { emergencyId, ...body } = parseInput(Addressed, input, language)
  return [emergencyId, parseInput(schema, body, language)]
}

export function serveSockets({ realtime, log, calls, presence, boards, live, gateway }: SocketDeps): void {
  realtime.io.on('connection', (socket) => {
    socket.on('call:receipt', command(socket, log, (input, caller) => {
      const [emergencyId, receipt] = addressed(GiveReceipt, input, caller.language)
      return calls.receipt(caller, emergencyId, receipt)
    }))
    socket.on('call:answer', command(socket, log, (input, caller) => {
      const [emergencyId, answer] = addressed(GiveAnswer, input, caller.language)
      socket.data.lastCommandId = answer.answerId
      return calls.answer(caller, emergencyId, answer)
    }))
    socket.on('presence:checkIn', command(socket, log, (input, caller) => {
      const [emergencyId, checkIn] = addressed(CheckIn, input, caller.language)
      socket.data.lastCommandId = checkIn.checkInId
      return presence.checkIn(caller, emergencyId, checkIn)
    }))
    socket.on('board:watch', command(socket, log, async (input, { actor, language }) => {
      const { emergencyId, scope } = parseInput(Watch, input, language)
      boards.requireBoard(actor, scope)
      // Every screen of the county turns to a new emergency at once, just when its alarm goes out.
      await gateway.alarmsOut()
      return live.watch(socket, emergencyId, scope)
    }))
    socket.on('board:unwatch', command(socket, log, async (input, { language }) => {
      await live.unwatch(socket, parseInput(Unwatch, input, language).watchId)
      return {}
    }))
  })
}
