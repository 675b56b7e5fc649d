import type { PartitionPosition } from '../checkpoint/format.ts'
import type { LogBatch, LogOutput, LogReader } from '../log/log.ts'
import type { Counter } from '../metrics/registry.ts'
import { backlog, type Signal } from '../operator/signal/signal.ts'
import type { StoredCombination } from '../operator/signal/signal-combiner.ts'
import type { Exchange, Region } from '../plan/job-graph.ts'
import { emittedBy } from '../plan/signals.ts'
import type { CancelTimer } from '../time/clock.ts'
import type { WatermarkStrategy } from '../time/watermark-strategy.ts'
import type { Chain } from './chain.ts'
import { DeadLetters } from './dead-letters.ts'
import { ExchangePartitionInput, type ExchangeProgress } from './exchange-input.ts'
import { PacedReader } from './paced-reader.ts'
import type { PartitionInput } from './partition-input.ts'
import type { RecordOrigins } from './record-origin.ts'
import type { AlignedChannel } from './source-alignment.ts'
import { SourceHead } from './source-head.ts'
import { SplitInput, type SplitPosition } from './split-input.ts'
import { signalsUid, snapshotSignals } from './stored-signals.ts'
import { sourcePartitions, type TaskEnvironment } from './task-environment.ts'
import type { TakenOver } from './task-take-over.ts'
import { TopicPartitionInput } from './topic-partition-input.ts'

/** Records that a split source hands out before other work of the task gets its turn. */
const SPLIT_BUDGET = 2048
/** Records of loops that go on before other work of the task gets its turn. */
const LOOP_BUDGET = 1024

export interface TaskInputsOptions {
  readonly region: Region
  readonly index: number
  readonly environment: TaskEnvironment
  readonly chain: Chain
  readonly takenOver: TakenOver
  readonly output: (topic: string) => LogOutput
  readonly setTimer: (delayMs: number, callback: () => void) => CancelTimer
  readonly onAvailable: () => void
  readonly undecodable: Counter
  readonly bytesIn: Counter
  readonly origins: RecordOrigins
}

/** Everything that a task reads, and the heads of its chains. */
export class TaskInputs {
  readonly heads: readonly SourceHead[]
  readonly #partitions = new Map<string, PartitionInput>()
  readonly #exchanges: { readonly exchange: Exchange; readonly input: ExchangePartitionInput }[] = []
  readonly #splits: SplitInput[] = []
  readonly #reader: LogReader | null
  readonly #paced: PacedReader | null
  readonly #starts: (() => void)[] = []
  /** Heads of sources that say something besides records. */
  readonly #signalling = new Map<string, SourceHead>()
  readonly #bytesIn: Counter
  /** Partitions that wait for others to come near in event time. */
  readonly #held = new Set<PartitionInput>()
  readonly #options: TaskInputsOptions
  /** Partitions that are not read before something else has ended. */
  #gated: PartitionInput[] = []
  /** Heads of sources that may get something to read. */
  readonly #empty: SourceHead[] = []
  #nextSplit = 0
  /** A batch that an input has taken a part of. */
  #partial: LogBatch | null = null
  #isInputsTurn = false

  constructor(options: TaskInputsOptions) {
    this.#options = options
    const heads: SourceHead[] = []
    this.#bytesIn = options.bytesIn
    this.#reader = options.takenOver.partitions.length === 0 ? null : this.#openReader(options)
    this.#paced = this.#reader === null ? null : this.#pace(this.#reader, options)
    for (const { uid, node } of options.region.nodes) {
      if (node.kind !== 'source') continue
      if (node.source.kind === 'topic') this.#addTopic(uid, node.source, options, heads)
      else this.#addSplits(uid, node.source, options, heads)
    }
    for (const exchange of options.region.exchangesIn) this.#addExchange(exchange, options, heads)
    this.heads = heads
  }

