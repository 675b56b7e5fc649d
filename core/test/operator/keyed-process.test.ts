import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { KeyedFunction } from '../../src/operator/keyed-function.ts'
import { KeyedProcessOperator } from '../../src/operator/keyed-process.ts'
import type { Collector, KeyedContext, TimerFired, TimersAtEnd } from '../../src/operator/process-function.ts'
import type { StateEntry } from '../../src/state/backend.ts'
import {
  aggregatingState,
  listState,
  mapState,
  type NoState,
  reducingState,
  type StateDescriptors,
  valueState,
} from '../../src/state/keyed/descriptor.ts'
import { VirtualClock } from '../../src/time/virtual-clock.ts'
import { OperatorHarness } from './operator-harness.ts'

interface Command {
  readonly key: unknown
  readonly run: (context: KeyedContext<unknown, typeof state>, out: Collector<unknown>) => void
}

const state = {
  count: valueState({ initial: 0 }),
  config: valueState<{ n: number }>({ initial: { n: 1 } }),
  list: listState<number>(),
  map: mapState<unknown, number>(),
  sum: reducingState((a: number, b: number) => a + b),
  mean: aggregatingState({
    create: () => ({ sum: 0, n: 0 }),
    add: (held, value: number) => ({ sum: held.sum + value, n: held.n + 1 }),
    result: (held) => held.sum / held.n,
  }),
} satisfies StateDescriptors

function operator(
  onTimer: KeyedFunction['onTimer'] = (timer, context, out) =>
    (out as Collector<unknown>).emit({
      key: (context as KeyedContext<unknown, NoState>).key,
      ...(timer as TimerFired),
    }),
  timersAtEnd?: TimersAtEnd,
): KeyedProcessOperator {
  return new KeyedProcessOperator({
    state,
    inputs: [
      {
        key: (command: Command) => command.key,
        onRecord: (command: Command, context, out) => command.run(context as never, out as never),
      },
    ],
    onTimer,
    timersAtEnd,
    open: null,
    close: null,
  })
}

async function open(stored?: Map<string, StateEntry>, clock?: VirtualClock): Promise<OperatorHarness> {
  return new OperatorHarness(operator(), stored, clock).open()
}

function run(harness: OperatorHarness, key: unknown, body: Command['run'], timestamp = 0): void {
  harness.send({ key, run: body } satisfies Command, timestamp)
}

/** Everything that the states of a key hold. */
function read(harness: OperatorHarness, key: unknown): unknown {
  let seen: unknown
  run(harness, key, ({ state: { count, list, map, sum, mean } }) => {
    seen = {
      count: count.get(),
      list: [...list.get()],
      map: [...map.entries()].map(([k, v]) => [JSON.stringify(k), v]).sort(),
      sum: sum.get(),
      mean: mean.get(),
    }
  })
  return seen
}

describe('keyed state', () => {
  it('belongs to the key of the record, whatever the kind of key', async () => {
    const harness = await open()
    for (const key of ['1', 1, true, 1n, [1], ['1'], { a: 1 }, new Date(1)]) {
      run(harness, key, ({ state: { count } }) => count.set(count.get() + 1))
      run(harness, structuredClone(key), ({ state: { count } }) => count.set(count.get() + 1))
      expect(read(harness, key)).toMatchObject({ count: 2 })
    }
  })

  it('gives each key its own copy of an initial object', async () => {
    const harness = await open()
    run(harness, 'a', ({ state: { config } }) => {
      const held = config.get()
      held.n = 7
      config.set(held)
    })
    let other = 0
    run(harness, 'b', ({ state: { config } }) => {
      other = config.get().n
    })
    expect(other).toBe(1)
  })

  it('hands over only what changed since the last barrier', async () => {
    const harness = await open()
    for (let key = 0; key < 10; key++) run(harness, key, ({ state: { count } }) => count.set(1))
    expect(harness.snapshot()).toHaveLength(10)
    run(harness, 3, ({ state: { count } }) => count.set(2))
    run(harness, 4, ({ state: { count } }) => count.get())
    expect(harness.snapshot()).toHaveLength(1)
    expect(harness.snapshot()).toHaveLength(0)
  })

  it('appends to a stored list without writing it again', async () => {
    const harness = await open()
    run(harness, 'a', ({ state: { list } }) => list.set([1, 2, 3]))
    expect(harness.snapshot()).toHaveLength(3)
    run(harness, 'a', ({ state: { list } }) => list.add(4))
    expect(harness.snapshot()).toHaveLength(1)
  })

  it('refuses keys that have no meaning', async () => {
    const harness = await open()
    for (const key of [undefined, null, Number.NaN, () => 1]) {
      expect(() => run(harness, key, () => {})).toThrow(
        expect.objectContaining({ code: 'KEY_INVALID', where: { operator: 'tested' } }),
      )
    }
  })

  it('says which operator and why when the function throws', async () => {
    const harness = await open()
    const cause = new TypeError('no such field')
    const failing = (): never => {
      throw cause
    }
    expect(() => run(harness, 'a', failing)).toThrow(
      expect.objectContaining({ code: 'USER_FUNCTION_FAILED', cause, where: { operator: 'tested' } }),
    )
  })
})

