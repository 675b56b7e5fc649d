import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { gathering, reducing } from '../../../src/operator/window/pane-contents.ts'
import { sessions, sliding, tumbling, type WindowAssigner } from '../../../src/operator/window/window-assigner.ts'
import { WindowOperator } from '../../../src/operator/window/window-operator.ts'
import { msgpack } from '../../../src/serde/msgpack.ts'
import type { StateEntry } from '../../../src/state/backend.ts'
import { VirtualClock } from '../../../src/time/virtual-clock.ts'
import { OperatorHarness } from '../operator-harness.ts'

interface Reading {
  readonly key: string
  readonly n: number
}

interface Result {
  readonly key: unknown
  readonly start: number
  readonly end: number
  readonly values: readonly number[]
}

function gather(assigner: WindowAssigner, allowedLatenessMs = 0): WindowOperator {
  return new WindowOperator({
    key: (reading: Reading) => reading.key,
    assigner,
    contents: gathering(msgpack<Reading>()),
    allowedLatenessMs,
    lateTag: 'late',
    emit: (values, { key, window }, out) =>
      out.emit({ key, ...window, values: (values as Reading[]).map(({ n }) => n) }),
  })
}

function sum(assigner: WindowAssigner, allowedLatenessMs = 0): WindowOperator {
  return new WindowOperator({
    key: (reading: Reading) => reading.key,
    assigner,
    contents: reducing((a: Reading, b: Reading) => ({ key: a.key, n: a.n + b.n }), msgpack<Reading>()),
    allowedLatenessMs,
    lateTag: 'late',
    emit: null,
  })
}

