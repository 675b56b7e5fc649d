import { type Job, job } from '../../src/api/job.ts'
import type { RunOptions } from '../../src/api/run-options.ts'
import type { MemoryStorage } from '../../src/log/memory/index.ts'
import type { Collector } from '../../src/operator/process-function.ts'
import { evictors } from '../../src/operator/window/evictor.ts'
import { triggers } from '../../src/operator/window/triggers.ts'
import {
  countWindows,
  cumulative,
  customWindows,
  deltaWindows,
  globalWindows,
  sessions,
  sliding,
  tumbling,
} from '../../src/operator/window/window-assigner.ts'
import type { WindowContext } from '../../src/operator/window/window-function.ts'
import { json } from '../../src/serde/json.ts'
import { listState, mapState, valueState } from '../../src/state/keyed/descriptor.ts'
import { Random } from '../../src/structure/random.ts'
import { watermarks } from '../../src/time/watermark-strategy.ts'
import { stagedJob } from '../api/staged.ts'
import { loopTopologies } from './loop-topologies.ts'
import { sinkTopologies } from './sink-topologies.ts'

export interface Reading {
  readonly key: string
  readonly n: number
  readonly time: number
}

/** A job, the topics around it, and what is in them before it starts. */
export interface Topology {
  readonly name: string
  readonly parallelism: number
  readonly job: Job
  readonly run?: RunOptions
  readonly outputs: readonly string[]
  /** The steps of a run that a sweep lets a worker crash at. @default all of them */
  readonly crashes?: number
  prepare(storage: MemoryStorage): void
}

const time = watermarks.bounded<Reading>(15, (reading) => reading.time)

function readings(seed: number, count: number): Reading[] {
  const random = new Random(seed)
  return Array.from({ length: count }, (_, n) => ({
    key: `k${random.integer(5)}`,
    n,
    time: 1_000 + n * 3 - random.integer(12),
  }))
}

function fill(storage: MemoryStorage, topic: string, partitions: number, records: readonly Reading[]): void {
  storage.createTopic(topic, partitions)
  for (const reading of records) {
    const value = Buffer.from(JSON.stringify(reading))
    // By key, so that the order of a key's records is given; in small batches, so that reading takes several steps.
    storage.write(topic, Number(reading.key.slice(1)) % partitions, [{ value, timestamp: reading.time }])
  }
}

function spanOf(time: number, size: number): { start: number; end: number } {
  const start = Math.floor(time / size) * size
  return { start, end: start + size }
}

