import type { ConnectionOptions } from 'node:tls'
import { OptionError } from '../../errors.ts'

export interface RedisAddress {
  readonly host: string
  readonly port: number
}

/**
 * How durable a staged epoch must be before the log may decide it.
 * `none`: as durable as the server's own settings make it; with `appendfsync everysec` a crash of the machine can lose the
 * last second, which is then reported as lost state.
 */
export type RedisDurability =
  | 'none'
  | {
      /** Replicas that must have received it (`WAIT`). @default 0 */
      readonly replicas?: number
      /** Whether the master must have it on its disk (`WAITAOF`, Redis 7.2 or newer, or `appendfsync always`). @default false */
      readonly localFsync?: boolean
      /** The epoch fails when it takes longer, in milliseconds. @default 5000 */
      readonly timeoutMs?: number
    }

interface CommonRedisOptions {
  readonly username?: string
  readonly password?: string
  /** True for the defaults of TLS. A `rediss:` url sets it too. */
  readonly tls?: boolean | ConnectionOptions
  /** Number of the database; not with `nodes`. @default 0 */
  readonly db?: number
  /** Milliseconds for one attempt to open a connection. @default 5000 */
  readonly connectTimeout?: number
  /** Beginning of every key, so that several systems can share a Redis. @default 'millrace' */
  readonly keyPrefix?: string
  /** @default 'none' */
  readonly durability?: RedisDurability
  /** Milliseconds to wait for the server at the start before giving up. @default 10000 */
  readonly startTimeoutMs?: number
  /** Milliseconds for which a command is tried again while the server is away, before the task fails. @default 30000 */
  readonly retryTimeoutMs?: number
  /** Milliseconds without an answer after which a connection is taken for dead. @default 10000 */
  readonly commandTimeoutMs?: number
  /** Further options for the ioredis client, such as `sentinelPassword`, `family` or `natMap`. */
  readonly ioredis?: Readonly<Record<string, unknown>>
}

/** Where Redis is: a single server by url, a Cluster by some of its nodes, or a master by its Sentinels. */
export type RedisStateOptions = CommonRedisOptions &
  (
    | { readonly url: string; readonly nodes?: undefined; readonly sentinels?: undefined }
    | { readonly nodes: readonly RedisAddress[]; readonly url?: undefined; readonly sentinels?: undefined }
    | {
        readonly sentinels: readonly RedisAddress[]
        /** Name of the master that the Sentinels watch. */
        readonly name: string
        readonly url?: undefined
        readonly nodes?: undefined
      }
  )

export type Topology =
  | { readonly kind: 'single'; readonly address: RedisAddress }
  | { readonly kind: 'cluster'; readonly nodes: readonly RedisAddress[] }
  | { readonly kind: 'sentinel'; readonly sentinels: readonly RedisAddress[]; readonly name: string }

export interface DurabilityRequirement {
  readonly replicas: number
  readonly localFsync: boolean
  readonly timeoutMs: number
}

/** The options with their defaults, checked. */
export interface ResolvedOptions {
  readonly topology: Topology
  readonly username: string | undefined
  readonly password: string | undefined
  readonly tls: ConnectionOptions | undefined
  readonly db: number
  readonly connectTimeout: number
  readonly keyPrefix: string
  readonly durability: DurabilityRequirement | null
  readonly startTimeoutMs: number
  readonly retryTimeoutMs: number
  readonly commandTimeoutMs: number
  readonly ioredis: Readonly<Record<string, unknown>>
}

