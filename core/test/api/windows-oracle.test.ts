import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Collector,
  countWindows,
  cumulative,
  customWindows,
  type DataStream,
  deltaWindows,
  evictors,
  globalWindows,
  job,
  json,
  type KeyedStream,
  sessions,
  sliding,
  type TimeWindow,
  triggers,
  tumbling,
  type WindowContext,
  type WindowedStream,
  watermarks,
} from '../../src/index.ts'
import { testHarness } from '../../src/testing/index.ts'

interface Reading {
  readonly key: string
  readonly n: number
  readonly time: number
}

/** What a window held. Global windows have no bounds: 0 and 0. */
interface Row {
  readonly key: string
  readonly start: number
  readonly end: number
  readonly n: readonly number[]
}

type Windowed = WindowedStream<string, Reading>

/** A kind of windows: how a job says it, and by definition what its windows hold in the end. */
interface Kind {
  readonly name: string
  readonly build: (stream: DataStream<Reading>, lateness: number) => DataStream<Row>
  readonly oracle: (readings: readonly Reading[]) => Row[]
  /** Fires windows that another one takes in later. */
  readonly isMerging?: boolean
  /** The order of what it holds is that of the records. */
  readonly isOrdered?: boolean
}

const END = 1_000_000
const byKey = (stream: DataStream<Reading>): KeyedStream<string, Reading> => stream.keyBy(({ key }) => key)

function bounds({ start, end }: TimeWindow): { start: number; end: number } {
  return Number.isFinite(start) ? { start, end } : { start: 0, end: 0 }
}

/** Keeps every record until the window fires. */
const gathered = (windows: Windowed): DataStream<Row> =>
  windows.process((readings, { key, window }, out: Collector<Row>) =>
    out.emit({ key, ...bounds(window), n: readings.map(({ n }) => n) }),
  )

/** Folds records as they come. */
const folded = (windows: WindowedStream<string, Reading>): DataStream<Row> =>
  windows.aggregate(
    {
      create: (): number[] => [],
      add: (held, { n }) => [...held, n],
      merge: (a, b) => [...a, ...b],
      result: (held) => held,
    },
    (n, { key, window }: WindowContext<string>) => ({ key, ...bounds(window), n }),
  )

function spans(size: number, slide: number): (time: number) => TimeWindow[] {
  return (time) => {
    const found: TimeWindow[] = []
    for (let start = -500 + (500 % slide); start <= time; start += slide) {
      const first = Math.floor(start / slide) * slide
      if (time >= first && time < first + size && found.at(-1)?.start !== first) {
        found.push({ start: first, end: first + size })
      }
    }
    return found
  }
}

function grouped(spansOf: (time: number) => TimeWindow[], key: (reading: Reading) => string = (r) => r.key) {
  return (readings: readonly Reading[]): Row[] => {
    const rows = new Map<string, { key: string; start: number; end: number; n: number[] }>()
    for (const reading of readings) {
      for (const { start, end } of spansOf(reading.time)) {
        const id = JSON.stringify([key(reading), start, end])
        const row = rows.get(id) ?? { key: key(reading), start, end, n: [] }
        row.n.push(reading.n)
        rows.set(id, row)
      }
    }
    return [...rows.values()]
  }
}

/** Spans of a key that overlap or touch are one. */
function merged(gapOf: (reading: Reading) => number) {
  return (readings: readonly Reading[]): Row[] => {
    const rows: { key: string; start: number; end: number; n: number[] }[] = []
    for (const reading of readings.toSorted((a, b) => a.time - b.time)) {
      const { key, n, time } = reading
      const last = rows.findLast((row) => row.key === key)
      if (last === undefined || time > last.end) rows.push({ key, start: time, end: time + gapOf(reading), n: [n] })
      else {
        last.end = Math.max(last.end, time + gapOf(reading))
        last.n.push(n)
      }
    }
    return rows
  }
}

function perKey(rowsOf: (values: number[]) => number[][]) {
  return (readings: readonly Reading[]): Row[] => {
    const values = new Map<string, number[]>()
    for (const { key, n } of readings) values.set(key, [...(values.get(key) ?? []), n])
    return [...values].flatMap(([key, list]) => rowsOf(list).map((n) => ({ key, start: 0, end: 0, n })))
  }
}