describe('windows in event time', () => {
  it('fire when the watermark has passed their last millisecond, with its timestamp', async () => {
    const harness = await new OperatorHarness(sum(tumbling(10))).open()
    harness.send({ key: 'a', n: 1 }, 0)
    harness.send({ key: 'a', n: 2 }, 9)
    harness.send({ key: 'a', n: 5 }, 10)
    harness.watermark(8)
    expect(harness.records).toEqual([])
    harness.watermark(9)
    expect(harness.elements.slice(-2)).toEqual([{ record: { key: 'a', n: 3 }, timestamp: 9 }, { watermark: 9 }])
    harness.watermark(Number.POSITIVE_INFINITY)
    expect(harness.records).toEqual([
      { key: 'a', n: 3 },
      { key: 'a', n: 5 },
    ])
  })

  it('begin at multiples of their size before the epoch too, moved by the offset', async () => {
    const harness = await new OperatorHarness(gather(tumbling(10, { offset: 3 }))).open()
    harness.send({ key: 'a', n: 1 }, -8)
    harness.send({ key: 'a', n: 2 }, 2)
    harness.watermark(100)
    expect(harness.records).toEqual([
      { key: 'a', start: -17, end: -7, values: [1] },
      { key: 'a', start: -7, end: 3, values: [2] },
    ])
  })

  it('overlap when they slide by less than their size', async () => {
    const harness = await new OperatorHarness(gather(sliding(10, 5))).open()
    harness.send({ key: 'a', n: 1 }, 7)
    harness.watermark(100)
    expect(harness.records).toEqual([
      { key: 'a', start: 0, end: 10, values: [1] },
      { key: 'a', start: 5, end: 15, values: [1] },
    ])
  })

  it('join sessions when a record falls between them', async () => {
    const harness = await new OperatorHarness(gather(sessions(10))).open()
    harness.send({ key: 'a', n: 1 }, 0)
    harness.send({ key: 'a', n: 2 }, 18)
    harness.send({ key: 'a', n: 3 }, 9)
    harness.send({ key: 'b', n: 4 }, 5)
    harness.watermark(100)
    expect(harness.records).toEqual([
      { key: 'b', start: 5, end: 15, values: [4] },
      { key: 'a', start: 0, end: 28, values: [1, 2, 3] },
    ])
  })

  it('send late records aside and count them', async () => {
    const harness = await new OperatorHarness(gather(tumbling(10))).open()
    harness.watermark(9)
    harness.send({ key: 'a', n: 1 }, 3)
    harness.send({ key: 'a', n: 2 }, 10)
    harness.watermark(100)
    expect(harness.sides.get('late')).toEqual([{ key: 'a', n: 1 }])
    expect(harness.records).toEqual([{ key: 'a', start: 10, end: 20, values: [2] }])
    expect(harness.metrics.counter('millrace_records_late', '').value).toBe(1)
  })

  it('fire again for a record within the allowed lateness, and not after it', async () => {
    const harness = await new OperatorHarness(sum(tumbling(10), 5)).open()
    harness.send({ key: 'a', n: 1 }, 3)
    harness.watermark(9)
    harness.send({ key: 'a', n: 2 }, 4)
    harness.watermark(13)
    harness.send({ key: 'a', n: 4 }, 4)
    harness.watermark(14)
    harness.send({ key: 'a', n: 8 }, 4)
    harness.watermark(100)
    expect(harness.records).toEqual([
      { key: 'a', n: 1 },
      { key: 'a', n: 3 },
      { key: 'a', n: 7 },
    ])
    expect(harness.sides.get('late')).toEqual([{ key: 'a', n: 8 }])
  })

  it('refuse a record without a timestamp, with a hint', async () => {
    const harness = await new OperatorHarness(sum(tumbling(10))).open()
    expect(() => harness.send({ key: 'a', n: 1 }, Number.NEGATIVE_INFINITY)).toThrow(/watermark strategy/)
  })

  it('leave nothing in the state once they have fired', async () => {
    const harness = await new OperatorHarness(gather(tumbling(10))).open()
    harness.send({ key: 'a', n: 1 }, 3)
    expect(harness.snapshot().length).toBeGreaterThan(0)
    harness.watermark(9)
    harness.snapshot()
    expect(harness.stored.size).toBe(0)
  })

  it('keep a key that comes back after its windows were cleared', async () => {
    const harness = await new OperatorHarness(gather(tumbling(10))).open()
    harness.send({ key: 'a', n: 1 }, 3)
    harness.watermark(9)
    harness.send({ key: 'a', n: 2 }, 13)
    harness.snapshot()
    harness.send({ key: 'a', n: 3 }, 14)
    harness.watermark(19)
    expect(harness.records.at(-1)).toEqual({ key: 'a', start: 10, end: 20, values: [2, 3] })
  })

  it('write nothing for a window that opens and fires within an epoch', async () => {
    const harness = await new OperatorHarness(gather(tumbling(10))).open()
    harness.send({ key: 'a', n: 1 }, 3)
    harness.watermark(9)
    expect(harness.snapshot()).toEqual([])
  })

  it('write only the new elements of a growing window', async () => {
    const harness = await new OperatorHarness(gather(tumbling(10))).open()
    harness.send({ key: 'a', n: 1 }, 3)
    harness.send({ key: 'a', n: 2 }, 3)
    expect(harness.snapshot()).toHaveLength(3)
    harness.send({ key: 'a', n: 3 }, 3)
    expect(harness.snapshot()).toHaveLength(2)
  })
})

describe('windows in processing time', () => {
  it('fire when the clock has passed their end', async () => {
    const clock = new VirtualClock({ startMs: 1000 })
    const harness = await new OperatorHarness(gather(tumbling(10, { time: 'processing' })), new Map(), clock).open()
    harness.send({ key: 'a', n: 1 }, 5)
    await clock.advanceTo(1009)
    expect(harness.records).toEqual([])
    harness.send({ key: 'a', n: 2 }, 5)
    await clock.advanceTo(1010)
    expect(harness.records).toEqual([{ key: 'a', start: 1000, end: 1010, values: [1, 2] }])
  })

  it('fire at the end of the input, since no time will pass any more', async () => {
    const harness = await new OperatorHarness(gather(sessions(10, { time: 'processing' }))).open()
    harness.send({ key: 'a', n: 1 }, 5)
    harness.end()
    expect(harness.records).toEqual([{ key: 'a', start: 0, end: 10, values: [1] }])
  })
})

