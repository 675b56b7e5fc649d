interface Waiter {
  readonly generation: number
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Counts the batches of each generation that are not acknowledged yet, and tells who waits for them. */
export class Acknowledgements {
  readonly #outstanding = new Map<number, number>()
  #waiters: Waiter[] = []

  opened(generation: number): void {
    this.#outstanding.set(generation, (this.#outstanding.get(generation) ?? 0) + 1)
  }

  acknowledged(generation: number): void {
    const left = (this.#outstanding.get(generation) ?? 1) - 1
    if (left > 0) {
      this.#outstanding.set(generation, left)
      return
    }
    this.#outstanding.delete(generation)
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) {
      if (this.isOutstanding(waiter.generation)) this.#waiters.push(waiter)
      else waiter.resolve()
    }
  }

  /** True when something of this generation or an earlier one is not acknowledged. */
  isOutstanding(lastGeneration: number): boolean {
    for (const generation of this.#outstanding.keys()) if (generation <= lastGeneration) return true
    return false
  }

  /** Resolves when everything up to this generation is acknowledged. */
  async wait(generation: number): Promise<void> {
    if (!this.isOutstanding(generation)) return
    await new Promise<void>((resolve, reject) => this.#waiters.push({ generation, resolve, reject }))
  }

  /** Whoever waits gets this error. */
  reject(error: unknown): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const { reject } of waiters) reject(error)
  }

  /** What was outstanding never will be acknowledged. */
  drop(error: unknown): void {
    this.#outstanding.clear()
    this.reject(error)
  }
}