  /** Lets restored watermarks and ends take effect, then begins to fetch. */
  start(): void {
    for (const start of this.#starts) start()
    this.#watchIdleness()
    const all = [...this.#partitions.values()].filter((input) => !input.ended)
    this.#reader?.add(all.filter((input) => !this.#isGated(input)))
    this.#gated = all.filter((input) => this.#isGated(input))
  }

  get ended(): boolean {
    return this.heads.every((head) => head.ended || head.isFeedback)
  }

  /** Ends the sources where they are; repartition topics end when their writers do. */
  endSources(): void {
    for (const input of [...this.#partitions.values(), ...this.#splits]) if (!input.ended) input.end()
    for (const head of this.#empty.splice(0)) head.endEmpty()
  }

  /** Whether a source in front of the task is behind. */
  get isBacklog(): boolean {
    return this.heads.some((head) => head.told(backlog) === true)
  }

  /** The lowest watermark of the task's inputs. */
  get watermark(): number {
    return Math.min(...this.heads.filter((head) => !head.isFeedback).map((head) => head.watermark))
  }

  /** Runs the next batch through the chains. Returns the number of records, or -1 when there was nothing to do. */
  poll(): number {
    // What goes round in loops and what comes in take turns, unless too much of it is waiting.
    const isLoopFirst = !this.#isInputsTurn || this.#options.chain.driven.some(({ isCrowded }) => isCrowded)
    const records = isLoopFirst ? this.#drive() : -1
    this.#isInputsTurn = records >= 0
    if (records >= 0) return records
    const read = this.#read()
    return read >= 0 || isLoopFirst ? read : this.#drive()
  }

  #drive(): number {
    for (const driven of this.#options.chain.driven) {
      const records = driven.drive(LOOP_BUDGET)
      if (records >= 0) return records
    }
    return -1
  }

  #read(): number {
    if (this.#held.size > 0) this.#releaseHeld()
    if (this.#gated.length > 0) this.#openGates()
    const batch = this.#partial ?? this.#paced?.take()
    if (batch !== undefined) return this.#process(batch)
    for (let tried = 0; tried < this.#splits.length; tried++) {
      const split = this.#splits[this.#nextSplit] as SplitInput
      this.#nextSplit = (this.#nextSplit + 1) % this.#splits.length
      if (split.ended || split.isHeld) continue
      const { records, status } = split.poll(SPLIT_BUDGET)
      if (records > 0 || status !== 'wait') return records
    }
    return -1
  }

  get #idlenessMs(): number | null {
    let least: number | null = null
    for (const input of [...this.#partitions.values(), ...this.#splits]) {
      if (input.idlenessMs !== null && (least === null || input.idlenessMs < least)) least = input.idlenessMs
    }
    return least
  }

  /** Looks twice in the time after which an input that is silent counts as idle. */
  #watchIdleness(): void {
    const idlenessMs = this.#idlenessMs
    if (idlenessMs === null) return
    const { setTimer, environment } = this.#options
    const check = (): void => {
      const nowMs = environment.clock.now()
      for (const input of this.#partitions.values()) input.checkIdle(nowMs)
      for (const split of this.#splits) split.checkIdle(nowMs)
      setTimer(idlenessMs / 2, check)
    }
    setTimer(idlenessMs, check)
  }

  partitionPositions(): PartitionPosition[] {
    return [...this.#partitions.values()].map((input) => input.position())
  }

  splitPositions(): Record<string, SplitPosition> {
    return Object.fromEntries(this.#splits.map((split) => [`${split.uid}/${split.split}`, split.position()]))
  }

  exchangeProgress(): Record<string, ExchangeProgress> {
    return Object.fromEntries(
      this.#exchanges.map(({ exchange, input }) => [exchangeStateUid(exchange), input.progress()]),
    )
  }

  /** What the sources have said, by the name it has in an epoch; what came through exchanges is in their progress. */
  snapshotSignals(): Record<string, unknown> {
    return snapshotSignals(this.#signalling)
  }

  /** Records between what was read and what is committed in the log, over all partitions; null while unknown. */
  lag(): number | null {
    let lag: number | null = null
    for (const { topic, partition, offset } of this.#partitions.values()) {
      const end = this.#reader?.endOffset(topic, partition)
      if (end !== undefined) lag = (lag ?? 0) + Math.max(0, end - offset)
    }
    return lag
  }

  async close(): Promise<void> {
    for (const input of this.#partitions.values()) input.close()
    this.#paced?.close()
    await Promise.all([this.#reader?.close(), ...this.#splits.map((split) => split.close())])
  }

  #input(topic: string, partition: number): PartitionInput | undefined {
    return this.#partitions.get(`${topic}/${partition}`)
  }

  #process(batch: LogBatch): number {
    const input = this.#input(batch.topic, batch.partition)
    const isRest = this.#partial !== null
    this.#partial = null
    if (input === undefined || input.ended) return 0
    const records = input.process(batch)
    if (!isRest) this.#bytesIn.value += bytesOf(batch)
    if (input.isPartial) this.#partial = batch
    const { topic, partition } = batch
    if (input.ended) this.#reader?.remove([{ topic, partition }])
    else if (input.aligned?.isAhead) {
      input.aligned.isHeld = true
      this.#held.add(input)
      this.#reader?.pause([{ topic, partition }])
    }
    return records
  }

  #isGated({ topic }: PartitionInput): boolean {
    const { region, index } = this.#options
    return region.nodes.some(({ node }) => {
      if (node.kind !== 'source' || node.source.kind !== 'topic' || node.source.topic !== topic) return false
      return node.source.gate?.isOpen(index) === false
    })
  }

  /** Begins to read what comes after something that has ended by now. */
  #openGates(): void {
    const open = this.#gated.filter((input) => !this.#isGated(input))
    if (open.length === 0) return
    this.#gated = this.#gated.filter((input) => !open.includes(input))
    this.#reader?.add(open)
  }

  /** Lets partitions go on that the others have come near to. */
  #releaseHeld(): void {
    for (const input of this.#held) {
      const { aligned, topic, partition } = input
      if (aligned === null || aligned.isAhead) continue
      aligned.isHeld = false
      this.#held.delete(input)
      this.#reader?.resume([{ topic, partition }])
    }
  }

  #openReader({ region, environment, onAvailable }: TaskInputsOptions): LogReader {
    return environment.log.createReader({
      maxBufferedBytes: environment.maxBufferedInputBytes,
      onAvailable,
      reusesMemory: keepsNoBytes(region),
      // In step with each other, so that little waits for the watermark of those that lie behind.
      rank: (topic, partition) => this.#input(topic, partition)?.reached ?? Number.NaN,
    })
  }

  #pace(reader: LogReader, { region, index, environment, setTimer, onAvailable }: TaskInputsOptions): PacedReader {
    // Where nothing is exchanged nobody behind it waits for the slower ones.
    const isPaced = region.exchangesOut.length > 0
    return new PacedReader({
      reader,
      pace: environment.pace.join(region.id, index, environment.clock),
      reached: (topic, partition) => {
        const input = isPaced ? this.#input(topic, partition) : undefined
        return input instanceof TopicPartitionInput ? input.reached : Number.NaN
      },
      setTimer,
      onAvailable,
    })
  }

  #addTopic(
    uid: string,
    spec: Extract<Extract<Region['nodes'][number]['node'], { kind: 'source' }>['source'], { kind: 'topic' }>,
    { region, index, environment, takenOver, output, undecodable, onAvailable, origins }: TaskInputsOptions,
    heads: SourceHead[],
  ): void {
    const own = sourcePartitions(region, index, environment.topicPartitions).filter((entry) => entry.uid === uid)
    const head = this.#sourceHead(uid, own.length)
    heads.push(head)
    const policy = spec.onDecodeFailure
    const deadLetters =
      typeof policy === 'object' ? new DeadLetters(output(policy.deadLetterTopic), environment.graph.job) : null
    own.forEach(({ topic, partition }, channel) => {
      const input = new TopicPartitionInput({
        spec,
        operator: uid,
        head,
        channel,
        position: positionOf(takenOver.partitions, topic, partition),
        now: () => environment.clock.now(),
        deadLetters,
        undecodable,
        aligned: alignedChannel(spec.time, environment, onAvailable),
        origin: origins.find(uid),
        endOffset: () => this.#reader?.endOffset(topic, partition) ?? null,
      })
      this.#partitions.set(`${topic}/${partition}`, input)
      this.#starts.push(() => input.start())
    })
    if (own.length === 0) this.#addEmpty(head, spec.bounded)
  }

  #addSplits(
    uid: string,
    spec: Extract<Extract<Region['nodes'][number]['node'], { kind: 'source' }>['source'], { kind: 'splits' }>,
    { region, index, environment, takenOver, setTimer, onAvailable }: TaskInputsOptions,
    heads: SourceHead[],
  ): void {
    const own: number[] = []
    const splits = spec.source.splits()
    for (let split = index; split < splits; split += region.parallelism) own.push(split)
    const head = this.#sourceHead(uid, own.length)
    heads.push(head)
    own.forEach((split, channel) => {
      const restored = takenOver.meta?.splits[`${uid}/${split}`] as SplitPosition | undefined
      const input = new SplitInput({
        source: spec.source,
        uid,
        split,
        channel,
        head,
        time: spec.time,
        isBacklog: spec.isBacklog,
        restored: restored ?? null,
        index,
        parallelism: region.parallelism,
        now: () => environment.clock.now(),
        setTimer,
        onAvailable,
        aligned: alignedChannel(spec.time, environment, onAvailable),
      })
      this.#splits.push(input)
      this.#starts.push(() => input.start())
    })
    if (own.length === 0) this.#addEmpty(head, spec.source.bounded)
  }

  #sourceHead(uid: string, channels: number): SourceHead {
    const { region, chain, takenOver } = this.#options
    const signals: readonly Signal[] = region.nodes.flatMap((own) => (own.uid === uid ? emittedBy(own.node) : []))
    const head = new SourceHead(chain.output(uid), channels, false, signals)
    const stored = takenOver.meta?.operators[signalsUid(uid)] as StoredCombination | undefined
    if (stored !== undefined) head.restoreSignals(stored)
    if (signals.length > 0) this.#signalling.set(uid, head)
    return head
  }

  /** A task beyond the number of partitions or splits has nothing to read, for now or for good. */
  #addEmpty(head: SourceHead, bounded: boolean): void {
    this.#starts.push(() => (bounded ? head.endEmpty() : head.waitEmpty()))
    if (!bounded) this.#empty.push(head)
  }

  #addExchange(
    exchange: Exchange,
    { region, index, environment, chain, takenOver, origins }: TaskInputsOptions,
    heads: SourceHead[],
  ): void {
    const upstream = environment.graph.regions.find(({ id }) => id === exchange.fromRegion)?.parallelism ?? 0
    const { toUid, toInput, isFeedback } = exchange
    const signals = region.nodes.find(({ uid }) => uid === toUid)?.signals?.[toInput] ?? []
    const head = new SourceHead(chain.input(toUid, toInput), upstream, isFeedback, signals)
    heads.push(head)
    const progress = takenOver.meta?.operators[exchangeStateUid(exchange)] as ExchangeProgress | undefined
    const { offset } = positionOf(takenOver.partitions, exchange.topic, index)
    const origin = origins.find(exchange.id)
    const input = new ExchangePartitionInput(
      exchange,
      index,
      upstream,
      offset,
      head,
      progress ?? null,
      origin,
      signals,
      () => chain.isFull,
    )
    this.#partitions.set(`${exchange.topic}/${index}`, input)
    this.#exchanges.push({ exchange, input })
    this.#starts.push(() => input.start())
  }
}

