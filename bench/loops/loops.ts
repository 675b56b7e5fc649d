import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { median } from '../report/statistics.ts'
import type { LoopOutcome, LoopRun } from './run-loop.ts'

/*
 * Loops over a random graph, with one task, log and state in memory, and epochs as in production: connected components (delta) and
 * PageRank (bulk). Every result is checked against a computation over arrays.
 */

export interface LoopsResult {
  readonly case: LoopRun['program']
  readonly rounds: number
  readonly roundsPerSecond: number
  readonly recordsPerSecond: number
  readonly totalMs: number
  readonly peakMegabytes: number
  readonly perRound: LoopOutcome['perRound']
}

const EPOCH_MS = 1_000

export async function benchLoops(
  { runs, vertices, edges, rounds }: { runs: number; vertices: number; edges: number; rounds: number },
  say: (line: string) => void,
): Promise<LoopsResult[]> {
  const results: LoopsResult[] = []
  say(`${vertices.toLocaleString('en')} vertices, ${edges.toLocaleString('en')} edges`)
  for (const program of ['components', 'page-rank'] as const) {
    const outcomes: LoopOutcome[] = []
    for (let run = 0; run < runs; run++) {
      outcomes.push(await runOnce({ program, vertices, edges, rounds, epochMs: EPOCH_MS }))
    }
    const [first] = outcomes as [LoopOutcome]
    const records = first.perRound.reduce((sum, round) => sum + round.records, 0)
    const loopMs = median(outcomes.map((outcome) => outcome.loopMs))
    const result = {
      case: program,
      rounds: first.rounds,
      roundsPerSecond: first.rounds / (loopMs / 1_000),
      recordsPerSecond: records / (loopMs / 1_000),
      totalMs: median(outcomes.map((outcome) => outcome.totalMs)),
      peakMegabytes: median(outcomes.map(({ peakBytes }) => peakBytes)) / 1e6,
      perRound: first.perRound,
    }
    results.push(result)
    say(
      `${program.padEnd(12)} ${result.rounds} rounds, ${result.roundsPerSecond.toFixed(2)} rounds/s, ` +
        `${Math.round(result.recordsPerSecond).toLocaleString('en')} records/s in the loop; ` +
        `${(result.totalMs / 1_000).toFixed(1)} s with reading the graph; peak ${Math.round(result.peakMegabytes).toLocaleString('en')} MB`,
    )
    for (const [at, { ms, records: count }] of first.perRound.entries()) {
      say(
        `  round ${String(at + 1).padStart(2)}: ${ms.toFixed(0).padStart(6)} ms, ${count.toLocaleString('en')} records`,
      )
    }
  }
  return results
}

async function runOnce(options: LoopRun): Promise<LoopOutcome> {
  const file = fileURLToPath(new URL('./run-loop.ts', import.meta.url))
  const args = ['--conditions=@millrace/source', '--max-old-space-size=16384', file, JSON.stringify(options)]
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 1 << 26 })
  return JSON.parse(stdout) as LoopOutcome
}
