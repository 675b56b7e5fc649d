import type { LogBatch, LogReader } from '../log/log.ts'
import type { CancelTimer } from '../time/clock.ts'
import type { TaskPace } from './source-pace.ts'

/** After which a batch that waits for other tasks is looked at again. */
const LOOK_AGAIN_MS = 2

export interface PacedReaderOptions {
  readonly reader: Pick<LogReader, 'take'>
  readonly pace: TaskPace
  /** How far a partition has come in event time; NaN where nobody is to wait for it. */
  readonly reached: (topic: string, partition: number) => number
  readonly setTimer: (delayMs: number, callback: () => void) => CancelTimer
  readonly onAvailable: () => void
}

/** Takes batches from a reader in step with the other tasks of the process. */
export class PacedReader {
  readonly #options: PacedReaderOptions
  /** Taken, and waiting for other tasks to come near. */
  #ahead: LogBatch | null = null
  #looksAgain = false

  constructor(options: PacedReaderOptions) {
    this.#options = options
  }

  /** As the reader's `take`; also undefined while what is next lies too far ahead, and `onAvailable` is called then. */
  take(): LogBatch | undefined {
    const { reader, pace, reached } = this.#options
    const batch = this.#ahead ?? reader.take()
    if (batch === undefined) {
      pace.rest()
      return undefined
    }
    if (pace.mayRead(reached(batch.topic, batch.partition))) {
      this.#ahead = null
      return batch
    }
    this.#ahead = batch
    this.#lookAgainLater()
    return undefined
  }

  /** Nobody waits for this task any more. */
  close(): void {
    this.#options.pace.rest()
  }

  #lookAgainLater(): void {
    if (this.#looksAgain) return
    this.#looksAgain = true
    const { setTimer, onAvailable } = this.#options
    setTimer(LOOK_AGAIN_MS, () => {
      this.#looksAgain = false
      onAvailable()
    })
  }
}
