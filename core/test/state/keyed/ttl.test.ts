import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { job, type StateTtl } from '../../../src/index.ts'
import { KeyedProcessOperator } from '../../../src/operator/keyed-process.ts'
import type { KeyedContext } from '../../../src/operator/process-function.ts'
import type { StateEntry } from '../../../src/state/backend.ts'
import {
  aggregatingState,
  listState,
  mapState,
  reducingState,
  type StateDescriptors,
  valueState,
} from '../../../src/state/keyed/descriptor.ts'
import { VirtualClock } from '../../../src/time/virtual-clock.ts'
import { OperatorHarness } from '../../operator/operator-harness.ts'

const AFTER = 10

function states(ttl: StateTtl | undefined) {
  const option = ttl === undefined ? {} : { ttl }
  return {
    value: valueState({ initial: -1, ...option }),
    list: listState<number>(option),
    map: mapState<string, number>(option),
    sum: reducingState((a: number, b: number) => a + b, option),
    text: aggregatingState(
      {
        create: () => ({ all: '' }),
        add: (held, n: number) => ({ all: `${held.all},${n}` }),
        result: ({ all }) => all,
      },
      option,
    ),
  } satisfies StateDescriptors
}
type States = ReturnType<typeof states>
type Body = (state: KeyedContext<string, States>['state']) => void

class Operated {
  clock: VirtualClock
  readonly ttl: StateTtl | undefined
  harness: OperatorHarness
  #watermark = Number.NEGATIVE_INFINITY

  constructor(ttl: StateTtl | undefined, stored?: Map<string, StateEntry>, clock = new VirtualClock({ startMs: 100 })) {
    this.ttl = ttl
    this.clock = clock
    this.harness = this.#operator(stored)
  }

  async open(): Promise<this> {
    await this.harness.open()
    return this
  }

  /** Snapshots, and goes on in a new operator. */
  async restart(): Promise<void> {
    this.harness.snapshot()
    this.harness = this.#operator(this.harness.stored)
    await this.harness.open()
    if (this.ttl?.time === 'event') this.harness.watermark(this.#watermark)
  }

  async moveTo(time: number): Promise<void> {
    if (this.ttl?.time === 'event') this.harness.watermark(time)
    else await this.clock.advanceTo(time)
    this.#watermark = time
  }

  run(key: string, body: Body, timestamp = 0): void {
    this.harness.send({ key, body }, timestamp)
  }

  #operator(stored?: Map<string, StateEntry>): OperatorHarness {
    const operator = new KeyedProcessOperator({
      state: states(this.ttl),
      inputs: [
        {
          key: (command: { key: string }) => command.key,
          onRecord: (command: { body: Body }, context) => command.body((context as unknown as { state: never }).state),
        },
      ],
      onTimer: null,
      open: null,
      close: null,
    })
    return new OperatorHarness(operator, stored, this.clock)
  }
}

/** What one value is worth, told by itself: the oracle. */
interface Held {
  at: number
  value: unknown
}

class Oracle {
  readonly #ttl: { reads: boolean; shown: boolean }
  now = 100
  readonly keys = new Map<string, { single: Map<string, Held>; list: Held[]; map: Map<string, Held> }>()

  constructor(reads: boolean, shown: boolean) {
    this.#ttl = { reads, shown }
  }

  of(key: string) {
    const known = this.keys.get(key) ?? {
      single: new Map<string, Held>(),
      list: [] as Held[],
      map: new Map<string, Held>(),
    }
    this.keys.set(key, known)
    return known
  }

  isExpired(held: Held): boolean {
    return this.now >= held.at + AFTER
  }

