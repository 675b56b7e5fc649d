import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from '@millrace/core/spi'
import { CpuWatch, machineCpuMs } from './process-times.ts'
import type { System, SystemMeasure, SystemName, SystemRun } from './system.ts'
import { type OutputForm, outputHashes, outputScan } from './verify/output-rows.ts'
import type { Difference, RowCheck } from './verify/row-check.ts'

export const PARTITIONS = 4

/** One run of one system. */
export interface RunResult {
  readonly system: SystemName
  readonly query: SystemRun['query']
  readonly parallelism: number
  readonly round: number
  readonly events: number
  /** From the start of the process to its end. */
  readonly wallMs: number
  /** Null when the system failed. */
  readonly measure: (SystemMeasure & { readonly eventsPerSecond: number }) | null
  readonly failure: string | null
  /** CPU time of the broker until the last commit; null where it cannot be told. */
  readonly brokerCpuMs: number | null
  /** Cores, on average, that went to anything but the system, its state and the broker: a machine that is not quiet. */
  readonly otherCores: number | null
  readonly difference: Difference | null
}

export interface RunSurroundings {
  readonly log: Log
  readonly brokerPid: number | undefined
  readonly check: RowCheck
  readonly round: number
}

/** Runs a query into a new topic, and compares what is committed there with the answer. */
export async function measureRun(
  system: System,
  form: OutputForm,
  run: SystemRun,
  { log, brokerPid, check, round }: RunSurroundings,
): Promise<RunResult> {
  const { query, parallelism, events, output } = run
  await log.createTopics([{ name: output, partitions: PARTITIONS, config: { 'retention.ms': '-1' } }])
  const watch = new CpuWatch(brokerPid)
  const machineBefore = machineCpuMs()
  const startedAt = Date.now()
  const common = { system: system.name, query, parallelism, round, events }
  try {
    const measure = await system.run(run).catch((error: unknown) => {
      watch.stop(Date.now())
      if (system.name === 'millrace') throw error
      return error instanceof Error ? error : new Error(String(error))
    })
    const wallMs = Date.now() - startedAt
    if (measure instanceof Error) {
      const failure = measure.message
      return { ...common, wallMs, measure: null, failure, brokerCpuMs: null, otherCores: null, difference: null }
    }
    const machineAfter = machineCpuMs()
    const brokerCpuMs = watch.stop(measure.endedAtMs)
    const ours = measure.cpuMs + (measure.stateCpuMs ?? 0) + (brokerCpuMs ?? 0)
    const hashes = await outputHashes(log, output, PARTITIONS, form, (row) => check.hash(row))
    return {
      ...common,
      wallMs,
      measure: { ...measure, eventsPerSecond: (events / measure.steadyMs) * 1000 },
      failure: null,
      brokerCpuMs,
      otherCores:
        machineBefore === null || machineAfter === null
          ? null
          : Math.max(0, (machineAfter - machineBefore - ours) / wallMs),
      difference: await check.compare(hashes, outputScan(log, output, PARTITIONS, form)),
    }
  } finally {
    await log.deleteTopics([output])
    // The broker closes the files of the topic a little later; the next run shall not see it.
    await delay(500)
  }
}
