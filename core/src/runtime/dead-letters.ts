import type { StreamError } from '../errors.ts'
import type { LogBatch, LogOutput } from '../log/log.ts'

/**
 * Sends records that cannot be decoded to another topic, as they are, with headers that say why and where they were.
 * It writes in the task's transaction, so a dead letter appears exactly once too.
 */
export class DeadLetters {
  readonly #output: LogOutput
  readonly #job: string
  #next = 0

  constructor(output: LogOutput, job: string) {
    this.#output = output
    this.#job = job
  }

  send(operator: string, batch: LogBatch, index: number, error: StreamError): void {
    const { buffer, keyStarts, keyEnds, valueStarts, valueEnds } = batch
    const keyStart = keyStarts[index] as number
    const valueStart = valueStarts[index] as number
    this.#output.appendBytes(
      this.#next++ % this.#output.partitions,
      batch.timestamps[index] as number,
      keyStart < 0 ? null : buffer.subarray(keyStart, keyEnds[index]),
      valueStart < 0 ? null : buffer.subarray(valueStart, valueEnds[index]),
      [
        ...batch.headers(index),
        header('millrace.job', this.#job),
        header('millrace.operator', operator),
        header('millrace.topic', batch.topic),
        header('millrace.partition', String(batch.partition)),
        header('millrace.offset', String(batch.offsets[index])),
        header('millrace.error.code', error.code),
        header('millrace.error.message', error.message),
      ],
    )
  }
}

function header(key: string, value: string): { key: string; value: Uint8Array } {
  return { key, value: Buffer.from(value) }
}
