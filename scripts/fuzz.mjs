// Runs the differential fuzzing of the JSON codec for long: `npm run fuzz -- 10000` takes so many schemas, with several values
// each, and tells how many inputs were compared.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const runs = process.argv[2] ?? '10000'
const { status } = spawnSync(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', '--project', 'unit', 'core/test/serde/json-codec/fuzz.test.ts'],
  { cwd: root, stdio: 'inherit', env: { ...process.env, FUZZ_RUNS: runs } },
)
process.exitCode = status ?? 1
