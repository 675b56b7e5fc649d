import type { Job } from '../api/job.ts'
import type { JobHandle, JobResult } from '../api/job-handle.ts'
import type { RunOptions } from '../api/run-options.ts'
import { OptionError, TopicMissingError } from '../errors.ts'
import { type MemoryLogProvider, type MemoryStorage, memoryLog } from '../log/memory/index.ts'
import { silentLogger } from '../metrics/logger.ts'
import type { LogicalGraph } from '../plan/logical-graph.ts'
import { ByteWriter } from '../serde/byte-writer.ts'
import type { Serde } from '../serde/serde.ts'
import { memoryState } from '../state/memory/index.ts'
import { type Duration, durationMs } from '../time/duration.ts'
import { VirtualClock } from '../time/virtual-clock.ts'

export interface HarnessOptions {
  /** Clock time at the beginning: a Date, its text, or milliseconds since the Unix epoch. @default 2026-01-01T00:00:00Z */
  readonly now?: Date | string | number
  /** Partitions of the topics that the job reads and writes; one for those not named. */
  readonly partitions?: Readonly<Record<string, number>>
  /** Of the run; log, state and clock are the harness's. */
  readonly run?: Omit<RunOptions, 'log' | 'clock'>
}

export interface SendOptions {
  readonly key?: string | Uint8Array | null
  /** Record time in milliseconds. @default the clock's */
  readonly timestamp?: number
  /** @default 0 */
  readonly partition?: number
  readonly headers?: Readonly<Record<string, string>>
}

/** A topic of the job under test, with the serde that the job itself uses for it. */
export class HarnessTopic<T> {
  readonly name: string
  readonly #log: MemoryLogProvider
  readonly #serde: Serde<T>
  readonly #now: () => number
  readonly #writer = new ByteWriter()

  constructor(name: string, log: MemoryLogProvider, serde: Serde<T>, now: () => number) {
    this.name = name
    this.#log = log
    this.#serde = serde
    this.#now = now
  }

  /** Writes a value; the job reads it when time moves or the harness settles. */
  send(value: T, options: SendOptions = {}): void {
    this.#writer.position = 0
    this.#serde.encode(value, this.#writer)
    this.sendBytes(this.#writer.toBuffer(), options)
  }

  /** Writes bytes as they are, for what should not decode; null is a tombstone. */
  sendBytes(
    value: Uint8Array | null,
    { key = null, timestamp = this.#now(), partition = 0, headers = {} }: SendOptions = {},
  ): void {
    this.#log.storage.write(this.name, partition, [
      {
        value,
        timestamp,
        key: typeof key === 'string' ? Buffer.from(key) : key,
        headers: Object.entries(headers).map(([name, text]) => ({ key: name, value: Buffer.from(text) })),
      },
    ])
  }

  /** The committed values, partition by partition. */
  values(): T[] {
    return this.records().map(({ value }) => value as T)
  }

  /** The committed records. */
  records(): {
    key: string | null
    value: T | null
    timestamp: number
    partition: number
    headers: Record<string, string>
  }[] {
    return this.#log.storage.read(this.name).map(({ key, value, timestamp, partition, headers }) => ({
      key: key === null ? null : key.toString(),
      value: value === null ? null : this.#serde.decode(value, 0, value.length),
      timestamp,
      partition,
      headers: Object.fromEntries(headers.map((header) => [header.key, Buffer.from(header.value).toString()])),
    }))
  }
}

/** Runs a job in memory on a clock that stands still until it is moved. */
export class TestHarness {
  readonly clock: VirtualClock
  readonly #job: Job
  readonly #run: RunOptions
  #handle: JobHandle
  readonly #log: MemoryLogProvider
  readonly #serdes: ReadonlyMap<string, Serde<unknown>>
  readonly #epochMs: number
  #failure: unknown = null

  constructor(job: Job, options: HarnessOptions) {
    this.clock = new VirtualClock({ startMs: timeMs(options.now ?? '2026-01-01T00:00:00Z') })
    this.#log = memoryLog({ clock: this.clock })
    const graph = job.build()
    this.#serdes = topicsOf(graph)
    for (const name of this.#serdes.keys()) this.#log.storage.createTopic(name, options.partitions?.[name] ?? 1)
    const epochInterval = options.run?.epochInterval ?? 10
    this.#epochMs = durationMs(epochInterval)
    this.#job = job
    this.#run = {
      logger: silentLogger,
      state: memoryState(),
      ...options.run,
      epochInterval,
      log: this.#log,
      clock: this.clock,
    }
    this.#handle = this.#start()
  }

