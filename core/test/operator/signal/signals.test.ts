import { describe, expect, it } from 'vitest'
import {
  booleanSignal,
  type Collector,
  type DataStream,
  numberSignal,
  outputTag,
  valueState,
} from '../../../src/index.ts'
import { operatorHarness, twoInputHarness } from '../../../src/testing/index.ts'

const progress = numberSignal('progress', { combine: 'min' })
const phase = numberSignal('phase', { combine: 'max', forward: false })
const ready = booleanSignal('ready', { combine: 'and' })

describe('signals', () => {
  it('pass operators that know nothing of them, at their place among the records', async () => {
    const t = await operatorHarness(
      (numbers: DataStream<number>) =>
        numbers
          .map((n) => n * 2)
          .filter((n) => n > 0)
          .process({
            hears: [progress],
            onRecord: (n, _, out: Collector<string>) => out.emit(`record ${n}`),
            onSignal: ({ name, value }, _, out) => out.emit(`${name} ${value}`),
          }),
      { signals: [progress] },
    )
    t.send(1)
    t.signal(progress, 1)
    t.send(2)
    t.signal(progress, 2)
    expect(t.values()).toEqual(['record 2', 'progress 1', 'record 4', 'progress 2'])
    expect(t.signals).toMatchObject([{ value: 1 }, { value: 2 }])
  })

  it('are told once for each value', async () => {
    const t = await operatorHarness((numbers: DataStream<number>) =>
      numbers.process({ emits: [progress], onRecord: (n, { emitSignal }) => emitSignal(progress, n) }).process({
        hears: [progress],
        onRecord() {},
        onSignal: ({ value }, _, out: Collector<unknown>) => out.emit(value),
      }),
    )
    for (const n of [1, 1, 2, 2, 1]) t.send(n)
    expect(t.values()).toEqual([1, 2, 1])
  })

  it('end where they are heard if they are not to be forwarded, and functions emit what is to follow', async () => {
    const t = await operatorHarness(
      (numbers: DataStream<number>) =>
        numbers.process({ onRecord: (n, _, out: Collector<number>) => out.emit(n) }).process({
          hears: [phase],
          emits: [ready],
          onRecord() {},
          onSignal(signal, { emitSignal }, _out: Collector<number>) {
            if (signal.is(phase)) emitSignal(ready, signal.value >= 2)
          },
        }),
      { signals: [phase, progress] },
    )
    t.signal(phase, 1)
    t.signal(phase, 2)
    t.signal(progress, 3)
    expect(t.signals).toMatchObject([
      { name: 'ready', value: false },
      { name: 'ready', value: true },
      { name: 'progress', value: 3 },
    ])
  })

  it('can be asked for with every record', async () => {
    const t = await operatorHarness(
      (numbers: DataStream<number>) =>
        numbers.process({
          hears: [phase],
          onRecord: (_, { signal }, out: Collector<unknown>) => out.emit(signal(phase) ?? 'none'),
        }),
      { signals: [phase] },
    )
    t.send(1)
    t.signal(phase, 7)
    t.send(2)
    expect(t.values()).toEqual(['none', 7])
  })

  it('are combined over streams that are joined, and do not wait for one that they cannot come on', async () => {
    const t = await twoInputHarness(
      (left: DataStream<number>, right: DataStream<number>) => {
        const silent = right.process({ hears: [phase], onRecord: (n, _, out: Collector<number>) => out.emit(n) })
        return left.union(right, silent)
      },
      { signals: [progress, phase] },
    )
    t.left.signal(progress, 5)
    expect(t.signals).toEqual([])
    t.right.signal(progress, 3)
    t.right.end()
    t.left.signal(phase, 1)
    expect(t.signals).toMatchObject([
      { name: 'progress', value: 3 },
      { name: 'progress', value: 5 },
      { name: 'phase', value: 1 },
    ])
  })

  it('come to functions of connected streams, with keys and without', async () => {
    const t = await twoInputHarness(
      (left: DataStream<number>, right: DataStream<string>) =>
        left.connect(right).process({
          hears: [progress],
          onLeft: (n, _, out: Collector<string>) => out.emit(`left ${n}`),
          onRight: (text, _, out) => out.emit(`right ${text}`),
          onSignal: ({ value }, _, out) => out.emit(`at ${value}`),
        }),
      { signals: [progress] },
    )
    t.left.send(1)
    t.left.signal(progress, 1)
    t.right.send('a')
    t.right.signal(progress, 2)
    expect(t.values()).toEqual(['left 1', 'right a', 'at 1'])
  })

  it('may visit the keys of a function, and read and write their state', async () => {
    const t = await operatorHarness(
      (words: DataStream<string>) =>
        words
          .keyBy((word) => word)
          .process({
            state: { count: valueState({ initial: 0 }) },
            hears: [ready],
            onRecord: (_, { state: { count } }) => count.set(count.get() + 1),
            onSignal(_, { forEachKey }, out: Collector<string>) {
              forEachKey(({ key, state: { count } }) => {
                out.emit(`${key} ${count.get()}`)
                count.clear()
              })
            },
          }),
      { signals: [ready] },
    )
    for (const word of ['a', 'b', 'a']) t.send(word)
    t.signal(ready, true)
    t.send('b')
    t.signal(ready, false)
    expect(t.values()).toEqual(['a 2', 'b 1', 'b 1'])
  })

  it('come to functions beside a broadcast stream', async () => {
    const t = await twoInputHarness(
      (numbers: DataStream<number>, rules: DataStream<number>) =>
        numbers
          .keyBy((n) => n % 2)
          .connect(rules.broadcast({ state: {} }))
          .process({
            hears: [progress],
            onRecord: (n, { signal }, out: Collector<string>) => out.emit(`${n} at ${signal(progress)}`),
            onBroadcast() {},
            onSignal: ({ value }, _, out) => out.emit(`progress ${value}`),
          }),
      { signals: [progress] },
    )
    t.left.signal(progress, 1)
    t.right.signal(progress, 2)
    t.left.send(9)
    expect(t.values()).toEqual(['progress 1', '9 at 1'])
  })

  it('may be said when the input has ended', async () => {
    const t = await twoInputHarness((left: DataStream<number>, right: DataStream<number>) => {
      const saying = (numbers: DataStream<number>): DataStream<number> =>
        numbers.process({
          emits: [ready],
          onRecord: (n, _, out: Collector<number>) => out.emit(n),
          onEnd: (_, { emitSignal }) => emitSignal(ready, true),
        })
      return saying(left).union(saying(right))
    })
    t.left.send(1)
    t.left.end()
    expect(t.signals).toEqual([])
    t.right.end()
    expect(t.signals).toMatchObject([{ name: 'ready', value: true }])
  })

  it('go to side outputs too', async () => {
    const odd = outputTag<number>('odd')
    const t = await operatorHarness((numbers: DataStream<number>) => {
      const parted = numbers.process({
        emits: [progress],
        onRecord(n, { side, emitSignal }, out: Collector<number>) {
          if (n % 2 === 1) side(odd, n)
          else out.emit(n)
          emitSignal(progress, n)
        },
      })
      return parted.sideOutput(odd).process({
        hears: [progress],
        onRecord: (n, _, out: Collector<string>) => out.emit(`odd ${n}`),
        onSignal: ({ value }, _, out) => out.emit(`progress ${value}`),
      })
    })
    t.send(1)
    t.send(2)
    expect(t.values()).toEqual(['odd 1', 'progress 1', 'progress 2'])
  })

  it('stay behind calls that records before them wait for', async () => {
    const t = await operatorHarness(
      (numbers: DataStream<number>) =>
        numbers
          .mapAsync(async (n) => n * 10)
          .process({
            hears: [progress],
            onRecord: (n, _, out: Collector<string>) => out.emit(`record ${n}`),
            onSignal: ({ value }, _, out) => out.emit(`progress ${value}`),
          }),
      { signals: [progress] },
    )
    t.send(1)
    t.signal(progress, 1)
    expect(t.values()).toEqual([])
    await t.advanceBy('1s')
    expect(t.values()).toEqual(['record 10', 'progress 1'])
  })

  it('are not told again after a restart, and their values are there', async () => {
    const t = await operatorHarness(
      (numbers: DataStream<number>) =>
        numbers
          .process({
            emits: [ready],
            hears: [progress],
            onRecord: (n, { emitSignal }, out: Collector<number>) => {
              emitSignal(ready, n > 5)
              out.emit(n)
            },
          })
          .process({
            hears: [progress, ready],
            onRecord: (n, { signal }, out: Collector<string>) => out.emit(`${n}: ${signal(progress)} ${signal(ready)}`),
            onSignal: ({ name, value }, _, out) => out.emit(`${name} ${value}`),
          }),
      { signals: [progress] },
    )
    t.signal(progress, 3)
    t.send(9)
    await t.restart()
    t.signal(progress, 3)
    t.send(9)
    t.send(1)
    expect(t.values()).toEqual(['progress 3', 'ready true', '9: 3 true', '9: 3 true', 'ready false', '1: 3 false'])
  })

  it('are back at the last snapshot after a crash', async () => {
    const t = await twoInputHarness((left: DataStream<number>, right: DataStream<number>) => left.union(right), {
      signals: [progress],
    })
    t.left.signal(progress, 1)
    t.right.signal(progress, 1)
    t.snapshot()
    t.left.signal(progress, 4)
    t.right.signal(progress, 2)
    await t.crash()
    t.right.signal(progress, 2)
    t.left.signal(progress, 4)
    expect(t.signals.map(({ value }) => value)).toEqual([1, 2, 2])
  })

  it('that a function does not name are refused when it emits them or asks for them', async () => {
    const emitting = await operatorHarness((numbers: DataStream<number>) =>
      numbers.process({
        emits: [ready],
        onRecord: (n, { emitSignal }, _out: Collector<number>) => emitSignal(progress, n),
      }),
    )
    expect(() => emitting.send(1)).toThrow(
      /emits signal 'progress', which is not among those that it names: emits: \[ready\]/,
    )
    const asking = await operatorHarness((numbers: DataStream<number>) =>
      numbers.process({ onRecord: (_, { signal }, out: Collector<unknown>) => out.emit(signal(progress)) }),
    )
    expect(() => asking.send(1)).toThrow(/uses signal 'progress' without naming it/)
  })

  it('have values of their kind', async () => {
    const t = await operatorHarness((numbers: DataStream<number>) =>
      numbers.process({
        emits: [progress],
        onRecord: (n, { emitSignal }, _out: Collector<number>) => emitSignal(progress, n),
      }),
    )
    expect(() => t.send(Number.NaN)).toThrow(/NaN is no value of the signal number 'progress'/)
    expect(() => t.send('7' as unknown as number)).toThrow(/7 is no value of the signal/)
  })

  it('are declared with a name and a way to combine them', () => {
    expect(() => numberSignal('', { combine: 'min' })).toThrow(/cannot be the name of a signal/)
    expect(() => numberSignal('$x', { combine: 'min' })).toThrow(/cannot be the name of a signal/)
    expect(() => booleanSignal('x', { combine: 'min' as 'and' })).toThrow(/it can be 'and' or 'or'/)
  })
})
