import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AsyncFunction } from '../../../src/operator/async/async-function.ts'
import { AsyncOperator, type AsyncSettings } from '../../../src/operator/async/async-operator.ts'
import { msgpack } from '../../../src/serde/msgpack.ts'
import { BackOff } from '../../../src/time/back-off.ts'
import { sleep } from '../../../src/time/clock.ts'
import { VirtualClock } from '../../../src/time/virtual-clock.ts'
import { type Element, OperatorHarness } from '../operator-harness.ts'

interface Request {
  readonly id: number
  readonly delayMs: number
}

type Step =
  | { readonly kind: 'send'; readonly delayMs: number }
  | { readonly kind: 'watermark' }
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'restart' }

const settings: AsyncSettings = {
  isOrdered: true,
  records: null,
  capacity: 3,
  timeoutMs: 10_000,
  backOff: new BackOff('test', { maxAttempts: 1 }),
  onError: () => true,
  onResult: null,
  fallback: null,
  serde: msgpack(),
}

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('send' as const), delayMs: fc.integer({ min: 0, max: 30 }) }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'watermark' as const }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 20 }) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
)

/** Sent elements: records by their id, watermarks by their value. */
type Sent = { readonly record: number } | { readonly watermark: number }

async function run(steps: readonly Step[], isOrdered: boolean): Promise<{ sent: Sent[]; received: Sent[] }> {
  const clock = new VirtualClock()
  const asked: AsyncFunction<Request, number> = {
    // Some answers need no waiting at all.
    onRecord: ({ id, delayMs }) => (delayMs === 0 ? id : sleep(clock, delayMs).then(() => id)),
  }
  const create = (): AsyncOperator =>
    new AsyncOperator(asked as AsyncFunction<unknown, unknown>, { ...settings, isOrdered })
  let harness = await new OperatorHarness(create(), new Map(), clock).open()
  const sent: Sent[] = []
  const received: Element[] = []
  for (const next of steps) {
    const id = sent.length
    if (next.kind === 'send') {
      sent.push({ record: id })
      harness.send({ id, delayMs: next.delayMs }, id)
    } else if (next.kind === 'watermark') {
      sent.push({ watermark: id })
      harness.watermark(id)
    } else if (next.kind === 'advance') await clock.advanceBy(next.ms)
    else {
      harness.snapshot()
      received.push(...harness.elements)
      harness = await harness.restart(create())
    }
  }
  harness.end()
  await clock.advanceBy(5_000)
  received.push(...harness.elements)
  expect(received.at(-1)).toEqual({ end: true })
  return {
    sent,
    received: received.flatMap((element): Sent[] => {
      if ('record' in element) {
        expect(element.timestamp).toBe(element.record)
        return [{ record: element.record as number }]
      }
      return 'watermark' in element ? [element] : []
    }),
  }
}

const idOf = (element: Sent): number => ('record' in element ? element.record : element.watermark)
const recordsOf = (elements: readonly Sent[]): number[] =>
  elements.flatMap((element) => ('record' in element ? [element.record] : []))

describe('calls whose results come later', () => {
  it('give ordered results in the order of the records, with watermarks between them, also over restarts', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { size: 'max', maxLength: 60 }), async (steps) => {
        const { sent, received } = await run(steps, true)
        expect(recordsOf(received)).toEqual(recordsOf(sent))
        expect(received.map(idOf)).toEqual(received.map(idOf).toSorted((a, b) => a - b))
        if (!steps.some(({ kind }) => kind === 'restart')) expect(received).toEqual(sent)
      }),
      { numRuns: 300 },
    )
  })

  it('give unordered results once each, on the same side of every watermark as their records', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { size: 'max', maxLength: 60 }), async (steps) => {
        const { sent, received } = await run(steps, false)
        expect(recordsOf(received).toSorted((a, b) => a - b)).toEqual(recordsOf(sent))
        received.forEach((element, at) => {
          if ('record' in element) return
          for (const before of received.slice(0, at)) expect(idOf(before)).toBeLessThan(element.watermark)
          for (const after of received.slice(at + 1)) expect(idOf(after)).toBeGreaterThan(element.watermark)
        })
        const isRestarted = steps.some(({ kind }) => kind === 'restart')
        if (!isRestarted)
          expect(received.filter((one) => 'watermark' in one)).toEqual(sent.filter((one) => 'watermark' in one))
      }),
      { numRuns: 300 },
    )
  })

  it('come back in the order of completion when unordered', async () => {
    const steps = [30, 10, 20].map((delayMs): Step => ({ kind: 'send', delayMs }))
    const { received } = await run(steps, false)
    expect(recordsOf(received)).toEqual([1, 2, 0])
  })
})
