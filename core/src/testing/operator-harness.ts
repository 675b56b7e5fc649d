import { tmpdir } from 'node:os'
import type { DataStream } from '../api/data-stream.ts'
import { job } from '../api/job.ts'
import type { Sink } from '../connector/sink.ts'
import type { Source } from '../connector/source.ts'
import { OptionError } from '../errors.ts'
import { silentLogger } from '../metrics/logger.ts'
import { MetricRegistry } from '../metrics/metric-registry.ts'
import type { Receiver } from '../operator/operator.ts'
import type { OutputTag } from '../operator/output-tag.ts'
import { ReceivedSignal, type Signal, type SignalValue } from '../operator/signal/signal.ts'
import { compile } from '../plan/compile.ts'
import type { Region } from '../plan/job-graph.ts'
import { Chain } from '../runtime/chain.ts'
import { EpochCollector } from '../runtime/epoch-collector.ts'
import { type Duration, durationMs } from '../time/duration.ts'
import { VirtualClock } from '../time/virtual-clock.ts'
import { type PendingTimer, StoredState } from './stored-state.ts'

const MAX_PARALLELISM = 128

export interface OperatorHarnessOptions {
  /** Clock time at the beginning, in milliseconds since the Unix epoch. @default 0 */
  readonly now?: number
  /** Side outputs that the test looks at. */
  readonly sides?: readonly OutputTag<unknown>[]
  /** Signals that the test hands in, on any input. */
  readonly signals?: readonly Signal[]
}

export interface HarnessRecord<T> {
  readonly value: T
  /** Milliseconds; minus infinity for a record without event time. */
  readonly timestamp: number
}

const PRODUCE_BUDGET = 1024

/** How far an input has come in the rounds of a loop: 0 when none has begun. */
interface InputRound {
  number: number
  stored: number
}

/** One input of the operators under test. Every call runs to its end before it returns. */
export class HarnessInput<T> {
  readonly #receiver: () => Receiver<unknown>
  readonly #produce: () => void
  readonly #round: InputRound

  /** `produce` has operators give what they have ready. */
  constructor(receiver: () => Receiver<unknown>, produce: () => void, round: InputRound) {
    this.#receiver = receiver
    this.#produce = produce
    this.#round = round
  }

  /** Hands a record in, with its event time in milliseconds. */
  send(value: T, timestamp: number = Number.NEGATIVE_INFINITY): void {
    this.#receiver().onRecord(value, timestamp)
  }

  /** Says that event time has passed up to here, in milliseconds. */
  watermark(watermark: number): void {
    this.#receiver().onWatermark(watermark)
    this.#produce()
  }

  /** Says whether the input is idle, so that nobody waits for its watermark. */
  idle(isIdle: boolean): void {
    this.#receiver().onIdle(isIdle)
  }

  /**
   * Begins the next round of the loop that what is tested would stand in. `aggregates` has by the names of aggregators what the round
   * before gave, for `round.get`.
   */
  beginRound(aggregates: Readonly<Record<string, unknown>> = {}): void {
    this.#receiver().onRound({ kind: 'start', round: ++this.#round.number, aggregates })
  }

  /** Ends the round: functions hear `onRoundEnd`. With two inputs that takes the end on both, or that one of them has ended. */
  endRound(): void {
    this.#receiver().onRound({ kind: 'end', round: this.#round.number, tallies: [] })
  }

  /** Ends the loop behind its last round: functions hear `onTermination`. */
  endLoop(): void {
    this.#receiver().onRound({ kind: 'over', round: this.#round.number })
  }

  /** Hands in a signal that the options name, as it comes from before. */
  signal<V extends SignalValue>(signal: Signal<V>, value: NoInfer<V>): void {
    this.#receiver().onSignal(signal, value)
  }

  /** Ends the input: the final watermark, then the end. */
  end(): void {
    this.watermark(Number.POSITIVE_INFINITY)
    this.#receiver().onEnd()
  }
}

/** Runs one operator, or a few in a row, without a log, a backend or tasks. */
export class OperatorHarness<Out> {
  readonly clock: VirtualClock
  /** Watermarks that came out. */
  readonly watermarks: number[] = []
  /** Signals that came out. */
  readonly signals: ReceivedSignal[] = []
  readonly #region: Region
  readonly #records: HarnessRecord<Out>[] = []
  readonly #sides = new Map<string, HarnessRecord<unknown>[]>()
  readonly #metrics = new MetricRegistry()
  readonly #stored: StoredState
  readonly #collector = new EpochCollector()
  #chain!: Chain
  #storedSignals: Readonly<Record<string, unknown>> = {}
  #storedRounds: Readonly<Record<string, unknown>> = {}
  readonly #inputRounds: InputRound[] = []
  #taken = 0
  #attempts = 0
  #epoch = 0

