import type { QueryName } from './queries/index.ts'
import type { OutputForm } from './verify/output-rows.ts'

export const systemNames = ['millrace', 'flink', 'streams'] as const
export type SystemName = (typeof systemNames)[number]

export interface SystemRun {
  readonly query: QueryName
  readonly brokers: readonly string[]
  readonly input: string
  readonly output: string
  readonly events: number
  readonly parallelism: number
  /** Between two commits. */
  readonly commitMs: number
}

/** What one run of a query took, in a process of its own. */
export interface SystemMeasure {
  /** From the first record read to the end of the last commit. */
  readonly steadyMs: number
  /** The end of the last commit, in ms of the machine's clock. */
  readonly endedAtMs: number
  /** CPU time of the process, its start included. */
  readonly cpuMs: number
  /** CPU time of the server that keeps the state; null where the process does, or it cannot be told. */
  readonly stateCpuMs: number | null
  readonly peakRssMb: number
  /** Of the server that keeps the state. */
  readonly statePeakRssMb: number | null
  /** How many commits there were, and how long they took; null where the system does not tell. */
  readonly commits: number | null
  readonly commitP50Ms: number | null
  readonly commitP99Ms: number | null
  /** Records that the system says it left out as late; null where it does not tell. */
  readonly dropped: number | null
}

/** A stream processor that is measured. */
export interface System {
  readonly name: SystemName
  /** With its version. */
  readonly title: string
  /** Fetches and builds what it needs. */
  prepare(): Promise<void>
  /** How it writes the rows of the query; null when it has no natural form of the query. */
  outputForm(query: QueryName): OutputForm | null
  run(run: SystemRun): Promise<SystemMeasure>
}