/** @throws OPTION_INVALID naming the option and what it may be */
export function resolveOptions(options: RedisStateOptions): ResolvedOptions {
  const ways = [options.url, options.nodes, options.sentinels].filter((way) => way !== undefined)
  if (ways.length !== 1) throw new OptionError('redis() takes exactly one of url, nodes and sentinels')
  const keyPrefix = options.keyPrefix ?? 'millrace'
  if (keyPrefix === '' || /[{}]/.test(keyPrefix)) {
    throw new OptionError(`redis keyPrefix is ${JSON.stringify(keyPrefix)}; it must not be empty or contain { or }`)
  }
  const place = placeOf(options)
  if (place.topology.kind === 'cluster' && (options.db ?? 0) !== 0) {
    throw new OptionError('a Redis Cluster has only database 0; leave out db')
  }
  return {
    topology: place.topology,
    username: options.username ?? place.username,
    password: options.password ?? place.password,
    tls: tlsOf(options.tls ?? place.tls),
    db: atLeast(0, 'db', options.db ?? place.db),
    connectTimeout: atLeast(1, 'connectTimeout', options.connectTimeout ?? 5_000),
    keyPrefix,
    durability: durabilityOf(options.durability ?? 'none'),
    startTimeoutMs: atLeast(1, 'startTimeoutMs', options.startTimeoutMs ?? 10_000),
    retryTimeoutMs: atLeast(0, 'retryTimeoutMs', options.retryTimeoutMs ?? 30_000),
    commandTimeoutMs: atLeast(1, 'commandTimeoutMs', options.commandTimeoutMs ?? 10_000),
    ioredis: options.ioredis ?? {},
  }
}

/** The address for people: never with a user name or password. */
export function describeTopology(topology: Topology): string {
  switch (topology.kind) {
    case 'single':
      return addressText(topology.address)
    case 'cluster':
      return `cluster ${topology.nodes.map(addressText).join(',')}`
    case 'sentinel':
      return `${topology.name} by sentinels ${topology.sentinels.map(addressText).join(',')}`
  }
}

interface Place {
  readonly topology: Topology
  readonly username?: string
  readonly password?: string
  readonly tls?: boolean
  readonly db: number
}

function placeOf(options: RedisStateOptions): Place {
  if (options.url !== undefined) return placeOfUrl(options.url)
  if (options.nodes !== undefined) {
    return { topology: { kind: 'cluster', nodes: addressesOf('nodes', options.nodes) }, db: 0 }
  }
  if (typeof options.name !== 'string' || options.name === '') {
    throw new OptionError('redis sentinels need the name of the master that they watch')
  }
  const sentinels = addressesOf('sentinels', options.sentinels)
  return { topology: { kind: 'sentinel', sentinels, name: options.name }, db: 0 }
}

function placeOfUrl(text: string): Place {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || (url.protocol !== 'redis:' && url.protocol !== 'rediss:') || url.hostname === '') {
    // The text is not repeated: it may hold a password.
    throw new OptionError('redis url must look like redis://host:6379, or rediss://host:6379 for TLS')
  }
  const database = url.pathname.replace(/^\//, '')
  if (!/^\d*$/.test(database)) throw new OptionError(`redis url ends in /${database}; that must be a database number`)
  return {
    topology: {
      kind: 'single',
      address: { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port === '' ? 6379 : Number(url.port) },
    },
    db: Number(database),
    tls: url.protocol === 'rediss:',
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
  }
}

function addressesOf(option: string, addresses: readonly RedisAddress[]): readonly RedisAddress[] {
  if (!Array.isArray(addresses) || addresses.length === 0) {
    throw new OptionError(`redis ${option} must name at least one { host, port }`)
  }
  for (const address of addresses) {
    if (typeof address?.host !== 'string' || !Number.isInteger(address.port)) {
      throw new OptionError(`redis ${option} must be a list of { host, port }`)
    }
  }
  return addresses.map(({ host, port }) => ({ host, port }))
}

function durabilityOf(durability: RedisDurability): DurabilityRequirement | null {
  if (durability === 'none') return null
  if (typeof durability !== 'object' || durability === null) {
    throw new OptionError("redis durability must be 'none' or { replicas, localFsync, timeoutMs }")
  }
  const requirement = {
    replicas: atLeast(0, 'durability.replicas', durability.replicas ?? 0),
    localFsync: durability.localFsync ?? false,
    timeoutMs: atLeast(1, 'durability.timeoutMs', durability.timeoutMs ?? 5_000),
  }
  return requirement.replicas === 0 && !requirement.localFsync ? null : requirement
}

function tlsOf(tls: boolean | ConnectionOptions | undefined): ConnectionOptions | undefined {
  if (tls === undefined || tls === false) return undefined
  return tls === true ? {} : tls
}

function atLeast(least: number, option: string, value: number): number {
  if (!Number.isInteger(value) || value < least) {
    throw new OptionError(`redis ${option} is ${String(value)}; it must be an integer of at least ${least}`)
  }
  return value
}

function addressText({ host, port }: RedisAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
