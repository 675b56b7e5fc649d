import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { JavaRun } from '../peers/java-process.ts'

/** What the measured process is told. */
export interface PatternRun extends JavaRun {
  readonly redisUrl: string
}

/** Every run is a process of its own, as the peer's are. */
export function startPattern(run: PatternRun): ChildProcess {
  const file = fileURLToPath(new URL('./run-pattern.ts', import.meta.url))
  return spawn(process.execPath, ['--conditions=@millrace/source', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, CEP_RUN: JSON.stringify(run) },
  })
}
