import type { AsyncFunction, AsyncOptions, CallContext } from '../operator/async/async-function.ts'
import { AsyncOperator, type AsyncSettings } from '../operator/async/async-operator.ts'
import { type CacheSettings, type Lookup, LookupFunction } from '../operator/async/lookup.ts'
import type { AnyJoinMap } from '../operator/join/join-type.ts'
import type { Operator } from '../operator/operator.ts'
import { msgpack } from '../serde/msgpack.ts'
import type { Serde } from '../serde/serde.ts'
import { BackOff } from '../time/back-off.ts'
import { type Duration, durationMs } from '../time/duration.ts'
import { refuse } from './window-checks.ts'

/** A function with a result that may come later, or an object with one. */
export type AsyncCall<T, Result> =
  | ((value: T, context: CallContext) => Result | PromiseLike<Result>)
  | AsyncFunction<T, Result>

export interface LookupCacheOptions {
  /** Of a task; those that were not used for longest go first. */
  readonly maxEntries: number
  /** How long what was found is taken for true. @default for ever */
  readonly ttl?: Duration
  /** Whether it is remembered too that nothing was found. @default true */
  readonly missing?: boolean
}

export interface LookupJoinOptions<T, K, Found, Type extends 'inner' | 'left' = 'inner'>
  extends AsyncOptions<T, Found | undefined> {
  /** What a record looks for; null or undefined for nothing. */
  key(value: T): K | null | undefined
  /** Records that wait for the same key share a call; `batchedLookup` asks for several keys at once. */
  readonly lookup: Lookup<K, Found>
  /** Whether records without a find are given too. @default 'inner' */
  readonly type?: Type
  /** @default no cache */
  readonly cache?: LookupCacheOptions
}

/** Makes the operators of `mapAsync` and `flatMapAsync`. @throws GRAPH_INVALID, OPTION_INVALID */
export function asyncOperator<T, Result>(
  method: string,
  call: AsyncCall<T, Result>,
  options: AsyncOptions<T, Result>,
  records: AsyncSettings['records'],
): () => Operator {
  const settings = settingsOf(method, options, records)
  const asyncFunction = typeof call === 'function' ? { onRecord: call } : call
  requireFunction(method, 'onRecord', asyncFunction?.onRecord)
  return () => new AsyncOperator(asyncFunction as AsyncFunction<unknown, unknown>, settings)
}

/** Makes the operators of `lookupJoin`. @throws GRAPH_INVALID, OPTION_INVALID */
export function lookupOperator<T, K, Found>(
  options: LookupJoinOptions<T, K, Found, 'inner' | 'left'>,
  map: AnyJoinMap,
): () => Operator {
  const { key, lookup, type = 'inner' } = options
  requireFunction('lookupJoin', 'key', key)
  requireFunction('lookupJoin', 'map', map)
  const isLeft = type === 'left'
  const settings = settingsOf('lookupJoin', options, (value, found) =>
    found === undefined && !isLeft ? [] : [map(value, found)],
  )
  const cache = cacheSettings(options.cache)
  return () => {
    const lookupFunction = new LookupFunction<T, K, Found>(key, lookup, cache)
    return new AsyncOperator(lookupFunction as AsyncFunction<unknown, unknown>, settings)
  }
}

function settingsOf<T, Result>(
  method: string,
  options: AsyncOptions<T, Result>,
  records: AsyncSettings['records'],
): AsyncSettings {
  const { order = 'ordered', capacity = 100, timeout = '30s', retry, fallback, serde = msgpack<T>() } = options
  if (!Number.isSafeInteger(capacity) || capacity < 1) {
    throw refuse(method, `capacity is ${capacity}; it must be a whole number of at least 1`)
  }
  if (order !== 'ordered' && order !== 'unordered') {
    throw refuse(method, `order is ${JSON.stringify(order)}; it must be 'ordered' or 'unordered'`)
  }
  const timeoutMs = durationMs(timeout)
  if (timeoutMs === 0) throw refuse(method, 'timeout is 0; no call could be done in time')
  return {
    isOrdered: order === 'ordered',
    records,
    capacity,
    timeoutMs,
    backOff: new BackOff(method, retry ?? { maxAttempts: 1 }),
    onError: retry?.onError ?? (() => true),
    onResult: (retry?.onResult ?? null) as ((result: unknown) => boolean) | null,
    fallback: (fallback ?? null) as ((value: unknown, error: Error) => unknown) | null,
    serde: serde as Serde<unknown>,
  }
}

/** These may be asynchronous. */
function requireFunction(method: string, name: string, given: unknown): void {
  if (typeof given !== 'function') throw refuse(method, `it needs a function ${name}`)
}

function cacheSettings(options: LookupCacheOptions | undefined): CacheSettings | null {
  if (options === undefined) return null
  const { maxEntries, ttl, missing = true } = options
  if (!Number.isSafeInteger(maxEntries) || maxEntries < 1) {
    throw refuse('lookupJoin', `cache.maxEntries is ${maxEntries}; it must be a whole number of at least 1`)
  }
  return { maxEntries, ttlMs: ttl === undefined ? Number.POSITIVE_INFINITY : durationMs(ttl), missing }
}