const edits = fc.oneof(
  fc.record({ kind: fc.constant('count' as const), value: fc.integer() }),
  fc.record({ kind: fc.constant('clear' as const), what: fc.constantFrom('count', 'list', 'map', 'sum', 'mean') }),
  fc.record({ kind: fc.constant('push' as const), value: fc.integer() }),
  fc.record({ kind: fc.constant('replace' as const), values: fc.array(fc.integer(), { maxLength: 4 }) }),
  fc.record({
    kind: fc.constant('put' as const),
    key: fc.constantFrom<unknown>('x', '\0sx', 1, [1], { a: 2 }),
    value: fc.integer(),
  }),
  fc.record({ kind: fc.constant('remove' as const), key: fc.constantFrom<unknown>('x', '\0sx', 1, [1], { a: 2 }) }),
  fc.record({ kind: fc.constant('add' as const), value: fc.integer({ min: -1000, max: 1000 }) }),
)
type Edit = typeof edits extends fc.Arbitrary<infer T> ? T : never

function apply(edit: Edit): Command['run'] {
  return ({ state: held }) => {
    if (edit.kind === 'count') held.count.set(edit.value)
    else if (edit.kind === 'push') held.list.add(edit.value)
    else if (edit.kind === 'replace') held.list.set(edit.values)
    else if (edit.kind === 'put') held.map.set(edit.key, edit.value)
    else if (edit.kind === 'remove') held.map.delete(edit.key)
    else if (edit.kind === 'clear') held[edit.what as keyof typeof held].clear()
    else {
      held.sum.add(edit.value)
      held.mean.add(edit.value)
    }
  }
}

describe('keyed state over any edits', () => {
  it('is the same after a restore as in a task that was never stopped', async () => {
    const steps = fc.array(
      fc.oneof(
        { weight: 8, arbitrary: fc.record({ key: fc.constantFrom<unknown>('a', 'b', ['c', 1]), edit: edits }) },
        { weight: 1, arbitrary: fc.constant('barrier' as const) },
        { weight: 1, arbitrary: fc.constant('restart' as const) },
      ),
      { maxLength: 60 },
    )
    await fc.assert(
      fc.asyncProperty(steps, async (script) => {
        const undisturbed = await open()
        let harness = await open()
        for (const step of script) {
          if (step === 'barrier') harness.snapshot()
          else if (step === 'restart') {
            harness.snapshot()
            harness = await open(harness.stored)
          } else {
            run(undisturbed, step.key, apply(step.edit))
            run(harness, step.key, apply(step.edit))
          }
        }
        harness.snapshot()
        const restored = await open(harness.stored)
        for (const key of ['a', 'b', ['c', 1]]) expect(read(restored, key)).toEqual(read(undisturbed, key))
      }),
      { numRuns: 200 },
    )
  })

  it('keeps nothing for keys that were cleared', async () => {
    const harness = await open()
    run(harness, 'a', ({ state: held, timers }) => {
      held.count.set(1)
      held.list.add(1)
      held.map.set('x', 1)
      timers.atEventTime(5)
    })
    harness.snapshot()
    run(harness, 'a', ({ state: held }) => {
      held.count.clear()
      held.list.clear()
      held.map.clear()
    })
    harness.watermark(5)
    harness.snapshot()
    expect(harness.stored.size).toBe(0)
  })
})

