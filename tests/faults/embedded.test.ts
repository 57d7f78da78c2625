/** The embedded server outlives every kind of kill, and never runs twice on one folder. */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import postgres from 'postgres'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { startedAt } from '../../src/server/platform/db/data-folder.ts'
import { DataFolderInUseError, openDatabase, runningEmbeddedUrl, startEmbedded } from '../../src/server/platform/db/index.ts'
import { createLogger } from '../../src/server/platform/logger.ts'
import { asOwner } from '../harness/database.ts'
import { until } from '../harness/until.ts'

const log = createLogger('silent')
const root = mkdtempSync(join(tmpdir(), 'pingji-embedded-'))
// A folder whose name needs quoting somewhere, as an operator's may.
const dataDir = join(root, '平急 data')
const children = new Set<ChildProcess>()

afterEach(() => {
  for (const child of children)
    child.kill('SIGKILL')
  children.clear()
})

afterAll(async () => {
  // Whatever a failed test left: one last orderly start and stop.
  await (await startEmbedded({ dataDir, log })).stop()
  rmSync(root, { recursive: true, force: true })
})

async function serve(): Promise<{ child: ChildProcess, said: { pid: number, url: string, error?: string } }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'serve-embedded.ts'), dataDir], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.add(child)
  const [line] = await once(child.stdout, 'data') as [Uint8Array]
  return { child, said: JSON.parse(new TextDecoder().decode(line)) as { pid: number, url: string, error?: string } }
}

function isAlive(pid: number): boolean {
  return startedAt(pid) !== null
}

const count = (url: string): Promise<number> => asOwner(url, async sql => Number((await sql`select count(*) as n from kept`)[0]?.n))
const note = (url: string): Promise<unknown> => asOwner(url, sql => sql`insert into kept default values`)

/** Postmasters that serve this folder, by the kernel's list. */
function postmasters(): number {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid))
      return false
    try {
      const cmdline = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      return cmdline.includes(`-D\0${join(dataDir, 'postgres')}`) && cmdline.includes('bin/postgres')
    }
    catch {
      return false
    }
  }).length
}

describe.sequential('an embedded server', () => {
  it('is made durable, in UTF-8, with checksums and a password, and leaves nothing running', async () => {
    const server = await startEmbedded({ dataDir, log })
    await asOwner(server.url, sql => sql`create table kept (id integer generated always as identity)`)
    await note(server.url)
    const [set] = await asOwner(server.url, sql => sql`select current_setting('fsync') as fsync, current_setting('synchronous_commit') as sync, current_setting('data_checksums') as checksums, current_setting('server_encoding') as encoding, '疏散' ilike '%散%' as finds`)
    expect(set).toEqual({ fsync: 'on', sync: 'on', checksums: 'on', encoding: 'UTF8', finds: true })
    const wrong = postgres(server.url.replace(/:[^:@]*@/, ':wrong@'), { max: 1 })
    await expect(wrong`select 1`).rejects.toMatchObject({ code: '28P01' })
    await wrong.end()
    expect(runningEmbeddedUrl(dataDir)).toBe(server.url)
    const { pid } = server
    await server.stop()
    expect(isAlive(pid)).toBe(false)
    expect(postmasters()).toBe(0)
    expect(existsSync(join(dataDir, 'service.lock'))).toBe(false)
    expect(runningEmbeddedUrl(dataDir)).toBeNull()
  })

  it('refuses a second start on the same folder and says who holds it', async () => {
    const { child, said } = await serve()
    const refusal = await startEmbedded({ dataDir, log }).catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(DataFolderInUseError)
    expect(String(refusal)).toContain(String(child.pid))
    expect(String(refusal)).toContain(dataDir)
    expect((await serve()).said.error).toContain(`${child.pid}`)
    expect(await count(said.url)).toBe(1)
    child.kill('SIGTERM')
    await once(child, 'exit')
    expect(isAlive(said.pid)).toBe(false)
  })

  it('takes over from a service that was killed, and stops the server it left behind', async () => {
    const { child, said } = await serve()
    await note(said.url)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(isAlive(said.pid)).toBe(true)
    const server = await startEmbedded({ dataDir, log })
    expect(isAlive(said.pid)).toBe(false)
    expect(postmasters()).toBe(1)
    expect(await count(server.url)).toBe(2)
    await server.stop()
  })

  it('takes over when service and server were killed together', async () => {
    const { child, said } = await serve()
    await note(said.url)
    child.kill('SIGKILL')
    process.kill(said.pid, 'SIGKILL')
    await once(child, 'exit')
    const server = await startEmbedded({ dataDir, log })
    expect(await count(server.url)).toBe(3)
    await server.stop()
  })

  it('starts beside a stranger that now bears the old pids', async () => {
    writeFileSync(join(dataDir, 'postgres', 'postmaster.pid'), `${process.pid}\n${join(dataDir, 'postgres')}\n1\n5432\n\n127.0.0.1\n 1 1\nready\n`)
    writeFileSync(join(dataDir, 'service.lock'), JSON.stringify({ pid: process.pid, startedAt: 'another time', place: 'x' }))
    const server = await startEmbedded({ dataDir, log })
    expect(await count(server.url)).toBe(3)
    await server.stop()
  })

  it('is started again when it dies under load, and loses nothing that was acknowledged', async () => {
    const server = await startEmbedded({ dataDir, log })
    const db = openDatabase({ url: server.url, log })
    await db.work.tx(tx => tx.execute(sql`create table acked (id integer primary key)`))
    const acked = new Set<number>()
    let next = 0
    const stop = new AbortController()
    const writers = Array.from({ length: 8 }, async () => {
      while (!stop.signal.aborted) {
        const id = ++next
        const done = await db.work.tx(tx => tx.execute(sql`insert into acked (id) values (${id})`)).then(() => true, () => false)
        if (done)
          acked.add(id)
        else
          await sleep(20)
      }
    })
    for (let kill = 0; kill < 3; kill++) {
      const before = server.pid
      const sofar = acked.size
      await until(() => acked.size > sofar + 100, 'writes go on')
      process.kill(before, 'SIGKILL')
      await until(() => server.pid !== 0 && server.pid !== before, 'a new postmaster')
      const again = acked.size
      await until(() => acked.size > again, 'writes are taken again')
    }
    stop.abort()
    await Promise.all(writers)
    const kept = await asOwner(server.url, async sql => new Set((await sql<{ id: number }[]>`select id from acked`).map(r => r.id)))
    expect([...acked].filter(id => !kept.has(id))).toEqual([])
    await db.close()
    await server.stop()
    expect(postmasters()).toBe(0)
  })
})