/** What the windows must be: every record sorted and grouped by definition. */
function oracle(assigner: WindowAssigner, records: readonly { reading: Reading; time: number }[]): Result[] {
  const results: Result[] = []
  for (const key of new Set(records.map(({ reading }) => reading.key))) {
    const own = records.filter(({ reading }) => reading.key === key)
    if (assigner.kind === 'session') {
      let session: { start: number; end: number; values: number[] } | null = null
      for (const { reading, time } of own.toSorted((a, b) => a.time - b.time)) {
        if (session === null || time > session.end) {
          if (session !== null) results.push({ key, ...session })
          session = { start: time, end: time + assigner.gapMs, values: [] }
        }
        session.end = Math.max(session.end, time + assigner.gapMs)
        session.values.push(reading.n)
      }
      if (session !== null) results.push({ key, ...session })
      continue
    }
    const { sizeMs, slideMs, offsetMs } = assigner
    for (let start = -300; start <= 300; start++) {
      if ((((start - offsetMs) % slideMs) + slideMs) % slideMs !== 0) continue
      const values = own.filter(({ time }) => time >= start && time < start + sizeMs).map(({ reading }) => reading.n)
      if (values.length > 0) results.push({ key, start, end: start + sizeMs, values })
    }
  }
  return results
}

function canonical(results: readonly Result[]): string[] {
  return results.map((result) => JSON.stringify({ ...result, values: result.values.toSorted((a, b) => a - b) })).sort()
}

const assigners = fc.oneof(
  fc
    .record({ size: fc.integer({ min: 1, max: 40 }), offset: fc.integer({ min: 0, max: 40 }) })
    .map(({ size, offset }) => tumbling(size, { offset })),
  fc
    .record({ size: fc.integer({ min: 1, max: 40 }), slide: fc.integer({ min: 1, max: 50 }) })
    .map(({ size, slide }) => sliding(size, slide)),
  fc.integer({ min: 1, max: 20 }).map((gap) => sessions(gap)),
)

type Step =
  | { readonly kind: 'record'; readonly key: string; readonly behind: number }
  | { readonly kind: 'advance'; readonly by: number }
  | { readonly kind: 'restart' | 'barrier' }

const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('record' as const),
        key: fc.constantFrom('a', 'b', 'c'),
        behind: fc.integer({ min: 0, max: 30 }),
      }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('advance' as const), by: fc.integer({ min: 0, max: 15 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('restart' as const, 'barrier' as const) }) },
  ),
  { maxLength: 80 },
)

describe('windows over any input in time', () => {
  it('hold exactly the records that belong to them, whatever the order and however often the task is restored', async () => {
    await fc.assert(
      fc.asyncProperty(assigners, steps, async (assigner, script: readonly Step[]) => {
        const records: { reading: Reading; time: number }[] = []
        const results: Result[] = []
        let stored = new Map<string, StateEntry>()
        let harness = await new OperatorHarness(gather(assigner), stored).open()
        let now = 0
        let n = 0
        let watermark = Number.NEGATIVE_INFINITY
        for (const step of script) {
          if (step.kind === 'record') {
            const reading = { key: step.key, n: n++ }
            // Records are at most 30 behind, and the watermark stays 31 behind: nothing is late.
            const time = now - step.behind
            records.push({ reading, time })
            harness.send(reading, time)
          } else if (step.kind === 'advance') {
            now += step.by
            watermark = now - 31
            harness.watermark(watermark)
          } else if (step.kind === 'barrier') {
            harness.snapshot()
          } else {
            harness.snapshot()
            results.push(...(harness.records as Result[]))
            stored = harness.stored
            harness = await new OperatorHarness(gather(assigner), stored).open()
            harness.watermark(watermark)
          }
        }
        harness.watermark(Number.POSITIVE_INFINITY)
        harness.snapshot()
        results.push(...(harness.records as Result[]))
        expect(canonical(results)).toEqual(canonical(oracle(assigner, records)))
        expect(harness.stored.size).toBe(0)
        expect(harness.sides.get('late') ?? []).toEqual([])
      }),
      { numRuns: 300 },
    )
  })
})
