import type { Log } from '@millrace/core/spi'
import { inOwnProcess } from '../own-process.ts'
import { mean, median } from '../report/statistics.ts'
import type { EpochsMeasure, EpochsRun } from './epochs-worker.ts'
import { loadKeys } from './job.ts'
import { stalledPercent, undisturbedStep } from './steps.ts'

export interface EpochShare {
  readonly records: number
  readonly rounds: number
  /** One epoch at the end, one a second, and ten a second. */
  readonly withoutEpochs: EpochsCost
  readonly withEpochs: LostToEpochs
  readonly withTenfoldEpochs: LostToEpochs
}

export interface EpochsCost {
  /** Records per second, median of the rounds. */
  readonly rate: number
  /** What a step of the run took that nobody disturbed. */
  readonly stepMs: number
  /** The part of the runs by which single steps took longer than those around them, mean of the rounds. */
  readonly stalledPercent: number
}

export interface LostToEpochs extends EpochsCost {
  /** The time lost: undisturbed steps that take longer, and more of it stalled. */
  readonly lostPercent: number
  /** How much longer a whole run took than the one without epochs beside it, median of the rounds, and each of them. */
  readonly runPercent: number
  readonly runPercents: readonly number[]
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
    `${keys.toLocaleString('en')} changed keys in each epoch, ${ROUNDS} rounds; one at the end: ${told(share.withoutEpochs)}`,
  )
  say(`one a second: ${toldLost(share.withEpochs)}`)
  say(`ten a second: ${toldLost(share.withTenfoldEpochs)}`)
  return share
}

function told({ rate, stepMs, stalledPercent }: EpochsCost): string {
  return (
    `${rate.toLocaleString('en')} records/s, an undisturbed step ${stepMs.toFixed(2)} ms, ` +
    `${stalledPercent.toFixed(2)} % of the time stalled`
  )
}

function toldLost(lost: LostToEpochs): string {
  const each = lost.runPercents.map((percent) => percent.toFixed(1)).join(', ')
  return `${lost.lostPercent.toFixed(2)} % of time lost; ${told(lost)}; whole runs ${lost.runPercent.toFixed(1)} % longer (${each})`
}

function shareOf(rounds: readonly Round[]): EpochShare {
  const costOf = (of: keyof Round): EpochsCost => {
    const runs = rounds.map((round) => round[of])
    return {
      rate: Math.round(median(runs.map(({ records, steadyMs }) => (records / steadyMs) * 1000))),
      stepMs: undisturbedStep(runs.map(({ stepsMs }) => stepsMs)),
      stalledPercent: mean(runs.map(({ stepsMs }) => stalledPercent(stepsMs))),
    }
  }
  const withoutEpochs = costOf('withoutEpochs')
  const lost = (of: keyof Round): LostToEpochs => {
    const cost = costOf(of)
    const runPercents = rounds.map((round) => (round[of].steadyMs / round.withoutEpochs.steadyMs - 1) * 100)
    const slower = (cost.stepMs / withoutEpochs.stepMs - 1) * 100
    const lostPercent = slower + cost.stalledPercent - withoutEpochs.stalledPercent
    return { ...cost, lostPercent, runPercent: median(runPercents), runPercents }
  }
  return {
    records: RECORDS,
    rounds: ROUNDS,
    withoutEpochs,
    withEpochs: lost('withEpochs'),
    withTenfoldEpochs: lost('withTenfoldEpochs'),
  }
}
