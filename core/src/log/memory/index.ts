import { type Clock, systemClock } from '../../time/clock.ts'
import type { LogProvider } from '../provider.ts'
import { MemoryLog } from './memory-log.ts'
import { MemoryStorage } from './storage.ts'

export interface MemoryLogOptions {
  /** Drives sessions and time-outs of groups. @default the system's clock */
  readonly clock?: Clock
  /** Milliseconds that a message takes, asked for each; for simulations. */
  readonly latencyMs?: () => number
}

export interface MemoryLogProvider extends LogProvider {
  readonly kind: 'memory'
  /** What the log holds, for tests and displays. */
  readonly storage: MemoryStorage
}

/**
 * A log in this process: partitions, transactions and consumer groups as Kafka has them, gone when the process ends. All
 * clients of one provider see the same topics.
 *
 * @example
 * const log = memoryLog()
 * log.storage.createTopic('payments', 4)
 * await fraud.run({ log })
 */
export function memoryLog(options: MemoryLogOptions = {}): MemoryLogProvider {
  const storage = new MemoryStorage(options.clock ?? systemClock)
  return {
    kind: 'memory',
    options: {},
    storage,
    create: ({ clock }) => new MemoryLog(storage, clock, options.latencyMs),
  }
}

export type { MemoryRecord, MemoryStorage, NewMemoryRecord } from './storage.ts'
