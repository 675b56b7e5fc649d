import { StreamError } from '../../errors.ts'
import type { Serde } from '../../serde/serde.ts'
import type { Header, LogOutput } from '../log.ts'
import type { WriterBatch, WriterPartition } from './writer-partition.ts'

/** What an output asks of its writer. */
export interface OutputTarget {
  /** Gives the partition a batch to fill. */
  open(partition: WriterPartition): WriterBatch
  appended(partition: WriterPartition, batch: WriterBatch, bytes: number): void
}

/** Encodes records into the open batches of one topic. */
export class KafkaOutput implements LogOutput {
  readonly topic: string
  readonly partitions: number
  readonly #target: OutputTarget
  readonly #partitions: readonly WriterPartition[]

  constructor(topic: string, partitions: readonly WriterPartition[], target: OutputTarget) {
    this.topic = topic
    this.partitions = partitions.length
    this.#partitions = partitions
    this.#target = target
  }

  append<T>(
    partition: number,
    timestamp: number,
    key: Uint8Array | null,
    value: T,
    serde: Serde<T>,
    headers?: readonly Header[],
  ): void {
    const state = this.#partitions[partition] ?? this.#missing(partition)
    const batch = state.open ?? this.#target.open(state)
    const before = batch.builder.bytes
    batch.builder.append(timestamp, key, value, serde, headers)
    this.#target.appended(state, batch, batch.builder.bytes - before)
  }

  appendBytes(
    partition: number,
    timestamp: number,
    key: Uint8Array | null,
    value: Uint8Array | null,
    headers?: readonly Header[],
  ): void {
    const state = this.#partitions[partition] ?? this.#missing(partition)
    const batch = state.open ?? this.#target.open(state)
    const before = batch.builder.bytes
    batch.builder.appendBytes(timestamp, key, value, headers)
    this.#target.appended(state, batch, batch.builder.bytes - before)
  }

  #missing(partition: number): never {
    throw new StreamError('LOG_FAILED', `the topic has ${this.partitions} partitions, and none with this number`, {
      where: { topic: this.topic, partition },
      reaction: 'fail-job',
    })
  }
}
