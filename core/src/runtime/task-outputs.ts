import { StreamError } from '../errors.ts'
import type { LogOutput, LogWriter } from '../log/log.ts'
import type { Counter } from '../metrics/registry.ts'
import type { Receiver } from '../operator/operator.ts'
import type { Region } from '../plan/job-graph.ts'
import { CommittedOutput } from './committed-output.ts'
import { ExchangeOutput } from './exchange-output.ts'
import { copyingSerde, type RecordOrigins } from './record-origin.ts'
import { CustomSink, type SinkBarriers, TopicSink } from './sinks.ts'
import { restoreSignals, snapshotSignals } from './stored-signals.ts'
import type { TaskEnvironment } from './task-environment.ts'

export interface TaskOutputsOptions {
  readonly region: Region
  readonly index: number
  readonly environment: TaskEnvironment
  readonly writer: LogWriter | null
  readonly barriers: SinkBarriers
  readonly onAvailable: () => void
  readonly written: Counter
  readonly origins: RecordOrigins
  /** Something is to be committed, though no record came. */
  readonly onIdleWritten: () => void
  /** Runs a callback in the task's loop, before its next barrier. */
  readonly post: (callback: () => void) => void
}

/** Everything that a task writes. */
export class TaskOutputs {
  readonly #writer: LogWriter | null
  readonly #topics = new Map<string, LogOutput>()
  readonly #sinks = new Map<string, Receiver<unknown>>()
  readonly #custom = new Map<string, CustomSink>()
  readonly #exchanges = new Map<string, ExchangeOutput>()

  private constructor(writer: LogWriter | null) {
    this.#writer = writer
  }

  static async open(options: TaskOutputsOptions): Promise<TaskOutputs> {
    const outputs = new TaskOutputs(options.writer)
    for (const { uid, node, copiesFrom } of options.region.nodes) {
      if (node.kind === 'sink') await outputs.#openSink(uid, node.sink, copiesFrom, options)
      else if (node.kind === 'source' && node.source.kind === 'topic') {
        const policy = node.source.onDecodeFailure
        if (typeof policy === 'object') await outputs.#openTopic(policy.deadLetterTopic, options.writer)
      }
    }
    const { region, index, environment, origins } = options
    for (const exchange of region.exchangesOut) {
      const output = await outputs.#openTopic(exchange.topic, options.writer)
      const { maxParallelism } = environment.graph
      const origin = exchange.copiesFrom === null ? null : origins.of(exchange.copiesFrom)
      const now = (): number => environment.clock.now()
      outputs.#exchanges.set(
        exchange.id,
        new ExchangeOutput(exchange, output, index, maxParallelism, now, origin, options.onIdleWritten),
      )
    }
    return outputs
  }

  topic(name: string): LogOutput {
    return found(this.#topics.get(name), `topic ${name}`)
  }

  sink(uid: string): Receiver<unknown> {
    return found(this.#sinks.get(uid), `sink ${uid}`)
  }

  exchange(id: string): Receiver<unknown> {
    return found(this.#exchanges.get(id), `exchange ${id}`)
  }

  /** Connects what reads what sinks have committed. `output` gives the receiver behind a node. */
  attach(output: (uid: string) => Receiver<unknown>): void {
    for (const [uid, sink] of this.#custom) sink.attach(output(uid))
  }

  /** True while something downstream cannot take more. Throws what failed in the background. */
  get isFull(): boolean {
    this.#writer?.check()
    if (this.#writer?.isFull) return true
    for (const sink of this.#custom.values()) if (sink.isFull) return true
    return false
  }

  /** Nothing waits for a commit before it can go on. */
  get isEmpty(): boolean {
    for (const sink of this.#custom.values()) if (sink.holdsEnd) return false
    return true
  }

  /** Sinks through which records go on when they are committed, one after another at most. */
  get stages(): number {
    return this.#custom.size
  }

  /** Other tasks wait for what has been written, or the end for what has come before it. */
  get needsCommit(): boolean {
    if (!this.isEmpty) return true
    for (const exchange of this.#exchanges.values()) if (exchange.needsCommit) return true
    return false
  }

  afterBatch(isLast: boolean): void {
    for (const exchange of this.#exchanges.values()) exchange.afterBatch(isLast)
  }

  /** What sinks have heard, by the name it has in an epoch. */
  snapshotSignals(): Record<string, unknown> {
    return snapshotSignals(this.#custom)
  }

  /** Writers are new, and know nothing. */
  restoreSignals(operators: Readonly<Record<string, unknown>>): void {
    restoreSignals(this.#custom, operators)
  }

  async publish(committables: Readonly<Record<string, readonly unknown[]>>): Promise<void> {
    for (const [uid, sink] of this.#custom) await sink.publish(committables[uid] ?? [])
  }

  async close(): Promise<void> {
    for (const sink of this.#custom.values()) await sink.close()
  }

  async #openSink(
    uid: string,
    sink: Extract<Region['nodes'][number]['node'], { kind: 'sink' }>['sink'],
    copiesFrom: string | null,
    options: TaskOutputsOptions,
  ): Promise<void> {
    const { region, index, environment, writer, barriers, onAvailable, written, origins } = options
    if (sink.kind === 'topic') {
      const output = await this.#openTopic(sink.topic, writer)
      const value = copiesFrom === null ? sink.value : copyingSerde(sink.value, origins.of(copiesFrom))
      this.#sinks.set(uid, new TopicSink({ ...sink, value }, output, uid, () => environment.clock.now(), written))
      return
    }
    const { clock, graph } = environment
    const context = {
      job: graph.job,
      operator: uid,
      index,
      parallelism: region.parallelism,
      onAvailable,
      now: () => clock.now(),
      setTimer: (delayMs: number, callback: () => void) => clock.setTimer(delayMs, callback),
    }
    try {
      const committed = isRead(region, uid)
        ? new CommittedOutput({ post: options.post, onEndHeld: options.onIdleWritten })
        : null
      const custom = new CustomSink(uid, await sink.sink.open(context), barriers, written, committed)
      this.#custom.set(uid, custom)
      this.#sinks.set(uid, custom)
    } catch (cause) {
      if (StreamError.is(cause)) throw cause.locate({ operator: uid })
      const text = cause instanceof Error ? cause.message : String(cause)
      throw new StreamError('SINK_FAILED', `The sink could not be opened: ${text}.`, {
        where: { operator: uid },
        cause,
      })
    }
  }

  async #openTopic(name: string, writer: LogWriter | null): Promise<LogOutput> {
    const known = this.#topics.get(name)
    if (known !== undefined) return known
    const output = await found(writer ?? undefined, `writer for topic ${name}`).output(name)
    this.#topics.set(name, output)
    return output
  }
}

function isRead({ nodes, exchangesOut }: Region, uid: string): boolean {
  return (
    nodes.some(({ inputs }) => inputs.some((edge) => edge?.fromUid === uid)) ||
    exchangesOut.some(({ fromUid }) => fromUid === uid)
  )
}

function found<T>(value: T | undefined, what: string): T {
  if (value !== undefined) return value
  throw new StreamError('INVARIANT_BROKEN', `The task has no ${what}.`)
}
