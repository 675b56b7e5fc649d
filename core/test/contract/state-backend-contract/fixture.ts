import { randomUUID } from 'node:crypto'
import type { StateBackend, StateChange, TaskAddress, TaskStore } from '../../../src/state/backend.ts'

/** One storage and the ways to reach it. */
export interface StateBackendUnderTest {
  /** Another connected client of the same storage, as another worker would have it. */
  open(): Promise<StateBackend>
  /** When set, called between two steps of every `apply`, whichever client runs it. */
  betweenChunks: (() => void | Promise<void>) | undefined
  /** Gives what is stored for the task the version of a later Millrace. */
  setUnknownVersion(address: TaskAddress): Promise<void>
  close(): Promise<void>
}

/** What the tests of the contract share: two clients of one storage, and an address of its own for each test. */
export class StateBackendFixture {
  address: TaskAddress = { job: '', region: 'region', index: 0 }
  #opened: {
    readonly storage: StateBackendUnderTest
    readonly backend: StateBackend
    readonly other: StateBackend
  } | null = null

  get storage(): StateBackendUnderTest {
    return this.#own().storage
  }

  get backend(): StateBackend {
    return this.#own().backend
  }

  /** As another worker would have it. */
  get other(): StateBackend {
    return this.#own().other
  }

  async open(storage: StateBackendUnderTest): Promise<void> {
    this.#opened = { storage, backend: await storage.open(), other: await storage.open() }
  }

  async close(): Promise<void> {
    if (this.#opened === null) return
    const { storage, backend, other } = this.#opened
    await backend.close()
    await other.close()
    await storage.close()
  }

  /** Before each test. */
  reset(): void {
    this.storage.betweenChunks = undefined
    this.address = { job: `job-${randomUUID()}`, region: 'region', index: 0 }
  }

  async owned(of: TaskAddress = this.address): Promise<TaskStore> {
    const store = this.backend.task(of)
    await store.acquire()
    return store
  }

  async commit(store: TaskStore, epoch: number, changes: readonly StateChange[]): Promise<void> {
    await store.stage({ epoch, meta: Buffer.from(`meta ${epoch}`), changes })
    await store.apply(epoch)
  }

  #own(): { readonly storage: StateBackendUnderTest; readonly backend: StateBackend; readonly other: StateBackend } {
    if (this.#opened === null) throw new Error('the storage is not open')
    return this.#opened
  }
}
