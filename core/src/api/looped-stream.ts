import { GraphError, OptionError } from '../errors.ts'
import type { Aggregator } from '../operator/loop/aggregator.ts'
import { LoopExitOperator } from '../operator/loop/loop-exit.ts'
import { LoopHeadOperator } from '../operator/loop/loop-head.ts'
import { LOOP_EXIT, LOOP_HEAD, LOOP_REPLAY, LOOP_TAIL, type LoopSpec, RESULT } from '../operator/loop/loop-spec.ts'
import { LoopTailOperator } from '../operator/loop/loop-tail.ts'
import { ReplayOperator } from '../operator/loop/replay.ts'
import type { Round } from '../operator/loop/round.ts'
import type { Operator } from '../operator/operator.ts'
import type { Collector } from '../operator/process-function.ts'
import type { LogicalEdge, Partitioning } from '../plan/logical-graph.ts'
import { msgpack } from '../serde/msgpack.ts'
import type { Serde } from '../serde/serde.ts'
import { callSite } from './call-site.ts'
import { type ConstantOptions, constantJoin } from './constant-join.ts'
import { DataStream, forward } from './data-stream.ts'
import type { BuildingNode, GraphBuilder } from './graph-builder.ts'
import { KeyedStream } from './keyed-stream.ts'
import { SolutionSet } from './solution-set.ts'

export type { ConstantOptions } from './constant-join.ts'
export type { SolutionSet } from './solution-set.ts'

export interface IterateOptions<T> {
  /** How records are written that are fed back. @default msgpack() */
  readonly serde?: Serde<T>
}

export interface BulkOptions<T> extends IterateOptions<T> {
  /** The loop ends after so many rounds at the latest. */
  readonly maxRounds: number
  /** Asked at the end of each round, with what was aggregated in it. Every task asks: the answer must depend on nothing else. */
  readonly converged?: (round: Round) => boolean
}

export interface DeltaOptions<S, W> {
  /** @default no limit */
  readonly maxRounds?: number
  /** See `BulkOptions`. */
  readonly converged?: (round: Round) => boolean
  /** Of what is fed back, and of the solution set. @default msgpack() */
  readonly serde?: { readonly workset?: Serde<W>; readonly solution?: Serde<S> }
}

/** What can be done with the rounds of a loop, for the function that describes it. */
export interface LoopContext {
  /** Adds every record of a stream of the loop to an aggregator. */
  aggregate<In>(aggregator: Aggregator<In, unknown>, stream: DataStream<In>): void
  /** The records of a bounded stream from outside in every round. They are kept in state, where they came. */
  replay<T>(stream: DataStream<T>, options?: IterateOptions<T>): DataStream<T>
  /**
   * Brings every record of a stream of the loop together with all records of its key of a bounded stream from outside, in the order
   * in which these came. They are read once, before the first round, and kept by key; a round costs what its own records do.
   *
   * @example
   * const shares = loop.join(ranks.keyBy('page'), links.keyBy('from'), ({ rank }, links, out: Collector<Rank>) => {
   *   for (const { to } of links) out.emit({ page: to, rank: rank / links.length })
   * })
   */
  join<K, T, C, Out>(
    records: KeyedStream<K, T>,
    constants: KeyedStream<K, C>,
    meet: (record: T, constants: readonly C[], out: Collector<Out>) => void,
    options?: ConstantOptions<C>,
  ): DataStream<Out>
}

/** A loop while it is described. */
class Loop implements LoopContext {
  readonly head: BuildingNode
  readonly #builder: GraphBuilder
  readonly #spec: LoopSpec & { readonly aggregators: Aggregator<never, unknown>[] }
  readonly #aggregated: LogicalEdge[] = []

