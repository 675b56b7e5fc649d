import { OptionError } from '../../errors.ts'

/** What was found for several keys: in their order, or by key. */
export type FoundMany<K, Found> = readonly (Found | null | undefined)[] | ReadonlyMap<K, Found>

export interface BatchedLookupOptions {
  /** @default 100 */
  readonly maxKeys?: number
}

interface WaitingKey<K, Found> {
  readonly key: K
  readonly resolve: (found: Found | undefined) => void
  readonly reject: (cause: unknown) => void
}

/**
 * A lookup that asks for several keys at once: those of records that came in together. Keys are primitive values where
 * what was found is a map.
 *
 * @throws OPTION_INVALID
 * @example
 * lookup: batchedLookup((ids: readonly string[]) => sql<Customer[]>`select … where id = any(${ids})`.then(byId))
 */
export function batchedLookup<K, Found>(
  load: (keys: readonly K[]) => PromiseLike<FoundMany<K, Found>>,
  { maxKeys = 100 }: BatchedLookupOptions = {},
): (key: K) => Promise<Found | undefined> {
  if (!Number.isSafeInteger(maxKeys) || maxKeys < 1) {
    throw new OptionError(`batchedLookup: maxKeys is ${maxKeys}; it must be a whole number of at least 1.`)
  }
  let waiting: WaitingKey<K, Found>[] = []
  const flush = (): void => {
    const batch = waiting
    waiting = []
    if (batch.length > 0) void deliver(load, batch)
  }
  return (key) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) queueMicrotask(flush)
      waiting.push({ key, resolve, reject })
      if (waiting.length === maxKeys) flush()
    })
}

async function deliver<K, Found>(
  load: (keys: readonly K[]) => PromiseLike<FoundMany<K, Found>>,
  batch: readonly WaitingKey<K, Found>[],
): Promise<void> {
  try {
    const found = await load(batch.map(({ key }) => key))
    if (Array.isArray(found) && found.length !== batch.length) {
      throw new Error(
        `The lookup gave ${found.length} results for ${batch.length} keys; give one for each, in their order, or a map.`,
      )
    }
    batch.forEach(({ key, resolve }, at) => {
      resolve(((found instanceof Map ? found.get(key) : (found as readonly Found[])[at]) as Found | null) ?? undefined)
    })
  } catch (cause) {
    for (const { reject } of batch) reject(cause)
  }
}
