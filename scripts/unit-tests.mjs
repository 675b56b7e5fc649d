import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Runs unit tests with more in the environment; their outcome is that of this process. */
export function runUnitTests(args, env) {
  const { status } = spawnSync(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', '--project', 'unit', ...args],
    { cwd: fileURLToPath(new URL('..', import.meta.url)), stdio: 'inherit', env: { ...process.env, ...env } },
  )
  process.exitCode = status ?? 1
}
