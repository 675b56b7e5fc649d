import type { Acquired, StateBackend, StateDelta, StateEntry, TaskAddress, TaskStore } from '../../state/backend.ts'
import type { StateProvider } from '../../state/provider.ts'
import type { WorkerFaults } from './worker-faults.ts'

/** The state backend as one simulated worker reaches it: every call can be its last. */
export function faultyStateBackend(provider: StateProvider, faults: WorkerFaults): StateProvider {
  return {
    kind: provider.kind,
    options: provider.options,
    create: ({ clock, logger }) => new FaultyBackend(provider.create({ clock: faults.clock(clock), logger }), faults),
  }
}

class FaultyBackend implements StateBackend {
  readonly kind: string
  readonly durable: boolean
  readonly #backend: StateBackend
  readonly #faults: WorkerFaults

  constructor(backend: StateBackend, faults: WorkerFaults) {
    this.kind = backend.kind
    this.durable = backend.durable
    this.#backend = backend
    this.#faults = faults
  }

  describe(): string {
    return this.#backend.describe()
  }

  connect(): Promise<void> {
    return this.#faults.call('state.connect', () => this.#backend.connect())
  }

  close(): Promise<void> {
    return this.#faults.call('state.close', () => this.#backend.close())
  }

  task(address: TaskAddress): TaskStore {
    return new FaultyTaskStore(this.#backend.task(address), this.#faults)
  }

  clear(job: string): Promise<void> {
    return this.#faults.call('state.clear', () => this.#backend.clear(job))
  }
}

class FaultyTaskStore implements TaskStore {
  readonly #store: TaskStore
  readonly #faults: WorkerFaults

  constructor(store: TaskStore, faults: WorkerFaults) {
    this.#store = store
    this.#faults = faults
  }

  acquire(): Promise<Acquired> {
    return this.#faults.call('store.acquire', () => this.#store.acquire())
  }

  stage(delta: StateDelta): Promise<void> {
    return this.#faults.call('store.stage', () => this.#store.stage(delta))
  }

  decide(epoch: number): Promise<void> {
    return this.#faults.call('store.decide', () => this.#store.decide(epoch))
  }

  apply(epoch: number): Promise<void> {
    return this.#faults.call('store.apply', () => this.#store.apply(epoch))
  }

  discardAbove(epoch: number): Promise<void> {
    return this.#faults.call('store.discardAbove', () => this.#store.discardAbove(epoch))
  }

  /** Each batch is a call of its own. */
  async *load(): AsyncGenerator<readonly StateEntry[], void, undefined> {
    const batches = this.#store.load()[Symbol.asyncIterator]()
    for (;;) {
      const { done, value } = await this.#faults.call('store.load', () => batches.next())
      if (done === true) return
      yield value
    }
  }

  getMany(
    state: string,
    keys: readonly { readonly keyGroup: number; readonly key: Uint8Array }[],
  ): Promise<(readonly StateEntry[])[]> {
    return this.#faults.call('store.getMany', () => this.#store.getMany(state, keys))
  }

  close(): Promise<void> {
    return this.#faults.call('store.close', () => this.#store.close())
  }
}
