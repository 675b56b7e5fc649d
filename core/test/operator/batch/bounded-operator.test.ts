import { tmpdir } from 'node:os'
import { describe, expect, it } from 'vitest'
import { silentLogger } from '../../../src/metrics/logger.ts'
import { MetricRegistry } from '../../../src/metrics/metric-registry.ts'
import { compareValues } from '../../../src/operator/batch/memory/compare-values.ts'
import { TaskMemory } from '../../../src/operator/batch/memory/task-memory.ts'
import { SortOperator } from '../../../src/operator/batch/sort-operator.ts'
import { MAX_WATERMARK, type Receiver } from '../../../src/operator/operator.ts'
import { type OperatorState, redistribute } from '../../../src/operator/operator-state.ts'
import { msgpack } from '../../../src/serde/msgpack.ts'
import { StateChanges } from '../../../src/state/state-changes.ts'
import { VirtualClock } from '../../../src/time/virtual-clock.ts'

/** A sort as task `index` of `parallelism`, what comes out of it and what it puts into snapshots. */
class SortUnderTest {
  readonly given: unknown[] = []
  readonly states: OperatorState[] = []
  readonly operator = new SortOperator((n) => n, compareValues, msgpack())
  readonly input: Receiver<unknown>

  constructor(index = 0, parallelism = 1) {
    const clock = new VirtualClock()
    this.operator.setup({
      uid: 'sort',
      name: 'sort',
      job: 'test',
      index,
      parallelism,
      attempt: 0,
      maxParallelism: 128,
      clock,
      metrics: new MetricRegistry(),
      logger: silentLogger,
      memory: new TaskMemory({ budgetBytes: 1024 * 1024, directory: tmpdir() }),
      delta: { changes: new StateChanges(), setOperatorState: (_, state) => void this.states.push(state) },
      commitsSuspended: () => false,
      stateReader: null,
      signals: null,
      schedule: () => () => {},
      post: () => {},
      output: () => ({
        onRecord: (value) => this.given.push(value),
        onWatermark: (watermark) => this.given.push(watermark),
        onIdle() {},
        onRound() {},
        onSignal() {},
        onBarrier: (epoch) => this.given.push(`barrier ${epoch}`),
        onEnd: () => this.given.push('end'),
      }),
    })
    this.input = this.operator.inputs[0] as unknown as Receiver<unknown>
  }
}

/** The state of a sort after it has taken a record and, perhaps, given it. */
function stateAfter(index: number, parallelism: number, isDone: boolean): OperatorState {
  const sort = new SortUnderTest(index, parallelism)
  if (isDone) {
    sort.input.onRecord(1, 0)
    sort.input.onWatermark(MAX_WATERMARK)
    while (sort.operator.produce(10)) {}
  }
  sort.input.onBarrier(1)
  return sort.states[0] as OperatorState
}

describe('an operator that needs all of its input', () => {
  it('gives its results in portions, then the final watermark', () => {
    const sort = new SortUnderTest()
    for (const n of [3, 1, 2]) sort.input.onRecord(n, 0)
    expect(sort.operator.produce(10)).toBe(false)
    sort.input.onWatermark(5)
    sort.input.onWatermark(MAX_WATERMARK)
    expect(sort.given).toEqual([])
    expect(sort.operator.isEmpty).toBe(false)
    sort.operator.produce(2)
    expect(sort.given).toEqual([1, 2])
    while (sort.operator.produce(2)) {}
    expect(sort.given).toEqual([1, 2, 3, MAX_WATERMARK])
    expect(sort.operator.isEmpty).toBe(true)
  })

  it('keeps its task from committing from its first record until it has given everything', () => {
    const sort = new SortUnderTest()
    expect(sort.operator.suspendsCommits).toBe(false)
    sort.input.onRecord(1, 0)
    expect(sort.operator.suspendsCommits).toBe(true)
    sort.input.onWatermark(MAX_WATERMARK)
    expect(sort.operator.suspendsCommits).toBe(true)
    while (sort.operator.produce(2)) {}
    expect(sort.operator.suspendsCommits).toBe(false)
  })

  it('gives nothing again after a restart, once it has given everything', () => {
    const sort = new SortUnderTest()
    sort.operator.restoreOperatorState(stateAfter(0, 1, true))
    sort.input.onWatermark(MAX_WATERMARK)
    expect(sort.operator.produce(10)).toBe(false)
    expect(sort.given).toEqual([MAX_WATERMARK])
  })

  it('goes on at another number of tasks only when all of them had given everything', () => {
    const restored = (states: readonly OperatorState[]) => {
      const sort = new SortUnderTest(2, 3)
      sort.operator.restoreOperatorState(redistribute(states, 3)[2] as OperatorState)
      return sort
    }
    expect(() => restored([stateAfter(0, 2, true), stateAfter(1, 2, false)])).toThrow(
      expect.objectContaining({ code: 'STATE_INCOMPATIBLE', message: expect.stringContaining('in 2 tasks') }),
    )
    const done = restored([stateAfter(0, 2, true), stateAfter(1, 2, true)])
    done.input.onWatermark(MAX_WATERMARK)
    expect(done.given).toEqual([MAX_WATERMARK])
  })
})
