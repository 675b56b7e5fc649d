import {
  booleanSignal,
  type Collector,
  type Environment,
  type Job,
  job,
  json,
  listState,
  numberSignal,
} from '../../src/index.ts'
import type { Source } from '../../src/spi.ts'

export interface Step {
  readonly key: string
  readonly stage: number
  readonly n: number
}

const STAGES = 4
const KEYS = 5
/** How many stages are through, over everything that makes steps. */
const stage = numberSignal('stage', { combine: 'min' })
const done = booleanSignal('done', { combine: 'and', forward: false })

/** Splits that make steps in stages, each at its own pace, and say when one is through. */
function staged(name: string, splits: number, size: number): Source<Step, number> {
  return {
    name,
    bounded: true,
    replayable: true,
    signals: [stage],
    splits: () => splits,
    open(split, position, { emitSignal, onAvailable, setTimer }) {
      const perStage = size + split
      let made = position ?? 0
      return {
        poll(emit, budget) {
          for (let given = 0; given < Math.min(budget, 2) && made < perStage * STAGES; given++) {
            const current = Math.floor(made / perStage) + 1
            const key = `k${(made + split) % KEYS}`
            emit({ key, stage: current, n: made * 100 + split * 10 + size }, Number.NEGATIVE_INFINITY)
            made++
            if (made % perStage === 0) emitSignal(stage, current)
          }
          if (made === perStage * STAGES) return 'end'
          setTimer(1 + (split % 3), onAvailable)
          return 'wait'
        },
        position: () => made,
        async close() {},
      }
    },
  }
}

function stepsOf(splits: number, size: number): Step[] {
  return Array.from({ length: splits }, (_, split) =>
    Array.from({ length: (size + split) * STAGES }, (_, made) => ({
      key: `k${(made + split) % KEYS}`,
      stage: Math.floor(made / (size + split)) + 1,
      n: made * 100 + split * 10 + size,
    })),
  ).flat()
}

/**
 * Gathers the steps of each key until their stage is through everywhere, then spreads what was gathered over the tasks: signals have
 * their places among the records behind two exchanges, over two sources with several splits each.
 */
export function stagedJob(name: string): Job {
  return job(name, (env: Environment) => {
    const gathered = env
      .source(staged('many', 3, 3))
      .map((step) => step)
      .union(env.source(staged('few', 1, 5)))
      .keyBy('key')
      .process({
        state: { steps: listState<number>() },
        hears: [stage],
        emits: [done],
        onRecord(step, { state: { steps }, signal }, out: Collector<string>) {
          steps.add(step.n)
          if (step.stage <= (signal(stage) ?? 0)) out.emit(`a step of stage ${step.stage} is late`)
        },
        onSignal(signal, { forEachKey, emitSignal }, out) {
          if (!signal.is(stage)) return
          out.emit(`through ${signal.value}`)
          forEachKey(
            ({ key, state: { steps } }) => {
              const own = [...steps.get()].filter((n) => stageOf(n) <= signal.value)
              out.emit(`${signal.value} ${key} ${own.sort((a, b) => a - b).join(',')}`)
              steps.set([...steps.get()].filter((n) => stageOf(n) > signal.value))
            },
            () => emitSignal(done, signal.value === STAGES),
          )
        },
      })
    gathered
      .rebalance()
      .process({
        hears: [stage, done],
        onRecord(line, { signal }, out: Collector<string>) {
          const isLate = /^\d/.test(line) && Number(line.split(' ')[0]) <= (signal(stage) ?? 0)
          out.emit(isLate ? `${line} is late` : line)
        },
        onSignal: ({ name, value }, _, out) => out.emit(`${name} is ${value}`),
      })
      .toTopic(`${name}-out`, json())
  })
}

function stageOf(n: number): number {
  const [made, split, size] = [Math.floor(n / 100), Math.floor((n % 100) / 10), n % 10]
  return Math.floor(made / (size + split)) + 1
}

/** What comes out whatever the timing, in order of the text. */
export function stagedOutcome(parallelism: number): string[] {
  const steps = [...stepsOf(3, 3), ...stepsOf(1, 5)]
  const lines: string[] = []
  for (let current = 1; current <= STAGES; current++) {
    for (let key = 0; key < KEYS; key++) {
      const own = steps.filter((step) => step.stage === current && step.key === `k${key}`).map(({ n }) => n)
      lines.push(`${current} k${key} ${own.sort((a, b) => a - b).join(',')}`)
    }
    for (let task = 0; task < parallelism; task++) lines.push(`through ${current}`, `stage is ${current}`)
  }
  for (let task = 0; task < parallelism; task++) lines.push('done is false', 'done is true')
  return lines.sort()
}
