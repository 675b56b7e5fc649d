import { GraphError } from '../errors.ts'
import type { OutputTag } from '../operator/output-tag.ts'
import type { Collector } from '../operator/process-function.ts'
import { aggregating, gathering, type PaneContents, reducing } from '../operator/window/pane-contents.ts'
import type { WindowAssigner } from '../operator/window/window-assigner.ts'
import { type EmitWindow, type WindowContext, WindowOperator } from '../operator/window/window-operator.ts'
import type { LogicalEdge } from '../plan/logical-graph.ts'
import { msgpack } from '../serde/msgpack.ts'
import type { Serde } from '../serde/serde.ts'
import type { Aggregate } from '../state/keyed/descriptor.ts'
import { type Duration, durationMs } from '../time/duration.ts'
import { callSite } from './call-site.ts'
import { DataStream } from './data-stream.ts'
import type { GraphBuilder } from './graph-builder.ts'

/** Turns the result of a window into what the stream goes on with. */
export type WindowMap<K, In, Out> = (result: In, context: WindowContext<K>) => Out

export interface WindowStateOptions<T> {
  /** How what a window holds is stored. @default msgpack() */
  readonly serde?: Serde<T>
}

/** A keyed stream cut into windows; the last call says what is computed over each. */
export class WindowedStream<K, T> {
  readonly #builder: GraphBuilder
  readonly #edge: LogicalEdge
  readonly #key: (value: T) => K
  readonly #assigner: WindowAssigner
  readonly #allowedLatenessMs: number
  readonly #lateTag: string | null

  constructor(
    builder: GraphBuilder,
    edge: LogicalEdge,
    key: (value: T) => K,
    assigner: WindowAssigner,
    allowedLatenessMs = 0,
    lateTag: string | null = null,
  ) {
    this.#builder = builder
    this.#edge = edge
    this.#key = key
    this.#assigner = assigner
    this.#allowedLatenessMs = allowedLatenessMs
    this.#lateTag = lateTag
  }

  /** Keeps windows after they fired; records that come within this time fire them again. */
  allowedLateness(lateness: Duration): WindowedStream<K, T> {
    const ms = durationMs(lateness)
    return new WindowedStream(this.#builder, this.#edge, this.#key, this.#assigner, ms, this.#lateTag)
  }

  /** Where records go that are too late for all their windows; take them with `sideOutput(tag)` of the result. */
  lateTo(tag: OutputTag<T>): WindowedStream<K, T> {
    return new WindowedStream(this.#builder, this.#edge, this.#key, this.#assigner, this.#allowedLatenessMs, tag.id)
  }

  /** Folds the records of a window into one of their type. */
  reduce(reduce: (left: T, right: T) => T, map?: undefined, options?: WindowStateOptions<T>): DataStream<T>
  reduce<Out>(
    reduce: (left: T, right: T) => T,
    map: WindowMap<K, T, Out>,
    options?: WindowStateOptions<T>,
  ): DataStream<Out>
  reduce<Out>(
    reduce: (left: T, right: T) => T,
    map?: WindowMap<K, T, Out>,
    options: WindowStateOptions<T> = {},
  ): DataStream<T> | DataStream<Out> {
    return this.#window('window-reduce', reducing(reduce, options.serde ?? msgpack<T>()), map)
  }

  /**
   * Folds the records of a window into an accumulator, so that only that is kept.
   *
   * @example
   * .aggregate({ create: () => ({ sum: 0, n: 0 }), add: (a, p) => ({ sum: a.sum + p.amount, n: a.n + 1 }), result: (a) => a.sum / a.n })
   */
  aggregate<Accumulator, Result>(aggregate: Aggregate<T, Accumulator, Result>): DataStream<Result>
  aggregate<Accumulator, Result, Out>(
    aggregate: Aggregate<T, Accumulator, Result>,
    map: WindowMap<K, Result, Out>,
  ): DataStream<Out>
  aggregate<Accumulator, Result, Out>(
    aggregate: Aggregate<T, Accumulator, Result>,
    map?: WindowMap<K, Result, Out>,
  ): DataStream<Result> | DataStream<Out> {
    if (this.#assigner.kind === 'session' && aggregate.merge === undefined) {
      throw new GraphError(
        `The aggregate at ${callSite()} has no merge, which session windows need: two sessions become one when a record falls between them.`,
      )
    }
    return this.#window('window-aggregate', aggregating(aggregate, aggregate.serde ?? msgpack<Accumulator>()), map)
  }

  /**
   * Hands over all records of a window when it fires, in the order in which they came. The type of what it emits is that
   * of its collector.
   */
  process<Out>(
    onWindow: (values: readonly T[], context: WindowContext<K>, out: Collector<Out>) => void,
    options: WindowStateOptions<T> = {},
  ): DataStream<Out> {
    return this.#add('window-process', gathering(options.serde ?? msgpack<T>()), onWindow as EmitWindow)
  }

  #window<Result, Out>(
    type: string,
    contents: PaneContents,
    map: WindowMap<K, Result, Out> | undefined,
  ): DataStream<Out> {
    if (map === undefined) return this.#add(type, contents, null)
    const mapped = map as WindowMap<unknown, unknown, unknown>
    return this.#add(type, contents, (result, context, out) => out.emit(mapped(result, context)))
  }

  #add<Out>(type: string, contents: PaneContents, emit: EmitWindow | null): DataStream<Out> {
    const options = {
      key: this.#key as (value: never) => unknown,
      assigner: this.#assigner,
      contents,
      allowedLatenessMs: this.#allowedLatenessMs,
      lateTag: this.#lateTag,
      emit,
    }
    const node = this.#builder.operator({
      type,
      inputs: [this.#edge],
      create: () => new WindowOperator(options),
      stateful: true,
      keyed: true,
    })
    return new DataStream<Out>(this.#builder, node)
  }
}