function alignedChannel(
  time: WatermarkStrategy<unknown> | null,
  { alignment }: TaskEnvironment,
  onMoved: () => void,
): AlignedChannel | null {
  if (time === null || time.alignment === null) return null
  return alignment.join(time.alignment.group, time.alignment.maxDriftMs, onMoved)
}

/** Whether nothing of a batch is needed once it has run through the chains: keys and headers are views of its bytes. */
function keepsNoBytes({ nodes, exchangesIn }: Region): boolean {
  return (
    exchangesIn.every(({ value }) => value.isDetached === true) &&
    nodes.every(
      ({ node }) =>
        node.kind !== 'source' ||
        node.source.kind !== 'topic' ||
        (node.source.toRecord === undefined && node.source.value.isDetached === true),
    )
  )
}

/** Keys and values of a batch lie one behind the other, so the first and the last tell. */
function bytesOf({ count, keyStarts, valueStarts, valueEnds }: LogBatch): number {
  if (count === 0) return 0
  const first = keyStarts[0] as number
  const start = first >= 0 ? first : Math.max(0, valueStarts[0] as number)
  return Math.max(0, (valueEnds[count - 1] as number) - start)
}

function exchangeStateUid(exchange: Exchange): string {
  return `$exchange/${exchange.id}`
}

function positionOf(positions: readonly PartitionPosition[], topic: string, partition: number): PartitionPosition {
  const position = positions.find((entry) => entry.topic === topic && entry.partition === partition)
  return position ?? { topic, partition, offset: 0, watermark: null, end: null }
}