  constructor(region: Region, sides: readonly OutputTag<unknown>[], clock: VirtualClock) {
    this.#region = region
    this.clock = clock
    this.#stored = new StoredState(clock)
    for (const { id } of sides) this.#sides.set(id, [])
  }

  /** Everything that came out so far. */
  values(): Out[] {
    return this.#records.map(({ value }) => value)
  }

  /** Everything that came out so far, with its event times. */
  records(): readonly HarnessRecord<Out>[] {
    return this.#records
  }

  /** What came out since the last call. */
  take(): Out[] {
    const values = this.#records.slice(this.#taken).map(({ value }) => value)
    this.#taken = this.#records.length
    return values
  }

  /** What came out at a side output. @throws OPTION_INVALID for a tag that the options did not name */
  side<T>(tag: OutputTag<T>): T[] {
    const records = this.#sides.get(tag.id)
    if (records === undefined) {
      throw new OptionError(
        `The harness does not listen to side output '${tag.id}'; name its tag in the options (sides).`,
      )
    }
    return records.map(({ value }) => value as T)
  }

  /** Moves the clock, and runs the timers of processing time and the answers that come by then. */
  advanceBy(duration: Duration): Promise<void> {
    return this.clock.advanceBy(durationMs(duration))
  }

  advanceTo(timeMs: number): Promise<void> {
    return this.clock.advanceTo(timeMs)
  }

  /** Takes a snapshot, as a commit does. */
  snapshot(): void {
    this.#epoch++
    for (const { receiver } of this.#inputs()) receiver.onBarrier(this.#epoch)
    this.#stored.apply(this.#collector.take())
    this.#storedSignals = this.#chain.snapshotSignals()
    this.#storedRounds = this.#chain.snapshotRounds()
    for (const round of this.#inputRounds) round.stored = round.number
  }

  /** Takes a snapshot and goes on with new instances that are restored from it. Timers of processing time are set anew. */
  async restart(): Promise<void> {
    this.snapshot()
    await this.#chain.close()
    await this.start()
  }

  /**
   * Goes on with new instances from the last snapshot: what came in since is lost, as after a crash, for the test to send
   * again.
   */
  async crash(): Promise<void> {
    this.#collector.take()
    for (const round of this.#inputRounds) round.number = round.stored
    await this.start()
  }

  /** State of a key by its declared name, as of now. `read` gets the handle that the function has. @throws OPTION_INVALID for a name that no operator has */
  state<Handle>(name: string, descriptor: { readonly '~handle'?: Handle }, key: unknown): Handle {
    this.snapshot()
    return this.#stored.handle(name, descriptor, key, this.#chain.catalog)
  }

  /** Timers that wait, ascending by time. */
  timers(): readonly PendingTimer[] {
    this.snapshot()
    return this.#stored.timers()
  }

  /** The value of a counter of the operators. */
  counter(name: string): number {
    const family = this.#metrics.families().find((candidate) => candidate.name === name)
    return (family?.series ?? []).reduce((sum, own) => sum + (own.kind === 'counter' ? own.counter.value : 0), 0)
  }

  async close(): Promise<void> {
    await this.#chain.close()
  }

  /** @internal */
  async start(): Promise<void> {
    const mine = { current: true }
    const schedule = (timeMs: number, callback: () => void): (() => void) =>
      this.clock.setTimer(Math.max(0, timeMs - this.clock.now()), () => mine.current && callback())
    this.#stop()
    this.#stop = () => {
      mine.current = false
    }
    this.#chain = Chain.build(this.#region, {
      job: 'harness',
      index: 0,
      attempt: this.#attempts++,
      maxParallelism: MAX_PARALLELISM,
      clock: this.clock,
      metrics: this.#metrics,
      logger: silentLogger,
      delta: this.#collector,
      stateReader: null,
      memory: { budgetBytes: 64 * 1024 * 1024, directory: tmpdir() },
      schedule,
      post: (callback) => void schedule(this.clock.now(), callback),
      sink: (uid) => this.#capture(uid),
      exchange: () => this.#capture(''),
    })
    this.#stored.restore(this.#chain)
    this.#chain.restoreSignals(this.#storedSignals)
    this.#chain.restoreRounds(this.#storedRounds)
    await this.#chain.open()
  }

