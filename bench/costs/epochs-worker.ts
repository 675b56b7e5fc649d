import { type Collector, job, json, kafka, redis, valueState } from '@millrace/core'
import type { CostRecord } from './job.ts'

/** What the measured process is told, as JSON in its first argument. */
export interface EpochsRun {
  readonly brokers: readonly string[]
  readonly redisUrl: string
  readonly input: string
  readonly output: string
  readonly epochMs: number
}

/** What it prints as its last line. */
export interface EpochsMeasure {
  readonly records: number
  readonly epochs: number
  /** From the first record to the end of the last commit. */
  readonly steadyMs: number
  /** What each step of so many records took: ten milliseconds or so. */
  readonly stepsMs: readonly number[]
}

const STEP_RECORDS = 20_000
/** Tells now and then how far a key has come, so that there is output in every epoch. */
const EVERY = 100

const run = JSON.parse(process.argv[2] ?? '{}') as EpochsRun
let records = 0
const stepTimes: number[] = []
const counting = job(`costs-${run.output}`, (env) => {
  env
    .topic(run.input, json<CostRecord>(), { bounded: true })
    .keyBy(({ key }) => key)
    .process({
      state: { seen: valueState({ initial: 0 }) },
      onRecord({ key }, { state }, out: Collector<{ key: number; seen: number }>) {
        if (records++ % STEP_RECORDS === 0) stepTimes.push(performance.now())
        const seen = state.seen.get() + 1
        state.seen.set(seen)
        if (seen % EVERY === 0) out.emit({ key, seen })
      },
    })
    .toTopic(run.output, json())
})
const { epochs } = await counting.run({
  log: kafka({ brokers: run.brokers }),
  state: redis({ url: run.redisUrl }),
  epochInterval: run.epochMs,
})
const steadyMs = performance.now() - (stepTimes[0] ?? 0)
const stepsMs = stepTimes.slice(1).map((time, at) => time - (stepTimes[at] as number))
const measure: EpochsMeasure = { records, epochs, steadyMs, stepsMs }
console.log(JSON.stringify(measure))
process.exit(0)
