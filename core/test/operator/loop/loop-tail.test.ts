import { expect, it } from 'vitest'
import { aggregators } from '../../../src/operator/loop/aggregator.ts'
import type { LoopSpec } from '../../../src/operator/loop/loop-spec.ts'
import { LoopTailOperator } from '../../../src/operator/loop/loop-tail.ts'
import { msgpack } from '../../../src/serde/msgpack.ts'
import { OperatorHarness } from '../operator-harness.ts'

const spec: LoopSpec = {
  mode: 'bulk',
  serde: msgpack<unknown>(),
  maxRounds: 5,
  converged: null,
  aggregators: [aggregators.sum('sum')],
}

it('the end of a loop tells with each round what it has seen of it, and begins anew', async () => {
  const harness = await new OperatorHarness(new LoopTailOperator(spec)).open()
  harness.send('a', 1)
  harness.send(3, 1, 1)
  harness.send(4, 1, 1)
  for (const round of [1, 2]) {
    for (const input of [0, 1]) harness.round({ kind: 'end', round, tallies: [] }, input)
  }
  expect(harness.elements).toEqual([
    { record: 'a', timestamp: 1 },
    { mark: { kind: 'end', round: 1, tallies: [{ records: 1, aggregates: { sum: 7 } }] } },
    { mark: { kind: 'end', round: 2, tallies: [{ records: 0, aggregates: {} }] } },
  ])
})

it('what the end of a loop has seen at a barrier is not changed by what comes behind it', async () => {
  const tail = new LoopTailOperator(spec)
  const harness = await new OperatorHarness(tail).open()
  harness.send(3, 1, 1)
  const stored = tail.snapshotRounds()
  harness.send(4, 1, 1)
  const restored = new LoopTailOperator(spec)
  const next = await new OperatorHarness(restored).open()
  restored.restoreRounds(stored)
  for (const input of [0, 1]) next.round({ kind: 'end', round: 1, tallies: [] }, input)
  expect(next.elements).toEqual([
    { mark: { kind: 'end', round: 1, tallies: [{ records: 0, aggregates: { sum: 3 } }] } },
  ])
})
