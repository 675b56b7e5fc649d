import { keyFormat } from '../../serde/key-codec.ts'
import type { StateEntry } from '../../state/backend.ts'
import { BaseOperator } from '../base-operator.ts'
import {
  type Driven,
  MAX_WATERMARK,
  type OperatorContext,
  type PendingWork,
  type Receiver,
  type StateCatalogEntry,
} from '../operator.ts'
import type { Aggregator } from './aggregator.ts'
import { FeedbackQueue } from './feedback-queue.ts'
import { type LoopSpec, RESULT } from './loop-spec.ts'
import { type RoundMark, RoundView, type Tally } from './round.ts'

/** Which input is which. */
export const INITIAL = 0
export const FEEDBACK = 1

/** More records than these in a loop that is also fed from outside: then nothing more comes in for now. */
const CROWDED = 10_000

/** A round of so many records at least is not interrupted by a commit if that can wait: between rounds there is less to write. */
const LONG_ROUND = 10_000

/**
 * - `open`: the input goes on;
 * - `sending`: records of the round are being sent on;
 * - `waiting`: all of them have been, and the end of the round is on its way round the loop;
 * - `result`: the last round has ended, what is left is being handed out;
 * - `over`.
 */
type Phase = 'open' | 'sending' | 'waiting' | 'result' | 'over'

/** What the head of a loop is to know when its task starts again. */
export interface StoredHead {
  readonly phase: Phase
  readonly round: number
  readonly due: number
  readonly arrived: readonly Tally[] | null
  /** Records wait for the first round. */
  readonly isGathering: boolean
}

/**
 * Where a loop begins: takes what comes in and what is fed back, and decides how it goes on. It decides by what all tasks at the
 * end of the loop have seen of the round, which every head is told alike, so all heads decide the same without asking each
 * other. What waits here is part of each epoch, and so are round and phase: a task that starts again goes on where it was.
 */
export class LoopHeadOperator extends BaseOperator<unknown> implements Driven, PendingWork {
  readonly inputs: readonly Receiver<never>[]
  readonly isFull = false
  readonly holdsBarriers = false
  readonly needsCommit = false
  readonly suspendsCommits = false
  readonly #spec: LoopSpec
  #queue!: FeedbackQueue
  #result: Receiver<unknown> | null = null
  #phase: Phase = 'open'
  #round: number
  /** Records of the round that are still to be sent on, from the front of the queue. */
  #due = 0
  /** What was seen of the round that has come round. */
  #arrived: readonly Tally[] | null = null
  #isBegun = false
  /** One that a barrier that is due should wait for. */
  #isLong = false
  #barriers = 0

