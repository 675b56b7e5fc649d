import type { Region } from '../plan/job-graph.ts'
import type { Clock } from '../time/clock.ts'

/** Who has said nothing for so long is not waited for: it may be stuck, or gone. */
const PATIENCE_MS = 250
/** How far a task may be ahead of the others, in batches of its own: so few that little waits in state, so many that all run at once. */
const MOST_AHEAD = 8
/** One that waits goes on when it is no more than this ahead, so that it does not wait again at once. */
const ENOUGH = 4
/** Where a task is that has nothing to read. */
const RESTING = 2n ** 63n - 1n
/** Batches over which the advance of one is averaged. */
const SMOOTHING = 16

/**
 * How far the tasks of a job that run in this process have come in event time where they read their sources. Threads share its
 * memory: for each task how far what it reads next has come, and when it said so, in milliseconds.
 */
export class SourcePace {
  readonly memory: SharedArrayBuffer
  readonly #places: BigInt64Array
  readonly #firstPlaces = new Map<string, number>()

  /** `memory` is that of another thread's, for the same regions. */
  constructor(regions: readonly Pick<Region, 'id' | 'parallelism'>[], memory?: SharedArrayBuffer) {
    let places = 0
    for (const { id, parallelism } of regions) {
      this.#firstPlaces.set(id, places)
      places += parallelism
    }
    this.memory = memory ?? new SharedArrayBuffer(places * 2 * BigInt64Array.BYTES_PER_ELEMENT)
    this.#places = new BigInt64Array(this.memory)
    if (memory === undefined) this.#places.fill(RESTING)
  }

  join(region: string, index: number, clock: Clock): TaskPace {
    return new TaskPace(this.#places, (this.#firstPlaces.get(region) ?? 0) + index, clock)
  }
}

/**
 * Keeps a task from running away from the others in event time: what it brought would wait in the state of joins and windows behind
 * an exchange, where the order of what several tasks have written cannot be changed any more.
 */
export class TaskPace {
  readonly #places: BigInt64Array
  readonly #place: number
  readonly #clock: Clock
  #last = Number.NaN
  /** By how much a batch takes the task further, on average. */
  #strideMs = 0
  #isWaiting = false

  constructor(places: BigInt64Array, place: number, clock: Clock) {
    this.#places = places
    this.#place = 2 * place
    this.#clock = clock
  }

  /** Whether a batch of a partition that has come to `reachedMs` may be read now; NaN for one without event time. */
  mayRead(reachedMs: number): boolean {
    if (!Number.isFinite(reachedMs)) return true
    const now = this.#clock.now()
    Atomics.store(this.#places, this.#place, BigInt(Math.floor(reachedMs)))
    Atomics.store(this.#places, this.#place + 1, BigInt(Math.floor(now)))
    if (!this.#isWaiting) this.#measure(reachedMs)
    const allowed = (this.#isWaiting ? ENOUGH : MOST_AHEAD) * this.#strideMs
    this.#isWaiting = reachedMs - this.#leastOfOthers(now) > allowed
    return !this.#isWaiting
  }

  /** It has nothing to read, so nobody waits for it. */
  rest(): void {
    Atomics.store(this.#places, this.#place, RESTING)
  }

  #measure(reachedMs: number): void {
    const advance = Math.max(0, reachedMs - this.#last)
    this.#last = reachedMs
    if (!Number.isNaN(advance)) this.#strideMs += (advance - this.#strideMs) / SMOOTHING
  }

  #leastOfOthers(now: number): number {
    let least = Number(RESTING)
    for (let place = 0; place < this.#places.length; place += 2) {
      if (place === this.#place) continue
      const saidAt = Number(Atomics.load(this.#places, place + 1))
      // Also what was said by a clock that has been set back since is no reason to wait.
      if (Math.abs(now - saidAt) > PATIENCE_MS) continue
      least = Math.min(least, Number(Atomics.load(this.#places, place)))
    }
    return least
  }
}
