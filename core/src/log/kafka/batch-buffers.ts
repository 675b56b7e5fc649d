import { ByteWriter } from '../../serde/byte-writer.ts'

const firstBatchBytes = 16 * 1024

/** Buffers of sent batches, to be filled again: as many bytes at most as may wait to be sent at once. */
export class BatchBuffers {
  readonly #maxBytes: number
  readonly #largestBytes: number
  readonly #kept: ByteWriter[] = []
  #keptBytes = 0

  /** Buffers of more than `largestBytes` are not kept. */
  constructor(maxBytes: number, largestBytes: number) {
    this.#maxBytes = maxBytes
    this.#largestBytes = largestBytes
  }

  take(): ByteWriter {
    const writer = this.#kept.pop()
    if (writer === undefined) return new ByteWriter(firstBatchBytes)
    this.#keptBytes -= writer.buffer.length
    return writer
  }

  /** Its batch has been acknowledged, so nothing sends it any more. */
  keep(writer: ByteWriter): void {
    const { length } = writer.buffer
    if (length > this.#largestBytes || this.#keptBytes + length > this.#maxBytes) return
    this.#kept.push(writer)
    this.#keptBytes += length
  }
}
