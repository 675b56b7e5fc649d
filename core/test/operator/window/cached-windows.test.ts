import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { prometheusText } from '../../../src/metrics/prometheus.ts'
import type { Operator, StateReader } from '../../../src/operator/operator.ts'
import { triggers } from '../../../src/operator/window/triggers.ts'
import {
  countWindows,
  cumulative,
  globalWindows,
  sessions,
  sliding,
  tumbling,
} from '../../../src/operator/window/window-assigner.ts'
import type { StateEntry } from '../../../src/state/backend.ts'
import { VirtualClock } from '../../../src/time/virtual-clock.ts'
import { OperatorHarness } from '../operator-harness.ts'
import { storedReader } from '../stored-reader.ts'
import { fold, gather, type Result, sum } from './windows-under-test.ts'

/** Lets the operator go on until it waits for nothing, with commits where it needs one. */
async function settled(operator: Operator, harness: OperatorHarness, byMs = 0): Promise<void> {
  for (let waited = 0; operator.pending?.isEmpty === false; waited++) {
    if (waited > 1_000) throw new Error('It waits for ever.')
    await harness.clock.advanceBy(byMs)
    if (operator.pending.needsCommit && !operator.pending.holdsBarriers) harness.snapshot()
  }
}

const kinds: readonly [string, () => Operator][] = [
  ['tumbling', () => gather(tumbling(20))],
  ['sliding, folded', () => fold(sliding(30, 10))],
  ['cumulative, in the general operator', () => gather(cumulative(30, 10), { general: true })],
  ['sessions', () => gather(sessions(9))],
  ['of so many records', () => gather(countWindows(7))],
]

describe.each(kinds)('windows that need not fit on the heap, %s', (_, create) => {
  it('hold a few keys at a time; a watermark waits for the others, and barriers pass meanwhile', async () => {
    const clock = new VirtualClock()
    const stored = new Map<string, StateEntry>()
    const asked: number[] = []
    const inner = storedReader(stored, clock, 10)
    const reader: StateReader = {
      maxKeys: 10,
      isNew: true,
      read(name, keys) {
        asked.push(new Set(keys.map(({ key }) => Buffer.from(key).toString('hex').slice(0, -16))).size)
        return inner.read(name, keys)
      },
    }
    const operator = create()
    const harness = await new OperatorHarness(operator, stored, clock, reader).open()
    const residents = (): number => Number(/^millrace_state_keys (\d+)$/m.exec(prometheusText(harness.metrics))?.[1])
    for (let key = 0; key < 100; key++) harness.send({ key: `k${key}`, n: key }, 5)
    expect(operator.pending?.needsCommit).toBe(true)
    harness.snapshot()
    expect(residents()).toBe(10)
    expect(asked).toEqual([])
    for (let n = 0; n < 6; n++) harness.send({ key: 'k1', n }, 6)
    await settled(operator, harness, 1)
    harness.snapshot()
    const isTimed = harness.records.length === 0
    harness.watermark(1_000)
    expect(operator.pending?.isFull).toBe(isTimed)
    expect(operator.pending?.holdsBarriers).toBe(false)
    let most = 0
    let commits = 0
    while (operator.pending?.isEmpty === false) {
      await clock.advanceBy(1)
      most = Math.max(most, residents())
      if (!operator.pending.needsCommit || operator.pending.holdsBarriers) continue
      harness.snapshot()
      commits++
    }
    harness.snapshot()
    // One portion more than the cache is full with.
    expect(most).toBeLessThanOrEqual(30)
    expect(Math.max(...asked)).toBeLessThanOrEqual(10)
    if (isTimed) {
      expect(commits).toBeGreaterThan(3)
      expect(new Set((harness.records as Result[]).map(({ key }) => key)).size).toBe(100)
      expect(stored.size).toBe(0)
    } else expect((harness.records as Result[]).map(({ key }) => key)).toEqual(['k1'])
  })
})

