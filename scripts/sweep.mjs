// Crashes the simulated jobs at every step, and with all seeds: `npm run sweep`, or `npm run sweep -- -t "iteration"` for those
// whose name says so. `npm test` does the same at some of the steps.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const { status } = spawnSync(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', '--project', 'unit', 'core/test/simulation', ...process.argv.slice(2)],
  { cwd: root, stdio: 'inherit', env: { ...process.env, MILLRACE_SWEEP: 'whole' } },
)
process.exitCode = status ?? 1
