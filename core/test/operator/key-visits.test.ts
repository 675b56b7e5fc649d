import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { prometheusText } from '../../src/metrics/prometheus.ts'
import { KeyedBroadcastProcessOperator } from '../../src/operator/broadcast-process.ts'
import type { BroadcastContext, Collector, KeyedContext } from '../../src/operator/process-function.ts'
import { numberSignal } from '../../src/operator/signal/signal.ts'
import type { StateEntry } from '../../src/state/backend.ts'
import { listState, mapState, type StateDescriptors, valueState } from '../../src/state/keyed/descriptor.ts'
import { VirtualClock } from '../../src/time/virtual-clock.ts'
import { type Element, OperatorHarness } from './operator-harness.ts'
import { storedReader } from './stored-reader.ts'

const state = {
  count: valueState({ initial: 0 }),
  list: listState<number>(),
} satisfies StateDescriptors
const shared = { rules: mapState<string, number>() } satisfies StateDescriptors

type Context = KeyedContext<number, typeof state> & { readonly broadcast: { rules: Map<string, number> } }
type RuleContext = BroadcastContext<number, typeof state, typeof shared>

type Action = 'count' | 'append' | 'clear' | 'read' | 'timer' | 'drop timer' | 'alarm'

interface Command {
  readonly key: number
  readonly action: Action
  readonly time: number
}

/** `look` reads all keys, the others change some of them; `nested` visits all again, from a visit. */
type Rule = 'set' | 'look' | 'raise' | 'clear' | 'timers' | 'twice' | 'nested'

type Step =
  | { readonly kind: 'command'; readonly command: Command }
  | { readonly kind: 'rule'; readonly rule: Rule; readonly time: number }
  | { readonly kind: 'watermark' | 'signal'; readonly time: number }
  | { readonly kind: 'stage' | 'applied' | 'restart' }

const tick = numberSignal('tick', { combine: 'min' })
const show = ({ key, state: { count, list } }: Context): string => `${key}: ${count.get()} [${[...list.get()]}]`

function onRecord({ action, time }: Command, context: Context, out: Collector<unknown>): void {
  const { count, list } = context.state
  // The rule that holds where the record stands among the others.
  const rule = context.broadcast.rules.get('rule') ?? 0
  if (action === 'count') count.set(count.get() + 1)
  else if (action === 'append') list.add(time)
  else if (action === 'timer') context.timers.atEventTime(time + 20)
  else if (action === 'alarm') context.timers.atProcessingTime(time)
  else if (action === 'drop timer') context.timers.deleteEventTime(time + 20)
  else if (action === 'clear') for (const cleared of [count, list]) cleared.clear()
  else out.emit(`${show(context)} under ${rule}`)
}

/** Tells all keys in the order of keys. */
function look({ forEachKey }: RuleContext, label: string, out: Collector<unknown>): void {
  const seen: string[] = []
  forEachKey(
    (context) => void seen.push(show(context as never)),
    () => out.emit(`${label}: ${seen.sort()}`),
  )
}

function onBroadcast({ rule, time }: { rule: Rule; time: number }, context: RuleContext, out: Collector<unknown>) {
  const { forEachKey } = context
  context.broadcast.rules.set('rule', time)
  if (rule === 'look') look(context, 'look', out)
  else if (rule === 'raise') {
    forEachKey(({ key, state: { count } }) => {
      if (key % 2 === 0) count.set(count.get() + 10)
    })
  } else if (rule === 'clear') forEachKey(({ key, state: { count } }) => key % 3 === 0 && count.clear())
  else if (rule === 'timers') forEachKey(({ key, timers }) => key % 2 === 1 && timers.atEventTime(time + 5 + key))
  else if (rule === 'twice') for (const label of ['first', 'second']) look(context, label, out)
  else if (rule === 'nested') {
    let isAsked = false
    forEachKey(({ state: { count } }) => {
      count.set(count.get() + 1)
      if (!isAsked) look(context, 'nested', out)
      isAsked = true
    })
  }
  out.emit(`rule ${rule}`)
}

function operator(onTick: (context: RuleContext, out: Collector<unknown>) => void = () => {}) {
  return new KeyedBroadcastProcessOperator({
    shared,
    keyed: {
      state,
      onTimer: ({ timeMs }, context, out) => {
        const { count } = (context as unknown as Context).state
        count.set(count.get() + 100)
        ;(out as Collector<unknown>).emit(`timer ${timeMs} of ${show(context as never)}`)
      },
      signals: { hears: [tick], emits: [] },
      open: null,
      close: null,
    },
    input: {
      key: ({ key }: Command) => key,
      onRecord: (command: Command, context, out) => onRecord(command, context as never, out as never),
    },
    onBroadcast: (rule, context, out) => onBroadcast(rule, context as never, out as never),
    onRoundEnd: null,
    onTermination: null,
    onSignal: (_, context, out) => onTick(context as never, out as never),
  })
}

