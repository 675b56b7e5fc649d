import type { BacklogSpec } from '../plan/logical-graph.ts'

/**
 * Whether a partition is behind. It is from the moment at which it is beyond one of its bounds until it is within half of them, so that it
 * does not change its mind with every batch.
 */
export class Backlog {
  readonly #spec: BacklogSpec
  #isBehind: boolean

  constructor(spec: BacklogSpec) {
    this.#spec = spec
    this.#isBehind = spec === 'all'
  }

  /** `lag` in records, null while it is not known; `delayMs` of event time behind the clock. */
  isBehind(lag: number | null, delayMs: number): boolean {
    const spec = this.#spec
    if (spec === 'all') return true
    if (lag === null) return this.#isBehind
    const share = this.#isBehind ? 0.5 : 1
    const { maxLag, maxDelayMs } = spec
    // What has been read to its end is not behind, however old it is.
    const isLate = lag > 0 && maxDelayMs !== null && delayMs > maxDelayMs * share
    this.#isBehind = isLate || (maxLag !== null && lag > maxLag * share)
    return this.#isBehind
  }
}
