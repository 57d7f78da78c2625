/** A process of the bench, and what it has said. */
import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { join } from 'node:path'

interface Message { done: string }

export class Child<Command, Reply extends Message> {
  readonly #process: ChildProcess
  readonly #said: Reply[] = []
  readonly #waiting: { done: string, resolve: (reply: Reply) => void, reject: (error: Error) => void }[] = []

  constructor(file: string, { profile = false, flags = [] as string[] } = {}) {
    this.#process = fork(join(import.meta.dirname, file), { execArgv: [...flags, ...profile ? ['--cpu-prof', '--cpu-prof-dir=bench-results'] : []], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.#process.on('message', (reply: Reply) => {
      const i = this.#waiting.findIndex(w => w.done === reply.done)
      if (i < 0)
        this.#said.push(reply)
      else
        this.#waiting.splice(i, 1)[0]?.resolve(reply)
    })
    this.#process.once('exit', (code) => {
      for (const { done, reject } of this.#waiting.splice(0))
        reject(new Error(`${file} ended with ${code} while "${done}" was awaited`))
    })
  }

  tell(command: Command): void {
    this.#process.send(command as object)
  }

  /** The next (or an unread) reply of this kind. */
  hear<D extends Reply['done']>(done: D, timeoutMs = 120_000): Promise<Extract<Reply, { done: D }>> {
    const i = this.#said.findIndex(reply => reply.done === done)
    const reply = i < 0
      ? new Promise<Reply>((resolve, reject) => {
          const timer = setTimeout(() => reject(new Error(`no "${done}" within ${timeoutMs} ms`)), timeoutMs)
          this.#waiting.push({
            done,
            resolve: (reply) => {
              clearTimeout(timer)
              resolve(reply)
            },
            reject,
          })
        })
      : Promise.resolve(this.#said.splice(i, 1)[0] as Reply)
    return reply as Promise<Extract<Reply, { done: D }>>
  }

  ask<D extends Reply['done']>(command: Command, done: D): Promise<Extract<Reply, { done: D }>> {
    this.tell(command)
    return this.hear(done)
  }

  /** It ends by itself when nobody talks to it any more. */
  end(): void {
    if (this.#process.connected)
      this.#process.disconnect()
  }
}