const lookAtTick = (): KeyedBroadcastProcessOperator => operator((context, out) => look(context, 'tick', out))

async function outcome(steps: readonly Step[], maxKeys: number | null): Promise<Element[]> {
  const clock = new VirtualClock()
  const stored = new Map<string, StateEntry>()
  const reader = maxKeys === null ? null : storedReader(stored, clock, maxKeys)
  let owner = lookAtTick()
  let harness = await new OperatorHarness(owner, stored, clock, reader, [tick]).open()
  const elements: Element[] = []
  let isStaged = false
  const drained = async (): Promise<void> => {
    for (let waited = 0; owner.pending?.holdsBarriers === true; waited++) {
      if (waited > 2_000) throw new Error('It waits for ever.')
      await clock.advanceBy(1)
    }
  }
  for (const step of steps) {
    if (step.kind === 'command') harness.send(step.command, step.command.time)
    else if (step.kind === 'rule') harness.send({ rule: step.rule, time: step.time }, step.time, 1)
    else if (step.kind === 'watermark') harness.watermark(step.time)
    else if (step.kind === 'signal') for (const input of [0, 1]) harness.signal(tick, step.time, input)
    else {
      if (step.kind !== 'applied') await drained()
      // One epoch is under way at a time.
      if (isStaged) harness.applied()
      isStaged = step.kind === 'stage'
      if (step.kind !== 'applied') harness.stage()
      if (step.kind !== 'restart') continue
      harness.applied()
      elements.push(...harness.elements)
      const signals = owner.snapshotSignals()
      owner = lookAtTick()
      harness = await harness.restart(owner)
      if (signals !== null) owner.restoreSignals(signals)
    }
  }
  harness.end(0)
  harness.end(1)
  await drained()
  return [...elements, ...harness.elements].filter((element) => !('barrier' in element))
}

const command = fc.record({
  key: fc.nat(9),
  action: fc.constantFrom<Action>('count', 'append', 'clear', 'read', 'read', 'timer', 'drop timer'),
})
const rule = fc.record({
  rule: fc.constantFrom<Rule>('set', 'look', 'look', 'raise', 'clear', 'timers', 'twice', 'nested'),
})

const steps: fc.Arbitrary<Step[]> = fc
  .array(
    fc.oneof(
      { weight: 14, arbitrary: command },
      { weight: 4, arbitrary: rule },
      { weight: 2, arbitrary: fc.constantFrom('watermark' as const, 'signal' as const) },
      { weight: 2, arbitrary: fc.constant('stage' as const) },
      { weight: 1, arbitrary: fc.constant('applied' as const) },
      { weight: 1, arbitrary: fc.constant('restart' as const) },
    ),
    { size: 'max', maxLength: 120 },
  )
  .map((list) =>
    list.map((item, time): Step => {
      if (item === 'watermark' || item === 'signal') return { kind: item, time }
      if (typeof item === 'string') return { kind: item }
      return 'rule' in item ? { kind: 'rule', ...item, time } : { kind: 'command', command: { ...item, time } }
    }),
  )

