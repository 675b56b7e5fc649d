import { type Clock, sleep } from '../../time/clock.ts'

/**
 * The way between a client and the servers. Everything that a client does takes it, there and back, on the client's own
 * clock: a client whose clock stands still does nothing and hears nothing.
 */
export class Wire {
  readonly #clock: Clock
  readonly #latencyMs: (() => number) | undefined

  constructor(clock: Clock, latencyMs: (() => number) | undefined) {
    this.#clock = clock
    this.#latencyMs = latencyMs
  }

  /** One message in one direction. */
  hop(): Promise<void> {
    return this.#latencyMs === undefined ? this.#clock.yield() : sleep(this.#clock, this.#latencyMs())
  }

  /** Lets the servers do something and brings the answer, or what they refused it with. */
  async request<T>(effect: () => T | Promise<T>): Promise<T> {
    await this.hop()
    try {
      return await effect()
    } finally {
      await this.hop()
    }
  }
}
