import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inOwnProcess } from '../own-process.ts'
import { FlinkBatch } from '../peers/flink-batch.ts'
import { median } from '../report/statistics.ts'
import { type BatchRun, type BatchSize, cases, writeText } from './cases.ts'

export interface BatchResult {
  readonly case: string
  readonly system: string
  readonly records: number
  /** Medians over the runs. */
  readonly recordsPerSecond: number
  readonly cpuSeconds: number
  readonly spilledBytes: number
  readonly heldBytes: number
  /** Largest of the runs. */
  readonly peakRssBytes: number
  readonly runs: readonly BatchRun[]
}

export interface BatchBenchOptions {
  readonly runs: number
  readonly scale: number
  readonly budgetBytes: number
  readonly only: readonly string[] | null
  /** Flink runs the same programs, in turns with Millrace. */
  readonly withFlink: boolean
}

/** What runs the cases, each time in a process of its own. */
interface BatchSystem {
  readonly name: string
  readonly title: string
  prepare(): Promise<void>
  run(name: string, size: BatchSize): Promise<BatchRun>
}

const MB = 1024 * 1024
const millrace: BatchSystem = { name: 'millrace', title: 'Millrace', prepare: async () => {}, run: inProcess }

/** Bounded jobs at parallelism 1, each run in a fresh process on the embedded log. */
export async function benchBatch(options: BatchBenchOptions, say: (line: string) => void): Promise<BatchResult[]> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  const textFile = join(directory, 'words.txt')
  const size: BatchSize = { scale: options.scale, budgetBytes: options.budgetBytes, textFile }
  const names = Object.keys(cases).filter((name) => options.only === null || options.only.includes(name))
  const systems = options.withFlink ? [millrace, new FlinkBatch()] : [millrace]
  try {
    for (const system of systems) await system.prepare()
    if (names.includes('word-count')) {
      await writeText(textFile, options.scale)
      say(`text of ${Math.round((await stat(textFile)).size / MB)} MB written`)
    }
    const results: BatchResult[] = []
    for (const name of names) {
      const runs = systems.map((): BatchRun[] => [])
      for (let round = 0; round < options.runs; round++) {
        for (const [at, system] of systems.entries()) runs[at]?.push(await system.run(name, size))
      }
      for (const [at, { name: system, title }] of systems.entries()) {
        const result = summary(name, system, runs[at] as BatchRun[])
        results.push(result)
        say(`${name.padEnd(10)} ${title}: ${described(result)}`)
      }
    }
    return results
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

function summary(name: string, system: string, runs: readonly BatchRun[]): BatchResult {
  const [first] = runs as [BatchRun]
  return {
    case: name,
    system,
    records: first.records,
    recordsPerSecond: Math.round(median(runs.map(({ records, seconds }) => records / seconds))),
    cpuSeconds: median(runs.map(({ cpuSeconds }) => cpuSeconds)),
    spilledBytes: first.spilledBytes,
    heldBytes: Math.max(...runs.map(({ heldBytes }) => heldBytes)),
    peakRssBytes: Math.max(...runs.map(({ peakRssBytes }) => peakRssBytes)),
    runs,
  }
}

function described(result: BatchResult): string {
  const { records, recordsPerSecond, cpuSeconds, spilledBytes, heldBytes, peakRssBytes, system } = result
  const mb = (bytes: number): string => `${Math.round(bytes / MB)} MB`
  // Only Millrace tells what its operators do.
  const inside = system === 'millrace' ? ` spilled ${mb(spilledBytes)}, held at most ${mb(heldBytes)},` : ''
  const counts = `${records.toLocaleString('en')} records, ${recordsPerSecond.toLocaleString('en')}/s`
  return `${counts}, ${cpuSeconds.toFixed(1)} s of CPU,${inside} process at most ${mb(peakRssBytes)}`
}

function inProcess(name: string, size: BatchSize): Promise<BatchRun> {
  return inOwnProcess(new URL('./child.ts', import.meta.url), { name, size })
}
