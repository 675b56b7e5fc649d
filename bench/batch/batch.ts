import { execFile } from 'node:child_process'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { median } from '../report/statistics.ts'
import { type BatchRun, type BatchSize, cases, writeText } from './cases.ts'

export interface BatchResult {
  readonly case: string
  readonly records: number
  /** Median over the runs. */
  readonly recordsPerSecond: number
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
}

const MB = 1024 * 1024

/** Bounded jobs at parallelism 1, each run in a fresh process on the embedded log. */
export async function benchBatch(options: BatchBenchOptions, say: (line: string) => void): Promise<BatchResult[]> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  const textFile = join(directory, 'words.txt')
  const size: BatchSize = { scale: options.scale, budgetBytes: options.budgetBytes, textFile }
  const names = Object.keys(cases).filter((name) => options.only === null || options.only.includes(name))
  try {
    if (names.includes('word-count')) {
      await writeText(textFile, options.scale)
      say(`text of ${Math.round((await stat(textFile)).size / MB)} MB written`)
    }
    const results: BatchResult[] = []
    for (const name of names) {
      const runs: BatchRun[] = []
      for (let run = 0; run < options.runs; run++) runs.push(await inProcess(name, size))
      const [first] = runs as [BatchRun]
      const result: BatchResult = {
        case: name,
        records: first.records,
        recordsPerSecond: Math.round(median(runs.map(({ records, seconds }) => records / seconds))),
        spilledBytes: first.spilledBytes,
        heldBytes: Math.max(...runs.map(({ heldBytes }) => heldBytes)),
        peakRssBytes: Math.max(...runs.map(({ peakRssBytes }) => peakRssBytes)),
        runs,
      }
      results.push(result)
      const { records, recordsPerSecond, spilledBytes, heldBytes, peakRssBytes } = result
      const [spilled, held, peak] = [spilledBytes, heldBytes, peakRssBytes].map(
        (bytes) => `${Math.round(bytes / MB)} MB`,
      )
      say(
        `${name.padEnd(10)} ${records.toLocaleString('en').padStart(11)} records  ${recordsPerSecond.toLocaleString('en').padStart(9)}/s  spilled ${spilled}, held at most ${held}, process at most ${peak}`,
      )
    }
    return results
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function inProcess(name: string, size: BatchSize): Promise<BatchRun> {
  const child = fileURLToPath(new URL('./child.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=@millrace/source', child, name, JSON.stringify(size)],
    { maxBuffer: MB },
  )
  return JSON.parse(stdout) as BatchRun
}
