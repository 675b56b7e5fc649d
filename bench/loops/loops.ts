import { type StateMeasure, withOwnRedis } from '../nexmark/own-redis.ts'
import { inOwnProcess } from '../own-process.ts'
import { median } from '../report/statistics.ts'
import { LARGE_HEAP } from './graph.ts'
import { graphologyRun } from './graphology.ts'
import type { LoopOutcome, LoopRun } from './run-loop.ts'

/*
 * Loops over a random graph, with the log in memory, state in Redis, and epochs as in production: connected components (delta)
 * and PageRank (bulk). Every result is checked against a computation over arrays.
 */

const runLoop = new URL('./run-loop.ts', import.meta.url)

export interface LoopsOptions {
  readonly runs: number
  readonly vertices: number
  readonly edges: number
  /** Of PageRank. */
  readonly rounds: number
  readonly parallelism: number
  /** Beside graphology. */
  readonly withPeer: boolean
}

export interface LoopsResult {
  readonly case: LoopRun['program']
  readonly rounds: number
  readonly roundsPerSecond: number
  /** Edges gone over in a second of the loop. */
  readonly edgesPerSecond: number
  readonly totalMs: number
  readonly cpuMs: number
  readonly arraysMs: number
  readonly peakMegabytes: number
  /** Of Redis, which keeps the state; NaN where it cannot be told. */
  readonly stateCpuMs: number
  readonly statePeakMegabytes: number
  readonly perRound: LoopOutcome['perRound']
}

const EPOCH_MS = 1_000
/** Rounds that are told one by one. */
const TOLD_ROUNDS = 12

export async function benchLoops(
  { runs, withPeer, ...sizes }: LoopsOptions,
  say: (line: string) => void,
): Promise<LoopsResult[]> {
  const results: LoopsResult[] = []
  const { vertices, edges, parallelism } = sizes
  say(`${count(vertices)} vertices, ${count(edges)} edges, parallelism ${parallelism}`)
  for (const program of ['components', 'page-rank'] as const) {
    const outcomes: MeasuredLoop[] = []
    for (let run = 0; run < runs; run++) {
      const options = { program, epochMs: EPOCH_MS, ...sizes }
      outcomes.push(
        await withOwnRedis((redisUrl) => inOwnProcess<LoopOutcome>(runLoop, { ...options, redisUrl }, LARGE_HEAP)),
      )
    }
    const result = summary(program, outcomes)
    results.push(result)
    say(told(result))
    for (const line of toldRounds(result.perRound)) say(line)
    if (withPeer) say(await graphologyRun({ program, ...sizes }))
  }
  return results
}

type MeasuredLoop = LoopOutcome & StateMeasure

function summary(program: LoopRun['program'], outcomes: readonly MeasuredLoop[]): LoopsResult {
  const [first] = outcomes as [MeasuredLoop]
  const edges = first.perRound.reduce((sum, round) => sum + round.edges, 0)
  const loopMs = median(outcomes.map((outcome) => outcome.loopMs))
  return {
    case: program,
    rounds: first.rounds,
    roundsPerSecond: first.rounds / (loopMs / 1_000),
    edgesPerSecond: edges / (loopMs / 1_000),
    totalMs: median(outcomes.map(({ totalMs }) => totalMs)),
    cpuMs: median(outcomes.map(({ cpuMs }) => cpuMs)),
    arraysMs: median(outcomes.map(({ arraysMs }) => arraysMs)),
    peakMegabytes: median(outcomes.map(({ peakBytes }) => peakBytes)) / 1e6,
    stateCpuMs: median(outcomes.map(({ stateCpuMs }) => stateCpuMs ?? Number.NaN)),
    statePeakMegabytes: median(outcomes.map(({ statePeakRssMb }) => statePeakRssMb ?? Number.NaN)),
    perRound: first.perRound,
  }
}

function told(result: LoopsResult): string {
  const { rounds, roundsPerSecond, edgesPerSecond, totalMs, cpuMs, arraysMs, peakMegabytes } = result
  const { stateCpuMs, statePeakMegabytes } = result
  return (
    `${result.case.padEnd(12)} ${rounds} rounds, ${roundsPerSecond.toFixed(2)} rounds/s, ` +
    `${count(edgesPerSecond)} edges/s in the loop; ${(totalMs / 1_000).toFixed(1)} s with reading the graph ` +
    `(CPU ${(cpuMs / 1_000).toFixed(1)} s; over arrays ${(arraysMs / 1_000).toFixed(2)} s); peak ${count(peakMegabytes)} MB; ` +
    `Redis: CPU ${(stateCpuMs / 1_000).toFixed(1)} s, peak ${count(statePeakMegabytes)} MB`
  )
}

function toldRounds(perRound: LoopsResult['perRound']): string[] {
  const lines = perRound.slice(0, TOLD_ROUNDS).map(({ ms, records, edges }, at) => {
    return `  round ${String(at + 1).padStart(2)}: ${ms.toFixed(ms < 10 ? 2 : 0).padStart(6)} ms, ${count(edges)} edges, ${count(records)} records`
  })
  const others = perRound.slice(TOLD_ROUNDS)
  if (others.length === 0) return lines
  const edges = others.map((round) => round.edges)
  const ms = median(others.map((round) => round.ms)).toFixed(2)
  return [
    ...lines,
    `  ${others.length} more: ${ms} ms in the median, ${count(Math.min(...edges))} to ${count(Math.max(...edges))} edges each`,
  ]
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en')
}
