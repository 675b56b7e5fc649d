import { StreamError, UserFunctionError } from '../errors.ts'
import type { Logger } from '../metrics/logger.ts'
import type { MetricGroup } from '../metrics/registry.ts'
import { type MemoryLimits, TaskMemory } from '../operator/batch/memory/task-memory.ts'
import { FEEDBACK } from '../operator/loop/loop-head.ts'
import type { RoundMark } from '../operator/loop/round.ts'
import type {
  DeltaCollector,
  Driven,
  Operator,
  OperatorContext,
  PendingWork,
  Receiver,
  StateCatalogEntry,
  StateReader,
} from '../operator/operator.ts'
import type { Signal, SignalValue } from '../operator/signal/signal.ts'
import type { Region } from '../plan/job-graph.ts'
import type { StateEntry } from '../state/backend.ts'
import type { CancelTimer, Clock } from '../time/clock.ts'
import { restoreSignals, snapshotSignals } from './stored-signals.ts'

/** Hands every element to several receivers, in the order of the graph. */
class FanOut implements Receiver<unknown> {
  readonly #receivers: readonly Receiver<unknown>[]

  constructor(receivers: readonly Receiver<unknown>[]) {
    this.#receivers = receivers
  }

  onRecord(value: unknown, timestamp: number): void {
    for (const receiver of this.#receivers) receiver.onRecord(value, timestamp)
  }
  onWatermark(watermark: number): void {
    for (const receiver of this.#receivers) receiver.onWatermark(watermark)
  }
  onIdle(idle: boolean): void {
    for (const receiver of this.#receivers) receiver.onIdle(idle)
  }
  onBarrier(epoch: number): void {
    for (const receiver of this.#receivers) receiver.onBarrier(epoch)
  }
  onRound(mark: RoundMark): void {
    for (const receiver of this.#receivers) receiver.onRound(mark)
  }
  onSignal(signal: Signal, value: SignalValue): void {
    for (const receiver of this.#receivers) receiver.onSignal(signal, value)
  }
  onEnd(): void {
    for (const receiver of this.#receivers) receiver.onEnd()
  }
}

/**
 * The main output of an operator that has side outputs too: records go to the main one, control elements to all, so that
 * an operator need not know which tags somebody listens to.
 */
class MainWithSides implements Receiver<unknown> {
  readonly #main: Receiver<unknown>
  readonly #all: Receiver<unknown>

  constructor(main: Receiver<unknown>, sides: readonly Receiver<unknown>[]) {
    this.#main = main
    this.#all = new FanOut([main, ...sides])
  }

  onRecord(value: unknown, timestamp: number): void {
    this.#main.onRecord(value, timestamp)
  }
  onWatermark(watermark: number): void {
    this.#all.onWatermark(watermark)
  }
  onIdle(idle: boolean): void {
    this.#all.onIdle(idle)
  }
  onBarrier(epoch: number): void {
    this.#all.onBarrier(epoch)
  }
  onRound(mark: RoundMark): void {
    this.#all.onRound(mark)
  }
  onSignal(signal: Signal, value: SignalValue): void {
    this.#all.onSignal(signal, value)
  }
  onEnd(): void {
    this.#all.onEnd()
  }
}

/** The end of a chain that nobody listens to. */
export const discard: Receiver<unknown> = {
  onRecord() {},
  onWatermark() {},
  onIdle() {},
  onBarrier() {},
  onRound() {},
  onSignal() {},
  onEnd() {},
}

/** The way back from the end of a loop to its head, which is built after what leads to it. */
class FeedbackLink implements Receiver<unknown> {
  target: Receiver<unknown> = discard

  onRecord(value: unknown, timestamp: number): void {
    this.target.onRecord(value, timestamp)
  }
  onWatermark(watermark: number): void {
    this.target.onWatermark(watermark)
  }
  onIdle(idle: boolean): void {
    this.target.onIdle(idle)
  }
  onBarrier(epoch: number): void {
    this.target.onBarrier(epoch)
  }
  onRound(mark: RoundMark): void {
    this.target.onRound(mark)
  }
  onSignal(signal: Signal, value: SignalValue): void {
    this.target.onSignal(signal, value)
  }
  onEnd(): void {
    this.target.onEnd()
  }
}

export interface ChainEnvironment {
  readonly job: string
  readonly index: number
  readonly attempt: number
  readonly maxParallelism: number
  readonly clock: Clock
  readonly metrics: MetricGroup
  readonly logger: Logger
  readonly delta: DeltaCollector
  readonly stateReader: StateReader | null
  readonly memory: MemoryLimits
  readonly schedule: (timeMs: number, callback: () => void) => CancelTimer
  readonly post: (callback: () => void) => void
  /** The receiver behind a sink node. */
  readonly sink: (uid: string) => Receiver<unknown>
  /** The receiver that writes an exchange. */
  readonly exchange: (id: string) => Receiver<unknown>
}

/** The operators of one task, connected: calls go straight from one to the next. */
export class Chain implements PendingWork {
  readonly operators: ReadonlyMap<string, Operator>
  /** Operators that do something of themselves. */
  readonly driven: readonly Driven[]
  /** Of the operators that can hold anything. */
  readonly #pending: readonly PendingWork[]
  readonly #outputs: ReadonlyMap<string, Receiver<unknown>>

  private constructor(operators: ReadonlyMap<string, Operator>, outputs: ReadonlyMap<string, Receiver<unknown>>) {
    this.operators = operators
    this.driven = [...operators.values()].flatMap(({ driven }) => driven ?? [])
    this.#pending = [...operators.values()].flatMap(({ pending }) => pending ?? [])
    this.#outputs = outputs
  }

  /** Builds from the last node to the first, so that every operator finds its receivers when it is set up. */
  static build(region: Region, environment: ChainEnvironment): Chain {
    const operators = new Map<string, Operator>()
    const outputs = new Map<string, Receiver<unknown>>()
    const feedback = new Map<string, FeedbackLink>()
    const memory = new TaskMemory(environment.memory)
    for (let at = region.nodes.length - 1; at >= 0; at--) {
      const { uid, node, signals } = region.nodes[at] as Region['nodes'][number]
      connect(region, uid, { operators, outputs, feedback }, environment)
      if (node.kind !== 'operator') continue
      const operator = node.create()
      operators.set(uid, operator)
      operator.setup(context(region, uid, node.name, signals, { operators, outputs, memory }, environment))
    }
    for (const [uid, link] of feedback) link.target = inputOf(operators, uid, FEEDBACK)
    if (memory.isUsed) exposeMemory(memory, environment.metrics)
    return new Chain(operators, outputs)
  }

  /** What receives the records of this source. */
  output(uid: string): Receiver<unknown> {
    return this.#outputs.get(outputId(uid, null)) ?? discard
  }

  /** What receives the records that come in through an exchange. */
  input(uid: string, index: number): Receiver<unknown> {
    return inputOf(this.operators, uid, index)
  }

  get isFull(): boolean {
    return this.#pending.some(({ isFull }) => isFull)
  }

  get holdsBarriers(): boolean {
    return this.#pending.some(({ holdsBarriers }) => holdsBarriers)
  }

  get isEmpty(): boolean {
    return this.#pending.every(({ isEmpty }) => isEmpty)
  }

  get needsCommit(): boolean {
    return this.#pending.some(({ needsCommit }) => needsCommit)
  }

  get suspendsCommits(): boolean {
    return this.#pending.some(({ suspendsCommits }) => suspendsCommits)
  }

  get defersBarriers(): boolean {
    return this.driven.some(({ defersBarriers }) => defersBarriers)
  }

  get changedKeys(): number {
    let keys = 0
    for (const operator of this.operators.values()) keys += operator.changedKeys
    return keys
  }

  /** Those furthest downstream first, so that what is held becomes less before it becomes more. */
  produce(budget: number): boolean {
    for (const work of this.#pending) if (work.produce(budget)) return true
    return false
  }

  get catalog(): StateCatalogEntry[] {
    return [...this.operators.values()].flatMap((operator) => [...operator.catalog])
  }

  /** What the operators are to know of the rounds of their loops, by the name it has in an epoch. */
  snapshotRounds(): Record<string, unknown> {
    const rounds: Record<string, unknown> = {}
    for (const [uid, operator] of this.operators) {
      const stored = operator.snapshotRounds()
      if (stored !== null) rounds[roundsUid(uid)] = stored
    }
    return rounds
  }

  restoreRounds(operators: Readonly<Record<string, unknown>>): void {
    for (const [uid, operator] of this.operators) {
      const stored = operators[roundsUid(uid)]
      if (stored !== undefined) operator.restoreRounds(stored)
    }
  }

  /** What the operators have heard and told of signals, by the name it has in an epoch. */
  snapshotSignals(): Record<string, unknown> {
    return snapshotSignals(this.operators)
  }

  restoreSignals(stored: Readonly<Record<string, unknown>>): void {
    restoreSignals(this.operators, stored)
  }

  restore(entry: StateEntry): void {
    this.#ownerOf(entry.state).restore(entry)
  }

  /** Whether a stored state is to be restored before the start. */
  restoresAtStart(state: string): boolean {
    return this.#ownerOf(state).restoresAtStart(state)
  }

  onApplied(epoch: number): void {
    for (const operator of this.operators.values()) operator.onApplied(epoch)
  }

  #ownerOf(state: string): Operator {
    const uid = state.slice(0, state.lastIndexOf('/'))
    const operator = this.operators.get(uid)
    if (operator !== undefined) return operator
    throw new StreamError('STATE_CORRUPT', `State ${state} is stored, but the job has no operator ${uid}.`)
  }

  async open(): Promise<void> {
    for (const [uid, operator] of this.operators) {
      try {
        await operator.open()
      } catch (cause) {
        throw userFailure(cause, uid, 'open')
      }
    }
  }

  /** Closes all of them, whatever one of them throws. */
  async close(): Promise<void> {
    const failures: unknown[] = []
    for (const [uid, operator] of this.operators) {
      try {
        await operator.close()
      } catch (cause) {
        failures.push(userFailure(cause, uid, 'close'))
      }
    }
    if (failures.length > 0) throw failures[0]
  }
}

function exposeMemory(memory: TaskMemory, metrics: MetricGroup): void {
  metrics.gauge('millrace_memory_held_bytes', 'Held by sorts, joins and groupings, as estimated', () => memory.held)
  metrics.gauge('millrace_memory_peak_bytes', 'The most that sorts, joins and groupings held', () => memory.peak)
}

function userFailure(cause: unknown, uid: string, method: string): StreamError {
  if (StreamError.is(cause)) return cause.locate({ operator: uid })
  const text = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)
  return new UserFunctionError(`The function's ${method} threw ${text}`, { where: { operator: uid }, cause })
}

interface Connected {
  readonly operators: ReadonlyMap<string, Operator>
  readonly outputs: Map<string, Receiver<unknown>>
  /** Ways back to heads of loops, by their uids. */
  readonly feedback: Map<string, FeedbackLink>
}

function connect(
  region: Region,
  uid: string,
  { operators, outputs, feedback }: Connected,
  environment: ChainEnvironment,
): void {
  const consumers = new Map<string, Receiver<unknown>[]>()
  const add = (tag: string | null, receiver: Receiver<unknown>): void => {
    const id = outputId(uid, tag)
    const list = consumers.get(id)
    if (list === undefined) consumers.set(id, [receiver])
    else list.push(receiver)
  }
  for (const consumer of region.nodes) {
    consumer.inputs.forEach((edge, input) => {
      if (edge === null || edge.fromUid !== uid) return
      if (consumer.node.inputs[input]?.isFeedback) {
        const link = new FeedbackLink()
        feedback.set(consumer.uid, link)
        add(edge.tag, link)
        return
      }
      const isSink = consumer.node.kind === 'sink'
      add(edge.tag, isSink ? environment.sink(consumer.uid) : inputOf(operators, consumer.uid, input))
    })
  }
  for (const exchange of region.exchangesOut) {
    if (exchange.fromUid === uid) add(exchange.fromTag, environment.exchange(exchange.id))
  }
  const mainId = outputId(uid, null)
  const sides: Receiver<unknown>[] = []
  for (const [id, receivers] of consumers) {
    const receiver = receivers.length === 1 ? (receivers[0] as Receiver<unknown>) : new FanOut(receivers)
    outputs.set(id, receiver)
    if (id !== mainId) sides.push(receiver)
  }
  if (sides.length > 0) outputs.set(mainId, new MainWithSides(outputs.get(mainId) ?? discard, sides))
}

/** What has been built of a chain. */
interface ChainParts {
  readonly operators: ReadonlyMap<string, Operator>
  readonly outputs: ReadonlyMap<string, Receiver<unknown>>
  readonly memory: TaskMemory
}

function context(
  region: Region,
  uid: string,
  name: string,
  signals: OperatorContext['signals'],
  { operators, outputs, memory }: ChainParts,
  environment: ChainEnvironment,
): OperatorContext {
  const { job, index, attempt, maxParallelism, clock, metrics, logger, delta, stateReader, schedule, post } =
    environment
  return {
    uid,
    name,
    job,
    index,
    parallelism: region.parallelism,
    attempt,
    maxParallelism,
    clock,
    metrics: metrics.group({ operator: uid }),
    logger,
    delta,
    commitsSuspended: () => [...operators.values()].some(({ pending }) => pending?.suspendsCommits === true),
    stateReader,
    signals,
    memory,
    schedule,
    post,
    output: (tag) => outputs.get(outputId(uid, tag ?? null)) ?? (tag === undefined ? discard : undefined),
  }
}

function inputOf(operators: ReadonlyMap<string, Operator>, uid: string, index: number): Receiver<unknown> {
  const receiver = operators.get(uid)?.inputs[index]
  if (receiver === undefined) {
    throw new StreamError(
      'INVARIANT_BROKEN',
      `Operator ${uid} has no input ${index}, or it is not downstream of its reader.`,
    )
  }
  return receiver as Receiver<unknown>
}

function outputId(uid: string, tag: string | null): string {
  return tag === null ? uid : `${uid}#${tag}`
}

/** Where an epoch keeps what an operator knows of its rounds. */
export function roundsUid(uid: string): string {
  return `$rounds/${uid}`
}
