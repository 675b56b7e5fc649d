import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  aggregators,
  type Collector,
  type DataStream,
  type Environment,
  job,
  json,
  silentLogger,
  tumbling,
  watermarks,
} from '../../src/index.ts'

async function collected<T>(parallelism: number, describeStream: (env: Environment) => DataStream<T>): Promise<T[]> {
  const records: T[] = []
  const own = job('looping', (env) => {
    describeStream(env).collect(records)
  })
  await own.run({ parallelism, logger: silentLogger, allowVolatileState: true, epochInterval: 1 })
  return records
}

/** What a record goes through until it is 1 or has taken the steps it may: plain code. */
function walked(start: number, limit: number): string {
  let at = start
  let steps = 0
  for (; at !== 1 && steps < limit; steps++) at = at % 2 === 0 ? at / 2 : 3 * at + 1
  return `${start}: ${at} after ${steps}`
}

interface Walker {
  readonly start: number
  readonly at: number
  readonly steps: number
}

describe('a loop in a stream', () => {
  it('sends every record round as often as its own condition says, with any number of tasks', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 2, max: 60 }), { maxLength: 30 }),
        fc.integer({ min: 1, max: 25 }),
        fc.integer({ min: 1, max: 3 }),
        fc.boolean(),
        async (starts, limit, parallelism, isKeyed) => {
          const found = await collected(parallelism, (env) =>
            env
              .from(starts)
              .map((start): Walker => ({ start, at: start, steps: 0 }))
              .iterate((walkers) => {
                const step = ({ start, at, steps }: Walker): Walker => ({
                  start,
                  at: at % 2 === 0 ? at / 2 : 3 * at + 1,
                  steps: steps + 1,
                })
                const stepped = isKeyed
                  ? walkers
                      .keyBy('at')
                      .process({ onRecord: (walker, _, out: Collector<Walker>) => out.emit(step(walker)) })
                  : walkers.map(step)
                const isDone = ({ at, steps }: Walker): boolean => at === 1 || steps >= limit
                return { feedback: stepped.filter((walker) => !isDone(walker)), output: stepped.filter(isDone) }
              })
              .map(({ start, at, steps }) => `${start}: ${at} after ${steps}`),
          )
          expect(found.sort()).toEqual(starts.map((start) => walked(start, limit)).sort())
        },
      ),
      { numRuns: 25 },
    )
  })

  it('ends when nothing is fed back at all', async () => {
    const found = await collected(1, (env) =>
      env.from([1, 2]).iterate((n) => ({ feedback: n.filter(() => false), output: n })),
    )
    expect(found).toEqual([1, 2])
  })

  it('takes what goes round and what comes in in turns, with more in the loop than it holds at a time', async () => {
    const found = await collected(1, (env) =>
      env.from(Array.from({ length: 200 }, (_, n) => n)).iterate((n) => {
        const next = n.flatMap((x) => (x < 0 ? [] : x % 2 === 0 ? Array.from({ length: 200 }, () => x + 1) : [x]))
        return { feedback: next.filter((x) => x % 2 === 1).map((x) => -x), output: next.filter((x) => x % 2 === 1) }
      }),
    )
    expect(found).toHaveLength(100 * 200 + 100)
  })
})

