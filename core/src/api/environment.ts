import { type GeneratorOptions, generatorSource } from '../connector/generator.ts'
import { type IterableInput, iterableSource } from '../connector/iterable.ts'
import type { Source } from '../connector/source.ts'
import { GraphError } from '../errors.ts'
import type { Operator } from '../operator/operator.ts'
import { SequenceOperator } from '../operator/sequence.ts'
import { StartGate } from '../operator/start-gate.ts'
import type { BacklogSpec, DecodeFailurePolicy, Partitioning, StartPosition } from '../plan/logical-graph.ts'
import { msgpack } from '../serde/msgpack.ts'
import type { Serde } from '../serde/serde.ts'
import { type Duration, durationMs } from '../time/duration.ts'
import type { WatermarkStrategy } from '../time/watermark-strategy.ts'
import { callSite } from './call-site.ts'
import { DataStream, forward } from './data-stream.ts'
import type { GraphBuilder } from './graph-builder.ts'

export interface SourceOptions<T> {
  /** Event time of the records, and how watermarks follow. Without it there are no watermarks. */
  readonly time?: WatermarkStrategy<T>
  /** All that the source has is a backlog, until it ends: a history. See the signal `backlog`. @default false */
  readonly backlog?: boolean
}

/** Bounds beyond which a topic's partition is said to be behind, until it is within half of them. */
export interface BacklogBounds {
  /** Records that have not been read. */
  readonly maxLag?: number
  /** Of the watermark behind the clock, while there is something to read. */
  readonly maxDelay?: Duration
}

export interface TopicOptions<T> extends Omit<SourceOptions<T>, 'backlog'> {
  /**
   * When the topic is said to be behind: beyond bounds, or `true` for a history that is a backlog until it ends. See the signal `backlog`.
   * @default never
   */
  readonly backlog?: boolean | BacklogBounds
  /** Ends where the topic ended when the job first started. @default false */
  readonly bounded?: boolean
  /** Where to begin when the job has read nothing yet; a number is a record time in ms. @default 'earliest' */
  readonly start?: StartPosition
  /**
   * A bounded stream of the job that comes first, such as an archive: the topic is read when all of it has been, by all tasks, and
   * the result holds both. Event time follows the first stream, then the topic.
   */
  readonly after?: DataStream<T>
  /** @default 'fail' */
  readonly onDecodeFailure?: DecodeFailurePolicy
}

/** A record of a topic with everything that came with it. A null value is a tombstone. */
export interface TopicRecord<K, V> {
  readonly key: K | null
  readonly value: V | null
  /** Milliseconds since the Unix epoch, as stored in the topic. */
  readonly timestamp: number
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array }[]
}

/** Where the streams of a job begin; given to the function that builds it. */
export class Environment {
  readonly #builder: GraphBuilder

  constructor(builder: GraphBuilder) {
    this.#builder = builder
  }

  /**
   * The values of a topic.
   *
   * @example
   * env.topic('payments', json<Payment>(), { time: watermarks.bounded('5s', (p) => p.time) })
   */
  topic<T>(topic: string, value: Serde<T>, options: TopicOptions<NoInfer<T>> = {}): DataStream<T> {
    return this.#topic(topic, value as Serde<unknown>, options, {})
  }

  /** The records of a topic with their keys, timestamps and headers. */
  records<K, V>(
    topic: string,
    serdes: { readonly key: Serde<K>; readonly value: Serde<V> },
    options: TopicOptions<NoInfer<TopicRecord<K, V>>> = {},
  ): DataStream<TopicRecord<K, V>> {
    return this.#topic(topic, serdes.value as Serde<unknown>, options, {
      toRecord: (value, key, timestamp, headers) => ({
        key: key === null ? null : serdes.key.decode(key, 0, key.length),
        value,
        timestamp,
        headers: headers(),
      }),
    })
  }

  /**
   * The elements of an iterable, an async iterable, or of what a function makes at each start. Bounded. A job that is to
   * survive a restart exactly needs an array, or a function that gives the same elements again.
   */
  from<T>(input: IterableInput<T>, options: SourceOptions<NoInfer<T>> = {}): DataStream<T> {
    return this.source(iterableSource(input), options)
  }

  /** Records made by their index, at a rate if wanted: for tests, demos and benchmarks. */
  generate<T>(generator: GeneratorOptions<T>, options: SourceOptions<NoInfer<T>> = {}): DataStream<T> {
    return this.source(generatorSource(generator), options)
  }

  /** Reads through the Source SPI. */
  source<T, Position>(source: Source<T, Position>, options: SourceOptions<NoInfer<T>> = {}): DataStream<T> {
    const node = this.#builder.source(`${source.name}-source`, {
      kind: 'splits',
      source: source as unknown as Source<unknown>,
      time: (options.time ?? null) as WatermarkStrategy<unknown> | null,
      isBacklog: options.backlog ?? false,
    })
    return new DataStream<T>(this.#builder, node)
  }

  #topic<T>(
    topic: string,
    value: Serde<unknown>,
    { time, bounded = false, start = 'earliest', onDecodeFailure = 'fail', after, backlog }: TopicOptions<T>,
    extra: Pick<Extract<Parameters<GraphBuilder['source']>[1], { kind: 'topic' }>, 'toRecord'>,
  ): DataStream<T> {
    const gate = after === undefined ? null : new StartGate()
    const node = this.#builder.source('topic-source', {
      kind: 'topic',
      topic,
      value,
      ...extra,
      time: (time ?? null) as WatermarkStrategy<unknown> | null,
      bounded,
      ...(gate === null ? {} : { gate }),
      start,
      onDecodeFailure,
      backlog: backlogSpec(topic, backlog ?? false, time !== undefined),
    })
    node.name = topic
    const stream = new DataStream<T>(this.#builder, node)
    return gate === null || after === undefined ? stream : this.#sequence(after, stream, gate)
  }

  #sequence<T>(first: DataStream<T>, second: DataStream<T>, gate: StartGate): DataStream<T> {
    // Nothing but its end travels to all tasks.
    const end = first.filter(() => false).named('end')
    const toAll: Partitioning = { kind: 'broadcast', value: msgpack<unknown>() }
    const node = this.#builder.operator({
      type: 'sequence',
      inputs: [first.edge(forward), end.edge(toAll), second.edge(forward)],
      create: () => new SequenceOperator<T>(gate) as Operator,
    })
    return new DataStream<T>(this.#builder, node)
  }
}

/** @throws GRAPH_INVALID for bounds that cannot be */
function backlogSpec(topic: string, backlog: boolean | BacklogBounds, hasTime: boolean): BacklogSpec | null {
  if (typeof backlog === 'boolean') return backlog ? 'all' : null
  const { maxLag, maxDelay } = backlog
  const refused = (what: string): GraphError =>
    new GraphError(`The backlog of topic ${topic} at ${callSite()} ${what}.`)
  if (maxLag === undefined && maxDelay === undefined) throw refused('has no bounds; give maxLag, maxDelay or both')
  if (maxLag !== undefined && !(Number.isSafeInteger(maxLag) && maxLag >= 1)) {
    throw refused(`has a maxLag of ${maxLag}; it must be a whole number of at least 1`)
  }
  if (maxDelay !== undefined && !hasTime)
    throw refused('goes by event time; give the topic a watermark strategy (time: …)')
  const maxDelayMs = maxDelay === undefined ? null : durationMs(maxDelay)
  if (maxDelayMs !== null && maxDelayMs <= 0) throw refused(`has a maxDelay of ${maxDelay}; it must be above 0`)
  return { maxLag: maxLag ?? null, maxDelayMs }
}
