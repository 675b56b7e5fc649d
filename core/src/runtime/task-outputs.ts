import { StreamError } from '../errors.ts'
import type { LogOutput, LogWriter } from '../log/log.ts'
import type { Counter } from '../metrics/registry.ts'
import type { Receiver } from '../operator/operator.ts'
import type { Region } from '../plan/job-graph.ts'
import { ExchangeOutput } from './exchange-output.ts'
import { copyingSerde, type RecordOrigins } from './record-origin.ts'
import { CustomSink, type SinkBarriers, TopicSink } from './sinks.ts'
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
  /** Something was written, to be committed, though no record came. */
  readonly onIdleWritten: () => void
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

  /** True while something downstream cannot take more. Throws what failed in the background. */
  get isFull(): boolean {
    this.#writer?.check()
    if (this.#writer?.isFull) return true
    for (const sink of this.#custom.values()) if (sink.isFull) return true
    return false
  }

  /** Other tasks wait for what has been written. */
  get needsCommit(): boolean {
    for (const exchange of this.#exchanges.values()) if (exchange.needsCommit) return true
    return false
  }

  afterBatch(isLast: boolean): void {
    for (const exchange of this.#exchanges.values()) exchange.afterBatch(isLast)
  }

  async publish(committables: Readonly<Record<string, readonly unknown[]>>): Promise<void> {
    for (const [uid, list] of Object.entries(committables)) await this.#custom.get(uid)?.publish(list)
  }

  async close(): Promise<void> {
    for (const sink of this.#custom.values()) await sink.close()
  }

  async #openSink(
    uid: string,
    sink: Extract<Region['nodes'][number]['node'], { kind: 'sink' }>['sink'],
    copiesFrom: string | null,
    { region, index, environment, writer, barriers, onAvailable, written, origins }: TaskOutputsOptions,
  ): Promise<void> {
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
      const custom = new CustomSink(uid, await sink.sink.open(context), barriers, written)
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

function found<T>(value: T | undefined, what: string): T {
  if (value !== undefined) return value
  throw new StreamError('INVARIANT_BROKEN', `The task has no ${what}.`)
}
