import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
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
  /** Of the task that made the fewest; the last may be missing. */
  readonly commits: number
  readonly commitP50Ms: number
  readonly commitP99Ms: number
}

const built = fileURLToPath(new URL('../dist/nexmark/run-query.js', import.meta.url))

/**
 * Compiles the query and the packages that it imports, as services are when they are deployed: Node can run the sources, but then
 * every thread holds a compiler of its own, which takes about 25 MB.
 */
export async function buildQueries(): Promise<void> {
  const project = fileURLToPath(new URL('../tsconfig.build.json', import.meta.url))
  const [status] = await once(spawn('tsc', ['--build', project], { stdio: ['ignore', 'inherit', 'inherit'] }), 'exit')
  if (status !== 0) throw new Error(`tsc --build ${project} ended with status ${status}.`)
}

/** Every run is a process of its own, so that none finds the code of another compiled. After `buildQueries`. */
export function startQuery(run: QueryRun): ChildProcess {
  return spawn(process.execPath, [built], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env: { ...process.env, NEXMARK_RUN: JSON.stringify(run) },
  })
}
