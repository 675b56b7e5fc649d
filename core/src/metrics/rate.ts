import type { Counter } from './registry.ts'

const WINDOW_MS = 60_000

/**
 * How fast a counter grows, per second: over about the last minute, as far as somebody has asked before. Counting costs
 * nothing more for it.
 */
export class Rate {
  readonly #counter: Counter
  readonly #now: () => number
  /** What the counter said when somebody asked, oldest first; the first is the one that is compared with. */
  readonly #samples: { readonly atMs: number; readonly value: number }[]

  constructor(counter: Counter, now: () => number) {
    this.#counter = counter
    this.#now = now
    this.#samples = [{ atMs: now(), value: counter.value }]
  }

  get perSecond(): number {
    const atMs = this.#now()
    const { value } = this.#counter
    const samples = this.#samples
    while (samples.length > 1 && atMs - (samples[1] as { atMs: number }).atMs >= WINDOW_MS) samples.shift()
    const { atMs: sinceMs, value: before } = samples[0] as { atMs: number; value: number }
    // Many readers within a second need not all be remembered.
    if (atMs - (samples.at(-1) as { atMs: number }).atMs >= 1_000) samples.push({ atMs, value })
    return atMs > sinceMs ? ((value - before) * 1_000) / (atMs - sinceMs) : 0
  }
}