describe('a function beside a broadcast stream, whose keys need not fit on the heap', () => {
  it('behaves as if all of them were there: rules keep their places, and visits come to every key once', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.constantFrom(1, 2, 3), async (given, maxKeys) => {
        expect(await outcome(given, maxKeys)).toEqual(await outcome(given, null))
      }),
      { numRuns: 400 },
    )
  })

  it('holds no more keys than allowed and a portion while all are looked at, and no barrier comes between', async () => {
    const clock = new VirtualClock()
    const stored = new Map<string, StateEntry>()
    let held = 0
    const owner = lookAtTick()
    const inner = storedReader(stored, clock, 10)
    const harness = await new OperatorHarness(owner, stored, clock, {
      ...inner,
      read(name, keys) {
        held = Math.max(held, residents(harness))
        expect(keys.length).toBeLessThanOrEqual(10)
        return inner.read(name, keys)
      },
    }).open()
    for (let key = 0; key < 100; key++) {
      harness.send({ key, action: 'count', time: 0 } satisfies Command, 0)
      if (key % 10 === 9) harness.snapshot()
    }
    expect(residents(harness)).toBe(10)
    harness.send({ rule: 'look', time: 1 }, 1, 1)
    harness.send({ key: 100, action: 'read', time: 2 } satisfies Command, 2)
    expect(owner.pending?.holdsBarriers).toBe(true)
    expect(harness.records).toEqual(['rule look'])
    await clock.advanceBy(100)
    expect(owner.pending?.isEmpty).toBe(true)
    const all = Array.from({ length: 100 }, (_, key) => `${key}: 1 []`).sort()
    expect(harness.records).toEqual(['rule look', `look: ${all}`, '100: 0 [] under 1'])
    expect(held).toBeGreaterThan(0)
    expect(held).toBeLessThanOrEqual(20)
    expect(residents(harness)).toBeLessThanOrEqual(11)
  })

  it('leaves the keys that were used last on the heap, but for a portion', async () => {
    const clock = new VirtualClock()
    const stored = new Map<string, StateEntry>()
    const asked: number[] = []
    const inner = storedReader(stored, clock, 40)
    const harness = await new OperatorHarness(lookAtTick(), stored, clock, {
      ...inner,
      read(name, keys) {
        if (name.endsWith('count')) asked.push(keys.length)
        return inner.read(name, keys)
      },
    }).open()
    for (let key = 0; key < 400; key++) {
      harness.send({ key, action: 'count', time: 0 } satisfies Command, 0)
      if (key % 10 === 9) harness.snapshot()
    }
    harness.send({ rule: 'look', time: 1 }, 1, 1)
    await clock.advanceBy(1_000)
    expect(Math.max(...asked)).toBe(10)
    asked.length = 0
    for (let key = 360; key < 400; key++) harness.send({ key, action: 'read', time: 2 } satisfies Command, 2)
    await clock.advanceBy(100)
    expect(harness.records).toHaveLength(42)
    expect(asked.reduce((sum, keys) => sum + keys, 0)).toBeLessThanOrEqual(11)
  })

  it('passes a signal on behind the visits that it brought', async () => {
    const clock = new VirtualClock()
    const stored = new Map<string, StateEntry>()
    const owner = lookAtTick()
    const harness = await new OperatorHarness(owner, stored, clock, storedReader(stored, clock, 1), [tick]).open()
    for (const key of [1, 2, 3]) {
      harness.send({ key, action: 'count', time: 0 } satisfies Command, 0)
      harness.snapshot()
    }
    for (const input of [0, 1]) harness.signal(tick, 7, input)
    harness.send({ key: 1, action: 'read', time: 2 } satisfies Command, 2)
    await clock.advanceBy(100)
    expect(harness.elements.filter((element) => 'record' in element || 'signal' in element)).toMatchObject([
      { record: 'tick: 1: 1 [],2: 1 [],3: 1 []' },
      { signal: 'tick', value: 7 },
      { record: '1: 1 [] under 0' },
    ])
  })

  it('lets no timer of the clock come between', async () => {
    const clock = new VirtualClock()
    const stored = new Map<string, StateEntry>()
    const harness = await new OperatorHarness(lookAtTick(), stored, clock, storedReader(stored, clock, 2)).open()
    const due = clock.now() + 4
    for (const key of [1, 2, 3, 4, 5, 6]) {
      harness.send({ key, action: 'count', time: 0 } satisfies Command, 0)
      if (key === 2) harness.send({ key, action: 'alarm', time: due } satisfies Command, 0)
      harness.snapshot()
    }
    harness.send({ rule: 'look', time: 1 }, 1, 1)
    // The first portion has been visited then, and the key of the timer is on the heap.
    await clock.advanceBy(5)
    expect(harness.records).toEqual(['rule look'])
    await clock.advanceBy(100)
    expect(harness.records).toEqual([
      'rule look',
      `look: ${[1, 2, 3, 4, 5, 6].map((key) => `${key}: 1 []`)}`,
      `timer ${due} of 2: 101 []`,
    ])
  })

  it('refuses a visit that is asked for when the function has returned', async () => {
    let late: (() => void) | null = null
    const owner = operator(({ forEachKey }) => {
      late = () => forEachKey(() => {})
    })
    const harness = await new OperatorHarness(owner, new Map(), new VirtualClock(), null, [tick]).open()
    for (const input of [0, 1]) harness.signal(tick, 1, input)
    expect(late).toThrow('after the function had returned')
  })
})

function residents({ metrics }: OperatorHarness): number {
  return Number(/^millrace_state_keys (\d+)$/m.exec(prometheusText(metrics))?.[1])
}
