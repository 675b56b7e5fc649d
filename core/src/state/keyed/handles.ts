/*
 * What user code holds. Every call works on the key of the record or timer that is being processed. What `get` gives is
 * the state itself, not a copy: a change to it counts only when it is set again.
 */

export interface ValueState<T, Read = T | undefined> {
  /** The value of the current key; the declared initial value, or undefined, when there is none. */
  get(): Read
  set(value: T): void
  clear(): void
}

export interface ListState<T> {
  get(): readonly T[]
  add(value: T): void
  /** Replaces the whole list. */
  set(values: Iterable<T>): void
  clear(): void
}

export interface MapState<K, V> {
  get(key: K): V | undefined
  has(key: K): boolean
  set(key: K, value: V): void
  delete(key: K): void
  /** In the order of insertion; after a restart the order may be another one. */
  entries(): Iterable<readonly [K, V]>
  keys(): Iterable<K>
  values(): Iterable<V>
  readonly size: number
  clear(): void
}

export interface ReducingState<T> {
  get(): T | undefined
  add(value: T): void
  clear(): void
}

export interface AggregatingState<In, Out> {
  /** The result over what was added; undefined when nothing was. */
  get(): Out | undefined
  add(value: In): void
  clear(): void
}
