import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { QueryName } from './queries/index.ts'

/** What the measured process is told. */
export interface QueryRun {
  readonly query: QueryName
  readonly brokers: readonly string[]
  readonly redisUrl: string
  readonly input: string
  readonly output: string
  /** Tasks, each on a thread of its own. */
  readonly parallelism: number
  readonly epochMs: number
  readonly bounded: boolean
}

/** What it prints as its last line. */
export interface QueryMeasure {
  /** From the first record read to the end of the last commit. */
  readonly steadyMs: number
  readonly endedAtMs: number
  readonly cpuMs: number
  readonly peakRssMb: number
  readonly commitP50Ms: number
  readonly commitP99Ms: number
}

/** Every run is a process of its own, so that none finds the code of another compiled. */
export function startQuery(run: QueryRun): ChildProcess {
  const file = fileURLToPath(new URL('./run-query.ts', import.meta.url))
  return spawn(process.execPath, ['--conditions=@millrace/source', file], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env: { ...process.env, NEXMARK_RUN: JSON.stringify(run) },
  })
}
