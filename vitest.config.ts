import { defineConfig } from 'vitest/config'

const source = '@millrace/source'
const everywhere = ['**/node_modules/**', '**/dist/**']

// Tests run the packages from their sources: the condition is given to the module runner, and to node for the
// worker threads and processes that tests start.
const shared = {
  ssr: { resolve: { conditions: [source, 'module', 'node', 'development|production'] } },
}

export default defineConfig({
  test: {
    projects: [
      {
        ...shared,
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
          exclude: [...everywhere, '**/*.int.test.ts'],
          execArgv: [`--conditions=${source}`],
          sequence: { groupOrder: 0 },
        },
      },
      {
        ...shared,
        test: {
          name: 'integration',
          include: ['**/*.int.test.ts'],
          exclude: everywhere,
          globalSetup: ['./testcontainers/test/prefetch.ts'],
          execArgv: [`--conditions=${source}`],
          pool: 'forks',
          fileParallelism: false,
          retry: 0,
          testTimeout: 120_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
