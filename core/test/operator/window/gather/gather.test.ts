import { describe, expect, it } from 'vitest'
import { GatherSessionsOperator } from '../../../../src/operator/window/gather/gather-sessions.ts'
import { GatherSlicesOperator } from '../../../../src/operator/window/gather/gather-slices.ts'
import { PartialAggregate, partialSerde } from '../../../../src/operator/window/gather/partial-aggregate.ts'
import { reducing } from '../../../../src/operator/window/pane-contents.ts'
import { sessions, sliding } from '../../../../src/operator/window/window-assigner.ts'
import { ByteWriter } from '../../../../src/serde/byte-writer.ts'
import { msgpack } from '../../../../src/serde/msgpack.ts'
import { OperatorHarness } from '../../operator-harness.ts'
import type { Reading } from '../windows-under-test.ts'

const contents = reducing((a: Reading, b: Reading) => ({ key: a.key, n: a.n + b.n }), msgpack<Reading>())

function started(): Promise<OperatorHarness> {
  return new OperatorHarness(
    new GatherSlicesOperator((reading: Reading) => reading.key, sliding(20, 10), contents),
  ).open()
}

function startedSessions(): Promise<OperatorHarness> {
  return new OperatorHarness(
    new GatherSessionsOperator((reading: Reading) => reading.key, sessions(10), contents),
  ).open()
}

function sums(harness: OperatorHarness): [key: unknown, sum: number, time: number][] {
  return (harness.records as PartialAggregate[]).map(({ key, contents: held, time }) => [
    key,
    (held as Reading).n,
    time,
  ])
}

describe('gathering before the exchange', () => {
  it('sends one partial aggregate for each key and slice, when the watermark has passed it', async () => {
    const harness = await started()
    for (let n = 0; n < 1000; n++) harness.send({ key: 'hot', n: 1 }, n % 25)
    harness.send({ key: 'cold', n: 1 }, 3)
    harness.watermark(18)
    expect(sums(harness)).toEqual([
      ['hot', 400, 9],
      ['cold', 1, 3],
    ])
    harness.watermark(100)
    expect(sums(harness).slice(2)).toEqual([
      ['hot', 400, 19],
      ['hot', 200, 24],
    ])
  })

  it('keeps nothing over a barrier, nor while the input is idle or at its end', async () => {
    const harness = await started()
    harness.send({ key: 'a', n: 1 }, 5)
    expect(harness.snapshot()).toEqual([])
    harness.send({ key: 'a', n: 2 }, 6)
    harness.idle(true)
    harness.send({ key: 'a', n: 4 }, 7)
    harness.end()
    expect(sums(harness).map(([, sum]) => sum)).toEqual([1, 2, 4])
  })

  it('lets records through that are late, and everything when too many keys wait', async () => {
    const harness = await started()
    harness.watermark(50)
    harness.send({ key: 'late', n: 1 }, 45)
    expect(sums(harness)).toEqual([['late', 1, 45]])
    for (let n = 0; n < 10_001; n++) harness.send({ key: `k${n}`, n }, 60)
    expect(sums(harness)).toHaveLength(1 + 10_001)
  })

  it('sends one partial aggregate for each session, with the time that it spans', async () => {
    const harness = await startedSessions()
    for (const time of [20, 3, 12, 40]) harness.send({ key: 'a', n: time }, time)
    harness.send({ key: 'b', n: 1 }, 25)
    const spans = (): unknown[] =>
      (harness.records as PartialAggregate[]).map(({ key, contents: held, time, span }) => [
        key,
        (held as Reading).n,
        time,
        time + span,
      ])
    harness.watermark(1)
    expect(spans()).toEqual([])
    // Behind the exchange a session that ends at 3 fires at the watermark 2: this one must be there before.
    harness.watermark(2)
    expect(spans()).toEqual([['a', 35, 3, 30]])
    harness.watermark(50)
    expect(spans().slice(1)).toEqual([
      ['a', 40, 40, 50],
      ['b', 1, 25, 35],
    ])
    harness.send({ key: 'late', n: 1 }, 45)
    expect(spans().slice(3)).toEqual([['late', 1, 45, 55]])
  })

  it('lets records through for a while where keys hardly come twice', async () => {
    const harness = await started()
    const made = harness.records.length
    for (let n = 0; n < 10_000; n++) harness.send({ key: `k${n}`, n }, 5)
    expect(harness.records.length - made).toBe(10_000)
    harness.send({ key: 'next', n: 1 }, 5)
    expect(sums(harness).at(-1)).toEqual(['next', 1, 5])
  })

  it('travels with key, time and span', () => {
    const serde = partialSerde(contents.serde)
    const writer = new ByteWriter()
    const partial = new PartialAggregate(['a', 1], { key: 'x', n: 5 }, -3, 7)
    serde.encode(partial, writer)
    const bytes = writer.toBuffer()
    expect(serde.decode(bytes, 0, bytes.length)).toEqual(partial)
  })
})
