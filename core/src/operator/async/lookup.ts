import { LRUCache } from 'lru-cache'
import { keyBytes } from '../../serde/key-codec.ts'
import type { OpenContext } from '../process-function.ts'
import type { AsyncFunction, CallContext } from './async-function.ts'

export interface LookupContext {
  /** Aborted when nobody waits for the call any more: it has timed out, or the task ends. */
  readonly signal: AbortSignal
}

/** Finds what belongs to a key; null or undefined when there is nothing. */
export type Lookup<K, Found> = (
  key: K,
  context: LookupContext,
) => Found | null | undefined | PromiseLike<Found | null | undefined>

export interface CacheSettings {
  readonly maxEntries: number
  readonly ttlMs: number
  /** Whether it is remembered too that nothing was found. */
  readonly missing: boolean
}

/** Looks a record's key up: in the cache, then together with whoever is waiting for the same key, then by a call. */
export class LookupFunction<T, K, Found> implements AsyncFunction<T, Found | undefined> {
  readonly #key: (value: T) => K | null | undefined
  readonly #lookup: Lookup<K, Found>
  readonly #settings: CacheSettings | null
  readonly #underWay = new Map<unknown, Promise<Found | undefined>>()
  #cache: LRUCache<number | bigint | boolean | string, { readonly found: Found | undefined }> | null = null

  constructor(key: (value: T) => K | null | undefined, lookup: Lookup<K, Found>, cache: CacheSettings | null) {
    this.#key = key
    this.#lookup = lookup
    this.#settings = cache
  }

  open({ now, metrics }: OpenContext): void {
    if (this.#settings === null) return
    const { maxEntries, ttlMs } = this.#settings
    this.#cache = new LRUCache({
      max: maxEntries,
      ttl: Number.isFinite(ttlMs) ? ttlMs : 0,
      ttlResolution: 0,
      // It takes 0 for no time at all.
      perf: { now: () => now() + 1 },
    })
    metrics.gauge('millrace_lookup_cache_entries', 'Keys in the cache of a lookup join', () => this.#cache?.size ?? 0)
  }

  onRecord(value: T, context: CallContext): Found | undefined | Promise<Found | undefined> {
    const key = this.#key(value)
    if (key === null || key === undefined) return undefined
    const id = identity(key)
    // Another attempt is to see what has changed meanwhile.
    const cached = context.attempt === 1 ? this.#cache?.get(id) : undefined
    return cached === undefined ? (this.#underWay.get(id) ?? this.#find(key, id, context)) : cached.found
  }

  #find(key: K, id: Identity, context: CallContext): Found | undefined | Promise<Found | undefined> {
    const abort = new AbortController()
    const result = this.#lookup(key, abort)
    if (!isPromise(result)) return this.#remember(id, result ?? undefined)
    const found = Promise.resolve(result).then(
      (value) => {
        this.#forget(id, found)
        return this.#remember(id, value ?? undefined)
      },
      (cause: unknown) => {
        this.#forget(id, found)
        throw cause
      },
    )
    this.#underWay.set(id, found)
    // The first to wait is the first whose time is over; whoever comes later must not wait for a call that hangs.
    context.signal.addEventListener('abort', () => {
      this.#forget(id, found)
      abort.abort(context.signal.reason)
    })
    return found
  }

  #remember(id: Identity, found: Found | undefined): Found | undefined {
    if (found !== undefined || this.#settings?.missing === true) this.#cache?.set(id, { found })
    return found
  }

  #forget(id: Identity, call: Promise<Found | undefined>): void {
    if (this.#underWay.get(id) === call) this.#underWay.delete(id)
  }
}

type Identity = number | bigint | boolean | string

/** Equal for equal keys. */
function identity(key: unknown): Identity {
  if (typeof key === 'string') return `s${key}`
  if (typeof key === 'bigint' || typeof key === 'boolean') return key
  if (typeof key === 'number' && !Number.isNaN(key)) return key
  return `b${keyBytes(key).toString('latin1')}`
}

function isPromise<V>(value: V | PromiseLike<V>): value is PromiseLike<V> {
  return typeof (value as PromiseLike<V> | null | undefined)?.then === 'function'
}
