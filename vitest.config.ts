import { defineConfig } from 'vitest/config'

/** Each tier earns its place by what it can show that the one above cannot. */
function tier(name: string, timeoutSec: number, needsDatabase = true) {
  return {
    extends: true as const,
    test: {
      name,
      include: [`tests/${name}/**/*.test.ts`],
      testTimeout: timeoutSec * 1_000,
      hookTimeout: 60_000,
      globalSetup: needsDatabase ? ['./tests/harness/cluster.ts'] : [],
    },
  }
}

export default defineConfig({
  test: {
    pool: 'forks',
    // A test file brings its own database; more files at once than this only wait for each other's CPU.
    maxWorkers: 2,
    passWithNoTests: true,
    teardownTimeout: 20_000,
    projects: [
      tier('unit', 5, false),
      tier('flow', 20),
      tier('race', 60),
      tier('realtime', 30),
      tier('migrations', 60),
      tier('faults', 90),
      tier('e2e', 120, false),
    ],
  },
})
