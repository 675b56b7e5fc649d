import type { Cluster, Redis } from 'ioredis'
import { OptionError } from '../../errors.ts'
import type { ResolvedOptions } from './options.ts'

export type Client = Redis | Cluster

const FIRST_RETRY_MS = 50
const LAST_RETRY_MS = 2_000
/** For one attempt to open a connection. */
const LONGEST_ATTEMPT_MS = 5_000

/** Scripts make keys from keys, and replies are read as RESP 2 has them, whatever the further options say. */
const fixed = { keyPrefix: '', protocol: 2 } as const

/**
 * An unconnected ioredis client that queues nothing: a command that cannot be sent, or whose connection breaks, fails at
 * once, and `RedisConnection` repeats it. A queue inside the client could send a command long after its caller gave up,
 * such as the take-over of a task that another worker owns by then.
 *
 * @throws OPTION_INVALID when ioredis is not installed
 */
export async function createClient(options: ResolvedOptions): Promise<Client> {
  const { Cluster, Redis } = await loadIoredis()
  const connection = {
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    connectTimeout: Math.min(options.connectTimeoutMs, LONGEST_ATTEMPT_MS),
    connectionName: 'millrace',
    // Rejects what is in flight as soon as the connection is lost.
    maxRetriesPerRequest: 0,
    // A master that became a replica answers so: the next connection finds the new master.
    reconnectOnError: (error: Error): boolean => error.message.includes('READONLY'),
  }
  const { topology } = options
  if (topology.kind === 'cluster') {
    return new Cluster([...topology.nodes], {
      lazyConnect: true,
      enableOfflineQueue: false,
      clusterRetryStrategy: retryDelay,
      ...options.ioredis,
      keyPrefix: '',
      redisOptions: { ...connection, ...(options.ioredis.redisOptions as object | undefined), ...fixed },
    })
  }
  const place =
    topology.kind === 'single' ? topology.address : { sentinels: [...topology.sentinels], name: topology.name }
  return new Redis({
    ...place,
    ...connection,
    db: options.db,
    lazyConnect: true,
    enableOfflineQueue: false,
    retryStrategy: retryDelay,
    ...options.ioredis,
    ...fixed,
  })
}

export function retryDelay(attempt: number): number {
  return Math.min(FIRST_RETRY_MS * 2 ** Math.min(attempt - 1, 10), LAST_RETRY_MS)
}

async function loadIoredis(): Promise<Pick<typeof import('ioredis'), 'Cluster' | 'Redis'>> {
  try {
    return await import('ioredis')
  } catch (cause) {
    throw new OptionError('state in Redis needs the package ioredis: npm install ioredis', { cause })
  }
}
