import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Operator } from '../../../src/operator/operator.ts'
import {
  countWindows,
  cumulative,
  customWindows,
  deltaWindows,
  sessions,
  sliding,
  tumbling,
  type WindowAssigner,
} from '../../../src/operator/window/window-assigner.ts'
import type { StateEntry } from '../../../src/state/backend.ts'
import { VirtualClock } from '../../../src/time/virtual-clock.ts'
import { OperatorHarness } from '../operator-harness.ts'
import { storedReader } from '../stored-reader.ts'
import { fold, gather, type Reading, type Result, type Settings } from './windows-under-test.ts'

interface Arrival {
  readonly reading: Reading
  readonly time: number
  /** The watermark when it came. */
  readonly watermark: number
}

interface Span {
  readonly start: number
  readonly end: number
}

/** A kind of windows, and by definition the windows of a time, written as plainly as can be. */
interface Kind {
  readonly name: string
  readonly assigner: WindowAssigner<Reading>
  readonly spansOf: (time: number) => Span[]
}

const kinds: fc.Arbitrary<Kind> = fc.oneof(
  fc
    .record({ size: fc.integer({ min: 1, max: 40 }), offset: fc.integer({ min: 0, max: 40 }) })
    .map(({ size, offset }) => ({
      name: `tumbling ${size} + ${offset}`,
      assigner: tumbling(size, { offset }),
      spansOf: (time: number) => allSpans(size, size, offset).filter((span) => holds(span, time)),
    })),
  fc
    .record({
      size: fc.integer({ min: 1, max: 40 }),
      slide: fc.integer({ min: 1, max: 50 }),
      offset: fc.integer({ min: 0, max: 9 }),
    })
    .map(({ size, slide, offset }) => ({
      name: `sliding ${size} / ${slide} + ${offset}`,
      assigner: sliding(size, slide, { offset }),
      spansOf: (time: number) => allSpans(size, slide, offset).filter((span) => holds(span, time)),
    })),
  fc.record({ steps: fc.integer({ min: 1, max: 6 }), step: fc.integer({ min: 1, max: 9 }) }).map(({ steps, step }) => ({
    name: `cumulative ${steps * step} / ${step}`,
    assigner: cumulative(steps * step, step),
    spansOf: (time: number) =>
      allSpans(steps * step, steps * step, 0)
        .flatMap(({ start }) => Array.from({ length: steps }, (_, at) => ({ start, end: start + (at + 1) * step })))
        .filter((span) => holds(span, time)),
  })),
  fc.record({ a: fc.integer({ min: 1, max: 20 }), b: fc.integer({ min: 1, max: 20 }) }).map(({ a, b }) => {
    const assign = (_: unknown, time: number): Span[] => {
      const spans = [a, b].map((size) => {
        const start = Math.floor(time / size) * size
        return { start, end: start + size }
      })
      return a === b ? spans.slice(1) : spans
    }
    return {
      name: `custom ${a} and ${b}`,
      assigner: customWindows<Reading>({ assign }),
      spansOf: (time: number) => distinct(assign(null, time)),
    }
  }),
)

function distinct(spans: Span[]): Span[] {
  return spans.filter(({ start, end }, at) => spans.findIndex((s) => s.start === start && s.end === end) === at)
}

function allSpans(size: number, slide: number, offset: number): Span[] {
  const spans: Span[] = []
  const first = Math.floor(-400 / slide) * slide + offset
  for (let start = first; start <= 800; start += slide) spans.push({ start, end: start + size })
  return spans
}

function holds({ start, end }: Span, time: number): boolean {
  return time >= start && time < end
}

/** What every window holds in the end, and the readings that were too late for all of theirs. */
function oracle(
  { spansOf }: Kind,
  arrivals: readonly Arrival[],
  lateness: number,
): { results: Result[]; late: number[] } {
  const windows = new Map<string, { key: string; start: number; end: number; values: number[] }>()
  const late: number[] = []
  for (const { reading, time, watermark } of arrivals) {
    const spans = spansOf(time)
    const open = spans.filter(({ end }) => end - 1 + lateness > watermark)
    if (spans.length > 0 && open.length === 0) late.push(reading.n)
    for (const span of open) {
      const id = JSON.stringify([reading.key, span])
      const window = windows.get(id) ?? { key: reading.key, ...span, values: [] }
      window.values.push(reading.n)
      windows.set(id, window)
    }
  }
  return { results: [...windows.values()], late }
}

