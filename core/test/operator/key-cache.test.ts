import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { prometheusText } from '../../src/metrics/prometheus.ts'
import { KeyedProcessOperator } from '../../src/operator/keyed-process.ts'
import type { StateReader } from '../../src/operator/operator.ts'
import type { Collector, KeyedContext, TimerFired } from '../../src/operator/process-function.ts'
import type { StateEntry } from '../../src/state/backend.ts'
import { listState, mapState, type StateDescriptors, valueState } from '../../src/state/keyed/descriptor.ts'
import { VirtualClock } from '../../src/time/virtual-clock.ts'
import { type Element, OperatorHarness } from './operator-harness.ts'
import { storedReader } from './stored-reader.ts'

const state = {
  count: valueState({ initial: 0 }),
  list: listState<number>(),
  map: mapState<string, number>(),
} satisfies StateDescriptors

type Action = 'count' | 'append' | 'put' | 'clear' | 'read' | 'timer' | 'drop timer'

interface Command {
  readonly key: number
  readonly action: Action
  readonly time: number
}

type Step =
  | { readonly kind: 'command'; readonly command: Command }
  | { readonly kind: 'watermark'; readonly time: number }
  | { readonly kind: 'stage' | 'applied' | 'restart' }

type Context = KeyedContext<number, typeof state>

const show = ({ key, state: { count, list, map } }: Context): unknown => [
  key,
  count.get(),
  [...list.get()],
  [...map.entries()].map(([name, n]) => `${name}${n}`).sort(),
]

function run({ action, time }: Command, context: Context, out: Collector<unknown>): void {
  const { count, list, map } = context.state
  if (action === 'count') count.set(count.get() + 1)
  else if (action === 'append') list.add(time)
  else if (action === 'put') map.set(`m${time % 3}`, time)
  else if (action === 'timer') context.timers.atEventTime(time + 20)
  else if (action === 'drop timer') context.timers.deleteEventTime(time + 20)
  else if (action === 'clear') {
    for (const cleared of [count, list, map]) cleared.clear()
  } else out.emit(show(context))
}

function operator(): KeyedProcessOperator {
  return new KeyedProcessOperator({
    state,
    inputs: [
      {
        key: ({ key }: Command) => key,
        onRecord: (command: Command, context, out) => run(command, context as never, out as never),
      },
    ],
    onTimer: ({ timeMs }: TimerFired, context, out) => {
      const { count } = (context as unknown as Context).state
      count.set(count.get() + 100)
      ;(out as Collector<unknown>).emit([timeMs, show(context as never)])
    },
    open: null,
    close: null,
  })
}

async function outcome(steps: readonly Step[], maxKeys: number | null): Promise<Element[]> {
  const clock = new VirtualClock()
  const stored = new Map<string, StateEntry>()
  const create = (owner: KeyedProcessOperator): Promise<OperatorHarness> =>
    new OperatorHarness(owner, stored, clock, maxKeys === null ? null : storedReader(stored, clock, maxKeys)).open()
  let owner = operator()
  let harness = await create(owner)
  const elements: Element[] = []
  let isStaged = false
  const drained = async (): Promise<void> => {
    for (let waited = 0; owner.pending?.holdsBarriers === true; waited++) {
      if (waited > 1_000) throw new Error('It waits for ever.')
      await clock.advanceBy(1)
    }
  }
  for (const step of steps) {
    if (step.kind === 'command') harness.send(step.command, step.command.time)
    else if (step.kind === 'watermark') harness.watermark(step.time)
    else {
      if (step.kind !== 'applied') await drained()
      // One epoch is under way at a time.
      if (isStaged) harness.applied()
      isStaged = step.kind === 'stage'
      if (step.kind !== 'applied') harness.stage()
      if (step.kind !== 'restart') continue
      harness.applied()
      elements.push(...harness.elements)
      owner = operator()
      harness = await create(owner)
    }
  }
  harness.end()
  await drained()
  return [...elements, ...harness.elements]
}

const command = fc.record({
  key: fc.nat(9),
  action: fc.constantFrom<Action>('count', 'append', 'put', 'clear', 'read', 'read', 'timer', 'drop timer'),
})

