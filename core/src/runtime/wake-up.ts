/** Wakes one waiting loop. Setting it before the wait makes the next wait return at once. */
export class WakeUp {
  #isSet = false
  #resolve: (() => void) | null = null

  set(): void {
    if (this.#resolve !== null) {
      const resolve = this.#resolve
      this.#resolve = null
      resolve()
    } else {
      this.#isSet = true
    }
  }

  wait(): Promise<void> {
    if (this.#isSet) {
      this.#isSet = false
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      this.#resolve = resolve
    })
  }
}
