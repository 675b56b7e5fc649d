import type { StateBackend } from '../backend.ts'
import type { StateProvider } from '../provider.ts'
import { RedisBackend, type RedisBackendContext } from './backend.ts'
import { type RedisStateOptions, resolveOptions } from './options.ts'

export type { RedisBackendContext } from './backend.ts'
export type { RedisAddress, RedisDurability, RedisStateOptions } from './options.ts'

/** Says that state goes to Redis: plain data, apart from `create`, which makes the backend of one worker. */
export interface RedisState extends StateProvider {
  readonly kind: 'redis'
  readonly options: RedisStateOptions
  create(context: RedisBackendContext): StateBackend
}

/**
 * State in Redis 6.2 or newer: a single server, a Cluster, or a master found by Sentinels. Needs the package `ioredis`.
 * Set `maxmemory-policy noeviction` and an append-only file on the server.
 *
 * @throws OPTION_INVALID at once for options that cannot be used
 *
 * @example
 * redis({ url: 'redis://localhost:6379' })
 * redis({ cluster: [{ host: 'r1', port: 6379 }], durability: { wait: 1 } })
 * redis({ sentinels: [{ host: 's1', port: 26379 }], name: 'orders' })
 */
export function redis(options: RedisStateOptions): RedisState {
  const resolved = resolveOptions(options)
  return { kind: 'redis', options, create: (context) => new RedisBackend(resolved, context) }
}