/** Sessions, one record after the other, on a plain list. */
function sessionOracle(
  gapOf: (reading: Reading) => number,
  arrivals: readonly Arrival[],
  lateness: number,
): { results: Result[]; late: number[] } {
  let sessionsNow: { key: string; start: number; end: number; values: number[]; gone: boolean }[] = []
  const late: number[] = []
  for (const { reading, time, watermark } of arrivals) {
    for (const session of sessionsNow) if (session.end - 1 + lateness <= watermark) session.gone = true
    const merged = { key: reading.key, start: time, end: time + gapOf(reading), values: [reading.n], gone: false }
    const touching: typeof sessionsNow = []
    for (let grew = true; grew; ) {
      grew = false
      for (const session of sessionsNow) {
        const apart = session.start > merged.end || session.end < merged.start
        if (session.gone || session.key !== reading.key || apart || touching.includes(session)) continue
        touching.push(session)
        merged.start = Math.min(merged.start, session.start)
        merged.end = Math.max(merged.end, session.end)
        grew = true
      }
    }
    if (merged.end - 1 + lateness <= watermark) {
      late.push(reading.n)
      continue
    }
    merged.values.push(...touching.flatMap(({ values }) => values))
    sessionsNow = [...sessionsNow.filter((session) => !touching.includes(session)), merged]
  }
  return { results: sessionsNow.map(({ gone: _, ...session }) => session), late }
}

function canonical(results: readonly Result[]): string[] {
  return results.map((result) => JSON.stringify({ ...result, values: result.values.toSorted((a, b) => a - b) })).sort()
}

/** The last firing of every window. */
function lastOf(results: readonly Result[]): Result[] {
  return [
    ...new Map(results.map((result) => [JSON.stringify([result.key, result.start, result.end]), result])).values(),
  ]
}

type Step =
  | { readonly kind: 'record'; readonly key: string; readonly behind: number }
  | { readonly kind: 'advance'; readonly by: number }
  | { readonly kind: 'restart' | 'barrier' }

const scripts = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('record' as const),
        key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
        behind: fc.integer({ min: 0, max: 40 }),
      }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('advance' as const), by: fc.integer({ min: 0, max: 15 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('restart' as const, 'barrier' as const) }) },
  ),
  // By default fast-check makes short lists.
  { maxLength: 80, size: 'max' },
)

interface Run {
  readonly arrivals: Arrival[]
  readonly results: Result[]
  readonly late: number[]
  readonly storedAtEnd: number
}

/**
 * Plays a script; the watermark stays `lag` behind. With `maxKeys` the operator holds no more keys than that, and what it waits
 * for takes its time: barriers come as soon as they may, also while a watermark is under way.
 */
async function play(
  create: () => Operator,
  script: readonly Step[],
  lag: number,
  maxKeys: number | null = null,
): Promise<Run> {
  const arrivals: Arrival[] = []
  const results: Result[] = []
  const late: number[] = []
  const clock = new VirtualClock()
  const stored = new Map<string, StateEntry>()
  const reader = maxKeys === null ? null : storedReader(stored, clock, maxKeys)
  let operator = create()
  let harness = await new OperatorHarness(operator, stored, clock, reader).open()
  const passable = async (): Promise<void> => {
    for (let waited = 0; operator.pending?.holdsBarriers === true; waited++) {
      if (waited > 1_000) throw new Error('It waits for ever.')
      await clock.advanceBy(1)
    }
  }
  const collect = (): void => {
    results.push(...(harness.records as Result[]))
    late.push(...(harness.sides.get('late') ?? []).map((reading) => (reading as Reading).n))
  }
  let now = 0
  let watermark = Number.NEGATIVE_INFINITY
  for (const step of script) {
    if (step.kind === 'record') {
      const reading = { key: step.key, n: arrivals.length }
      const time = now - step.behind
      arrivals.push({ reading, time, watermark })
      harness.send(reading, time)
    } else if (step.kind === 'advance') {
      now += step.by
      watermark = Math.max(watermark, now - lag)
      harness.watermark(watermark)
    } else {
      await passable()
      harness.snapshot()
      if (step.kind === 'barrier') continue
      collect()
      operator = create()
      harness = await harness.restart(operator)
      if (watermark > Number.NEGATIVE_INFINITY) harness.watermark(watermark)
    }
  }
  harness.watermark(Number.POSITIVE_INFINITY)
  harness.end()
  for (let waited = 0; operator.pending?.isEmpty === false; waited++) {
    if (waited > 1_000) throw new Error('It waits for ever.')
    await clock.advanceBy(1)
    if (operator.pending.needsCommit && !operator.pending.holdsBarriers) harness.snapshot()
  }
  harness.snapshot()
  collect()
  return { arrivals, results, late, storedAtEnd: harness.stored.size }
}

const operators: readonly [string, (assigner: WindowAssigner<Reading>, settings: Settings) => Operator][] = [
  ['keep every record', gather],
  ['fold as they come', fold],
  [
    'keep every record, in the general operator',
    (assigner, settings) => gather(assigner, { ...settings, general: true }),
  ],
  [
    'fold as they come, in the general operator',
    (assigner, settings) => fold(assigner, { ...settings, general: true }),
  ],
]

