import type { Logger } from '../metrics/logger.ts'
import type { MetricGroup } from '../metrics/registry.ts'
import type { StateEntry, StateKey } from '../state/backend.ts'
import type { StateChanges } from '../state/state-changes.ts'
import type { CancelTimer, Clock } from '../time/clock.ts'
import type { TaskMemory } from './batch/memory/task-memory.ts'
import type { RoundMark } from './loop/round.ts'
import type { OperatorState } from './operator-state.ts'
import type { Signal, SignalValue } from './signal/signal.ts'

/** Timestamp of a record that has none (no event time was assigned). */
export const NO_TIMESTAMP: number = Number.NEGATIVE_INFINITY
/** The watermark before any; no record is late against it. */
export const MIN_WATERMARK: number = Number.NEGATIVE_INFINITY
/** The watermark after the end of bounded input: all event time has passed. */
export const MAX_WATERMARK: number = Number.POSITIVE_INFINITY

/**
 * What flows along an edge, one call per element, in order and synchronously. Control elements travel in band:
 * whoever holds records back holds them back too.
 */
export interface Receiver<T> {
  onRecord(value: T, timestamp: number): void
  /** No record with a timestamp at or below `watermark` is to be expected. Never goes backwards. */
  onWatermark(watermark: number): void
  /** Whether this input is idle, that is, not to be waited for when watermarks are merged. */
  onIdle(idle: boolean): void
  /** Everything before it belongs to `epoch`. Called once for each epoch; state is snapshotted when it passes. */
  onBarrier(epoch: number): void
  /** A round of the loop around it begins, or ends, or the loop does. */
  onRound(mark: RoundMark): void
  /** What a source or a function says to all behind it, over all channels. */
  onSignal(signal: Signal, value: SignalValue): void
  /** No element follows. Comes after the final watermark. */
  onEnd(): void
}

/** What a task gives to each of its operators. */
export interface OperatorContext {
  readonly uid: string
  readonly name: string
  readonly job: string
  /** Index of the task among the `parallelism` tasks of its region. */
  readonly index: number
  readonly parallelism: number
  /** How often this worker has started the task before. */
  readonly attempt: number
  /** Number of key groups of the job. */
  readonly maxParallelism: number
  readonly clock: Clock
  readonly metrics: MetricGroup
  readonly logger: Logger
  /** The receiver of the main output, or of the side output with this tag id; undefined when nobody listens to the tag. */
  output(tag?: string): Receiver<unknown> | undefined
  /**
   * Runs `callback` at `timeMs` by the clock or soon after, between two batches, never within one.
   * Returns how to cancel it.
   */
  schedule(timeMs: number, callback: () => void): CancelTimer
  /** Runs `callback` soon, between two batches: how the outcome of a promise gets back to the operator. */
  post(callback: () => void): void
  /** Where an operator puts what changed since the last barrier, while the barrier passes it. */
  readonly delta: DeltaCollector
  /** Whether an operator of the task keeps it from committing for now. */
  commitsSuspended(): boolean
  /** Null when all state is on the heap. */
  readonly stateReader: StateReader | null
  /** The signals that can come on each input; null when none can on any. */
  readonly signals: readonly (readonly Signal[])[] | null
  /** Of operators that hold much of their input. */
  readonly memory: TaskMemory
}

/** Reads what is stored of keys that are not on the heap. */
export interface StateReader {
  /** Keys that each keyed function holds on the heap. */
  readonly maxKeys: number
  /** Whether the task has stored nothing so far. */
  readonly isNew: boolean
  /** The entries of these keys of one state (`<operator uid>/<state name>`), by position. */
  read(state: string, keys: readonly StateKey[]): Promise<readonly (readonly StateEntry[])[]>
}

/** Collects one epoch's changes of one task. */
export interface DeltaCollector {
  /** Changes of keyed state and timers. */
  readonly changes: StateChanges
  /** State that belongs to the operator instance, not to a key: replaced as a whole in each epoch. */
  setOperatorState(uid: string, state: OperatorState): void
}

/** A state as declared, for the check that stored state fits the operators of a job. */
export interface StateCatalogEntry {
  /** `<operator uid>/<state name>`. */
  readonly state: string
  readonly kind: string
  /** Format of the serdes, e.g. `msgpack@1`. */
  readonly format: string
}

/** What an operator holds while something that it waits for is on its way: a call, a read of state. */
export interface PendingWork {
  /** It should get no more elements for now: the task reads no input. It takes those that come all the same. */
  readonly isFull: boolean
  /** It holds elements that a barrier must come behind: the task lets none through for now. */
  readonly holdsBarriers: boolean
  /** It holds nothing: the task can end when its input has. */
  readonly isEmpty: boolean
  /** It has more on the heap than it should until an epoch is committed: the next barrier comes at once. */
  readonly needsCommit: boolean
  /** It holds elements that are in no snapshot: nothing is committed for now, and the task reads on. */
  readonly suspendsCommits: boolean
  /** Gives at most about `budget` records of what is ready; false when nothing is. Called when what is downstream has room. */
  produce(budget: number): boolean
}

/** What an operator of a loop does of itself, between batches, as if it were an input of the task. */
export interface Driven {
  /** Sends on at most so many records; gives how many, or -1 when there was nothing to do. */
  drive(records: number): number
  /** It has so much to do that nothing else should come in before. */
  readonly isCrowded: boolean
  /** It is in the middle of what will leave little to write at its end: a barrier that is due waits for that, within limits. */
  readonly defersBarriers: boolean
}

/**
 * One parallel instance of an operator. The life of it: constructed, `restore` for each stored entry and
 * `restoreOperatorState` at most once, `open`, elements through `inputs`, `close`.
 * When a barrier has arrived on every input, the operator writes its changes to `context.delta` and passes the barrier on.
 */
export interface Operator {
  /** One receiver for each input edge. */
  readonly inputs: readonly Receiver<never>[]
  /** Must be called first: states and outputs are taken from the context here. */
  setup(context: OperatorContext): void
  restore(entry: StateEntry): void
  /** Whether a stored state (`<uid>/<name>`) is to be restored before the start; else it is read when it is needed. */
  restoresAtStart(state: string): boolean
  restoreOperatorState(state: OperatorState): void
  /** Keys whose state has changed since the last barrier. */
  readonly changedKeys: number
  /** User code's `open`; may be asynchronous. */
  open(): void | Promise<void>
  readonly catalog: readonly StateCatalogEntry[]
  /** Null for an operator that is done with an element when the call returns. When it changes, the operator `post`s. */
  readonly pending: PendingWork | null
  /** Null for one that only does something when something comes in. */
  readonly driven: Driven | null
  /** What it is to know of the rounds of its loop when the task starts again; null when there is nothing. Part of every epoch. */
  snapshotRounds(): unknown
  restoreRounds(stored: unknown): void
  /** What it has heard and told of signals; null when there is nothing. Part of every epoch: signals are not told again after a restart. */
  snapshotSignals(): unknown
  restoreSignals(stored: unknown): void
  /** The state of a key as it is now, by name, for readers outside; undefined when there is none on the heap. */
  peek(key: unknown): object | undefined
  /** An epoch's changes are applied in the backend. */
  onApplied(epoch: number): void
  close(): void | Promise<void>
}
