import { MIN_WATERMARK, NO_TIMESTAMP, type Receiver } from '../operator/operator.ts'

export interface CommittedOutputOptions {
  /** Runs a callback in the task's loop, before its next barrier. */
  readonly post: (callback: () => void) => void
  /** The end waits for an epoch, though no record has come. */
  readonly onEndHeld: () => void
}

/**
 * What stands behind the commit of a sink. An epoch's committables become records of the next epoch when they have been published; if the
 * task dies before that is committed, they are published again and sent on again, so each counts once. Watermarks and the
 * end wait likewise for what came before them: when they arrive, it is committed.
 */
export class CommittedOutput {
  readonly #options: CommittedOutputOptions
  #receiver: Receiver<unknown> | null = null
  #watermark = MIN_WATERMARK
  #hasEnded = false
  #isEndSent = false
  /** How far the input had come when the last barrier passed. */
  #sealed = { watermark: MIN_WATERMARK, hasEnded: false }

  constructor(options: CommittedOutputOptions) {
    this.#options = options
  }

  /** The operators behind are built after the sinks. */
  attach(receiver: Receiver<unknown>): void {
    this.#receiver = receiver
  }

  /** The end has come and has not gone on yet: an epoch must be committed before. */
  get holdsEnd(): boolean {
    return this.#hasEnded && !this.#isEndSent
  }

  onWatermark(watermark: number): void {
    this.#watermark = watermark
  }

  onIdle(idle: boolean): void {
    this.#receiver?.onIdle(idle)
  }

  onBarrier(epoch: number): void {
    this.#sealed = { watermark: this.#watermark, hasEnded: this.#hasEnded }
    this.#receiver?.onBarrier(epoch)
  }

  onEnd(): void {
    this.#hasEnded = true
    this.#options.onEndHeld()
  }

  /** The last epoch is published. The next barrier comes after what is sent here. */
  onPublished(committables: readonly unknown[]): void {
    const { watermark, hasEnded } = this.#sealed
    this.#options.post(() => {
      const receiver = this.#receiver
      if (receiver === null) return
      for (const committable of committables) receiver.onRecord(committable, NO_TIMESTAMP)
      if (watermark > MIN_WATERMARK) receiver.onWatermark(watermark)
      if (!hasEnded || this.#isEndSent) return
      this.#isEndSent = true
      receiver.onEnd()
    })
  }
}