  /** The job as it runs now. */
  get handle(): JobHandle {
    return this.#handle
  }

  /** What the log holds, the job's own topics included. */
  get storage(): MemoryStorage {
    return this.#log.storage
  }

  /** A topic that the job reads or writes; the type is yours to say. @throws TOPIC_MISSING for another one */
  topic<T>(name: string): HarnessTopic<T> {
    const serde = this.#serdes.get(name)
    if (serde === undefined) {
      const known = [...this.#serdes.keys()].join(', ')
      throw new TopicMissingError(
        `The job neither reads nor writes topic ${name}; it has ${known === '' ? 'none' : known}.`,
      )
    }
    return new HarnessTopic(name, this.#log, serde as Serde<T>, () => this.clock.now())
  }

  /** Lets the job process and commit everything that was sent. Takes two epochs of clock time. Throws what failed the job. */
  async settle(): Promise<void> {
    await this.advanceBy(2 * this.#epochMs + 1)
  }

  /** Moves the clock to a time: a Date, its text, or milliseconds since the Unix epoch. Throws what failed the job. */
  async advanceTo(time: Date | string | number): Promise<void> {
    await this.clock.advanceTo(timeMs(time))
    if (this.#failure !== null) throw this.#failure
  }

  /** Moves the clock on. Throws what failed the job. */
  async advanceBy(duration: Duration): Promise<void> {
    await this.advanceTo(this.clock.now() + durationMs(duration))
  }

  /** Ends the job with a commit and starts it again from what it has stored, as a deployment does. */
  async restart(): Promise<void> {
    await this.stop()
    this.#handle = this.#start()
    await this.settle()
  }

  /** Runs until the job's input has ended. Rejects when it does not end within an hour of clock time. */
  async finish(): Promise<JobResult> {
    let isDone = false
    this.handle.done.then(
      () => {
        isDone = true
      },
      () => {
        isDone = true
      },
    )
    const endMs = this.clock.now() + 3_600_000
    while (!isDone) {
      if (this.clock.now() >= endMs)
        throw new OptionError('The job did not end within an hour of clock time; is its input bounded?')
      await this.clock.advanceBy(this.#epochMs)
    }
    return this.handle.done
  }

  /** Ends the job with a final commit. */
  async stop(): Promise<JobResult> {
    const stopped = this.handle.stop()
    // Whoever awaits the result below gets a failure; meanwhile it must not count as unhandled.
    stopped.catch(() => {})
    await this.clock.advanceBy(2 * this.#epochMs)
    return stopped
  }

  #start(): JobHandle {
    const handle = this.#job.start(this.#run)
    handle.done.catch((error: unknown) => {
      this.#failure = error
    })
    return handle
  }
}

/**
 * Starts a job in memory, for a test: its topics exist, time stands still until the test moves it.
 *
 * @example
 * const t = await testHarness(fraud)
 * t.topic<Payment>('payments').send({ card: 'c1', amount: 1, time: 0 })
 * await t.settle()
 * expect(t.topic('alerts').values()).toEqual([])
 * await t.stop()
 */
export async function testHarness(job: Job, options: HarnessOptions = {}): Promise<TestHarness> {
  const harness = new TestHarness(job, options)
  await harness.advanceBy(0)
  return harness
}

function topicsOf(graph: LogicalGraph): Map<string, Serde<unknown>> {
  const serdes = new Map<string, Serde<unknown>>()
  for (const node of graph.nodes) {
    if (node.kind === 'source' && node.source.kind === 'topic') {
      serdes.set(node.source.topic, node.source.value)
      const policy = node.source.onDecodeFailure
      if (typeof policy === 'object') serdes.set(policy.deadLetterTopic, asText)
    } else if (node.kind === 'sink' && node.sink.kind === 'topic') {
      serdes.set(node.sink.topic, node.sink.value)
    }
  }
  return serdes
}

/** Dead letters are what did not decode: they are shown as text. */
const asText: Serde<unknown> = {
  format: 'text@1',
  decode: (bytes, start, end) => bytes.toString('utf8', start, end),
  encode: (value, target) => target.writeUtf8(String(value)),
}

function timeMs(time: Date | string | number): number {
  const ms = typeof time === 'number' ? time : new Date(time).getTime()
  if (Number.isFinite(ms)) return ms
  throw new OptionError(`${String(time)} is not a time; give a Date, an ISO 8601 text or milliseconds.`)
}
