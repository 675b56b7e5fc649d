import { describe, expect, it } from 'vitest'
import { AsyncOperator } from '../../../src/operator/async/async-operator.ts'
import { KeyedProcessOperator } from '../../../src/operator/keyed-process.ts'
import type { RoundMark } from '../../../src/operator/loop/round.ts'
import type { Operator } from '../../../src/operator/operator.ts'
import { UnionOperator } from '../../../src/operator/union.ts'
import { msgpack } from '../../../src/serde/msgpack.ts'
import { valueState } from '../../../src/state/keyed/descriptor.ts'
import type { ValueState } from '../../../src/state/keyed/handles.ts'
import { OperatorHarness } from '../operator-harness.ts'

const start: RoundMark = { kind: 'start', round: 1, aggregates: {} }
const end: RoundMark = { kind: 'end', round: 1, tallies: [] }

function counting(rounds: number[], lifetime: 'loop' | 'round' = 'loop'): Operator {
  return new KeyedProcessOperator({
    state: { count: valueState({ initial: 0 }) },
    inputs: [
      {
        key: (value: unknown) => value,
        onRecord(_value, context) {
          const { count } = (context as unknown as { state: { count: ValueState<number, number> } }).state
          count.set(count.get() + 1)
        },
      },
    ],
    onTimer: null,
    open: null,
    close: null,
    lifetime,
    onRoundEnd(context, out) {
      const { key, state, round } = context as unknown as {
        key: string
        state: { count: ValueState<number, number> }
        round: { number: number }
      }
      rounds.push(round.number)
      out.emit(`${key}${state.count.get()}` as never)
    },
  })
}

describe('the mark of a round', () => {
  it('comes behind the calls that wait before it, and no barrier overtakes it', async () => {
    const operator = new AsyncOperator(
      { onRecord: (value) => new Promise((resolve) => setImmediate(resolve, value)) },
      {
        isOrdered: false,
        records: null,
        capacity: 10,
        timeoutMs: 1_000,
        backOff: { maxAttempts: 1, delayMs: () => 0 } as never,
        onError: () => true,
        onResult: null,
        fallback: null,
        serde: msgpack<unknown>(),
      },
    )
    const harness = await new OperatorHarness(operator).open()
    harness.send('a', 1)
    harness.round(end)
    expect(operator.holdsBarriers).toBe(true)
    expect(harness.elements).toEqual([])
    await new Promise((resolve) => setImmediate(resolve))
    await harness.clock.advanceBy(1)
    expect(harness.elements).toEqual([{ record: 'a', timestamp: 1 }, { mark: end }])
    expect(operator.holdsBarriers).toBe(false)
  })

  it('waits in an operator with several inputs until it has come on all of the loop', async () => {
    const harness = await new OperatorHarness(new UnionOperator(2)).open()
    harness.round(start, 0)
    harness.round(end, 0)
    harness.send('late', 1, 1)
    expect(harness.elements).toEqual([{ mark: start }, { record: 'late', timestamp: 1 }])
    harness.round(end, 1)
    expect(harness.elements.at(-1)).toEqual({ mark: end })
  })

  it('behind a barrier waits with it', async () => {
    const harness = await new OperatorHarness(new UnionOperator(2)).open()
    harness.barrier(1, 0)
    harness.round(start, 0)
    expect(harness.elements).toEqual([])
    harness.barrier(1, 1)
    expect(harness.elements).toEqual([{ barrier: 1 }, { mark: start }])
  })

  it('comes to each key that had a record in the round, and to no other', async () => {
    const rounds: number[] = []
    const harness = await new OperatorHarness(counting(rounds)).open()
    harness.round(start)
    for (const key of ['a', 'b', 'a']) harness.send(key, 1)
    harness.round(end)
    harness.round({ kind: 'start', round: 2, aggregates: {} })
    harness.send('b', 1)
    harness.round({ kind: 'end', round: 2, tallies: [] })
    expect(harness.records).toEqual(['a2', 'b1', 'b2'])
    expect(rounds).toEqual([1, 1, 2])
  })

  it('ends the state of functions that live for one round', async () => {
    const harness = await new OperatorHarness(counting([], 'round')).open()
    for (const round of [1, 2]) {
      harness.round({ kind: 'start', round, aggregates: {} })
      harness.send('a', 1)
      harness.round({ kind: 'end', round, tallies: [] })
    }
    expect(harness.records).toEqual(['a1', 'a1'])
    harness.snapshot()
    expect(harness.stored.size).toBe(0)
  })

  it('does not count what a loop reads before its first round', async () => {
    const harness = await new OperatorHarness(counting([])).open()
    harness.send('a', 1)
    harness.round({ kind: 'end', round: 0, tallies: [] })
    harness.round(start)
    harness.send('b', 1)
    harness.round(end)
    expect(harness.records).toEqual(['b1'])
  })

  it('finds the keys of the round after a restart', async () => {
    const first = await new OperatorHarness(counting([])).open()
    first.round(start)
    first.send('a', 1)
    first.snapshot()
    const second = await first.restart(counting([]))
    second.send('a', 1)
    second.send('b', 1)
    second.round(end)
    expect(second.records).toEqual(['a2', 'b1'])
  })
})
