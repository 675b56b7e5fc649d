import { describe, expect, it } from 'vitest'
import { toWindowFunction, windowOperator, windowSpec } from '../../../src/api/window-spec.ts'
import type { Operator } from '../../../src/operator/operator.ts'
import { gathering } from '../../../src/operator/window/pane-contents.ts'
import { sessions, tumbling, type WindowAssigner } from '../../../src/operator/window/window-assigner.ts'
import type { WindowFunction } from '../../../src/operator/window/window-function.ts'
import { msgpack } from '../../../src/serde/msgpack.ts'
import {
  listState,
  mapState,
  type ReducingDescriptor,
  reducingState,
  type StateDescriptors,
  valueState,
} from '../../../src/state/keyed/descriptor.ts'
import { OperatorHarness } from '../operator-harness.ts'
import type { Reading } from './windows-under-test.ts'

function operator<WindowState extends StateDescriptors, KeyState extends StateDescriptors>(
  assigner: WindowAssigner,
  windowFunction: WindowFunction<string, readonly Reading[], unknown, WindowState, KeyState>,
  lateness = 0,
): Operator {
  const spec = { ...windowSpec((reading: Reading) => reading.key, assigner), allowedLatenessMs: lateness }
  return windowOperator(spec, gathering(msgpack<Reading>()), toWindowFunction(windowFunction), null)()
}

const sumOf = { total: reducingState((a: number, b: number) => a + b) }

describe('the state of a window function', () => {
  it('of the window outlives firings and goes with the window; that of the key stays', async () => {
    const create = (): Operator =>
      operator(
        tumbling(10),
        {
          windowState: { firings: valueState({ initial: 0 }) },
          keyState: { windows: valueState({ initial: 0 }) },
          onWindow(_readings, { window, windowState, keyState, isUpdate }, out) {
            windowState.firings.set(windowState.firings.get() + 1)
            if (!isUpdate) keyState.windows.set(keyState.windows.get() + 1)
            out.emit([window.start, windowState.firings.get(), keyState.windows.get()])
          },
        },
        100,
      )
    let harness = await new OperatorHarness(create()).open()
    harness.send({ key: 'a', n: 1 }, 5)
    harness.watermark(9)
    harness.snapshot()
    harness = await harness.restart(create())
    harness.watermark(9)
    harness.send({ key: 'a', n: 2 }, 6)
    harness.send({ key: 'a', n: 3 }, 15)
    harness.watermark(500)
    expect(harness.records).toEqual([
      [0, 2, 1],
      [10, 1, 2],
    ])
    harness.snapshot()
    expect([...harness.stored.keys()]).toEqual([expect.stringContaining('tested/windows|')])
  })

  it('is told when its window goes', async () => {
    const cleared: unknown[] = []
    const harness = await new OperatorHarness(
      operator(
        tumbling(10),
        {
          windowState: sumOf,
          onWindow: (readings, { windowState }) => windowState.total.add(readings.length),
          onClear: ({ key, window, windowState }) => cleared.push([key, window.start, windowState.total.get()]),
        },
        20,
      ),
    ).open()
    harness.send({ key: 'a', n: 1 }, 5)
    harness.watermark(28)
    expect(cleared).toEqual([])
    harness.watermark(29)
    expect(cleared).toEqual([['a', 0, 1]])
  })

  it('merges with its windows: lists and maps are joined, values reduced', async () => {
    const seen = { notes: listState<string>(), marks: mapState<string, number>(), ...sumOf }
    const harness = await new OperatorHarness(
      operator(
        sessions(10),
        {
          windowState: seen satisfies Record<string, unknown> & { total: ReducingDescriptor<number> },
          onWindow(readings, { windowState: { notes, marks, total }, isUpdate }, out) {
            for (const { n } of readings) {
              notes.add(`n${n}`)
              marks.set(`m${n}`, n)
            }
            total.add(readings.length)
            out.emit([readings.map(({ n }) => n), [...notes.get()], [...marks.keys()].sort(), total.get(), isUpdate])
          },
        },
        100,
      ),
    ).open()
    harness.send({ key: 'a', n: 1 }, 0)
    harness.send({ key: 'a', n: 2 }, 20)
    harness.watermark(40)
    harness.send({ key: 'a', n: 3 }, 10)
    expect(harness.records.at(-1)).toEqual([[1, 2, 3], ['n1', 'n2', 'n1', 'n2', 'n3'], ['m1', 'm2', 'm3'], 5, false])
  })
})
