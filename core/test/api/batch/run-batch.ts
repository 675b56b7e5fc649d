import { type DataSet, type Environment, job, memoryLog, type RunOptions } from '../../../src/index.ts'

let jobs = 0

/** What a data set of a job holds, in any order. */
export async function run<T>(build: (env: Environment) => DataSet<T>, options: RunOptions = {}): Promise<T[]> {
  return (await runMeasured(build, options)).values
}

export interface Measured<T> {
  readonly values: T[]
  readonly spilledBytes: number
  /** The most that one task held, as the operators estimate it. */
  readonly peakBytes: number
}

export async function runMeasured<T>(
  build: (env: Environment) => DataSet<T>,
  options: RunOptions = {},
): Promise<Measured<T>> {
  const values: T[] = []
  const handle = job(`batch-${jobs++}`, (env) => void build(env).collect(values)).start({
    log: memoryLog(),
    ...options,
  })
  await handle.done
  const metrics = handle.metrics()
  return {
    values,
    spilledBytes: sum(metrics, 'millrace_spilled_bytes'),
    peakBytes: Math.max(0, ...series(metrics, 'millrace_memory_peak_bytes')),
  }
}

function series(metrics: string, name: string): number[] {
  return metrics
    .split('\n')
    .filter((line) => line.startsWith(name))
    .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)))
}

function sum(metrics: string, name: string): number {
  return series(metrics, name).reduce((total, value) => total + value, 0)
}
