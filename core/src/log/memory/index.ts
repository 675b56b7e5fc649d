import { type Clock, systemClock } from '../../time/clock.ts'
import type { LogProvider } from '../provider.ts'
import { MemoryLog } from './memory-log.ts'
import { MemoryStorage } from './storage.ts'

export interface MemoryLogOptions {
  /** Drives what servers time: sessions and time-outs of groups and transactions. @default the system's clock */
  readonly clock?: Clock
  /** Milliseconds that a message takes in one direction, or what gives them for each; for simulations. @default none */
  readonly latencyMs?: number | (() => number)
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
  const { latencyMs } = options
  const latency = typeof latencyMs === 'number' ? () => latencyMs : latencyMs
  return {
    kind: 'memory',
    options: {},
    storage,
    create: ({ clock }) => new MemoryLog(storage, clock, latency),
  }
}

export type { MemoryRecord, MemoryStorage, NewMemoryRecord } from './storage.ts'