describe('a bulk iteration', () => {
  it('gives what the last round gave, and the initial records nowhere', async () => {
    const found = await collected(2, (env) =>
      env.from([1, 2, 3]).iterateBulk((n) => n.map((x) => x * 2), { maxRounds: 4 }),
    )
    expect(found.sort((a, b) => a - b)).toEqual([16, 32, 48])
  })

  it('ends by what was aggregated in the round, which functions see in the next one', async () => {
    const sum = aggregators.sum('sum')
    const least = aggregators.min('least')
    const greatest = aggregators.max('greatest')
    const count = aggregators.count('count')
    const texts = aggregators.custom<number, readonly string[]>('texts', {
      initial: [],
      add: (list, x) => [...list, String(x)].sort(),
      merge: (left, right) => [...left, ...right].sort(),
    })
    const seen: string[] = []
    await collected(2, (env) =>
      env.from([1, 2, 3]).iterateBulk(
        (n, loop) => {
          const next = n.process({
            onRecord: (x, _, out: Collector<number>) => out.emit(x * 2),
            onRoundEnd({ index, round }) {
              const values = [sum, least, greatest, count].map((aggregator) => round.get(aggregator))
              if (index === 0) seen.push(`${round.number}: ${values.join(' ')} ${round.get(texts).join()}`)
            },
          })
          for (const aggregator of [sum, least, greatest, count, texts]) loop.aggregate(aggregator, next)
          return next
        },
        { maxRounds: 100, converged: (round) => round.get(sum) >= 48 },
      ),
    )
    expect(seen).toEqual(['1: 0 Infinity -Infinity 0 ', '2: 12 2 6 3 2,4,6', '3: 24 4 12 3 12,4,8'])
  })

  it('sends replayed records in every round, and others before the first one', async () => {
    const rounds: string[] = []
    await collected(1, (env) => {
      const once = env.from(['once'])
      const again = env.from(['again'])
      return env.from(['n']).iterateBulk(
        (n, loop) =>
          n.union(loop.replay(again), once).process({
            onRecord(value, { round }, out: Collector<string>) {
              rounds.push(`${round.number} ${value}`)
              if (value === 'n') out.emit(value)
            },
          }),
        { maxRounds: 3 },
      )
    })
    expect(rounds.sort()).toEqual(['0 once', '1 again', '1 n', '2 again', '2 n', '3 again', '3 n'])
  })

  it('of nothing ends with nothing', async () => {
    expect(await collected(2, (env) => env.from<number>([]).iterateBulk((n) => n, { maxRounds: 5 }))).toEqual([])
  })
})

describe('a delta iteration', () => {
  it('ends after the rounds that it may take, with the solution set as it is then', async () => {
    const found = await collected(2, (env) =>
      env
        .from([{ id: 1, n: 0 }])
        .keyBy('id')
        .iterateDelta(
          env.from([{ id: 1 }]).keyBy('id'),
          (workset, solution) =>
            solution.join(workset, (work, { current, update }, out: Collector<{ id: number }>) => {
              update({ id: 1, n: (current?.n ?? 0) + 1 })
              out.emit(work)
            }),
          { maxRounds: 7 },
        ),
    )
    expect(found).toEqual([{ id: 1, n: 7 }])
  })

  it('touches in a round only the keys that have work', async () => {
    let calls = 0
    const size = 2_000
    await collected(1, (env) =>
      env
        .from(Array.from({ length: size }, (_, id) => ({ id, n: 0 })))
        .keyBy('id')
        .iterateDelta(env.from([{ id: 0, hops: 50 }]).keyBy('id'), (workset, solution) =>
          solution.coGroup(workset, ([work], _, out: Collector<{ id: number; hops: number }>) => {
            calls++
            if (work !== undefined && work.hops > 1) out.emit({ id: work.id + 1, hops: work.hops - 1 })
          }),
        ),
    )
    expect(calls).toBe(50)
  })
})

it.each([1, 2])('a loop goes on with what another one gave (parallelism %i)', async (parallelism) => {
  const found = await collected(parallelism, (env) =>
    env
      .from([1, 2, 3])
      .iterateBulk((n) => n.keyBy((x) => x).process({ onRecord: (x, _, out: Collector<number>) => out.emit(x + 10) }), {
        maxRounds: 3,
      })
      .iterateBulk((n) => n.map((x) => x * 2), { maxRounds: 2 })
      .iterate((n) => ({ feedback: n.filter((x) => x > 10).map((x) => x - 10), output: n.filter((x) => x <= 10) })),
  )
  expect(found.sort()).toEqual([2, 4, 8])
})

