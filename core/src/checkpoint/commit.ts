import type { LogWriter, OffsetCommit } from '../log/log.ts'
import type { StateDelta, TaskStore } from '../state/backend.ts'

/** The steps of making an epoch true, in their order. Each is a point at which a worker may die. */
export type CommitStep = 'flush' | 'stage' | 'decide' | 'apply' | 'publish'

/** `log`: the transaction decides. `state`: the backend does. `offsets`: no state and no transaction, offsets are committed plainly. */
export type Decider = 'log' | 'state' | 'offsets'

/** What is to be made true. */
export interface PendingEpoch {
  readonly epoch: number
  readonly offsets: readonly OffsetCommit[]
  /** Resolves with the delta when the sinks have handed over what they publish. */
  readonly delta: Promise<StateDelta>
  readonly publish: () => Promise<void>
}

export interface CommitDriverOptions {
  readonly decider: Decider
  readonly group: string
  readonly writer: LogWriter | null
  readonly store: TaskStore | null
  readonly commitOffsets: (offsets: readonly OffsetCommit[]) => Promise<void>
  readonly onStep?: (step: CommitStep, epoch: number) => void
}

/** Performs the commit of one epoch after the other; the caller starts the next only when this one has resolved. */
export class CommitDriver {
  readonly #options: CommitDriverOptions

  constructor(options: CommitDriverOptions) {
    this.#options = options
  }

  async commit(pending: PendingEpoch): Promise<void> {
    const { writer, store, decider, group, onStep } = this.#options
    onStep?.('flush', pending.epoch)
    // Output and delta travel at the same time; both have to be there before the decision.
    await Promise.all([writer?.flush(), this.#stage(pending)])
    onStep?.('decide', pending.epoch)
    if (decider === 'log') await writer?.commit(group, pending.offsets)
    else if (decider === 'state') await store?.decide(pending.epoch)
    else await this.#options.commitOffsets(pending.offsets)
    if (store !== null) {
      onStep?.('apply', pending.epoch)
      await store.apply(pending.epoch)
    }
    onStep?.('publish', pending.epoch)
    await pending.publish()
    // Where the backend decides, the log's copy of the offsets only serves the lag display.
    if (decider === 'state' && pending.offsets.length > 0) await this.#options.commitOffsets(pending.offsets)
  }

  async #stage(pending: PendingEpoch): Promise<void> {
    const delta = await pending.delta
    const { store, onStep } = this.#options
    if (store === null) return
    onStep?.('stage', pending.epoch)
    await store.stage(delta)
  }
}
