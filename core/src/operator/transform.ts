import { OneInputOperator } from './base-operator.ts'

export class MapOperator<In, Out> extends OneInputOperator<In, Out> {
  readonly #map: (value: In) => Out

  constructor(map: (value: In) => Out) {
    super()
    this.#map = map
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

export class FilterOperator<T> extends OneInputOperator<T, T> {
  readonly #keep: (value: T) => boolean

  constructor(keep: (value: T) => boolean) {
    super()
    this.#keep = keep
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

export class FlatMapOperator<In, Out> extends OneInputOperator<In, Out> {
  readonly #flatMap: (value: In) => Iterable<Out>

  constructor(flatMap: (value: In) => Iterable<Out>) {
    super()
    this.#flatMap = flatMap
  }

  onRecord(value: In, timestamp: number): void {
    try {
      for (const item of this.#flatMap(value)) this.out.onRecord(item, timestamp)
    } catch (cause) {
      throw this.failed(cause)
    }
  }
}