/** Keys that the operator may hold: all of them, or fewer than there are. */
const caches = fc.constantFrom(null, 1, 2, 3)

describe.each(operators)('windows that %s', (_, create) => {
  it('hold exactly the records that belong to them, whatever the order, the lateness and the restores', async () => {
    await fc.assert(
      fc.asyncProperty(
        kinds,
        scripts,
        fc.integer({ min: 0, max: 41 }),
        fc.constantFrom(0, 1, 7, 30),
        caches,
        async (kind, script, lag, lateness, maxKeys) => {
          const run = await play(() => create(kind.assigner, { lateness }), script, lag, maxKeys)
          const expected = oracle(kind, run.arrivals, lateness)
          expect(canonical(lastOf(run.results))).toEqual(canonical(expected.results))
          expect(run.late).toEqual(expected.late)
          expect(run.storedAtEnd).toBe(0)
        },
      ),
      { numRuns: 200 },
    )
  })

  it('fire once for each window when nothing is late', async () => {
    await fc.assert(
      fc.asyncProperty(kinds, scripts, caches, async (kind, script, maxKeys) => {
        const run = await play(() => create(kind.assigner, {}), script, 41, maxKeys)
        expect(canonical(run.results)).toEqual(canonical(oracle(kind, run.arrivals, 0).results))
      }),
      { numRuns: 100 },
    )
  })

  it('are sessions where records of a key follow one another, with fixed gaps and with gaps of their own', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 20 }),
        fc.boolean(),
        scripts,
        fc.integer({ min: 0, max: 41 }),
        fc.constantFrom(0, 5, 30),
        caches,
        async (gap, isDynamic, script, lag, lateness, maxKeys) => {
          const gapOf = ({ n }: Reading): number => (isDynamic ? 1 + ((n * 7) % (gap + 3)) : gap)
          const assigner = isDynamic ? sessions(gapOf) : sessions(gap)
          const run = await play(() => create(assigner, { lateness }), script, lag, maxKeys)
          const expected = sessionOracle(gapOf, run.arrivals, lateness)
          const last = canonical(lastOf(run.results))
          // Sessions that fired and grew later have fired with their former bounds too.
          for (const result of canonical(expected.results)) expect(last).toContain(result)
          if (lateness === 0) expect(last).toEqual(canonical(expected.results))
          expect(run.late).toEqual(expected.late)
          expect(run.storedAtEnd).toBe(0)
        },
      ),
      { numRuns: 200 },
    )
  })
})

function valuesByKey(arrivals: readonly Arrival[]): Map<string, number[]> {
  const values = new Map<string, number[]>()
  for (const { reading } of arrivals) values.set(reading.key, [...(values.get(reading.key) ?? []), reading.n])
  return values
}

describe('windows that do not go by time', () => {
  it('hold so many records, or the last so many, over any restores', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 6 }),
        fc.option(fc.integer({ min: 1, max: 8 }), { nil: undefined }),
        scripts,
        caches,
        async (size, slide, script, maxKeys) => {
          const run = await play(() => gather(countWindows(size, slide)), script, 41, maxKeys)
          const every = slide ?? size
          const expected = [...valuesByKey(run.arrivals)].flatMap(([key, values]) =>
            Array.from({ length: Math.floor(values.length / every) }, (_, at) => {
              const to = (at + 1) * every
              return { key, values: values.slice(Math.max(0, to - size), to) }
            }),
          )
          const got = run.results.map(({ key, values }) => ({ key, values }))
          expect(got.map((result) => JSON.stringify(result)).sort()).toEqual(
            expected.map((result) => JSON.stringify(result)).sort(),
          )
        },
      ),
      { numRuns: 200 },
    )
  })

  it('end with the record that is too far from the one that ended the last, over any restores', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 20 }), scripts, caches, async (threshold, script, maxKeys) => {
        const distance = (from: Reading, current: Reading): number => current.n - from.n
        const run = await play(() => gather(deltaWindows(threshold, distance)), script, 41, maxKeys)
        const expected: { key: string; values: number[] }[] = []
        for (const [key, values] of valuesByKey(run.arrivals)) {
          let from = values[0] as number
          let open: number[] = []
          for (const value of values) {
            open.push(value)
            if (value - from <= threshold) continue
            expected.push({ key, values: open })
            open = []
            from = value
          }
        }
        const got = run.results.map(({ key, values }) => JSON.stringify({ key, values }))
        expect(got.sort()).toEqual(expected.map((result) => JSON.stringify(result)).sort())
      }),
      { numRuns: 100 },
    )
  })
})