describe('timers', () => {
  it('fire in the order of their time when the watermark reaches them, once for each key and time', async () => {
    const harness = await open()
    run(harness, 'a', ({ timers }) => {
      timers.atEventTime(20)
      timers.atEventTime(10)
      timers.atEventTime(10)
    })
    run(harness, 'b', ({ timers }) => timers.atEventTime(15))
    harness.watermark(9)
    expect(harness.records).toEqual([])
    harness.watermark(20)
    expect(harness.records).toEqual([
      { key: 'a', timeMs: 10, domain: 'event' },
      { key: 'b', timeMs: 15, domain: 'event' },
      { key: 'a', timeMs: 20, domain: 'event' },
    ])
    expect(harness.timestamps).toEqual([10, 15, 20])
  })

  it('do not fire when they were deleted, and are gone from the state', async () => {
    const harness = await open()
    run(harness, 'a', ({ timers }) => timers.atEventTime(10))
    harness.snapshot()
    run(harness, 'a', ({ timers }) => timers.deleteEventTime(10))
    harness.snapshot()
    harness.watermark(100)
    expect(harness.records).toEqual([])
    expect(harness.stored.size).toBe(0)
  })

  it('are still there after a restore', async () => {
    const harness = await open()
    run(harness, 'a', ({ timers }) => timers.atEventTime(10))
    harness.snapshot()
    const restored = await open(harness.stored)
    restored.watermark(10)
    expect(restored.records).toEqual([{ key: 'a', timeMs: 10, domain: 'event' }])
  })

  it('of processing time fire by the clock, also those that fell due while the task was down', async () => {
    const clock = new VirtualClock({ startMs: 100 })
    const harness = await open(undefined, clock)
    run(harness, 'a', ({ timers }) => timers.atProcessingTime(150))
    run(harness, 'a', ({ timers }) => timers.atProcessingTime(170))
    harness.snapshot()
    await clock.advanceTo(150)
    expect(harness.records).toEqual([{ key: 'a', timeMs: 150, domain: 'processing' }])
    const later = new VirtualClock({ startMs: 500 })
    const restored = await open(harness.stored, later)
    await later.runUntilIdle()
    expect(restored.records).toEqual([
      { key: 'a', timeMs: 150, domain: 'processing' },
      { key: 'a', timeMs: 170, domain: 'processing' },
    ])
  })

  it('of processing time that wait at the end of the input fire once, since no clock will come to them', async () => {
    const clock = new VirtualClock({ startMs: 100 })
    const harness = await open(undefined, clock)
    run(harness, 'a', ({ timers }) => timers.atProcessingTime(150))
    harness.end()
    await clock.advanceTo(1_000)
    expect(harness.records).toEqual([{ key: 'a', timeMs: 150, domain: 'processing' }])
  })

  it('of processing time may be waited for at the end of the input, which comes behind them, over restarts too', async () => {
    const rearming: KeyedFunction['onTimer'] = ({ timeMs }: TimerFired, context, out) => {
      ;(out as Collector<unknown>).emit(timeMs)
      ;(context as KeyedContext<unknown, NoState>).timers.atProcessingTime(timeMs + 30)
    }
    const waiting = (): KeyedProcessOperator => operator(rearming, 'wait')
    const clock = new VirtualClock({ startMs: 100 })
    const tested = waiting()
    const harness = await new OperatorHarness(tested, undefined, clock).open()
    run(harness, 'a', ({ timers }) => timers.atProcessingTime(150))
    run(harness, 'b', ({ timers }) => timers.atProcessingTime(200))
    run(harness, 'c', ({ timers }) => timers.atProcessingTime(900))
    run(harness, 'c', ({ timers }) => timers.deleteProcessingTime(900))
    harness.end()
    expect(tested.pending?.isEmpty).toBe(false)
    expect(tested.pending?.holdsBarriers).toBe(false)
    await clock.advanceTo(160)
    harness.snapshot()
    expect(harness.records).toEqual([150])
    expect(harness.elements).not.toContainEqual({ end: true })

    const again = waiting()
    const restored = await harness.restart(again)
    restored.end()
    await clock.advanceTo(199)
    // That of 150 has set another one.
    expect(restored.records).toEqual([180])
    await clock.advanceTo(5_000)
    expect(restored.elements.filter((element) => !('barrier' in element))).toEqual([
      { record: 180, timestamp: Number.NEGATIVE_INFINITY },
      { record: 200, timestamp: Number.NEGATIVE_INFINITY },
      { end: true },
    ])
    expect(again.pending?.isEmpty).toBe(true)
  })

  it('of processing time may be dropped at the end of the input', async () => {
    const clock = new VirtualClock({ startMs: 100 })
    const harness = await new OperatorHarness(operator(undefined, 'drop'), undefined, clock).open()
    run(harness, 'a', ({ timers }) => timers.atProcessingTime(150))
    harness.end()
    harness.snapshot()
    await clock.advanceTo(1_000)
    expect(harness.elements.filter((element) => !('barrier' in element))).toEqual([{ end: true }])
    expect(harness.stored.size).toBe(0)
  })

  it('that are moved with every record do not pile up', async () => {
    const harness = await open()
    for (let at = 0; at < 10_000; at++) {
      run(harness, 'a', ({ timers }) => {
        timers.deleteEventTime(at - 1)
        timers.atEventTime(at)
      })
    }
    harness.watermark(20_000)
    expect(harness.records).toEqual([{ key: 'a', timeMs: 9_999, domain: 'event' }])
  })

  it('set by a timer for a time that has passed fire with the same watermark', async () => {
    const chained = operator((timer, context, out) => {
      const { timeMs } = timer
      ;(out as Collector<unknown>).emit(timeMs)
      if (timeMs < 13) (context as KeyedContext<unknown, NoState>).timers.atEventTime(timeMs + 1)
    })
    const harness = await new OperatorHarness(chained).open()
    run(harness, 'a', ({ timers }) => timers.atEventTime(10))
    harness.watermark(12)
    expect(harness.records).toEqual([10, 11, 12])
  })
})