const lastOfEvery = (size: number, slide: number) =>
  perKey((list) =>
    Array.from({ length: Math.floor(list.length / slide) }, (_, at) =>
      list.slice(Math.max(0, (at + 1) * slide - size), (at + 1) * slide),
    ),
  )

const cumulated = (time: number): TimeWindow[] =>
  [10, 20, 30]
    .map((grown) => ({ start: Math.floor(time / 30) * 30, end: Math.floor(time / 30) * 30 + grown }))
    .filter(({ end }) => time < end)

const uneven = (time: number): TimeWindow[] => [7, 25].flatMap((size) => spans(size, size)(time))
const dynamicGap = ({ n }: Reading): number => 1 + (Math.abs(n * 7) % 12)

const kinds: readonly Kind[] = [
  {
    name: 'tumbling',
    build: (s, l) => gathered(byKey(s).window(tumbling(20)).allowedLateness(l)),
    oracle: grouped(spans(20, 20)),
  },
  {
    name: 'tumbling, folded',
    build: (s, l) => folded(byKey(s).window(tumbling(20)).allowedLateness(l)),
    oracle: grouped(spans(20, 20)),
  },
  {
    name: 'sliding',
    build: (s, l) => gathered(byKey(s).window(sliding(30, 12)).allowedLateness(l)),
    oracle: grouped(spans(30, 12)),
  },
  {
    name: 'sliding, in slices',
    build: (s, l) => folded(byKey(s).window(sliding(30, 12)).allowedLateness(l)),
    oracle: grouped(spans(30, 12)),
  },
  {
    name: 'sliding, with gaps',
    build: (s, l) => folded(byKey(s).window(sliding(8, 12)).allowedLateness(l)),
    oracle: grouped(spans(8, 12)),
  },
  {
    name: 'cumulative',
    build: (s, l) => gathered(byKey(s).window(cumulative(30, 10)).allowedLateness(l)),
    oracle: grouped(cumulated),
  },
  {
    name: 'cumulative, folded',
    build: (s, l) => folded(byKey(s).window(cumulative(30, 10)).allowedLateness(l)),
    oracle: grouped(cumulated),
  },
  {
    name: 'sessions',
    build: (s, l) => gathered(byKey(s).window(sessions(9)).allowedLateness(l)),
    oracle: merged(() => 9),
    isMerging: true,
  },
  {
    name: 'sessions with gaps of their own',
    build: (s, l) => folded(byKey(s).window(sessions(dynamicGap)).allowedLateness(l)),
    oracle: merged(dynamicGap),
    isMerging: true,
  },
  {
    name: 'custom',
    build: (s, l) =>
      gathered(
        byKey(s)
          .window(customWindows({ assign: (_, time) => uneven(time) }))
          .allowedLateness(l),
      ),
    oracle: grouped(uneven),
  },
  {
    name: 'custom and merging',
    build: (s, l) =>
      gathered(
        byKey(s)
          .window(
            customWindows<Reading>({
              assign: (reading, time) => [{ start: time, end: time + dynamicGap(reading) }],
              merging: true,
            }),
          )
          .allowedLateness(l),
      ),
    oracle: merged(dynamicGap),
    isMerging: true,
  },
  {
    name: 'of all keys',
    build: (s, l) =>
      s
        .windowAll(tumbling(20))
        .allowedLateness(l)
        .process((readings, { window }, out: Collector<Row>) => {
          // The last record of each partition is only there for its time.
          const n = readings.filter(({ time }) => time < END).map((reading) => reading.n)
          if (n.length > 0) out.emit({ key: 'all', ...bounds(window), n })
        }),
    oracle: grouped(spans(20, 20), () => 'all'),
  },
  {
    name: 'of so many records',
    build: (s) => gathered(byKey(s).window(countWindows(3))),
    oracle: lastOfEvery(3, 3),
    isOrdered: true,
  },
  {
    name: 'of the last so many records',
    build: (s) => gathered(byKey(s).window(countWindows(4, 2))),
    oracle: lastOfEvery(4, 2),
    isOrdered: true,
  },
  {
    name: 'of so many records, folded',
    build: (s) => folded(byKey(s).window(countWindows(3))),
    oracle: lastOfEvery(3, 3),
    isOrdered: true,
  },
  {
    name: 'global, with a trigger and an evictor',
    build: (s) => gathered(byKey(s).window(globalWindows()).trigger(triggers.count(3)).evictor(evictors.count(5))),
    oracle: lastOfEvery(5, 3),
    isOrdered: true,
  },
  {
    name: 'by distance',
    build: (s) => gathered(byKey(s).window(deltaWindows(9, (from: Reading, to: Reading) => to.n - from.n))),
    oracle: perKey((list) => {
      const rows: number[][] = []
      let [from = 0] = list
      let open: number[] = []
      for (const n of list) {
        open.push(n)
        if (n - from <= 9) continue
        rows.push(open)
        open = []
        from = n
      }
      return rows
    }),
    isOrdered: true,
  },
]

