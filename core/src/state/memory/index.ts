import type { Logger } from '../../metrics/logger.ts'
import { type Clock, sleep } from '../../time/clock.ts'
import type { AppliedEntries, StateBackend, StateEntry, StateKey, TaskAddress, TaskStore } from '../backend.ts'
import type { StateProvider } from '../provider.ts'
import { readApplied } from '../read-applied.ts'
import { taskName } from '../task-name.ts'
import { TaskStorage } from './task-storage.ts'
import { MemoryTaskStore } from './task-store.ts'

export interface MemoryStateOptions {
  /**
   * Milliseconds that a message to or from the backend takes, or what gives them for each request and each reply: other
   * workers act meanwhile, as they would with a server. @default 0, without a timer
   */
  readonly latencyMs?: number | (() => number)
  /** Changes that one step of `apply` makes; between two of them others have their turn. @default 1000 */
  readonly chunk?: number
  /** Called between two steps of `apply`; a test that takes the task over here cuts the apply in the middle. */
  readonly betweenChunks?: () => void | Promise<void>
}

/** State in this process, shared by all backends that this provider creates. It is gone when the provider is. */
export interface MemoryStateProvider extends StateProvider {
  readonly kind: 'memory'
  readonly options: MemoryStateOptions
  create(context: { readonly clock: Clock; readonly logger: Logger }): StateBackend
  /** What is stored for a task, for tests and simulations. */
  storage(address: TaskAddress): TaskStorage
}

/**
 * State in memory, for tests, simulations and jobs that may lose it. It stores bytes, not references. The backends of all
 * workers that are given the same provider see the same state, also after one of them was closed and another one created.
 *
 * @example
 * const state = memoryState()
 * await job.run({ state, log })
 */
export function memoryState(options: MemoryStateOptions = {}): MemoryStateProvider {
  const jobs = new Map<string, Map<string, TaskStorage>>()
  return {
    kind: 'memory',
    options,
    create: ({ clock }) => new MemoryBackend(options, clock, jobs),
    storage: (address) => storageOf(jobs, address),
  }
}

class MemoryBackend implements StateBackend {
  readonly kind = 'memory'
  readonly durable = false
  readonly #options: MemoryStateOptions
  readonly #clock: Clock
  readonly #jobs: Map<string, Map<string, TaskStorage>>

  constructor(options: MemoryStateOptions, clock: Clock, jobs: Map<string, Map<string, TaskStorage>>) {
    this.#options = options
    this.#clock = clock
    this.#jobs = jobs
  }

  describe(): string {
    return 'memory'
  }

  async connect(): Promise<void> {}

  async close(): Promise<void> {}

  task(address: TaskAddress): TaskStore {
    return new MemoryTaskStore({
      address,
      storage: () => storageOf(this.#jobs, address),
      transfer: () => this.#transfer(),
      chunk: this.#options.chunk ?? 1000,
      betweenChunks: this.#options.betweenChunks,
    })
  }

  read(address: TaskAddress, state: string, keys: readonly StateKey[]): Promise<AppliedEntries | null> {
    const attempt = async (): Promise<AppliedEntries | 'applying' | null> => {
      await this.#transfer()
      const { applied, isApplying, entries } = this.#peek(address, state, keys)
      await this.#transfer()
      if (isApplying) return 'applying'
      return applied === null ? null : { epoch: applied.epoch, entries }
    }
    return readApplied(attempt, this.#clock, address)
  }

  #peek(
    address: TaskAddress,
    state: string,
    keys: readonly StateKey[],
  ): Pick<TaskStorage, 'applied' | 'isApplying'> & { entries: StateEntry[][] } {
    const storage = storageOf(this.#jobs, address)
    const { applied, isApplying } = storage
    return { applied, isApplying, entries: keys.map(({ keyGroup, key }) => storage.entries(state, keyGroup, key)) }
  }

  async clear(job: string): Promise<void> {
    await this.#transfer()
    this.#jobs.delete(job)
    await this.#transfer()
  }

  /** One message to or from the backend: at least one turn of the microtask queue, so that nothing happens at once. */
  async #transfer(): Promise<void> {
    const { latencyMs } = this.#options
    if (latencyMs === undefined) return
    await sleep(this.#clock, typeof latencyMs === 'number' ? latencyMs : latencyMs())
  }
}

function storageOf(jobs: Map<string, Map<string, TaskStorage>>, address: TaskAddress): TaskStorage {
  let tasks = jobs.get(address.job)
  if (tasks === undefined) {
    tasks = new Map()
    jobs.set(address.job, tasks)
  }
  const name = taskName(address)
  let storage = tasks.get(name)
  if (storage === undefined) {
    storage = new TaskStorage()
    tasks.set(name, storage)
  }
  return storage
}
