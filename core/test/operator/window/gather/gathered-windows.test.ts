import fc from 'fast-check'
import { expect, it } from 'vitest'
import { combinerOf } from '../../../../src/api/window-combiner.ts'
import { windowOperator, windowSpec } from '../../../../src/api/window-spec.ts'
import {
  keyOfPartials,
  takingPartials,
  windowsOfPartials,
} from '../../../../src/operator/window/gather/partial-aggregate.ts'
import { aggregating } from '../../../../src/operator/window/pane-contents.ts'
import {
  cumulative,
  sessions,
  sliding,
  tumbling,
  type WindowAssigner,
} from '../../../../src/operator/window/window-assigner.ts'
import { msgpack } from '../../../../src/serde/msgpack.ts'
import { OperatorHarness } from '../../operator-harness.ts'

interface Reading {
  readonly key: string
  readonly n: number
}

const contents = aggregating(
  {
    create: (): number[] => [],
    add: (list: number[], { n }: Reading) => [...list, n],
    merge: (a: number[], b: number[]) => [...a, ...b],
    result: (list: number[]) => list.toSorted((a, b) => a - b),
  },
  msgpack<number[]>(),
)

const key = ({ key: own }: Reading): string => own

const windows: Record<string, WindowAssigner<Reading>> = {
  tumbling: tumbling(20),
  sliding: sliding(30, 10),
  cumulative: cumulative(40, 10),
  sessions: sessions(12),
  'sessions with gaps of their own': sessions(({ n }: Reading) => 5 + (n % 20)),
}

/** A record, or a step of event time, a barrier or silence in between. */
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ key: fc.constantFrom('a', 'b', 'c'), time: fc.integer({ min: 0, max: 15 }) }) },
  { weight: 3, arbitrary: fc.record({ watermark: fc.integer({ min: 0, max: 12 }) }) },
  { weight: 1, arbitrary: fc.constantFrom('barrier' as const, 'idle' as const) },
)

it.each(Object.entries(windows))('%s hold the same when records are gathered before them', async (_, assigner) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const spec = windowSpec(key as (value: never) => unknown, assigner as WindowAssigner)
      const combiner = combinerOf(spec, contents)
      const map = null
      const plain = await new OperatorHarness(windowOperator(spec, contents, map, null)()).open()
      const gather = await new OperatorHarness(combiner!.gather()).open()
      const behindSpec = { ...spec, key: keyOfPartials(spec.key), assigner: windowsOfPartials(spec.assigner) }
      const behind = await new OperatorHarness(windowOperator(behindSpec, takingPartials(contents), map, null)()).open()
      let taken = 0
      const hand = (): void => {
        for (; taken < gather.elements.length; taken++) {
          const element = gather.elements[taken]!
          if ('record' in element) behind.send(element.record, element.timestamp)
          else if ('watermark' in element) behind.watermark(element.watermark)
          else if ('idle' in element) behind.idle(element.idle)
          else if ('end' in element) behind.end()
        }
      }
      let watermark = 0
      steps.forEach((own, n) => {
        if (own === 'barrier') gather.snapshot()
        else if (own === 'idle') for (const idle of [true, false]) for (const one of [gather, plain]) one.idle(idle)
        else if ('watermark' in own) {
          watermark += own.watermark
          for (const one of [gather, plain]) one.watermark(watermark)
        } else {
          // Never late: which late record is dropped is a matter of when it comes.
          for (const one of [gather, plain]) one.send({ key: own.key, n }, watermark + 1 + own.time)
        }
        hand()
      })
      for (const one of [gather, plain]) one.end()
      hand()
      const results = ({ elements }: OperatorHarness): unknown[] =>
        elements.flatMap((element) => ('record' in element ? [[element.timestamp, element.record]] : [])).toSorted()
      expect(results(behind)).toEqual(results(plain))
    }),
    { numRuns: 150 },
  )
})