  /** @internal */
  input<T>(at: number): HarnessInput<T> {
    const produce = (): void => {
      while (this.#chain.produce(PRODUCE_BUDGET)) {}
    }
    const round = { number: 0, stored: 0 }
    this.#inputRounds.push(round)
    return new HarnessInput<T>(() => (this.#inputs()[at] as { receiver: Receiver<unknown> }).receiver, produce, round)
  }

  #stop: () => void = () => {}

  #inputs(): { receiver: Receiver<unknown> }[] {
    return this.#region.nodes
      .filter(({ node }) => node.kind === 'source')
      .map(({ uid }) => ({ receiver: this.#chain.output(uid) }))
  }

  #capture(uid: string): Receiver<unknown> {
    const side = this.#sides.get(uid.replace(/^side-/, ''))
    const isMain = side === undefined
    const target = (side ?? this.#records) as HarnessRecord<unknown>[]
    return {
      onRecord: (value, timestamp) => target.push({ value, timestamp }),
      onWatermark: (watermark) => isMain && this.watermarks.push(watermark),
      onIdle() {},
      onBarrier() {},
      onRound() {},
      onSignal: ({ name }, value) => isMain && this.signals.push(new ReceivedSignal(name, value)),
      onEnd() {},
    }
  }
}

/** A harness with one input. */
export class OneInputHarness<In, Out> extends OperatorHarness<Out> {
  readonly #input: HarnessInput<In> = this.input<In>(0)

  /** Hands a record in, with its event time in milliseconds. */
  send(value: In, timestamp?: number): void {
    this.#input.send(value, timestamp)
  }

  /** Says that event time has passed up to here, in milliseconds. */
  watermark(watermark: number): void {
    this.#input.watermark(watermark)
  }

  /** Says whether the input is idle. */
  idle(isIdle: boolean): void {
    this.#input.idle(isIdle)
  }

  /** Begins the next round; see `HarnessInput.beginRound`. */
  beginRound(aggregates?: Readonly<Record<string, unknown>>): void {
    this.#input.beginRound(aggregates)
  }

  /** Ends the round. */
  endRound(): void {
    this.#input.endRound()
  }

  /** Ends the loop. */
  endLoop(): void {
    this.#input.endLoop()
  }

  /** Hands in a signal that the options name. */
  signal<V extends SignalValue>(signal: Signal<V>, value: NoInfer<V>): void {
    this.#input.signal(signal, value)
  }

  /** Ends the input: the final watermark, then the end. */
  end(): void {
    this.#input.end()
  }
}

/** A harness with two inputs. */
export class TwoInputHarness<Left, Right, Out> extends OperatorHarness<Out> {
  readonly left: HarnessInput<Left> = this.input<Left>(0)
  readonly right: HarnessInput<Right> = this.input<Right>(1)
}

/**
 * Runs what a function makes of a stream, for a test: one operator or a few. Records and watermarks are handed in by calls,
 * and what comes out is there when the call returns.
 *
 * @example
 * const t = await operatorHarness((payments: DataStream<Payment>) => payments.keyBy('card').window(tumbling('1m')).sum('amount'))
 * t.send({ card: 'a', amount: 1 }, 5_000)
 * t.watermark(60_000)
 * expect(t.values()).toEqual([{ card: 'a', amount: 1 }])
 */
export async function operatorHarness<In, Out>(
  build: (input: DataStream<In>) => DataStream<Out>,
  options: OperatorHarnessOptions = {},
): Promise<OneInputHarness<In, Out>> {
  const region = regionOf(1, ([input]) => build(input as DataStream<In>), options)
  const harness = new OneInputHarness<In, Out>(region, options.sides ?? [], clockOf(options))
  await harness.start()
  return harness
}

/** As `operatorHarness`, for what has two inputs: connected streams and joins. */
export async function twoInputHarness<Left, Right, Out>(
  build: (left: DataStream<Left>, right: DataStream<Right>) => DataStream<Out>,
  options: OperatorHarnessOptions = {},
): Promise<TwoInputHarness<Left, Right, Out>> {
  const region = regionOf(2, ([left, right]) => build(left as DataStream<Left>, right as DataStream<Right>), options)
  const harness = new TwoInputHarness<Left, Right, Out>(region, options.sides ?? [], clockOf(options))
  await harness.start()
  return harness
}

function clockOf({ now = 0 }: OperatorHarnessOptions): VirtualClock {
  return new VirtualClock({ startMs: now })
}

function regionOf<Out>(
  inputs: number,
  build: (inputs: readonly DataStream<unknown>[]) => DataStream<Out>,
  { sides = [], signals = [] }: OperatorHarnessOptions,
): Region {
  const graph = job('harness', (env) => {
    const streams = Array.from({ length: inputs }, () => env.source(handedIn(signals)))
    const result = build(streams)
    result.to(captured).uid('main-output')
    for (const tag of sides) result.sideOutput(tag).to(captured).uid(`side-${tag.id}`)
  }).build()
  const { regions } = compile(graph, { parallelism: 1, maxParallelism: MAX_PARALLELISM, topicPartitions: new Map() })
  return regions[0] as Region
}

/** A source for each input: the same one read twice would be read once. */
const handedIn = (signals: readonly Signal[]): Source<unknown> => ({
  name: 'handed-in',
  signals,
  bounded: true,
  replayable: true,
  splits: () => 1,
  open() {
    throw new OptionError('A harness hands records in by itself.')
  },
})

const captured: Sink<unknown> = {
  name: 'captured',
  guarantee: 'idempotent',
  open() {
    throw new OptionError('A harness takes records by itself.')
  },
}
