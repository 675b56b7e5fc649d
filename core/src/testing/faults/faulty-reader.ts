import type { LogBatch, LogReader, LogReaderOptions, PartitionOffset, TopicPartition } from '../../log/log.ts'
import type { WorkerFaults } from './worker-faults.ts'

/** A reader whose deliveries are numbered like calls. A worker that does not run gets nothing, and is told when it thaws. */
export class FaultyReader implements LogReader {
  readonly #reader: LogReader
  readonly #faults: WorkerFaults
  readonly #onAvailable: () => void
  /** True while a frozen worker asked for a batch in vain and is yet to be told to ask again. */
  #isRefused = false

  constructor(create: (options: LogReaderOptions) => LogReader, options: LogReaderOptions, faults: WorkerFaults) {
    this.#faults = faults
    this.#onAvailable = options.onAvailable
    this.#reader = create({
      maxBufferedBytes: options.maxBufferedBytes,
      onAvailable: () => faults.deliver(options.onAvailable),
    })
  }

  add(partitions: readonly PartitionOffset[]): void {
    this.#do(() => this.#reader.add(partitions))
  }

  remove(partitions: readonly TopicPartition[]): void {
    this.#do(() => this.#reader.remove(partitions))
  }

  pause(partitions: readonly TopicPartition[]): void {
    this.#do(() => this.#reader.pause(partitions))
  }

  resume(partitions: readonly TopicPartition[]): void {
    this.#do(() => this.#reader.resume(partitions))
  }

  take(): LogBatch | undefined {
    if (this.#faults.state !== 'running') {
      this.#tellWhenThawed()
      return undefined
    }
    const batch = this.#reader.take()
    return batch === undefined || this.#faults.step('reader.take') ? batch : undefined
  }

  endOffset(topic: string, partition: number): number | undefined {
    return this.#reader.endOffset(topic, partition)
  }

  close(): Promise<void> {
    return this.#faults.call('reader.close', () => this.#reader.close())
  }

  /** What changes only this client takes effect at once, also in the last moment before a freeze. */
  #do(effect: () => void): void {
    if (this.#faults.state !== 'crashed') effect()
  }

  #tellWhenThawed(): void {
    if (this.#isRefused) return
    this.#isRefused = true
    this.#faults.deliver(() => {
      this.#isRefused = false
      this.#onAvailable()
    })
  }
}
