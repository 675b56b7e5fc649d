import type { DeltaCollector } from '../operator/operator.ts'
import type { OperatorState } from '../operator/operator-state.ts'
import { StateChanges } from '../state/state-changes.ts'
import type { SinkBarriers } from './sinks.ts'

/** What one barrier collects on its way through the chains of a task. */
export interface CollectedEpoch {
  readonly changes: StateChanges
  readonly operators: Record<string, OperatorState>
  readonly committables: readonly { readonly uid: string; readonly list: Promise<readonly unknown[]> }[]
}

export class EpochCollector implements DeltaCollector, SinkBarriers {
  #changes = new StateChanges()
  #operators: Record<string, OperatorState> = {}
  #committables: { uid: string; list: Promise<readonly unknown[]> }[] = []

  get changes(): StateChanges {
    return this.#changes
  }

  setOperatorState(uid: string, state: OperatorState): void {
    this.#operators[uid] = state
  }

  add(uid: string, committables: Promise<readonly unknown[]>): void {
    // It is awaited with the commit; until then a failure must not count as unhandled.
    committables.catch(() => {})
    this.#committables.push({ uid, list: committables })
  }

  /** Hands over what was collected and starts anew. */
  take(): CollectedEpoch {
    const collected = { changes: this.#changes, operators: this.#operators, committables: this.#committables }
    // The next epoch will change about as much.
    this.#changes = new StateChanges(this.#changes)
    this.#operators = {}
    this.#committables = []
    return collected
  }
}
