import { StreamError, UserFunctionError } from '../errors.ts'
import type { StateEntry } from '../state/backend.ts'
import type { Operator, OperatorContext, PendingWork, Receiver, StateCatalogEntry } from './operator.ts'
import type { OperatorState } from './operator-state.ts'

/** What operators share: control elements go on as they come, nothing is stored. */
export abstract class BaseOperator<Out> implements Operator {
  abstract readonly inputs: readonly Receiver<never>[]
  protected context!: OperatorContext
  protected out!: Receiver<Out>

  setup(context: OperatorContext): void {
    this.context = context
    this.out = context.output() as Receiver<unknown>
  }

  get catalog(): readonly StateCatalogEntry[] {
    return []
  }

  restore(entry: StateEntry): void {
    throw new StreamError(
      'STATE_CORRUPT',
      `Operator ${this.context.uid} keeps no state ${entry.state}, but it is stored.`,
    )
  }

  get pending(): PendingWork | null {
    return null
  }

  restoresAtStart(_state: string): boolean {
    return true
  }

  peek(_key: unknown): object | undefined {
    return undefined
  }

  onApplied(_epoch: number): void {}
  restoreOperatorState(_state: OperatorState): void {}
  open(): void | Promise<void> {}
  close(): void | Promise<void> {}

  onWatermark(watermark: number): void {
    this.out.onWatermark(watermark)
  }

  onIdle(idle: boolean): void {
    this.out.onIdle(idle)
  }

  onBarrier(epoch: number): void {
    this.out.onBarrier(epoch)
  }

  onEnd(): void {
    this.out.onEnd()
  }

  /** What to throw when a function of the job, or something downstream of it, threw. */
  protected failed(cause: unknown): StreamError {
    if (StreamError.is(cause)) return cause.locate({ operator: this.context.uid })
    const text = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)
    return new UserFunctionError(`A function of '${this.context.name}' threw ${text}`, {
      where: { operator: this.context.uid },
      cause,
    })
  }
}

/** An operator with one input, which is itself. */
export abstract class OneInputOperator<In, Out> extends BaseOperator<Out> implements Receiver<In> {
  readonly inputs: readonly Receiver<never>[] = [this]
  abstract onRecord(value: In, timestamp: number): void
}
