import { type Clock, sleep } from '../../time/clock.ts'
import type { StateBackend, TaskAddress, TaskStore } from '../backend.ts'
import { taskName } from '../task-name.ts'
import { MemoryTaskStore } from './task-store.ts'
import { TaskStorage } from './task-storage.ts'

export interface MemoryStateOptions {
  /** Drives `latencyMs`; needed with it. */
  readonly clock?: Clock
  /**
   * Milliseconds that a message to or from the backend takes, asked for each request and each reply: other workers act
   * meanwhile, as they would with a server.
   */
  readonly latencyMs?: () => number
  /** Called between two steps of `apply`; a test that takes the task over here cuts the apply in the middle. */
  readonly betweenChunks?: () => void | Promise<void>
}

/** State in this process, shared by all workers that are given the same backend. It is gone when the process ends. */
export interface MemoryState extends StateBackend {
  readonly kind: 'memory'
  /** What is stored for a task, for tests and simulations. */
  storage(address: TaskAddress): TaskStorage
}

/**
 * A backend that keeps state in memory, for tests, simulations and jobs that may lose it. It stores bytes, not references.
 * `close` ends nothing, since other workers may be using it.
 *
 * @example
 * const state = memoryState()
 */
export function memoryState(options: MemoryStateOptions = {}): MemoryState {
  return new MemoryBackend(options)
}

class MemoryBackend implements MemoryState {
  readonly kind = 'memory'
  readonly durable = false
  readonly #options: MemoryStateOptions
  readonly #jobs = new Map<string, Map<string, TaskStorage>>()

  constructor(options: MemoryStateOptions) {
    this.#options = options
  }

  describe(): string {
    return 'memory'
  }

  async connect(): Promise<void> {}

  async close(): Promise<void> {}

  task(address: TaskAddress): TaskStore {
    return new MemoryTaskStore({
      address,
      storage: () => this.storage(address),
      transfer: () => this.#transfer(),
      betweenChunks: this.#options.betweenChunks,
    })
  }

  async clear(job: string): Promise<void> {
    await this.#transfer()
    this.#jobs.delete(job)
    await this.#transfer()
  }

  storage(address: TaskAddress): TaskStorage {
    let tasks = this.#jobs.get(address.job)
    if (tasks === undefined) {
      tasks = new Map()
      this.#jobs.set(address.job, tasks)
    }
    const name = taskName(address)
    let storage = tasks.get(name)
    if (storage === undefined) {
      storage = new TaskStorage()
      tasks.set(name, storage)
    }
    return storage
  }

  /** One message to or from the backend: at least one turn of the microtask queue, so that nothing happens at once. */
  async #transfer(): Promise<void> {
    const { clock, latencyMs } = this.#options
    if (clock === undefined || latencyMs === undefined) return
    await sleep(clock, latencyMs())
  }
}
