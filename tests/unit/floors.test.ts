import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

/** Versions below which a known hole is open; raised by hand when a new one is published. The audit services need a network, this does not. */
const FLOORS: Record<string, string> = {
  'fastify': '5.8.3', // CVE-2026-25223 content-type bypass, CVE-2026-3635 spoofed host
  '@fastify/static': '10.1.1', // CVE-2026-15074
  'engine.io': '6.6.7', // CVE-2026-59725
  'socket.io-parser': '4.2.7', // CVE-2026-33151, CVE-2026-69185
}

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, { version?: string }> }
const installed = (name: string) => Object.entries(lock.packages).filter(([path]) => path === `node_modules/${name}` || path.endsWith(`/node_modules/${name}`))
const ranked = (version: string) => version.split('.').map(part => part.padStart(6, '0')).join('.')

it.each(Object.entries(FLOORS))('every copy of %s is at least %s', (name, floor) => {
  const copies = installed(name)
  expect(copies).not.toEqual([])
  expect(copies.filter(([, { version }]) => ranked(version ?? '0') < ranked(floor))).toEqual([])
})
