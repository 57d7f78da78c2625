import type { Socket } from 'socket.io-client'
/** One simulated phone: it opens the link of its message, answers, travels, checks in and out over the real HTTP and socket protocols. */
import type { MyEmergency } from '../contract/boards.ts'
import type { AnswerReply, GiveAnswer } from '../contract/calls.ts'
import type { Me } from '../contract/identity.ts'
import type { CheckInReply } from '../contract/presence.ts'
import type { ClientToServerEvents, ServerToClientEvents } from '../contract/realtime.ts'
import type { ResponseModel } from './arguments.ts'
import type { Ledger } from './ledger.ts'
import type { Random } from './random.ts'
import { randomUUID } from 'node:crypto'
import { io } from 'socket.io-client'
import { PROTOCOL_VERSION } from '../contract/protocol.ts'
import { HttpClient, RefusedError } from './http-client.ts'
import { answerMinute } from './random.ts'

export interface PhoneWorld {
  url: string
  emergencyId: string
  model: ResponseModel
  random: Random
  ledger: Ledger
  offline: number
  duplicates: number
  /** Waits simulated minutes. */
  wait: (minutes: number) => Promise<void>
  /** Asks a captain of this team for his code. Null: no captain has opened his phone yet. */
  codeOf: (teamId: string) => Promise<string | null>
  /** The captain signs somebody in. False: no captain there. */
  signedInByCaptain: (teamId: string, personId: string) => Promise<boolean>
  captains: Map<string, Phone>
}

export class Phone {
  readonly #http: HttpClient
  readonly #world: PhoneWorld
  readonly #code: string
  #socket: Socket<ServerToClientEvents, ClientToServerEvents> | null = null
  #me: MyEmergency | null = null

  constructor(world: PhoneWorld, code: string) {
    this.#world = world
    this.#code = code
    this.#http = new HttpClient(world.url)
  }

  get http(): HttpClient {
    return this.#http
  }

  /** The person's whole part in the emergency, from the message to the check-in. Resolves when he has nothing left to do until the end. */
  async live(): Promise<void> {
    const { model, random, wait, ledger, emergencyId } = this.#world
    const answersAt = answerMinute(model.answeredBy, random.next())
    if (answersAt === null)
      return
    await wait(answersAt)
    const me = await this.#open()
    const person = ledger.person(me.me.personId, me.me.name)
    if (random.chance(model.onSocket))
      await this.#connect()
    const alertId = me.alert?.id
    if (alertId !== undefined) {
      await this.#http.post(`/api/emergencies/${emergencyId}/receipts`, { alertId, read: true })
      ledger.counts.receipts++
    }
    let answer = random.weighted(model.answers)
    await this.#answer(answer)
    if (random.chance(model.changesMind)) {
      await wait(2)
      answer = answer === 'cannot' ? 'going' : 'cannot'
      await this.#answer(answer)
    }
    if (me.me.audience === 'duty' || answer === 'cannot' || random.chance(model.neverArrives))
      return
    if (answer !== 'alreadyThere')
      await wait(random.logNormal(model.travelMin.median, model.travelMin.spread))
    await this.#checkIn()
    person.checkedIn = true
  }

  async checkOut(): Promise<void> {
    const { emergencyId, ledger } = this.#world
    if (this.#me === null)
      return
    await this.#http.post(`/api/emergencies/${emergencyId}/check-outs`, { checkInId: randomUUID() })
    ledger.person(this.#me.me.personId, this.#me.me.name).checkedOut = true
    ledger.counts.checkOuts++
  }

  close(): void {
    this.#socket?.disconnect()
  }

  async #open(): Promise<MyEmergency> {
    const { emergencyId, ledger, captains } = this.#world
    await this.#http.post<Me>(`/api/links/${this.#code}`, {})
    ledger.counts.links++
    const me = await this.#http.get<MyEmergency>(`/api/emergencies/${emergencyId}/mine`)
    this.#me = me
    if (me.me.maySignOthersIn && me.team !== null)
      captains.set(me.team.teamId, this)
    return me
  }

  async #connect(): Promise<void> {
    const socket: Socket<ServerToClientEvents, ClientToServerEvents> = io(this.#world.url, {
      transports: ['websocket'],
      auth: { protocol: PROTOCOL_VERSION },
      extraHeaders: { cookie: this.#http.cookie },
      reconnectionDelay: 200,
      forceNew: true,
    })
    this.#socket = socket
    await new Promise<void>((resolve) => {
      socket.once('connect', resolve)
      setTimeout(resolve, 5_000)
    })
  }

  async #answer(answer: GiveAnswer['answer']): Promise<void> {
    const { model, random, ledger, emergencyId, offline, duplicates } = this.#world
    const me = this.#me
    if (me === null)
      return
    const command: GiveAnswer = {
      answerId: randomUUID(),
      answer,
      promisedAt: answer === 'later' ? new Date(Date.now() + random.pick(model.laterMin) * 60_000).toISOString() : null,
      reason: answer === 'cannot' ? random.weighted(model.cannotReasons) as NonNullable<GiveAnswer['reason']> : null,
      note: '',
    }
    const path = `/api/emergencies/${emergencyId}/answers`
    if (random.chance(offline)) {
      await this.#http.postAndLoseReply(path, command)
      ledger.counts.lostReplies++
    }
    const reply = await this.#send(path, command)
    this.#count(reply)
    const person = ledger.person(me.me.personId, me.me.name)
    if (!reply.isLate)
      person.answer = reply.answer
    if (random.chance(duplicates)) {
      ledger.counts.duplicates++
      this.#count(await this.#http.post<AnswerReply>(path, command))
    }
  }

  #count(reply: AnswerReply): void {
    const { counts } = this.#world.ledger
    counts.answers += reply.replayed ? 0 : 1
    counts.replays += reply.replayed ? 1 : 0
    counts.late += reply.isLate ? 1 : 0
  }

  /** By the open socket where there is one, else by HTTP: the same command, the same id. */
  async #send(path: string, command: GiveAnswer): Promise<AnswerReply> {
    const socket = this.#socket
    if (socket?.connected === true) {
      try {
        const reply = await socket.timeout(5_000).emitWithAck('call:answer', { ...command, emergencyId: this.#world.emergencyId })
        if (reply.ok)
          return reply.data as AnswerReply
      }
      catch {
        // No ack in time: the same id goes by HTTP.
      }
    }
    return this.#http.post<AnswerReply>(path, command)
  }

  async #checkIn(): Promise<void> {
    const { model, random, emergencyId, ledger, codeOf, signedInByCaptain } = this.#world
    const team = this.#me?.team
    const me = this.#me?.me
    if (team == null || me === undefined)
      return
    const path = `/api/emergencies/${emergencyId}/check-ins`
    const way = random.weighted(model.checkIn)
    if (way === 'captain' && await signedInByCaptain(team.teamId, me.personId)) {
      ledger.counts.checkIns++
      return
    }
    const code = way === 'code' ? await codeOf(team.teamId) : null
    const { latitude, longitude } = team.rallyPoint
    const position = { latitude: (latitude ?? 34.44) + (random.next() - 0.5) * 0.002, longitude: (longitude ?? 104.04) + (random.next() - 0.5) * 0.002, accuracyM: 20 + random.next() * 60, coordinateSystem: 'WGS84' as const }
    const command = code === null ? { method: 'position' as const, checkInId: randomUUID(), position } : { method: 'code' as const, checkInId: randomUUID(), code }
    await this.#http.post<CheckInReply>(path, command)
    ledger.counts.checkIns++
  }
}

export function wasRefused(error: unknown): boolean {
  return error instanceof RefusedError
}
