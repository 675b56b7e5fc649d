import { OptionError } from '../errors.ts'
import { Random } from '../structure/random.ts'
import { BackOff, type RetryOptions } from '../time/back-off.ts'
import { type Duration, durationMs } from '../time/duration.ts'
import type { Sink, SinkContext, SinkWriter } from './sink.ts'

export interface BatchContext {
  /** 1 at first, one more with each retry. */
  readonly attempt: number
  /** Aborted when the task ends: nobody waits for the call any more. */
  readonly signal: AbortSignal
}

/** What of a batch has to be written again. */
export interface BatchResult<T> {
  readonly retry: readonly T[]
}

/** Nothing when all of the batch was written. */
// biome-ignore lint/suspicious/noConfusingVoidType: an async function without a return gives void
export type BatchOutcome<T> = BatchResult<T> | void

export interface BatchingOptions<T> {
  readonly name: string
  /** `idempotent` when writing a record twice has the same effect as writing it once, by a key say. */
  readonly guarantee: 'at-least-once' | 'idempotent'
  /** Writes a batch. A rejected promise has all of it tried again; records in `retry` are tried again alone. */
  readonly write: (batch: readonly T[], context: BatchContext) => Promise<BatchOutcome<T>>
  /** Records of a batch. @default 500 */
  readonly maxRecords?: number
  /** How long a record may wait for its batch to fill. @default '100ms' */
  readonly linger?: Duration
  /** Batches that are written at the same time; above 1 their order is not kept. @default 1 */
  readonly maxInFlight?: number
  /** What failed is tried again. @default 5 attempts, with waits from 100 ms to 10 s */
  readonly retry?: RetryOptions
  /** Records in a second, over all batches of a task; retries count too. @default no limit */
  readonly maxRecordsPerSecond?: number
  /** Before the first record; e.g. to connect. */
  readonly open?: (context: SinkContext) => Promise<void>
  readonly close?: () => Promise<void>
}

interface Limits {
  readonly maxRecords: number
  readonly lingerMs: number
  readonly maxInFlight: number
  readonly backOff: BackOff
  readonly recordsPerMs: number
}

/**
 * A sink that writes batches to a service: gathers records, bounds the calls in flight and their rate, tries again what
 * failed, and has everything written when an epoch is committed. What still fails after the last attempt fails the job.
 *
 * @throws OPTION_INVALID
 * @example
 * alerts.to(batchingSink({
 *   name: 'pager',
 *   guarantee: 'idempotent',
 *   maxRecordsPerSecond: 50,
 *   write: async (batch, { signal }) => { await fetch(url, { method: 'POST', body: JSON.stringify(batch), signal }) },
 * }))
 */
export function batchingSink<T>(options: BatchingOptions<T>): Sink<T> {
  const { maxRecords = 500, linger = '100ms', maxInFlight = 1, retry = {}, maxRecordsPerSecond } = options
  const limits: Limits = {
    maxRecords: count('maxRecords', maxRecords),
    lingerMs: durationMs(linger),
    maxInFlight: count('maxInFlight', maxInFlight),
    backOff: new BackOff('batchingSink', retry),
    recordsPerMs: rate(maxRecordsPerSecond),
  }
  return {
    name: options.name,
    guarantee: options.guarantee,
    async open(context) {
      await options.open?.(context)
      return new BatchingWriter(options, limits, context)
    },
  }
}

class BatchingWriter<T> implements SinkWriter<T> {
  readonly #options: BatchingOptions<T>
  readonly #limits: Limits
  readonly #context: SinkContext
  readonly #abort = new AbortController()
  readonly #random: Random
  readonly #waiting: T[][] = []
  readonly #drained: (() => void)[] = []
  #batch: T[] = []
  #inFlight = 0
  #cancelLinger: (() => void) | null = null
  /** When the rate allows the next batch. */
  #freeAtMs = 0
  #failure: { readonly cause: unknown } | null = null

  constructor(options: BatchingOptions<T>, limits: Limits, context: SinkContext) {
    this.#options = options
    this.#limits = limits
    this.#context = context
    this.#random = new Random(context.index)
  }

  /** Throws what a batch failed with: the task asks before it goes on. */
  get isFull(): boolean {
    if (this.#failure !== null) throw this.#failure.cause
    return this.#waiting.length >= this.#limits.maxInFlight
  }

  write(value: T): void {
    this.#batch.push(value)
    if (this.#batch.length >= this.#limits.maxRecords) this.#cut()
    else this.#cancelLinger ??= this.#context.setTimer(this.#limits.lingerMs, () => this.#cut())
  }

  async flush(): Promise<void> {
    this.#cut()
    while (this.#failure === null && (this.#inFlight > 0 || this.#waiting.length > 0)) {
      await new Promise<void>((resolve) => this.#drained.push(resolve))
    }
    if (this.#failure !== null) throw this.#failure.cause
  }

  async close(): Promise<void> {
    this.#cancelLinger?.()
    this.#waiting.length = 0
    this.#abort.abort()
    await this.#options.close?.()
  }

  /** Closes the batch that fills. */
  #cut(): void {
    this.#cancelLinger?.()
    this.#cancelLinger = null
    if (this.#batch.length === 0) return
    this.#waiting.push(this.#batch)
    this.#batch = []
    this.#start()
  }

  #start(): void {
    while (this.#inFlight < this.#limits.maxInFlight && this.#failure === null) {
      const batch = this.#waiting.shift()
      if (batch === undefined) return
      this.#inFlight++
      this.#deliver(batch).then(
        () => this.#onDone(),
        (cause: unknown) => {
          this.#failure ??= { cause }
          this.#onDone()
        },
      )
    }
  }

  #onDone(): void {
    this.#inFlight--
    this.#start()
    for (const resolve of this.#drained.splice(0)) resolve()
    this.#context.onAvailable()
  }

  async #deliver(batch: readonly T[]): Promise<void> {
    const { backOff } = this.#limits
    const { maxAttempts } = backOff
    let left = batch
    for (let attempt = 1; ; attempt++) {
      const waitMs = this.#pace(left.length)
      if (waitMs > 0) await this.#sleep(waitMs)
      try {
        const result = await this.#options.write(left, { attempt, signal: this.#abort.signal })
        left = result?.retry ?? []
        if (left.length === 0) return
        if (attempt === maxAttempts) {
          throw new Error(`${left.length} of ${batch.length} records were not taken after ${attempt} attempts`)
        }
      } catch (cause) {
        if (attempt === maxAttempts || this.#abort.signal.aborted) throw cause
      }
      await this.#sleep(backOff.delayMs(attempt, this.#random))
    }
  }

  /** Takes so many records of the rate; gives the milliseconds until they may go. */
  #pace(records: number): number {
    const now = this.#context.now()
    const startMs = Math.max(now, this.#freeAtMs)
    this.#freeAtMs = startMs + records / this.#limits.recordsPerMs
    return startMs - now
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#context.setTimer(delayMs, resolve)
      this.#abort.signal.addEventListener('abort', () => {
        cancel()
        resolve()
      })
    })
  }
}

function count(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new OptionError(`batchingSink: ${name} is ${value}; it must be a whole number of at least 1.`)
}

function rate(perSecond: number | undefined): number {
  if (perSecond === undefined) return Number.POSITIVE_INFINITY
  if (perSecond > 0) return perSecond / 1000
  throw new OptionError(`batchingSink: maxRecordsPerSecond is ${perSecond}; it must be above 0.`)
}
