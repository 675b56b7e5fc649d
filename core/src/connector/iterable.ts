import { StreamError } from '../errors.ts'
import { NO_TIMESTAMP } from '../operator/operator.ts'
import type { PollStatus, Source, SplitReader, SplitReaderContext } from './source.ts'

export type IterableInput<T> = Iterable<T> | AsyncIterable<T> | (() => Iterable<T> | AsyncIterable<T>)

/** Elements of an async iterable that may wait here. */
const MAX_WAITING = 4096

/**
 * Reads an iterable, or what a function makes anew at each start, as one split. The position is the number of elements
 * handed out, so a restart reads again and skips that many: exact for arrays and for functions that give the same
 * elements each time; an iterator that can be read only once cannot be replayed.
 */
export function iterableSource<T>(input: IterableInput<T>): Source<T, number> {
  return {
    name: 'iterable',
    bounded: true,
    replayable: typeof input === 'function' || !isOneShot(input),
    splits: () => 1,
    ...(Array.isArray(input) ? { estimate: () => ({ records: input.length, bytes: null }) } : {}),
    open(_split, position, context) {
      const iterable = typeof input === 'function' ? input() : input
      const skip = position ?? 0
      if (Symbol.asyncIterator in iterable) return new AsyncReader(iterable[Symbol.asyncIterator](), skip, context)
      if (Symbol.iterator in iterable) return new SyncReader(iterable[Symbol.iterator](), skip)
      throw new StreamError('SOURCE_FAILED', `The source gave ${typeof iterable}, which is not iterable.`)
    },
  }
}

/** An iterator that gives itself when it is asked for an iterator has one life only. */
function isOneShot(input: Iterable<unknown> | AsyncIterable<unknown>): boolean {
  if (Symbol.iterator in input) return (input[Symbol.iterator]() as unknown) === input
  return (input[Symbol.asyncIterator]() as unknown) === input
}

class SyncReader<T> implements SplitReader<T, number> {
  readonly #iterator: Iterator<T>
  #read = 0
  readonly #skip: number

  constructor(iterator: Iterator<T>, skip: number) {
    this.#iterator = iterator
    this.#skip = skip
  }

  poll(emit: (value: T, timestamp: number) => void, budget: number): PollStatus {
    for (let left = budget; left > 0; left--) {
      const next = this.#iterator.next()
      if (next.done) return 'end'
      if (this.#read++ >= this.#skip) emit(next.value, NO_TIMESTAMP)
    }
    return 'more'
  }

  position(): number {
    return Math.max(this.#read, this.#skip)
  }

  async close(): Promise<void> {
    this.#iterator.return?.()
  }
}

class AsyncReader<T> implements SplitReader<T, number> {
  readonly #iterator: AsyncIterator<T>
  readonly #onAvailable: () => void
  readonly #waiting: T[] = []
  #skip: number
  #emitted: number
  #state: 'open' | 'ended' | 'failed' = 'open'
  #failure: unknown = null
  #pumping = false

  constructor(iterator: AsyncIterator<T>, skip: number, context: SplitReaderContext) {
    this.#iterator = iterator
    this.#skip = skip
    this.#emitted = skip
    this.#onAvailable = context.onAvailable
    void this.#pump()
  }

  poll(emit: (value: T, timestamp: number) => void, budget: number): PollStatus {
    const count = Math.min(budget, this.#waiting.length)
    for (let at = 0; at < count; at++) {
      emit(this.#waiting[at] as T, NO_TIMESTAMP)
      this.#emitted++
    }
    this.#waiting.splice(0, count)
    if (this.#waiting.length > 0) return 'more'
    if (this.#state === 'failed') throw this.#failure
    if (this.#state === 'ended') return 'end'
    void this.#pump()
    return 'wait'
  }

  position(): number {
    return this.#emitted
  }

  async close(): Promise<void> {
    this.#state = 'ended'
    await this.#iterator.return?.()
  }

  /** Takes elements ahead of the task, as many as may wait. */
  async #pump(): Promise<void> {
    if (this.#pumping) return
    this.#pumping = true
    try {
      while (this.#state === 'open' && this.#waiting.length < MAX_WAITING) {
        const next = await this.#iterator.next()
        if (next.done) this.#state = 'ended'
        else if (this.#skip > 0) this.#skip--
        else this.#waiting.push(next.value)
        if (this.#waiting.length <= 1) this.#onAvailable()
      }
    } catch (error) {
      this.#failure = error
      this.#state = 'failed'
    }
    this.#pumping = false
    this.#onAvailable()
  }
}