  /** Reads one of several, as a use. */
  use(from: Map<string, Held>, name: string): unknown {
    const held = from.get(name)
    if (held === undefined) return undefined
    if (this.isExpired(held)) {
      from.delete(name)
      return this.#ttl.shown ? held.value : undefined
    }
    if (this.#ttl.reads) held.at = this.now
    return held.value
  }

  list(key: string): unknown[] {
    const known = this.of(key)
    const before = known.list
    known.list = before.filter((held) => !this.isExpired(held))
    if (this.#ttl.reads) for (const held of known.list) held.at = this.now
    return (this.#ttl.shown ? before : known.list).map(({ value }) => value)
  }

  sweep(): void {
    for (const known of this.keys.values()) {
      for (const from of [known.single, known.map]) {
        for (const [name, held] of from) if (this.isExpired(held)) from.delete(name)
      }
      known.list = known.list.filter((held) => !this.isExpired(held))
    }
  }

  /** Entries that the backend should hold. */
  get size(): number {
    let size = 0
    for (const { single, list, map } of this.keys.values()) size += single.size + list.length + map.size
    return size
  }
}

const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ step: fc.constant('move' as const), by: fc.integer({ min: 1, max: 7 }) }) },
    { weight: 1, arbitrary: fc.record({ step: fc.constantFrom('barrier' as const, 'restart' as const) }) },
    {
      weight: 12,
      arbitrary: fc.record({
        step: fc.constantFrom(
          'set',
          'get',
          'push',
          'list',
          'put',
          'take',
          'has',
          'entries',
          'size',
          'add',
          'folded',
          'clear',
        ),
        key: fc.constantFrom('a', 'b'),
        name: fc.constantFrom('x', 'y'),
        value: fc.integer({ min: 0, max: 9 }),
      }),
    },
  ),
  // Without a size most scripts are too short for anything to be used and to expire.
  { maxLength: 150, size: 'max' },
)

async function check(ttl: StateTtl, script: typeof steps extends fc.Arbitrary<infer T> ? T : never): Promise<void> {
  const oracle = new Oracle(ttl.update === 'read-and-write', ttl.visibility === 'until-cleaned')
  const operated = await new Operated(ttl).open()
  await operated.moveTo(100)
  for (const step of script) {
    if (step.step === 'move') {
      oracle.now += step.by
      await operated.moveTo(oracle.now)
    } else if (step.step === 'barrier') {
      operated.harness.snapshot()
      oracle.sweep()
      expect(operated.harness.stored.size).toBe(oracle.size)
    } else if (step.step === 'restart') {
      await operated.restart()
      oracle.sweep()
    } else if ('key' in step) {
      const { key, name, value } = step
      const known = oracle.of(key)
      const put = (to: Map<string, Held>, at: string, what: unknown): void =>
        void to.set(at, { at: oracle.now, value: what })
      operated.run(
        key,
        (state) => {
          if (step.step === 'set') {
            state.value.set(value)
            put(known.single, 'value', value)
          } else if (step.step === 'get') expect(state.value.get()).toBe(oracle.use(known.single, 'value') ?? -1)
          else if (step.step === 'push') {
            state.list.add(value)
            known.list.push({ at: oracle.now, value })
          } else if (step.step === 'list') expect(state.list.get()).toEqual(oracle.list(key))
          else if (step.step === 'put') {
            state.map.set(name, value)
            put(known.map, name, value)
          } else if (step.step === 'take') expect(state.map.get(name)).toBe(oracle.use(known.map, name))
          else if (step.step === 'has') expect(state.map.has(name)).toBe(oracle.use(known.map, name) !== undefined)
          else if (step.step === 'entries') {
            const expected = [...known.map.keys()].map((at) => [at, oracle.use(known.map, at)])
            const seen = [...state.map.entries()].map(([at, what]) => [at, what])
            expect(seen.sort()).toEqual(expected.filter(([, what]) => what !== undefined).sort())
          } else if (step.step === 'size') {
            const shown = ttl.visibility === 'until-cleaned'
            expect(state.map.size).toBe(
              [...known.map.values()].filter((held) => shown || !oracle.isExpired(held)).length,
            )
          } else if (step.step === 'add') {
            state.sum.add(value)
            state.text.add(value)
            put(known.single, 'sum', ((oracle.use(known.single, 'sum') as number) ?? 0) + value)
            put(known.single, 'text', `${(oracle.use(known.single, 'text') as string) ?? ''},${value}`)
          } else if (step.step === 'folded') {
            expect(state.sum.get()).toBe(oracle.use(known.single, 'sum'))
            expect(state.text.get()).toBe(oracle.use(known.single, 'text'))
          } else {
            state.value.clear()
            state.list.clear()
            state.map.clear()
            state.sum.clear()
            state.text.clear()
            known.single.clear()
            known.map.clear()
            known.list = []
          }
        },
        0,
      )
    }
  }
}