it.each([1, 2])(
  'windows in a loop fire when it is over, of all that went round (parallelism %i)',
  async (parallelism) => {
    const found = await collected(parallelism, (env) =>
      env.from([1, 2, 3], { time: watermarks.monotonous((n) => n) }).iterate((n) => ({
        feedback: n.filter((x) => x % 2 === 1).map((x) => x + 1),
        output: n
          .keyBy((x) => x % 2)
          .window(tumbling(10))
          .aggregate(
            { create: () => 0, add: (sum, x) => sum + x, merge: (a, b) => a + b, result: (sum) => sum },
            (sum, { key, window }) => `${key}@${window.start}=${sum}`,
          ),
      })),
    )
    // 1 and 3 go round once, with the times they came with.
    expect(found.sort()).toEqual(['0@0=8', '1@0=4'])
  },
)

it('commits come within a long round too', async () => {
  const size = 100_000
  const epochs: number[] = []
  const own = job('long', (env) => {
    env
      .from(Array.from({ length: size }, (_, n) => n))
      .iterateBulk(
        (n) =>
          n.map((x) => {
            // It takes longer than a commit waits for the end of a round.
            if (x % 1_000 === 0) for (const until = performance.now() + 1; performance.now() < until; );
            if (x === 0 || x === size - 1) epochs.push(running.status().workers[0]?.totals.epochs ?? 0)
            return x
          }),
        { maxRounds: 1 },
      )
      .collect([])
  })
  const running = own.start({ logger: silentLogger, epochInterval: 1 })
  await running.done
  expect(epochs).toHaveLength(2)
  expect(epochs[1]).toBeGreaterThan(epochs[0] ?? Number.NaN)
})

it('records of every round meet all that came of their key from outside, with any number of tasks', async () => {
  type Edge = readonly [from: number, to: number]
  const vertex = fc.integer({ min: 0, max: 6 })
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(vertex, vertex), { maxLength: 12 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 3 }),
      async (edges, maxRounds, parallelism) => {
        const found = await collected(parallelism, (env) =>
          env.from(['0', '1']).iterateBulk(
            (walks, loop) =>
              loop.join(
                walks.keyBy((walk) => Number(walk.at(-1))),
                env.from<Edge>(edges).keyBy(([from]) => from),
                (walk, edges, out: Collector<string>) => {
                  for (const [, to] of edges) out.emit(`${walk}${to}`)
                },
              ),
            { maxRounds },
          ),
        )
        let walks = ['0', '1']
        for (let round = 0; round < maxRounds; round++) {
          walks = walks.flatMap((walk) =>
            edges.filter(([from]) => from === Number(walk.at(-1))).map(([, to]) => `${walk}${to}`),
          )
        }
        expect(found.sort()).toEqual(walks.sort())
      },
    ),
    { numRuns: 25 },
  )
})

it('a solution set meets one record of each key where they combine, and comes to the same', async () => {
  interface Told {
    readonly id: number
    readonly least: number
  }
  const size = 40
  const run = (combine: boolean): Promise<Told[]> =>
    collected(2, (env) => {
      const all = env.from(Array.from({ length: size }, (_, id): Told => ({ id, least: id })))
      return all
        .keyBy('id')
        .iterateDelta(all.map((told) => ({ ...told, least: told.least - size })).keyBy('id'), (workset, solution) =>
          solution.coGroup(
            workset,
            (told, { key, current, update }, out: Collector<Told>) => {
              if (combine) expect(told).toHaveLength(1)
              const least = Math.min(...told.map((own) => own.least))
              if (current === undefined || least >= current.least) return
              update({ id: key, least })
              for (const id of [(key * 7) % size, (key + 4) % size]) out.emit({ id, least })
            },
            combine ? { combine: (a, b) => (a.least < b.least ? a : b) } : {},
          ),
        )
    })
  const [combined, all] = [await run(true), await run(false)]
  const order = (a: Told, b: Told): number => a.id - b.id
  expect(combined.sort(order)).toEqual(all.sort(order))
  expect(combined).toHaveLength(size)
})