const PARTITIONS = 2

/** Runs a job over the readings, which is deployed anew where the list says so, and gives all rows that it wrote. */
async function run(
  kind: Kind,
  readings: readonly Reading[],
  options: {
    readonly parallelism: number
    readonly bound: number
    readonly lateness: number
    readonly restarts: Set<number>
  },
): Promise<Row[]> {
  const { parallelism, bound, lateness, restarts } = options
  const time = watermarks.bounded<Reading>(bound, (reading) => reading.time)
  const t = await testHarness(
    job('windows', (env) => {
      kind.build(env.topic('in', json<Reading>(), { time }), lateness).toTopic('out', json())
    }),
    { partitions: { in: PARTITIONS }, run: { parallelism } },
  )
  const input = t.topic<Reading>('in')
  for (const [at, reading] of readings.entries()) {
    // By key, so that the order of a key's records is given.
    input.send(reading, { partition: Number(reading.key.slice(1)) % PARTITIONS })
    if (at % 5 === 0) await t.advanceBy(3)
    if (restarts.has(at)) await t.restart()
  }
  for (let partition = 0; partition < PARTITIONS; partition++) {
    input.send({ key: `end${partition}`, n: -1, time: END }, { partition })
  }
  await t.settle()
  await t.settle()
  await t.settle()
  const rows = t.topic<Row>('out').values()
  await t.stop()
  return rows.filter(({ key }) => !key.startsWith('end'))
}

const canonical = (rows: readonly Row[], isOrdered = false): string[] =>
  rows.map((row) => JSON.stringify(isOrdered ? row : { ...row, n: row.n.toSorted((a, b) => a - b) })).sort()

/** The last row of each window. */
function lastOf(rows: readonly Row[]): Row[] {
  return [...new Map(rows.map((row) => [JSON.stringify([row.key, row.start, row.end]), row])).values()]
}

const disorder = 40
const scripts = fc.array(
  fc.record({
    key: fc.constantFrom('k0', 'k1', 'k2', 'k3'),
    step: fc.integer({ min: 0, max: 6 }),
    behind: fc.integer({ min: 0, max: disorder }),
  }),
  { minLength: 1, maxLength: 60, size: 'max' },
)

describe.each(kinds)('a job with windows that are $name', (kind) => {
  it('gives what sorting and grouping gives, whatever the disorder, the lateness, the tasks and the restarts', {
    timeout: 120_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(
        scripts,
        fc.constantFrom(1, 2, 4),
        fc.integer({ min: 0, max: disorder }),
        fc.array(fc.integer({ min: 0, max: 59 }), { maxLength: 2 }),
        async (script, parallelism, bound, restarts) => {
          let now = 0
          const readings = script.map(({ key, step, behind }, n): Reading => {
            now += step
            return { key, n, time: now - behind }
          })
          // What the bound does not cover is late, but never too late.
          const lateness = disorder - bound
          const rows = await run(kind, readings, { parallelism, bound, lateness, restarts: new Set(restarts) })
          const expected = canonical(kind.oracle(readings), kind.isOrdered)
          if (kind.isMerging && lateness > 0) {
            const found = canonical(lastOf(rows))
            for (const row of expected) expect(found).toContain(row)
          } else expect(canonical(kind.isOrdered ? rows : lastOf(rows), kind.isOrdered)).toEqual(expected)
        },
      ),
      { numRuns: 15 },
    )
  })
})
