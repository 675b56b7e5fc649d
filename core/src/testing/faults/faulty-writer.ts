import type { Header, LogOutput, LogWriter, OffsetCommit } from '../../log/log.ts'
import type { Serde } from '../../serde/serde.ts'
import type { WorkerFaults } from './worker-faults.ts'

/** A writer whose calls are numbered. What is appended to it stays in the worker's memory, and dies with it. */
export class FaultyWriter implements LogWriter {
  readonly #writer: LogWriter
  readonly #faults: WorkerFaults

  constructor(writer: LogWriter, faults: WorkerFaults) {
    this.#writer = writer
    this.#faults = faults
  }

  init(): Promise<void> {
    return this.#faults.call('writer.init', () => this.#writer.init())
  }

  async output(topic: string): Promise<LogOutput> {
    const output = await this.#faults.call('writer.output', () => this.#writer.output(topic))
    return new FaultyOutput(output, this.#faults)
  }

  /** A dead worker waits for ever. */
  get isFull(): boolean {
    return this.#faults.state === 'crashed' || this.#writer.isFull
  }

  get hasUnsealed(): boolean {
    return this.#writer.hasUnsealed
  }

  check(): void {
    if (this.#faults.state !== 'crashed') this.#writer.check()
  }

  seal(): void {
    if (this.#faults.state !== 'crashed') this.#writer.seal()
  }

  flush(): Promise<void> {
    return this.#faults.call('writer.flush', () => this.#writer.flush())
  }

  commit(group: string, offsets: readonly OffsetCommit[]): Promise<void> {
    return this.#faults.call('writer.commit', () => this.#writer.commit(group, offsets))
  }

  abort(): Promise<void> {
    return this.#faults.call('writer.abort', () => this.#writer.abort())
  }

  close(): Promise<void> {
    return this.#faults.call('writer.close', () => this.#writer.close())
  }
}

class FaultyOutput implements LogOutput {
  readonly topic: string
  readonly partitions: number
  readonly #output: LogOutput
  readonly #faults: WorkerFaults

  constructor(output: LogOutput, faults: WorkerFaults) {
    this.topic = output.topic
    this.partitions = output.partitions
    this.#output = output
    this.#faults = faults
  }

  append<T>(
    partition: number,
    timestamp: number,
    key: Uint8Array | null,
    value: T,
    serde: Serde<T>,
    headers?: readonly Header[],
  ): void {
    if (this.#faults.state !== 'crashed') this.#output.append(partition, timestamp, key, value, serde, headers)
  }

  appendBytes(
    partition: number,
    timestamp: number,
    key: Uint8Array | null,
    value: Uint8Array | null,
    headers?: readonly Header[],
  ): void {
    if (this.#faults.state !== 'crashed') this.#output.appendBytes(partition, timestamp, key, value, headers)
  }
}
