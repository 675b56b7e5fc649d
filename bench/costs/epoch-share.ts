import type { Log } from '@millrace/core/spi'
import { inOwnProcess } from '../own-process.ts'
import { median } from '../report/statistics.ts'
import type { EpochsMeasure, EpochsRun } from './epochs-worker.ts'
import { loadKeys } from './job.ts'

export interface EpochShare {
  readonly records: number
  readonly rounds: number
  /** Records per second with one epoch at the end, median. */
  readonly withoutEpochs: number
  /** With one a second, and with ten a second. */
  readonly withEpochs: LostToEpochs
  readonly withTenfoldEpochs: LostToEpochs
}

export interface LostToEpochs {
  /** Records per second, median. */
  readonly rate: number
  /** How much longer a run took than the one without epochs beside it, median of the rounds, and each of them. */
  readonly timePercent: number
  readonly timePercents: readonly number[]
  /** The same of the CPU time of the thread that runs the task, median. */
  readonly threadPercent: number
}

const RECORDS = 12_000_000
const ROUNDS = 9
/** The first is longer than a run, and shorter than a transaction may be. */
const EPOCH_MS = { withoutEpochs: 50_000, withEpochs: 1_000, withTenfoldEpochs: 100 } as const
const worker = new URL('./epochs-worker.ts', import.meta.url)

/** A run with each of them. */
type Round = Readonly<Record<keyof typeof EPOCH_MS, EpochsMeasure>>

/**
 * What epochs cost in throughput when all keys change in each. Runs with and without them take turns. Ten a second tell what goes with
 * their number from what goes with having any, and from the unrest of the machine.
 */
export async function measureEpochShare(
  log: Log,
  servers: { readonly brokers: readonly string[]; readonly redisUrl: string },
  keys: number,
  say: (line: string) => void,
): Promise<EpochShare> {
  const input = 'costs-epochs-in'
  await loadKeys(log, input, keys, RECORDS)
  const run = async (epochMs: number): Promise<EpochsMeasure> => {
    // A name of its own each time: another run of the job would go on where this one ended.
    const output = `costs-epochs-${epochMs}-${Date.now().toString(36)}`
    await log.createTopics([{ name: output, partitions: 4 }])
    const options: EpochsRun = { ...servers, input, output, epochMs }
    return inOwnProcess(worker, options)
  }
  const rounds: Round[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const turns = Object.entries(EPOCH_MS)
    // Another one goes first each time, so that none has the warmer servers.
    turns.push(...turns.splice(0, round % turns.length))
    const measures: [string, EpochsMeasure][] = []
    for (const [name, epochMs] of turns) measures.push([name, await run(epochMs)])
    rounds.push(Object.fromEntries(measures) as Round)
  }
  const share = shareOf(rounds)
  say(
    `epochs with ${keys.toLocaleString('en')} changed keys each, beside ${share.withoutEpochs.toLocaleString('en')} records/s with one at the end ` +
      `(medians of ${ROUNDS} rounds): one a second ${told(share.withEpochs)}; ten a second ${told(share.withTenfoldEpochs)}`,
  )
  return share
}

function told({ rate, timePercent, timePercents, threadPercent }: LostToEpochs): string {
  const each = timePercents.map((percent) => percent.toFixed(1)).join(', ')
  return (
    `${rate.toLocaleString('en')} records/s, ${timePercent.toFixed(1)} % of time (${each}), ` +
    `${threadPercent.toFixed(1)} % of the thread's CPU time`
  )
}

function shareOf(rounds: readonly Round[]): EpochShare {
  const rate = (of: keyof Round): number =>
    Math.round(median(rounds.map((round) => (round[of].records / round[of].steadyMs) * 1000)))
  const lost = (of: keyof Round): LostToEpochs => {
    const percents = (field: 'steadyMs' | 'threadMs'): number[] =>
      rounds.map((round) => (round[of][field] / round.withoutEpochs[field] - 1) * 100)
    const timePercents = percents('steadyMs')
    return {
      rate: rate(of),
      timePercent: median(timePercents),
      timePercents,
      threadPercent: median(percents('threadMs')),
    }
  }
  return {
    records: RECORDS,
    rounds: ROUNDS,
    withoutEpochs: rate('withoutEpochs'),
    withEpochs: lost('withEpochs'),
    withTenfoldEpochs: lost('withTenfoldEpochs'),
  }
}