const plainTopologies: readonly Topology[] = [
  {
    name: 'stateless',
    parallelism: 1,
    outputs: ['out'],
    prepare(storage) {
      fill(storage, 'in', 2, readings(1, 60))
      storage.createTopic('out', 2)
    },
    job: job('stateless', (env) => {
      env
        .topic('in', json<Reading>(), { bounded: true })
        .filter((reading) => reading.n % 3 !== 0)
        .map((reading) => reading.n)
        .toTopic('out', json())
    }),
  },
  {
    name: 'windowed, with a running count in state',
    parallelism: 1,
    outputs: ['windows', 'counts'],
    prepare(storage) {
      fill(storage, 'in', 2, readings(2, 60))
      storage.createTopic('windows', 1)
      storage.createTopic('counts', 2)
    },
    job: job('windowed', (env) => {
      const byKey = env.topic('in', json<Reading>(), { bounded: true, time }).keyBy((reading) => reading.key)
      byKey
        .window(tumbling(40))
        .aggregate(
          { create: () => 0, add: (sum, reading) => sum + reading.n, result: (sum) => sum },
          (sum, { key, window }) => ({ key, start: window.start, sum }),
        )
        .toTopic('windows', json())
      byKey
        .process({
          state: { count: valueState({ initial: 0 }) },
          onRecord(reading, { state, key }, out: Collector<unknown>) {
            state.count.set(state.count.get() + 1)
            out.emit({ key, n: reading.n, seen: state.count.get() })
          },
        })
        .toTopic('counts', json(), { key: (row) => (row as { key: string }).key })
    }),
  },
  {
    name: 'two regions through a repartition topic',
    parallelism: 2,
    outputs: ['windows'],
    prepare(storage) {
      fill(storage, 'in', 2, readings(3, 50))
      storage.createTopic('windows', 2)
    },
    job: job('repartitioned', (env) => {
      env
        .topic('in', json<Reading>(), { bounded: true, time })
        .map((reading) => ({ ...reading, n: reading.n + 1 }))
        .keyBy((reading) => reading.key)
        .window(tumbling(40))
        .aggregate(
          {
            create: () => ({ count: 0, sum: 0 }),
            add: (held, { n }) => ({ count: held.count + 1, sum: held.sum + n }),
            result: (held) => held,
          },
          (held, { key, window }) => ({ key, start: window.start, ...held }),
        )
        .toTopic('windows', json())
    }),
  },
  {
    name: 'windowed in every way',
    parallelism: 1,
    outputs: ['windows'],
    prepare(storage) {
      fill(storage, 'in', 2, readings(6, 50))
      storage.createTopic('windows', 1)
    },
    job: job('all-windows', (env) => {
      const stream = env.topic('in', json<Reading>(), { bounded: true, time })
      const byKey = stream.keyBy((reading) => reading.key)
      const list =
        (kind: string) =>
        (values: readonly Reading[], { key, window }: WindowContext<string>, out: Collector<unknown>) =>
          out.emit({ kind, key, start: window.start, end: window.end, n: values.map(({ n }) => n) })
      const [sliced, cumulated, sessioned, counted, early] = [
        byKey
          .window(sliding(40, 10))
          .allowedLateness(10)
          .reduce(
            (a, b) => ({ ...b, n: a.n + b.n }),
            ({ n }, { key, window }) => ({ kind: 'sliding', key, start: window.start, n }),
          ),
        byKey.window(cumulative(40, 20)).process(list('cumulative')),
        byKey.window(sessions(({ n }) => 5 + (n % 10))).process(list('session')),
        byKey.window(countWindows(4, 2)).process({
          keyState: { firings: valueState({ initial: 0 }) },
          onWindow(values, { key, keyState }, out: Collector<unknown>) {
            keyState.firings.set(keyState.firings.get() + 1)
            out.emit({ kind: 'count', key, firing: keyState.firings.get(), n: values.map(({ n }) => n) })
          },
        }),
        byKey
          .window(tumbling(60))
          .trigger(triggers.purging(triggers.endOfWindow({ early: triggers.count(2) })))
          .process(list('early')),
      ]
      cumulated.union(sliced, sessioned, counted, early).toTopic('windows', json())
    }),
  },
  {
    name: 'windowed in every other way, with two tasks',
    parallelism: 2,
    outputs: ['windows'],
    prepare(storage) {
      fill(storage, 'in', 2, readings(9, 40))
      storage.createTopic('windows', 2)
    },
    job: job('other-windows', (env) => {
      const stream = env.topic('in', json<Reading>(), { bounded: true, time })
      const byKey = stream.keyBy((reading) => reading.key)
      const list =
        (kind: string) =>
        (values: readonly Reading[], { key, window }: WindowContext<string>, out: Collector<unknown>) =>
          // Of all keys the order is that in which tasks wrote.
          out.emit({
            kind,
            key,
            start: window.start,
            end: window.end,
            n: values.map(({ n }) => n).sort((a, b) => a - b),
          })
      const sum =
        (kind: string) =>
        ({ n }: Reading, { key, window }: WindowContext<string>): unknown => ({ kind, key, start: window.start, n })
      const add = (a: Reading, b: Reading): Reading => ({ ...b, n: a.n + b.n })
      const [all, gathered, steps, counted, listed, distant, uneven, merging] = [
        stream.windowAll(tumbling(40)).process(list('all')),
        byKey.window(sliding(40, 10)).reduce(add, sum('gathered')),
        byKey.window(cumulative(40, 20)).reduce(add, sum('steps')),
        byKey.window(countWindows(3)).reduce(add, sum('counted')),
        byKey.window(globalWindows()).trigger(triggers.count(3)).evictor(evictors.count(4)).process(list('listed')),
        byKey.window(deltaWindows(9, (from: Reading, to: Reading) => to.n - from.n)).process(list('distant')),
        byKey
          .window(customWindows({ assign: (_, at) => [25, 60].map((size) => spanOf(at, size)) }))
          .process(list('uneven')),
        byKey
          .window(customWindows({ assign: (_, at) => [{ start: at, end: at + 12 }], merging: true }))
          .process(list('merging')),
      ]
      byKey
        .window(sessions(12))
        .process(list('session'))
        .union(all, gathered, steps, counted, listed, distant, uneven, merging)
        .toTopic('windows', json())
    }),
  },
  {
    name: 'joining in windows',
    parallelism: 2,
    outputs: ['pairs'],
    prepare(storage) {
      fill(storage, 'left', 1, readings(14, 30))
      fill(storage, 'right', 2, readings(15, 30))
      storage.createTopic('pairs', 1)
    },
    job: job('window-joined', (env) => {
      const left = env.topic('left', json<Reading>(), { bounded: true, time }).keyBy(({ key }) => key)
      const right = env.topic('right', json<Reading>(), { bounded: true, time }).keyBy(({ key }) => key)
      left
        .window(sliding(40, 20))
        .join(right, (a, b, { key, window }) => ({ key, start: window.start, left: a.n, right: b.n }))
        .toTopic('pairs', json())
    }),
  },
  {
    name: 'keeping more keys than its cache',
    parallelism: 1,
    run: { stateCache: { maxKeys: 2 } },
    outputs: ['seen'],
    prepare(storage) {
      fill(storage, 'in', 2, readings(8, 60))
      storage.createTopic('seen', 1)
    },
    job: job('cached', (env) => {
      env
        .topic('in', json<Reading>(), { bounded: true, time })
        .keyBy((reading) => reading.key)
        .process({
          state: { count: valueState({ initial: 0 }), list: listState<number>(), map: mapState<number, number>() },
          onRecord(reading, { key, state: { count, list, map }, timers }, out: Collector<unknown>) {
            count.set(count.get() + 1)
            list.add(reading.n)
            // What a timer finds must not depend on how far the batch went that fired it.
            const until = Math.ceil(reading.time / 50) * 50
            map.set(until, (map.get(until) ?? 0) + reading.n)
            timers.atEventTime(until)
            out.emit({ key, n: reading.n, count: count.get(), list: [...list.get()] })
          },
          onTimer({ timeMs }, { key, state: { map } }, out: Collector<unknown>) {
            out.emit({ key, timeMs, sum: map.get(timeMs) })
            map.delete(timeMs)
          },
        })
        .toTopic('seen', json())
    }),
  },
  {
    name: 'telling every rule to every key',
    parallelism: 1,
    outputs: ['told'],
    prepare(storage) {
      fill(storage, 'in', 2, readings(16, 40))
      storage.createTopic('rules', 1)
      for (let rule = 1; rule <= 6; rule++) {
        storage.write('rules', 0, [{ value: Buffer.from(String(rule)), timestamp: rule }])
      }
      storage.createTopic('told', 1)
    },
    // Whether a rule or a key comes first: each is told to each once.
    job: job('told', (env) => {
      const rules = env.topic('rules', json<number>(), { bounded: true })
      env
        .topic('in', json<Reading>(), { bounded: true, time })
        .keyBy((reading) => reading.key)
        .connect(rules.broadcast({ state: { rules: mapState<number, true>() } }))
        .process({
          state: { count: valueState({ initial: 0 }), sum: valueState({ initial: 0 }) },
          onRecord(reading, { key, state: { count, sum }, broadcast, timers }, out: Collector<unknown>) {
            if (count.get() === 0) {
              for (const rule of broadcast.rules.keys()) {
                sum.set(sum.get() + rule)
                out.emit({ key, rule })
              }
              // At the end of both inputs.
              timers.atProcessingTime(1e15)
            }
            count.set(count.get() + 1)
            out.emit({ key, n: reading.n, count: count.get() })
          },
          onBroadcast(rule, { broadcast, forEachKey }, out: Collector<unknown>) {
            broadcast.rules.set(rule, true)
            forEachKey(
              ({ key, state: { sum } }) => {
                sum.set(sum.get() + rule)
                out.emit({ key, rule })
              },
              () => out.emit({ rule }),
            )
          },
          onTimer(_, { key, state: { count, sum } }, out: Collector<unknown>) {
            out.emit({ key, count: count.get(), sum: sum.get() })
          },
        })
        .toTopic('told', json())
    }),
  },
  {
    name: 'waiting for calls, in order and out of order',
    parallelism: 1,
    outputs: ['scored'],
    prepare(storage) {
      fill(storage, 'in', 2, readings(7, 40))
      storage.createTopic('scored', 1)
    },
    job: job('scored', (env) => {
      env
        .topic('in', json<Reading>(), { bounded: true, time })
        .mapAsync(async (reading) => ({ ...reading, score: reading.n * 2 }), { capacity: 4 })
        .flatMapAsync(async (reading) => (reading.n % 3 === 0 ? [] : [reading, { ...reading, score: -1 }]), {
          capacity: 7,
          order: 'unordered',
        })
        .lookupJoin(
          { key: ({ key }) => key, lookup: async (key) => key.toUpperCase(), cache: { maxEntries: 2 } },
          (reading, name) => ({ ...reading, name }),
        )
        .keyBy((reading) => reading.key)
        .window(tumbling(40))
        .process((values, { key, window }, out: Collector<unknown>) => {
          const scores = values.map(({ n, score, name }) => `${name} ${n}: ${score}`).sort()
          out.emit({ key, start: window.start, scores })
        })
        .toTopic('scored', json())
    }),
  },
  {
    name: 'reading an archive before its topic',
    parallelism: 2,
    outputs: ['windows'],
    prepare(storage) {
      const all = readings(11, 60)
      fill(storage, 'archive', 2, all.slice(0, 40))
      fill(storage, 'in', 2, all.slice(40))
      storage.createTopic('windows', 2)
    },
    job: job('archived', (env) => {
      const archive = env.topic('archive', json<Reading>(), { bounded: true, time })
      env
        .topic('in', json<Reading>(), { bounded: true, time, after: archive })
        .keyBy((reading) => reading.key)
        .window(tumbling(40))
        .aggregate(
          { create: () => 0, add: (sum, reading) => sum + reading.n, result: (sum) => sum },
          (sum, { key, window }) => `${key}@${window.start}=${sum}`,
        )
        .toTopic('windows', json())
    }),
  },
  ...[1, 2].map(
    (parallelism): Topology => ({
      name: `sorting, grouping and joining all of its input, with ${parallelism} tasks`,
      parallelism,
      run: { memoryBudget: 2_000 },
      outputs: ['sums', 'ordered', 'count'],
      prepare(storage) {
        fill(storage, 'in', 2, readings(12, 12))
        storage.createTopic('sums', 1)
        storage.createTopic('ordered', 1)
        storage.createTopic('count', 1)
      },
      job: job(`batch-${parallelism}`, (env) => {
        const all = env.topic('in', json<Reading>(), { bounded: true, time }).bounded()
        const sums = all.groupBy('key').aggregate({
          create: () => 0,
          add: (sum, reading) => sum + reading.n,
          merge: (left, right) => left + right,
          result: (sum) => sum,
        })
        all
          .join(sums, { key: 'key', by: ([key]) => key }, ({ n }, [key, sum]) => ({ key, n, sum }))
          .stream()
          .toTopic('sums', json())
        all
          .sort({ by: 'n', order: 'descending' })
          .map(({ n }) => n)
          .stream()
          .toTopic('ordered', json())
        all.count().stream().toTopic('count', json())
      }),
    }),
  ),
  {
    name: 'two inputs with shared state and timers',
    parallelism: 1,
    outputs: ['joined'],
    prepare(storage) {
      fill(storage, 'left', 1, readings(4, 30))
      fill(storage, 'right', 2, readings(5, 30))
      storage.createTopic('joined', 1)
    },
    job: job('joined', (env) => {
      const left = env.topic('left', json<Reading>(), { bounded: true, time }).keyBy((reading) => reading.key)
      const right = env.topic('right', json<Reading>(), { bounded: true, time }).keyBy((reading) => reading.key)
      left
        .connect(right)
        .process({
          state: { left: valueState({ initial: 0 }), right: valueState({ initial: 0 }) },
          onLeft(reading, { state, timers }) {
            state.left.set(state.left.get() + reading.n)
            timers.atEventTime(Math.ceil(reading.time / 50) * 50)
          },
          onRight(reading, { state, timers }) {
            state.right.set(state.right.get() + reading.n)
            timers.atEventTime(Math.ceil(reading.time / 50) * 50)
          },
          onTimer({ timeMs }, { key }, out: Collector<unknown>) {
            out.emit({ key, timeMs })
          },
        })
        .toTopic('joined', json())
    }),
  },
]