describe('a loop that cannot run', () => {
  const refused = async (describeStream: (env: Environment) => DataStream<unknown>): Promise<void> => {
    await collected(1, describeStream)
  }

  it('is one within another', async () => {
    await expect(
      refused((env) => env.from([1]).iterateBulk((n) => n.iterateBulk((m) => m, { maxRounds: 2 }), { maxRounds: 2 })),
    ).rejects.toMatchObject({ code: 'GRAPH_INVALID', message: expect.stringContaining('loops do not nest') })
  })

  it('feeds back a stream from elsewhere', async () => {
    await expect(
      refused((env) => env.from([1]).iterate((n) => ({ feedback: env.from([2]), output: n }))),
    ).rejects.toMatchObject({
      code: 'GRAPH_INVALID',
      message: expect.stringContaining('does not come from the loop'),
    })
  })

  it('has a number of rounds that is none', async () => {
    await expect(refused((env) => env.from([1]).iterateBulk((n) => n, { maxRounds: 0 }))).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: expect.stringMatching(/maxRounds of the loop at .*loops\.test\.ts:\d+ is 0/),
    })
  })

  it('has two aggregators of one name', async () => {
    const sum = aggregators.sum('sum')
    await expect(
      refused((env) =>
        env.from([1]).iterateBulk(
          (n, loop) => {
            loop.aggregate(sum, n)
            loop.aggregate(aggregators.max('sum'), n)
            return n
          },
          { maxRounds: 2 },
        ),
      ),
    ).rejects.toMatchObject({ code: 'GRAPH_INVALID', message: expect.stringContaining("named 'sum'") })
  })

  it('never meets its solution set, or meets it twice', async () => {
    const never = refused((env) => {
      const n = env.from([{ id: 1 }])
      return n.keyBy('id').iterateDelta(n.keyBy('id'), () => n.filter(() => false))
    })
    await expect(never).rejects.toMatchObject({ message: expect.stringContaining('never meets its solution set') })
    const twice = refused((env) => {
      const n = env.from([{ id: 1 }])
      return n.keyBy('id').iterateDelta(n.keyBy('id'), (workset, solution) => {
        solution.join(workset, () => {})
        return solution.join(workset, (work, _, out: Collector<{ id: number }>) => out.emit(work))
      })
    })
    await expect(twice).rejects.toMatchObject({ message: expect.stringContaining('a second stream meets') })
  })

  it('has a function that throws, of which the operator is named', async () => {
    const own = job('throwing', (env) => {
      env
        .from([1])
        .iterateBulk((n) => n, {
          maxRounds: 3,
          converged: () => {
            throw new TypeError('no')
          },
        })
        .collect([])
    })
    await expect(own.run({ logger: silentLogger })).rejects.toMatchObject({
      code: 'USER_FUNCTION_FAILED',
    })
  })
})

describe('the plan of a loop', () => {
  const halving = job('halving', (env) => {
    env
      .topic('in', json<number>(), { bounded: true })
      .uid('in')
      .iterate((n) => {
        const halved = n.map((x) => x / 2).uid('halve')
        return { feedback: halved.filter((x) => x > 1).uid('more'), output: halved.filter((x) => x <= 1).uid('done') }
      })
      .toTopic('out', json())
  })

  it('shows the way back to its head', async () => {
    const text = (await halving.explain({ parallelism: 1 })).toString()
    expect(text).toContain('back to the head of the loop')
    expect(text.indexOf('loop-head')).toBeLessThan(text.indexOf('loop-tail'))
  })

  it('has an exchange for it where there are several tasks', async () => {
    const { regions } = await halving.explain({ parallelism: 2 })
    expect(regions).toHaveLength(1)
    const [region] = regions
    expect(region?.exchangesIn).toMatchObject([{ routing: 'by task', fromRegion: region?.id, partitions: 2 }])
    const head = region?.operators.find(({ type }) => type === 'loop-head')
    expect(head?.inputs[1]).toMatchObject({ isFeedback: true })
  })
})
