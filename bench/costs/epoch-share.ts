import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Log } from '@millrace/core/spi'
import { median } from '../report/statistics.ts'
import type { EpochsMeasure, EpochsRun } from './epochs-worker.ts'
import { loadKeys } from './job.ts'

export interface EpochShare {
  readonly records: number
  readonly runs: number
  /** Epochs of a run, median. */
  readonly epochs: number
  /** Records per second, medians: with an epoch a second, and with one at the end. */
  readonly withEpochs: number
  readonly withoutEpochs: number
  /** How much longer a run with epochs took than the one beside it, median of the pairs. */
  readonly timePercent: number
  /** Of each pair. */
  readonly timePercents: readonly number[]
  /** The same for the CPU time of the thread that runs the task. */
  readonly threadPercent: number
}

const RECORDS = 24_000_000
const PAIRS = 5
const EPOCH_MS = 1_000
/** Longer than a run, and shorter than a transaction may be. */
const ONE_EPOCH_MS = 50_000

/** What an epoch a second costs in throughput when all keys change in each. Runs with and without them take turns. */
export async function measureEpochShare(
  log: Log,
  servers: { readonly brokers: readonly string[]; readonly redisUrl: string },
  keys: number,
  say: (line: string) => void,
): Promise<EpochShare> {
  const input = 'costs-epochs-in'
  await loadKeys(log, input, keys, RECORDS)
  const withEpochs: EpochsMeasure[] = []
  const without: EpochsMeasure[] = []
  for (let pair = 0; pair < PAIRS; pair++) {
    // The first of a pair is not always the same, so that neither has the warmer servers.
    for (const isFirst of [true, false]) {
      const hasEpochs = isFirst === (pair % 2 === 0)
      // A name of its own each time: another run of the job would go on where this one ended.
      const output = `costs-epochs-${pair}-${hasEpochs ? 'many' : 'one'}-${Date.now().toString(36)}`
      await log.createTopics([{ name: output, partitions: 4 }])
      const measure = await runOnce({ ...servers, input, output, epochMs: hasEpochs ? EPOCH_MS : ONE_EPOCH_MS })
      ;(hasEpochs ? withEpochs : without).push(measure)
    }
  }
  const percents = (field: 'steadyMs' | 'threadMs'): number[] =>
    withEpochs.map((many, pair) => (many[field] / (without[pair] as EpochsMeasure)[field] - 1) * 100)
  const rate = (measures: readonly EpochsMeasure[]): number =>
    Math.round(median(measures.map(({ records, steadyMs }) => (records / steadyMs) * 1000)))
  const share: EpochShare = {
    records: RECORDS,
    runs: PAIRS,
    epochs: median(withEpochs.map(({ epochs }) => epochs)),
    withEpochs: rate(withEpochs),
    withoutEpochs: rate(without),
    timePercent: median(percents('steadyMs')),
    timePercents: percents('steadyMs').map((percent) => Math.round(percent * 10) / 10),
    threadPercent: median(percents('threadMs')),
  }
  say(
    `epochs of 1 s with ${keys.toLocaleString('en')} changed keys each: ${share.withEpochs.toLocaleString('en')} records/s ` +
      `(${share.epochs} epochs), with one epoch at the end ${share.withoutEpochs.toLocaleString('en')}: ` +
      `${share.timePercent.toFixed(1)} % of time (${share.timePercents.join(', ')}), ${share.threadPercent.toFixed(1)} % of the thread's CPU time (medians of ${PAIRS} pairs)`,
  )
  return share
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
