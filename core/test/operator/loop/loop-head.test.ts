import { expect, it } from 'vitest'
import { FEEDBACK, LoopHeadOperator } from '../../../src/operator/loop/loop-head.ts'
import type { LoopSpec } from '../../../src/operator/loop/loop-spec.ts'
import { MAX_WATERMARK } from '../../../src/operator/operator.ts'
import { msgpack } from '../../../src/serde/msgpack.ts'
import { OperatorHarness } from '../operator-harness.ts'

const spec: LoopSpec = {
  mode: 'bulk',
  serde: msgpack<unknown>(),
  maxRounds: 5,
  converged: null,
  aggregators: [],
}

it.each([
  { records: 20_000, what: 'lets a barrier wait in the middle of a long round, not between rounds', defers: true },
  { records: 20, what: 'lets no barrier wait in the middle of a short round', defers: false },
])('the head of a loop $what', async ({ records, defers }) => {
  const head = new LoopHeadOperator(spec)
  const harness = await new OperatorHarness(head).open()
  for (let n = 0; n < records; n++) harness.send(n, 0)
  harness.watermark(MAX_WATERMARK)
  const comesRound = (round: number): void =>
    harness.round({ kind: 'end', round, tallies: [{ records, aggregates: {} }] }, FEEDBACK)
  head.drive(records)
  comesRound(0)
  expect(head.defersBarriers).toBe(false)
  for (const round of [1, 2]) {
    head.drive(1)
    head.drive(5)
    expect(head.defersBarriers).toBe(defers)
    head.drive(records)
    expect(head.defersBarriers).toBe(defers)
    for (let n = 0; n < records; n++) harness.send(n, 0, FEEDBACK)
    comesRound(round)
    expect(head.defersBarriers).toBe(false)
  }
})
