import type { ReceivedSignal } from '../operator/signal/signal.ts'

/**
 * What a sink promises for records of a replayed epoch:
 * - `transactional`: written in the log's own transaction, exactly-once;
 * - `two-phase`: hidden until the epoch is decided, then published by its committable, exactly-once;
 * - `idempotent`: written again with the same effect, effectively exactly-once;
 * - `at-least-once`: may be seen again.
 */
export type SinkGuarantee = 'transactional' | 'two-phase' | 'idempotent' | 'at-least-once'

export interface SinkContext {
  readonly job: string
  readonly operator: string
  readonly index: number
  readonly parallelism: number
  /** Wakes the task when the writer was full and no longer is, or has failed. */
  readonly onAvailable: () => void
  /** Clock time in milliseconds. */
  now(): number
  /** Calls back after `delayMs` by the job's clock; returns how to cancel it. */
  setTimer(delayMs: number, callback: () => void): () => void
}

/** One parallel instance of a sink. */
export interface SinkWriter<T, Committable = never> {
  /** Takes a record; synchronous, so it buffers what needs I/O. */
  write(value: T, timestamp: number): void
  /**
   * A signal has come, at its place among the records: its combined value is another one than before. After a restart the values of the
   * last commit are told first.
   */
  onSignal?(signal: ReceivedSignal): void
  /** True when the task should stop feeding until `onAvailable`. May throw what failed in the background. */
  readonly isFull?: boolean
  /**
   * Called at each barrier: resolves when everything taken before the call is as durable as the guarantee needs before
   * the decision. Records of the next epoch may be written while it is pending.
   */
  flush(): Promise<void>
  /**
   * Two-phase, in place of `flush`: called at each barrier; what was taken before the call belongs to `epoch`, what is
   * taken after it to the next. Resolves, when the epoch's records are durable but hidden, with what will publish them:
   * plain data that is kept with the epoch.
   */
  prepareCommit?(epoch: number): Promise<readonly Committable[]>
  /**
   * Two-phase: publishes; must be idempotent, since it is repeated after a crash. Without it, what was prepared is only handed on to whatever
   * reads `committed()` of the sink.
   */
  commit?(committables: readonly Committable[]): Promise<void>
  close(): Promise<void>
}

/** The Sink SPI. */
export interface Sink<T, Committable = never> {
  readonly name: string
  readonly guarantee: SinkGuarantee
  /** True for a sink that hands records to objects of the thread that built the job; it cannot run on worker threads. */
  readonly isThreadBound?: boolean
  open(context: SinkContext): Promise<SinkWriter<T, Committable>>
}