const steps: fc.Arbitrary<Step[]> = fc
  .array(
    fc.oneof(
      { weight: 12, arbitrary: command },
      { weight: 2, arbitrary: fc.constant('watermark' as const) },
      { weight: 2, arbitrary: fc.constant('stage' as const) },
      { weight: 1, arbitrary: fc.constant('applied' as const) },
      { weight: 1, arbitrary: fc.constant('restart' as const) },
    ),
    { size: 'max', maxLength: 120 },
  )
  .map((list) =>
    list.map((item, time): Step => {
      if (item === 'watermark') return { kind: 'watermark', time }
      return typeof item === 'string' ? { kind: item } : { kind: 'command', command: { ...item, time } }
    }),
  )

describe('state that need not fit on the heap', () => {
  it('behaves as if all of it were there, in the same order, over evictions and restores', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 1, max: 8 }), async (given, maxKeys) => {
        expect((await outcome(given, maxKeys)).filter(isSeen)).toEqual((await outcome(given, null)).filter(isSeen))
      }),
      { numRuns: 400 },
    )
  })

  it('asks for what the records of a batch miss at once, and holds no more keys than allowed', async () => {
    const clock = new VirtualClock()
    const stored = new Map<string, StateEntry>()
    const asked: number[] = []
    const inner = storedReader(stored, clock, 10)
    const counting: StateReader = {
      ...inner,
      read(name, keys) {
        if (name.endsWith('count')) asked.push(keys.length)
        return inner.read(name, keys)
      },
    }
    const owner = operator()
    const harness = await new OperatorHarness(owner, stored, clock, counting).open()
    const send = (key: number): void => harness.send({ key, action: 'count', time: 0 } satisfies Command, 0)
    for (let key = 0; key < 100; key++) send(key)
    expect(owner.pending?.needsCommit).toBe(true)
    harness.snapshot()
    expect(owner.pending?.needsCommit).toBe(false)
    expect(asked).toEqual([])
    for (const _ of [1, 2]) for (let key = 0; key < 100; key++) send(key)
    expect(owner.pending?.holdsBarriers).toBe(true)
    await clock.advanceBy(10)
    expect(owner.pending?.isEmpty).toBe(true)
    expect(asked).toEqual([90])
    expect(prometheusText(harness.metrics)).toMatch(/^millrace_state_keys_read_total 90$/m)
    expect(prometheusText(harness.metrics)).toMatch(/^millrace_state_read_ms_sum \d+$/m)
    expect(prometheusText(harness.metrics)).toMatch(/^millrace_state_read_ms_count 1$/m)
    harness.snapshot()
    harness.send({ key: 7, action: 'read', time: 0 } satisfies Command, 0)
    await clock.advanceBy(10)
    expect(harness.records).toEqual([[7, 3, [], []]])
  })

  it('does not take a key for stored whose deletion is on its way', async () => {
    const clock = new VirtualClock()
    const stored = new Map<string, StateEntry>()
    const harness = await new OperatorHarness(operator(), stored, clock, storedReader(stored, clock, 2)).open()
    const send = (key: number, action: Action): void => harness.send({ key, action, time: 0 } satisfies Command, 0)
    for (const key of [1, 2]) send(key, 'count')
    harness.snapshot()
    send(1, 'clear')
    harness.stage()
    for (const key of [3, 4]) send(key, 'count')
    send(1, 'read')
    await clock.advanceBy(10)
    expect(harness.records).toEqual([[1, 0, [], []]])
  })

  it('fails the task when what is stored cannot be read', async () => {
    const clock = new VirtualClock()
    const failing: StateReader = { maxKeys: 1, isNew: false, read: () => Promise.reject(new Error('connection lost')) }
    const harness = await new OperatorHarness(operator(), new Map(), clock, failing).open()
    harness.send({ key: 1, action: 'read', time: 0 } satisfies Command, 0)
    await expect(clock.advanceBy(1)).rejects.toThrow('connection lost')
  })
})

function isSeen(element: Element): boolean {
  return !('barrier' in element)
}