  constructor(builder: GraphBuilder, initial: LogicalEdge, spec: Omit<LoopSpec, 'aggregators'>) {
    this.#builder = builder
    this.#spec = { ...spec, aggregators: [] }
    const { maxRounds } = spec
    if (!(maxRounds === Number.POSITIVE_INFINITY || (Number.isSafeInteger(maxRounds) && maxRounds >= 1))) {
      throw new OptionError(
        `maxRounds of the loop at ${callSite()} is ${maxRounds}; it must be a whole number of at least 1.`,
      )
    }
    this.head = builder.operator({
      type: LOOP_HEAD,
      inputs: [initial],
      create: () => new LoopHeadOperator(this.#spec),
      stateful: true,
    })
  }

  aggregate<In>(aggregator: Aggregator<In, unknown>, stream: DataStream<In>): void {
    const { name } = aggregator
    if (this.#spec.aggregators.some((other) => other.name === name)) {
      throw new GraphError(
        `At ${callSite()} a second aggregator of the loop is named '${name}'; a name stands for one of them.`,
      )
    }
    this.#spec.aggregators.push(aggregator)
    this.#aggregated.push(stream.edge(forward))
  }

  replay<T>(stream: DataStream<T>, options: IterateOptions<T> = {}): DataStream<T> {
    const rounds = new DataStream<unknown>(this.#builder, this.head).filter(() => false).named('rounds')
    const node = this.#builder.operator({
      type: LOOP_REPLAY,
      inputs: [stream.edge(forward), rounds.edge(forward)],
      create: () => new ReplayOperator((options.serde ?? msgpack<T>()) as Serde<unknown>),
      stateful: true,
    })
    return new DataStream<T>(this.#builder, node)
  }

  join<K, T, C, Out>(
    records: KeyedStream<K, T>,
    constants: KeyedStream<K, C>,
    meet: (record: T, constants: readonly C[], out: Collector<Out>) => void,
    options: ConstantOptions<C> = {},
  ): DataStream<Out> {
    return constantJoin(records, constants, meet, options)
  }

  /** Leads `feedback` back to the head. */
  close<T>(feedback: DataStream<T>, partitioning: Partitioning): void {
    const tail = this.#builder.operator({
      type: LOOP_TAIL,
      inputs: [feedback.edge(forward), ...this.#aggregated],
      create: () => new LoopTailOperator(this.#spec),
    })
    const [initial] = this.head.inputs as readonly [LogicalEdge]
    this.head.inputs = [initial, { from: tail.id, tag: null, partitioning, isFeedback: true }]
  }

  exit<T>(stream: DataStream<T>): DataStream<T> {
    const create = (): Operator => new LoopExitOperator()
    const node = this.#builder.operator({ type: LOOP_EXIT, inputs: [stream.edge(forward)], create })
    return new DataStream<T>(this.#builder, node)
  }
}

export function iterate<T, Out>(
  builder: GraphBuilder,
  stream: DataStream<T>,
  step: (loop: DataStream<T>, context: LoopContext) => { feedback: DataStream<T>; output: DataStream<Out> },
  options: IterateOptions<T>,
): DataStream<Out> {
  const serde = (options.serde ?? msgpack<T>()) as Serde<unknown>
  const loop = new Loop(builder, stream.edge(forward), {
    mode: 'stream',
    serde,
    maxRounds: Number.POSITIVE_INFINITY,
    converged: null,
  })
  const { feedback, output } = step(new DataStream<T>(builder, loop.head), loop)
  loop.close(feedback, backTo(serde))
  return loop.exit(output)
}

export function iterateBulk<T>(
  builder: GraphBuilder,
  stream: DataStream<T>,
  step: (partial: DataStream<T>, context: LoopContext) => DataStream<T>,
  options: BulkOptions<T>,
): DataStream<T> {
  const serde = (options.serde ?? msgpack<T>()) as Serde<unknown>
  const { maxRounds, converged = null } = options
  const loop = new Loop(builder, stream.edge(forward), { mode: 'bulk', serde, maxRounds, converged })
  loop.close(step(new DataStream<T>(builder, loop.head), loop), backTo(serde))
  return loop.exit(new DataStream<T>(builder, loop.head, RESULT))
}

export function iterateDelta<K, S, W>(
  builder: GraphBuilder,
  solution: KeyedStream<K, S>,
  workset: KeyedStream<K, W>,
  step: (workset: KeyedStream<K, W>, solution: SolutionSet<K, S>, context: LoopContext) => DataStream<W>,
  options: DeltaOptions<S, W>,
): DataStream<S> {
  const place = callSite()
  const serde = (options.serde?.workset ?? msgpack<W>()) as Serde<unknown>
  const { maxRounds = Number.POSITIVE_INFINITY, converged = null } = options
  const { edge, key } = workset.side
  const loop = new Loop(builder, edge, {
    mode: 'delta',
    serde,
    maxRounds,
    converged,
  })
  // What is fed back goes to the task of its key at once, so that nothing need travel twice in a round.
  const byKey = key as (value: unknown) => unknown
  const there = { from: loop.head.id, tag: null, partitioning: { kind: 'colocated', key: byKey } } as const
  const solutionSet = new SolutionSet<K, S>(solution, options.serde?.solution ?? msgpack<S>())
  const next = step(new KeyedStream<K, W>(builder, there, byKey as (value: W) => K), solutionSet, loop)
  loop.close(next, { kind: 'hash', key: byKey, value: serde })
  return loop.exit(solutionSet.result(place))
}

/** Records stay with the task that has them; within one task they go straight back. */
function backTo(value: Serde<unknown>): Partitioning {
  return { kind: 'forward', value }
}
