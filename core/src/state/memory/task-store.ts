import { FencedError, StreamError } from '../../errors.ts'
import type { Acquired, StateDelta, StateEntry, StateKey, TaskAddress, TaskStore } from '../backend.ts'
import { taskName } from '../task-name.ts'
import { copyDelta, type TaskStorage } from './task-storage.ts'

/** Entries in one batch of `load`. */
const BATCH = 1000

export interface MemoryTaskStoreOptions {
  readonly address: TaskAddress
  /** Looked up at each call: it is another one after the job was cleared. */
  readonly storage: () => TaskStorage
  /** Resolves when a message has reached the other side. */
  readonly transfer: () => Promise<void>
  /** Changes that `apply` makes before others get their turn. */
  readonly chunk: number
  /** Called between two steps of `apply`. */
  readonly betweenChunks: (() => void | Promise<void>) | undefined
}

export class MemoryTaskStore implements TaskStore {
  readonly #options: MemoryTaskStoreOptions
  /** The storage that was acquired and the token; after a take-over or a `clear` they differ from what is stored. */
  #acquired: { readonly storage: TaskStorage; readonly token: number } | null = null

  constructor(options: MemoryTaskStoreOptions) {
    this.#options = options
  }

  async acquire(): Promise<Acquired> {
    await this.#options.transfer()
    const storage = this.#options.storage()
    if (storage.version !== 1) {
      throw new StreamError(
        'STATE_CORRUPT',
        `the stored state has version ${storage.version}; this version of Millrace reads 1`,
        { where: this.#where() },
      )
    }
    storage.fence++
    this.#acquired = { storage, token: storage.fence }
    const acquired: Acquired = {
      applied: storage.applied === null ? null : { ...storage.applied, meta: Buffer.from(storage.applied.meta) },
      decided: storage.decided,
      staged: [...storage.staged.keys()].sort((a, b) => a - b),
    }
    await this.#options.transfer()
    return acquired
  }

  async stage(delta: StateDelta): Promise<void> {
    // Copied before anything is awaited: the caller may change its buffers once it has the promise.
    const copy = copyDelta(delta)
    await this.#write((storage) => {
      if (storage.applied !== null && storage.applied.epoch >= delta.epoch) throw this.#old(delta.epoch)
      storage.staged.set(delta.epoch, copy)
    })
  }

  async decide(epoch: number): Promise<void> {
    await this.#write((storage) => {
      if (storage.decided === epoch) return
      if (!storage.staged.has(epoch)) throw this.#failed(`epoch ${epoch} is not staged`)
      storage.decided = epoch
    })
  }

  async apply(epoch: number): Promise<void> {
    let from = 0
    for (;;) {
      const next = await this.#write((storage) => this.#applyChunk(storage, epoch, from))
      if (next === null) return
      from = next
      await this.#options.betweenChunks?.()
    }
  }

  async discardAbove(epoch: number): Promise<void> {
    await this.#write((storage) => {
      for (const staged of storage.staged.keys()) if (staged > epoch) storage.staged.delete(staged)
    })
  }

  async *load(isWanted: (state: string) => boolean = () => true): AsyncIterable<readonly StateEntry[]> {
    await this.#options.transfer()
    for (const batch of this.#owned().batches(BATCH, isWanted)) {
      await this.#options.transfer()
      yield batch
    }
  }

  async getMany(state: string, keys: readonly StateKey[]): Promise<(readonly StateEntry[])[]> {
    await this.#options.transfer()
    const storage = this.#owned()
    const found = keys.map(({ keyGroup, key }) => storage.entries(state, keyGroup, key))
    await this.#options.transfer()
    return found
  }

  async close(): Promise<void> {
    this.#acquired = null
  }

  /** One fenced step: nothing of it happens when the task was taken over. */
  async #write<T>(step: (storage: TaskStorage) => T): Promise<T> {
    await this.#options.transfer()
    const storage = this.#owned()
    if (storage !== this.#options.storage()) {
      throw this.#failed('what was stored for the task is gone: its job was cleared')
    }
    if (storage.fence !== this.#acquired?.token) {
      throw new FencedError('another worker has taken the task over', { where: this.#where() })
    }
    const result = step(storage)
    await this.#options.transfer()
    return result
  }

  /** Applies some changes and returns where to go on, or null when the epoch is applied. */
  #applyChunk(storage: TaskStorage, epoch: number, from: number): number | null {
    if (storage.applied !== null && storage.applied.epoch >= epoch) {
      if (storage.applied.epoch > epoch) throw this.#old(epoch)
      storage.staged.delete(epoch)
      return null
    }
    const delta = storage.staged.get(epoch)
    if (delta === undefined) throw this.#failed(`epoch ${epoch} is not staged`)
    const end = Math.min(from + this.#options.chunk, delta.changes.length)
    for (let i = from; i < end; i++) storage.change(delta.changes[i]!)
    storage.isApplying = end < delta.changes.length
    if (storage.isApplying) return end
    storage.applied = { epoch, meta: delta.meta }
    storage.staged.delete(epoch)
    return null
  }

  #owned(): TaskStorage {
    if (this.#acquired === null) {
      throw this.#failed('the store of a task is used before acquire or after close')
    }
    return this.#acquired.storage
  }

  #old(epoch: number): StreamError {
    return this.#failed(`epoch ${epoch} is not newer than what is applied`)
  }

  #failed(message: string): StreamError {
    return new StreamError('STATE_BACKEND_FAILED', message, { where: this.#where() })
  }

  #where(): { job: string; task: string } {
    return { job: this.#options.address.job, task: taskName(this.#options.address) }
  }
}
