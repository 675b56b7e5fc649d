import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Log } from '@millrace/core/spi'
import { median } from '../report/statistics.ts'
import type { EpochsMeasure, EpochsRun } from './epochs-worker.ts'
import { loadKeys } from './job.ts'

export interface EpochShare {
  readonly records: number
  readonly rounds: number
  /** Records per second, medians: with one epoch at the end, with one a second, and with ten a second. */
  readonly withoutEpochs: number
  readonly withEpochs: number
  readonly withTenfoldEpochs: number
  /** How much longer a run with an epoch a second took than the one beside it, median of the rounds, and each of them. */
  readonly timePercent: number
  readonly timePercents: readonly number[]
  /** What an epoch took, by the runs with ten a second, median of the rounds, and each of them. */
  readonly epochTimeMs: number
  readonly epochTimesMs: readonly number[]
  /** The same of the CPU time of the thread that runs the task. */
  readonly epochThreadMs: number
}

const RECORDS = 12_000_000
const ROUNDS = 9
/** Longer than a run, and shorter than a transaction may be. */
const ONE_EPOCH_MS = 50_000
const EPOCH_MS = 1_000
/**
 * An epoch a second takes less than two runs on a restless machine differ by. With ten a second, each of which changes all
 * keys as well, the difference is ten times as large.
 */
const TENTH_MS = 100
const INTERVALS = [ONE_EPOCH_MS, EPOCH_MS, TENTH_MS] as const

/** What an epoch a second costs in throughput when all keys change in each. Runs with and without them take turns. */
export async function measureEpochShare(
  log: Log,
  servers: { readonly brokers: readonly string[]; readonly redisUrl: string },
  keys: number,
  say: (line: string) => void,
): Promise<EpochShare> {
  const input = 'costs-epochs-in'
  await loadKeys(log, input, keys, RECORDS)
  const measures = new Map<number, EpochsMeasure[]>(INTERVALS.map((interval) => [interval, []]))
  for (let round = 0; round < ROUNDS; round++) {
    // Another one goes first each time, so that none has the warmer servers.
    for (let turn = 0; turn < INTERVALS.length; turn++) {
      const epochMs = INTERVALS[(round + turn) % INTERVALS.length] as number
      // A name of its own each time: another run of the job would go on where this one ended.
      const output = `costs-epochs-${round}-${epochMs}-${Date.now().toString(36)}`
      await log.createTopics([{ name: output, partitions: 4 }])
      measures.get(epochMs)?.push(await runOnce({ ...servers, input, output, epochMs }))
    }
  }
  const share = shareOf(measures)
  say(
    `epochs with ${keys.toLocaleString('en')} changed keys each: ${share.withEpochs.toLocaleString('en')} records/s with one a second, ` +
      `${share.withTenfoldEpochs.toLocaleString('en')} with ten, ${share.withoutEpochs.toLocaleString('en')} with one at the end. ` +
      `One a second took ${share.timePercent.toFixed(1)} % of time (${share.timePercents.map((percent) => percent.toFixed(1)).join(', ')}); ` +
      `by ten a second an epoch takes ${share.epochTimeMs.toFixed(1)} ms (${share.epochTimesMs.map((ms) => ms.toFixed(1)).join(', ')}), ` +
      `${share.epochThreadMs.toFixed(1)} ms of them CPU time of the thread (medians of ${ROUNDS} rounds)`,
  )
  return share
}

function shareOf(measures: ReadonlyMap<number, readonly EpochsMeasure[]>): EpochShare {
  const [without, withEpochs, tenfold] = INTERVALS.map((interval) => measures.get(interval) ?? []) as [
    readonly EpochsMeasure[],
    readonly EpochsMeasure[],
    readonly EpochsMeasure[],
  ]
  const rate = (runs: readonly EpochsMeasure[]): number =>
    Math.round(median(runs.map(({ records, steadyMs }) => (records / steadyMs) * 1000)))
  const perEpoch = (field: 'steadyMs' | 'threadMs'): number[] =>
    tenfold.map((many, round) => {
      const one = without[round] as EpochsMeasure
      return (many[field] - one[field]) / (many.epochs - one.epochs)
    })
  const timePercents = withEpochs.map((many, round) => (many.steadyMs / (without[round]?.steadyMs ?? 0) - 1) * 100)
  const epochTimesMs = perEpoch('steadyMs')
  return {
    records: RECORDS,
    rounds: ROUNDS,
    withoutEpochs: rate(without),
    withEpochs: rate(withEpochs),
    withTenfoldEpochs: rate(tenfold),
    timePercent: median(timePercents),
    timePercents,
    epochTimeMs: median(epochTimesMs),
    epochTimesMs,
    epochThreadMs: median(perEpoch('threadMs')),
  }
}

async function runOnce(run: EpochsRun): Promise<EpochsMeasure> {
  const file = fileURLToPath(new URL('./epochs-worker.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--conditions=@millrace/source',
    file,
    JSON.stringify(run),
  ])
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as EpochsMeasure
}
