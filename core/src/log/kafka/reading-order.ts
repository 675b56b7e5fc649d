import type { LogReaderOptions } from '../log.ts'
import type { ReaderPartition } from './reader-partition.ts'

/** The partitions of which something is buffered, and whose turn it is: the one furthest back, or else one after the other. */
export class ReadingOrder {
  readonly #rank: LogReaderOptions['rank']
  #queue: ReaderPartition[] = []

  constructor(rank: LogReaderOptions['rank']) {
    this.#rank = rank
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0
  }

  add(state: ReaderPartition): void {
    if (state.isQueued || state.isPaused || state.isRemoved || state.fetched.length === 0) return
    state.isQueued = true
    this.#queue.push(state)
  }

  remove(state: ReaderPartition): void {
    if (!state.isQueued) return
    state.isQueued = false
    this.#queue = this.#queue.filter((other) => other !== state)
  }

  /**
   * Takes out whose turn it is; whoever stood first waits in its place. Undefined when nothing is buffered, or when it would be read
   * ahead of one of those that are `onTheirWay`.
   */
  next(onTheirWay: readonly ReaderPartition[]): ReaderPartition | undefined {
    const first = this.#queue[0]
    if (first === undefined) return undefined
    let at = 0
    const rank = this.#rank
    if (rank !== undefined) {
      let lowest = rank(first.topic, first.partition)
      if (!Number.isNaN(lowest)) {
        for (let index = 1; index < this.#queue.length; index++) {
          const { topic, partition } = this.#queue[index] as ReaderPartition
          const reached = rank(topic, partition)
          if (!(reached < lowest)) continue
          lowest = reached
          at = index
        }
        if (onTheirWay.some(({ topic, partition }) => rank(topic, partition) < lowest)) return undefined
      }
    }
    const chosen = this.#queue[at] as ReaderPartition
    this.#queue[at] = first
    this.#queue.shift()
    chosen.isQueued = false
    return chosen
  }
}