  constructor(spec: LoopSpec) {
    super()
    this.#spec = spec
    this.#round = spec.mode === 'stream' ? 1 : 0
    this.inputs = [new InitialInput(this), new FeedbackInput(this)] as unknown as Receiver<never>[]
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    const { uid, index, parallelism, maxParallelism } = context
    const { serde } = this.#spec
    this.#queue = new FeedbackQueue({ state: `${uid}/feedback`, serde, index, parallelism, maxParallelism })
    this.#result = context.output(RESULT) ?? null
    context.metrics.gauge('millrace_loop_round', 'The round of the loop', () => this.#round)
    context.metrics.gauge('millrace_loop_queued', 'Records that wait at the head of the loop', () => this.#queue.size)
  }

  override get catalog(): readonly StateCatalogEntry[] {
    const { uid } = this.context
    return [{ state: `${uid}/feedback`, kind: 'loop', format: `${keyFormat}+${this.#spec.serde.format}` }]
  }

  override get pending(): PendingWork {
    return this
  }

  override get driven(): Driven {
    return this
  }

  produce(): boolean {
    return false
  }

  get isEmpty(): boolean {
    return this.#phase === 'over'
  }

  get isCrowded(): boolean {
    return this.#queue.size > CROWDED
  }

  get defersBarriers(): boolean {
    return this.#isLong && (this.#phase === 'sending' || (this.#phase === 'waiting' && this.#arrived === null))
  }

  override restore(entry: StateEntry): void {
    this.#queue.restore(entry)
  }

  override open(): void {
    this.#queue.open()
  }

  override snapshotRounds(): StoredHead | null {
    const isGathering = this.#spec.mode !== 'stream' && this.#phase === 'open' && this.#queue.size > 0
    if (!this.#isBegun && this.#phase === 'open' && !isGathering) return null
    return { phase: this.#phase, round: this.#round, due: this.#due, arrived: this.#arrived, isGathering }
  }

  override restoreRounds(stored: unknown): void {
    const { phase, round, due, arrived } = stored as StoredHead
    this.#phase = phase
    this.#round = round
    this.#due = due
    this.#arrived = arrived
    this.#isBegun = true
  }

  onInitial(value: unknown, timestamp: number): void {
    if (this.#spec.mode === 'stream') {
      this.#begin()
      this.out.onRecord(value, timestamp)
    } else this.#queue.push(value, timestamp)
  }

  onFeedback(value: unknown, timestamp: number): void {
    this.#queue.push(value, timestamp)
  }

  onInitialWatermark(watermark: number): void {
    if (watermark !== MAX_WATERMARK) {
      if (this.#spec.mode === 'stream') this.out.onWatermark(watermark)
      return
    }
    // After a restart it is told again.
    if (this.#phase === 'open') {
      this.#phase = 'sending'
      // A savepoint may have brought something that no round of this run has counted.
      if (this.#spec.mode === 'stream') this.#due = this.#queue.size
    } else if (this.#phase === 'over') this.out.onWatermark(watermark)
  }

  onInitialIdle(idle: boolean): void {
    if (this.#spec.mode === 'stream') this.out.onIdle(idle)
  }

  /** The barrier has come on an input. Within a task that of the feedback is what comes out at the end of the loop. */
  onInputBarrier(input: number, epoch: number): void {
    const isOneTask = this.context.parallelism === 1
    if (isOneTask && input === INITIAL) this.out.onBarrier(epoch)
    else if (isOneTask) this.#queue.collect(this.context.delta.changes)
    else if (++this.#barriers === this.inputs.length) {
      this.#barriers = 0
      this.#queue.collect(this.context.delta.changes)
      this.out.onBarrier(epoch)
    }
  }

  /** The end of the round has come round the loop, from all tasks. */
  onFeedbackRound(mark: RoundMark): void {
    if (mark.kind === 'end') this.#arrived = mark.tallies
  }

  drive(records: number): number {
    this.#begin()
    if (this.#phase === 'sending') return this.#send(records)
    if (this.#phase === 'result') return this.#handOut(records)
    if (this.#phase === 'waiting' && this.#arrived !== null) return this.#next(this.#arrived)
    // Before its inputs have ended a stream knows no rounds: what is fed back goes on at once.
    const isFree = this.#spec.mode === 'stream' && this.#round === 1 && this.#phase !== 'over'
    return isFree && this.#queue.size > 0 ? this.#queue.drain(records, this.#forward) : -1
  }

  readonly #forward = (value: unknown, timestamp: number): void => this.out.onRecord(value, timestamp)

  #begin(): void {
    if (this.#isBegun || this.#spec.mode !== 'stream') return
    this.#isBegun = true
    this.#start({})
  }

  #start(aggregates: Readonly<Record<string, unknown>>): void {
    this.out.onRound({ kind: 'start', round: this.#round, aggregates })
  }

  #send(records: number): number {
    const sent = this.#queue.drain(Math.min(records, this.#due), this.#forward)
    this.#due -= sent
    if (this.#due > 0) return sent
    this.#phase = 'waiting'
    this.out.onRound({ kind: 'end', round: this.#round, tallies: [] })
    return sent
  }

  #next(tallies: readonly Tally[]): number {
    this.#arrived = null
    const { mode, aggregators, maxRounds, converged } = this.#spec
    const records = tallies.reduce((sum, tally) => sum + tally.records, 0)
    const aggregates = merged(aggregators, tallies)
    if (this.#round > 0 && (records === 0 || this.#round >= maxRounds || this.#hasConverged(converged, aggregates))) {
      if (mode !== 'bulk') this.#queue.clear()
      this.#phase = 'result'
      return 0
    }
    this.#round++
    this.#due = this.#queue.size
    // What several tasks have written goes on with a commit.
    this.#isLong = this.context.parallelism === 1 && this.#due >= LONG_ROUND
    this.#phase = 'sending'
    this.#start(aggregates)
    return 0
  }

  #hasConverged(converged: LoopSpec['converged'], aggregates: Readonly<Record<string, unknown>>): boolean {
    if (converged === null) return false
    try {
      return converged(new RoundView(this.#round, aggregates))
    } catch (cause) {
      throw this.failed(cause)
    }
  }

  #handOut(records: number): number {
    const handed = this.#queue.drain(records, (value, timestamp) => this.#result?.onRecord(value, timestamp))
    if (this.#queue.size > 0) return handed
    this.#phase = 'over'
    this.out.onRound({ kind: 'over', round: this.#round })
    this.out.onWatermark(MAX_WATERMARK)
    return handed
  }
}

/** In the order of the tasks, so that every head gets the same, sums of fractions too. */
function merged(
  aggregators: readonly Aggregator<never, unknown>[],
  tallies: readonly Tally[],
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    aggregators.map(({ name, initial, merge }) => [
      name,
      tallies.reduce<unknown>((value, { aggregates }) => {
        return name in aggregates ? merge(value, aggregates[name]) : value
      }, initial),
    ]),
  )
}

class InitialInput implements Receiver<unknown> {
  readonly #head: LoopHeadOperator

  constructor(head: LoopHeadOperator) {
    this.#head = head
  }

  onRecord(value: unknown, timestamp: number): void {
    this.#head.onInitial(value, timestamp)
  }
  onWatermark(watermark: number): void {
    this.#head.onInitialWatermark(watermark)
  }
  onIdle(idle: boolean): void {
    this.#head.onInitialIdle(idle)
  }
  onBarrier(epoch: number): void {
    this.#head.onInputBarrier(INITIAL, epoch)
  }
  onRound(): void {
    // Those of another loop end where its results leave it.
  }
  onSignal(): void {
    // A loop has rounds in place of signals from outside.
  }
  onEnd(): void {
    this.#head.onEnd()
  }
}

class FeedbackInput implements Receiver<unknown> {
  readonly #head: LoopHeadOperator

  constructor(head: LoopHeadOperator) {
    this.#head = head
  }

  onRecord(value: unknown, timestamp: number): void {
    this.#head.onFeedback(value, timestamp)
  }
  onWatermark(): void {
    // Time is that of the input: if the loop had to wait for itself, it would stand still.
  }
  onIdle(): void {}
  onBarrier(epoch: number): void {
    this.#head.onInputBarrier(FEEDBACK, epoch)
  }
  onRound(mark: RoundMark): void {
    this.#head.onFeedbackRound(mark)
  }
  onSignal(): void {
    // It would go round for ever.
  }
  onEnd(): void {
    // The end of the loop follows from the rounds.
  }
}
