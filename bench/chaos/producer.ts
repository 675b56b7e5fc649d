import type { Log } from '@millrace/core/spi'
import { END_KEY, eventJson, PARTITIONS, topics } from './events.ts'

const KEYS = 200
const TICK_MS = 10
const BUFFER_BYTES = 64 * 1024 * 1024

/** Writes records of all keys in turn at a steady rate; through outages they wait and go out in order. */
export class Producer {
  readonly #log: Log
  readonly #ratePerSecond: number
  #stop: (() => Promise<void>) | null = null
  #sent = 0

  constructor(log: Log, ratePerSecond: number) {
    this.#log = log
    this.#ratePerSecond = ratePerSecond
  }

  get sent(): number {
    return this.#sent
  }

  async start(): Promise<void> {
    const writer = this.#log.createWriter({
      transactionalId: null,
      transactionTimeoutMs: 60_000,
      maxBufferedBytes: BUFFER_BYTES,
      onAvailable: () => {},
    })
    await writer.init()
    const output = await writer.output(topics.input)
    const startedAt = Date.now()
    const send = (): void => {
      const now = Date.now()
      const due = Math.floor(((now - startedAt) / 1000) * this.#ratePerSecond)
      for (; this.#sent < due; this.#sent++) {
        const key = this.#sent % KEYS
        output.append(key % PARTITIONS, now, null, { key, n: Math.floor(this.#sent / KEYS) + 1, time: now }, eventJson)
      }
    }
    const timer = setInterval(send, TICK_MS)
    this.#stop = async () => {
      clearInterval(timer)
      const end = Date.now() + 3_600_000
      for (let partition = 0; partition < PARTITIONS; partition++) {
        output.append(partition, Date.now(), null, { key: END_KEY, n: 0, time: end }, eventJson)
      }
      writer.seal()
      await writer.flush()
      await writer.close()
    }
  }

  /** Closes the input and waits until the log has it all. */
  async finish(): Promise<void> {
    await this.#stop?.()
  }
}