it('windows that wait for a commit go on without one when commits are held back', async () => {
  const clock = new VirtualClock()
  const stored = new Map<string, StateEntry>()
  const operator = gather(tumbling(20))
  const harness = await new OperatorHarness(operator, stored, clock, storedReader(stored, clock, 2)).open()
  for (let key = 0; key < 20; key++) harness.send({ key: `k${key}`, n: key }, 5)
  harness.snapshot()
  harness.watermark(100)
  await clock.advanceBy(1_000)
  expect(operator.pending).toMatchObject({ isEmpty: false, needsCommit: true, isFull: true })
  expect(harness.records.length).toBeLessThan(20)
  harness.commitsSuspended = true
  operator.pending?.produce(1)
  await clock.advanceBy(1_000)
  expect(operator.pending?.isEmpty).toBe(true)
  expect(harness.records).toHaveLength(20)
})

type Step = { readonly key: string } | { readonly by: number } | 'barrier' | 'restart'

const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd') }) },
    { weight: 3, arbitrary: fc.record({ by: fc.integer({ min: 1, max: 15 }) }) },
    { weight: 1, arbitrary: fc.constantFrom('barrier' as const, 'restart' as const) },
  ),
  { maxLength: 60, size: 'max' },
)

const clocked = fc.constantFrom<() => Operator>(
  () => gather(tumbling(20, { time: 'processing' })),
  () => fold(sliding(30, 10, { time: 'processing' })),
  () => gather(sessions(9, { time: 'processing' })),
  () => sum(cumulative(30, 10, { time: 'processing' }), { general: true }),
  () => gather(globalWindows(), { trigger: triggers.continuousProcessingTime(12) }),
)

/** Plays a script against the clock; all that comes out, in an order that does not depend on that of the keys. */
async function played(create: () => Operator, script: readonly Step[], maxKeys: number | null): Promise<string[]> {
  const clock = new VirtualClock()
  const stored = new Map<string, StateEntry>()
  const reader = maxKeys === null ? null : storedReader(stored, clock, maxKeys, 0)
  let operator = create()
  let harness = await new OperatorHarness(operator, stored, clock, reader).open()
  const results: Result[] = []
  let n = 0
  for (const step of script) {
    await settled(operator, harness)
    if (step === 'barrier' || step === 'restart') {
      harness.snapshot()
      if (step === 'barrier') continue
      results.push(...(harness.records as Result[]))
      operator = create()
      harness = await harness.restart(operator)
    } else if ('key' in step) harness.send({ key: step.key, n: n++ }, 0)
    else
      for (let ms = 0; ms < step.by; ms++) {
        await clock.advanceBy(1)
        await settled(operator, harness)
      }
  }
  await settled(operator, harness)
  harness.end()
  await settled(operator, harness)
  return [...results, ...(harness.records as Result[])].map((result) => JSON.stringify(result)).sort()
}

describe('windows of processing time that need not fit on the heap', () => {
  it('fire as if all of them were there, over evictions and restores', async () => {
    await fc.assert(
      fc.asyncProperty(clocked, steps, fc.integer({ min: 1, max: 3 }), async (create, script, maxKeys) => {
        expect(await played(create, script, maxKeys)).toEqual(await played(create, script, null))
      }),
      { numRuns: 150 },
    )
  })
})

describe('sliding windows of processing time', () => {
  it('are not taken for fired by a barrier that comes in the same millisecond before them', async () => {
    const create = (): Operator => fold(sliding(20, 10, { time: 'processing' }))
    const clock = new VirtualClock()
    let harness = await new OperatorHarness(create(), new Map(), clock).open()
    let barriers = 0
    clock.setTimer(10, () => {
      harness.snapshot()
      barriers++
    })
    harness.send({ key: 'a', n: 1 }, 0)
    await clock.advanceBy(10)
    const fired = harness.records.length
    harness = await harness.restart(create())
    await clock.advanceBy(1)
    expect(barriers).toBe(1)
    expect(fired).toBe(1)
    expect(harness.records).toEqual([{ key: 'a', start: -10, end: 10, values: [1] }])
  })
})