/** Signals of two sources and of a function, through two exchanges. */
const signalTopologies = [1, 2].map(
  (parallelism): Topology => ({
    name: `gathering until a signal has come from everywhere, with ${parallelism} tasks`,
    parallelism,
    outputs: ['signals-out'],
    prepare: (storage) => storage.createTopic('signals-out', 2),
    job: stagedJob('signals'),
  }),
)

/** Holds fewer keys on the heap than there are. */
function cached(topology: Topology, maxKeys: number): Topology {
  const name = `holding ${maxKeys} of its keys, ${topology.name}`
  return { ...topology, name, crashes: 300, run: { ...topology.run, stateCache: { maxKeys } } }
}

/** Each with the same job that holds everything. */
export const cachedTopologies: readonly (readonly [Topology, Topology])[] = [...plainTopologies, ...signalTopologies]
  .filter(({ name }) =>
    ['windowed', 'joining in windows', 'telling', 'gathering'].some((start) => name.startsWith(start)),
  )
  .map((topology, at) => [cached(topology, 1 + (at % 2)), topology])

export const topologies: readonly Topology[] = [
  ...plainTopologies,
  ...cachedTopologies.map(([topology]) => topology),
  ...signalTopologies,
  ...loopTopologies,
  ...sinkTopologies,
]

/** What a read-committed consumer of the outputs sees, in an order that does not depend on who wrote when. */
export function committedOutput(storage: MemoryStorage, outputs: readonly string[]): string[] {
  return outputs.flatMap((topic) => storage.read(topic).map(({ value }) => `${topic}: ${value?.toString()}`)).sort()
}