describe('state with a ttl', () => {
  for (const update of ['write', 'read-and-write'] as const) {
    for (const visibility of ['never-expired', 'until-cleaned'] as const) {
      for (const time of ['processing', 'event'] as const) {
        it(`is what an oracle says, over restores: ${update}, ${visibility}, ${time} time`, async () => {
          await fc.assert(
            fc.asyncProperty(steps, (script) => check({ after: AFTER, update, visibility, time }, script)),
            { numRuns: 150 },
          )
        })
      }
    }
  }

  it('deletes what nobody uses again while other keys go on, however many keys there are', async () => {
    const operated = await new Operated({ after: AFTER }).open()
    for (let n = 0; n < 2000; n++) operated.run(`old${n}`, ({ value }) => value.set(n))
    operated.harness.snapshot()
    expect(operated.harness.stored.size).toBe(2000)
    for (let round = 0; round < 20; round++) {
      await operated.moveTo(200 + round)
      operated.run('busy', ({ value }) => value.set(round))
      operated.harness.snapshot()
    }
    expect([...operated.harness.stored.keys()]).toHaveLength(1)
  })

  it('does not outgrow its sweep when every record brings a new key', async () => {
    const operated = await new Operated({ after: AFTER }).open()
    for (let round = 0; round < 30; round++) {
      for (let n = 0; n < 500; n++) operated.run(`${round}-${n}`, ({ value }) => value.set(n))
      operated.harness.snapshot()
      await operated.moveTo(101 + round * AFTER)
    }
    expect(operated.harness.stored.size).toBeLessThan(2000)
  })

  it('takes values that were stored before it had one, which count as used when they are restored', async () => {
    const plain = await new Operated(undefined).open()
    plain.run('a', ({ value, list, map, sum }) => {
      value.set(1)
      list.add(2)
      map.set('x', 3)
      sum.add(4)
    })
    plain.harness.snapshot()
    const clock = new VirtualClock({ startMs: 5000 })
    const operated = await new Operated({ after: AFTER }, plain.harness.stored, clock).open()
    await operated.moveTo(5009)
    operated.run('a', ({ value, list, map, sum }) => {
      expect([value.get(), list.get(), map.get('x'), sum.get()]).toEqual([1, [2], 3, 4])
    })
    await operated.moveTo(5010)
    operated.run('a', ({ value, list, map, sum }) => {
      expect([value.get(), list.get(), map.get('x'), sum.get()]).toEqual([-1, [], undefined, undefined])
    })
  })

  it.each([
    [{ after: 0 }, /State 'seen' .*ttl is 0/],
    [{ after: -5 }, /State 'seen' .*-5/],
    [{ after: '1 week' as never }, /State 'seen' .*1 week/],
    [{ after: 1, update: 'sometimes' as never }, /State 'seen' .*ttl.update/],
  ])('is refused when the graph is built, naming the state: %j', (ttl: StateTtl, message) => {
    const wrong = job('wrong', (env) => {
      env
        .from([1])
        .keyBy((n) => n)
        .process({ state: { seen: valueState<number>({ ttl }) }, onRecord() {} })
        .print()
    })
    expect(() => wrong.build()).toThrow(
      expect.objectContaining({ code: 'GRAPH_INVALID', message: expect.stringMatching(message) }),
    )
  })
})
