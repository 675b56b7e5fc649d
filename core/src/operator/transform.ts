import { OneInputOperator } from './base-operator.ts'
import { openContext } from './open-context.ts'
import type { RichFunction } from './process-function.ts'

/** Runs a function of single records, which may have something to open and close. */
abstract class TransformOperator<In, Result, Out> extends OneInputOperator<In, Out> {
  readonly #function: RichFunction<In, Result>

  constructor(given: RichFunction<In, Result>) {
    super()
    this.#function = given
  }

  override open(): void | Promise<void> {
    return this.#function.open?.(openContext(this.context))
  }

  override close(): void | Promise<void> {
    return this.#function.close?.()
  }
}

export class MapOperator<In, Out> extends TransformOperator<In, Out, Out> {
  readonly #map: (value: In) => Out

  constructor(given: RichFunction<In, Out>) {
    super(given)
    this.#map = given.onRecord.bind(given)
  }

  onRecord(value: In, timestamp: number): void {
    let mapped: Out
    try {
      mapped = this.#map(value)
    } catch (cause) {
      throw this.failed(cause)
    }
    this.out.onRecord(mapped, timestamp)
  }
}

export class FilterOperator<T> extends TransformOperator<T, boolean, T> {
  readonly #keep: (value: T) => boolean

  constructor(given: RichFunction<T, boolean>) {
    super(given)
    this.#keep = given.onRecord.bind(given)
  }

  onRecord(value: T, timestamp: number): void {
    let keep: boolean
    try {
      keep = this.#keep(value)
    } catch (cause) {
      throw this.failed(cause)
    }
    if (keep) this.out.onRecord(value, timestamp)
  }
}

export class FlatMapOperator<In, Out> extends TransformOperator<In, Iterable<Out>, Out> {
  readonly #flatMap: (value: In) => Iterable<Out>

  constructor(given: RichFunction<In, Iterable<Out>>) {
    super(given)
    this.#flatMap = given.onRecord.bind(given)
  }

  onRecord(value: In, timestamp: number): void {
    try {
      for (const item of this.#flatMap(value)) this.out.onRecord(item, timestamp)
    } catch (cause) {
      throw this.failed(cause)
    }
  }
}
