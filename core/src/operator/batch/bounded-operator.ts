import { GraphError, StateIncompatibleError } from '../../errors.ts'
import { BaseOperator } from '../base-operator.ts'
import { InputGate } from '../input-gate.ts'
import { MAX_WATERMARK, NO_TIMESTAMP, type OperatorContext, type PendingWork, type Receiver } from '../operator.ts'
import type { OperatorState } from '../operator-state.ts'
import type { MemoryShare } from './memory/task-memory.ts'

const FORMAT = 'progress@1'

/**
 * An operator that needs all of an input before it can give anything. The end of an input is known by the final watermark; what the
 * operator gives then is pulled by the task (`produce`), a portion at a time, so that back-pressure holds.
 *
 * What it holds is in no snapshot: the task commits nothing meanwhile, and after a crash reads its input again from the last commit.
 * Once it has given everything, that is noted in the snapshot, so that it gives nothing twice.
 */
export abstract class BoundedOperator<Out> extends BaseOperator<Out> implements PendingWork {
  readonly inputs: readonly Receiver<never>[]
  readonly holdsBarriers: boolean = false
  readonly needsCommit: boolean = false
  protected memory!: MemoryShare
  readonly #open: Set<number>
  /** What is ready to be given, one after the other. */
  readonly #ready: Iterator<Out>[] = []
  #holds = false
  #isDone = false

  /** `take` holds, for each input, what takes its records. */
  constructor(take: readonly ((value: never) => void)[]) {
    super()
    this.#open = new Set(take.keys())
    const guarded = take.map((onRecord) => (value: never): void => {
      this.#holds = true
      try {
        onRecord(value)
      } catch (cause) {
        throw this.failed(cause)
      }
    })
    const { receivers } = new InputGate(guarded, this)
    this.inputs = receivers.map(
      (receiver, input) => new BoundedInput(receiver, () => this.#onInputEnd(input)),
    ) as Receiver<never>[]
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    const spilled = context.metrics.counter('millrace_spilled_bytes', 'Bytes written to disk beyond the memory budget')
    this.memory = context.memory.share(spilled, this.holdsLittle(context))
  }

  /** Whether it holds no more than a few records, whatever comes. */
  protected holdsLittle(_context: OperatorContext): boolean {
    return false
  }

  override get pending(): PendingWork {
    return this
  }

  get isFull(): boolean {
    return this.#ready.length > 0
  }

  get isEmpty(): boolean {
    return this.#ready.length === 0
  }

  get suspendsCommits(): boolean {
    return this.#holds && !this.#isDone
  }

  /** Whether everything has been given before a restart: what still comes is not taken again. */
  protected get isDone(): boolean {
    return this.#isDone
  }

  produce(budget: number): boolean {
    const ready = this.#ready[0]
    if (ready === undefined) return false
    try {
      for (let left = budget; left > 0; left--) {
        const next = ready.next()
        if (next.done === true) {
          this.#ready.shift()
          this.#endIfDone()
          return true
        }
        this.out.onRecord(next.value, NO_TIMESTAMP)
      }
    } catch (cause) {
      throw this.failed(cause)
    }
    return true
  }

  override close(): void {
    // Iterators that are given up half-way close the files that they read.
    for (const ready of this.#ready.splice(0)) ready.return?.()
  }

  /** Lets the task pull what is ready. */
  protected give(values: Iterable<Out>): void {
    this.#ready.push(values[Symbol.iterator]())
  }

  protected emit(value: Out): void {
    this.out.onRecord(value, NO_TIMESTAMP)
  }

  /** An input has ended; others may go on. */
  protected onInputEnd(_input: number): void {}

  /** What is given when all inputs have ended. */
  protected abstract output(): Iterable<Out>

  override onWatermark(): void {
    // Of an input before its end: the records that come out have no time.
  }

  override onIdle(): void {
    // Nobody waits for event time here.
  }

  override onBarrier(epoch: number): void {
    const { index, parallelism, uid } = this.context
    const item = Buffer.alloc(9)
    item[0] = this.#isDone ? 1 : 0
    item.writeUInt32BE(index, 1)
    item.writeUInt32BE(parallelism, 5)
    this.context.delta.setOperatorState(uid, { progress: { mode: 'union', format: FORMAT, items: [item] } })
    this.out.onBarrier(epoch)
  }

  /** @throws STATE_INCOMPATIBLE at another number of tasks, unless all of them had given everything */
  override restoreOperatorState(state: OperatorState): void {
    const stored = (state.progress?.items ?? []).map((item) => {
      const bytes = Buffer.from(item.buffer, item.byteOffset, item.length)
      return { isDone: bytes[0] === 1, index: bytes.readUInt32BE(1), parallelism: bytes.readUInt32BE(5) }
    })
    const { index, parallelism, uid } = this.context
    const own = stored.find((task) => task.parallelism === parallelism && task.index === index)
    if (own !== undefined) {
      this.#isDone = own.isDone
      return
    }
    const open = stored.find(({ isDone }) => !isDone)
    if (open !== undefined) {
      // What is on its way was placed for other tasks, perhaps by another strategy.
      const difference = `operator ${uid} has not given all of its results in ${open.parallelism} tasks; go on with that parallelism`
      throw new StateIncompatibleError(`The stored state does not fit: ${difference}.`, [difference], {
        where: { operator: uid },
      })
    }
    this.#isDone = stored.length > 0
  }

  #onInputEnd(input: number): void {
    if (!this.#open.delete(input)) return
    try {
      if (!this.#isDone) {
        this.onInputEnd(input)
        if (this.#open.size === 0) {
          this.give(this.output())
          return
        }
      }
    } catch (cause) {
      throw this.failed(cause)
    }
    this.#endIfDone()
  }

  #endIfDone(): void {
    if (this.#open.size > 0 || this.#ready.length > 0) return
    this.#isDone = true
    this.out.onWatermark(MAX_WATERMARK)
  }
}

/** Takes the end of an input out of its watermarks; all else goes through the gate. */
class BoundedInput implements Receiver<never> {
  readonly #receiver: Receiver<never>
  readonly #onFinalWatermark: () => void

  constructor(receiver: Receiver<never>, onFinalWatermark: () => void) {
    this.#receiver = receiver
    this.#onFinalWatermark = onFinalWatermark
  }

  onRecord(value: never, timestamp: number): void {
    this.#receiver.onRecord(value, timestamp)
  }
  onWatermark(watermark: number): void {
    // Barriers come to all inputs of a task in one call, so nothing waits in the gate between two elements.
    if (watermark === MAX_WATERMARK) this.#onFinalWatermark()
  }
  onIdle(): void {}
  onBarrier(epoch: number): void {
    this.#receiver.onBarrier(epoch)
  }
  onRound(): void {
    throw new GraphError(
      'A bounded operator is within a loop. It gives what it holds at the end of its input, which comes after the last round only: ' +
        'put it in front of the loop or behind it.',
    )
  }
  onSignal(): void {
    // It has its place among the records of the input, and those are held: it ends here.
  }
  onEnd(): void {
    this.#receiver.onEnd()
  }
}
