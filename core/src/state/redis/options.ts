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
      /** Number of replicas that must have received it (`WAIT`). @default 0 */
      readonly wait?: number
      /** Whether the master must have it on its disk (`WAITAOF`, Redis 7.2 or newer, or `appendfsync always`). @default false */
      readonly waitAof?: boolean
      /** The epoch fails when it takes longer, in milliseconds. @default 5000 */
      readonly timeoutMs?: number
    }

interface CommonRedisOptions {
  readonly username?: string
  readonly password?: string
  /** True for the defaults of TLS. A `rediss:` url sets it too. */
  readonly tls?: boolean | ConnectionOptions
  /** Number of the database; not with `cluster`. @default 0 */
  readonly db?: number
  /** Beginning of every key, so that several systems can share a Redis. @default 'millrace' */
  readonly keyPrefix?: string
  /** @default 'none' */
  readonly durability?: RedisDurability
  /** Milliseconds to wait for the server at the start before giving up. @default 10000 */
  readonly connectTimeoutMs?: number
  /** Milliseconds for which a command is tried again while the server is away, before the task fails. @default 30000 */
  readonly retryTimeoutMs?: number
  /** Milliseconds without an answer after which a connection is taken for dead. @default 10000 */
  readonly commandTimeoutMs?: number
  /** Further options for the ioredis client, such as `sentinelPassword`, `family` or `natMap`. */
  readonly ioredis?: Readonly<Record<string, unknown>>
}

/** Where Redis is: a single server by url or host, a Cluster by some of its nodes, or a master by its Sentinels. */
export type RedisStateOptions = CommonRedisOptions &
  (
    | Place<{ readonly url: string }>
    /** @default port 6379 */
    | Place<{ readonly host: string; readonly port?: number }>
    | Place<{ readonly cluster: readonly RedisAddress[] }>
    /** `name` is that of the master that the Sentinels watch. */
    | Place<{ readonly sentinels: readonly RedisAddress[]; readonly name: string }>
  )

type PlaceOption = 'url' | 'host' | 'port' | 'cluster' | 'sentinels' | 'name'
/** These options and none of the other ways to say where Redis is. */
type Place<Options> = Options & { readonly [Other in Exclude<PlaceOption, keyof Options>]?: undefined }

export type Topology =
  | { readonly kind: 'single'; readonly address: RedisAddress }
  | { readonly kind: 'cluster'; readonly nodes: readonly RedisAddress[] }
  | { readonly kind: 'sentinel'; readonly sentinels: readonly RedisAddress[]; readonly name: string }

export interface DurabilityRequirement {
  readonly wait: number
  readonly waitAof: boolean
  readonly timeoutMs: number
}

/** The options with their defaults, checked. */
export interface ResolvedOptions {
  readonly topology: Topology
  readonly username: string | undefined
  readonly password: string | undefined
  readonly tls: ConnectionOptions | undefined
  readonly db: number
  readonly keyPrefix: string
  readonly durability: DurabilityRequirement | null
  readonly connectTimeoutMs: number
  readonly retryTimeoutMs: number
  readonly commandTimeoutMs: number
  readonly ioredis: Readonly<Record<string, unknown>>
}

/** @throws OPTION_INVALID naming the option and what it may be */
export function resolveOptions(options: RedisStateOptions): ResolvedOptions {
  const ways = [options?.url, options?.host, options?.cluster, options?.sentinels].filter((way) => way !== undefined)
  if (ways.length !== 1) throw new OptionError('redis() takes exactly one of url, host, cluster and sentinels')
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
    keyPrefix,
    durability: durabilityOf(options.durability ?? 'none'),
    connectTimeoutMs: atLeast(1, 'connectTimeoutMs', options.connectTimeoutMs ?? 10_000),
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

interface ParsedPlace {
  readonly topology: Topology
  readonly username?: string
  readonly password?: string
  readonly tls?: boolean
  readonly db: number
}

function placeOf(options: RedisStateOptions): ParsedPlace {
  if (options.url !== undefined) return placeOfUrl(options.url)
  if (options.host !== undefined) {
    const [address] = addressesOf('host and port', [{ host: options.host, port: options.port ?? 6379 }])
    return { topology: { kind: 'single', address: address! }, db: 0 }
  }
  if (options.cluster !== undefined) {
    return { topology: { kind: 'cluster', nodes: addressesOf('cluster', options.cluster) }, db: 0 }
  }
  if (typeof options.name !== 'string' || options.name === '') {
    throw new OptionError('redis sentinels need the name of the master that they watch')
  }
  const sentinels = addressesOf('sentinels', options.sentinels)
  return { topology: { kind: 'sentinel', sentinels, name: options.name }, db: 0 }
}

function placeOfUrl(text: string): ParsedPlace {
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
    const { host, port } = address ?? {}
    if (typeof host !== 'string' || host === '' || !Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new OptionError(`redis ${option}: a server is { host, port } with a name and a number from 1 to 65535`)
    }
  }
  return addresses.map(({ host, port }) => ({ host, port }))
}

function durabilityOf(durability: RedisDurability): DurabilityRequirement | null {
  if (durability === 'none') return null
  if (typeof durability !== 'object' || durability === null) {
    throw new OptionError("redis durability must be 'none' or { wait, waitAof, timeoutMs }")
  }
  const requirement = {
    wait: atLeast(0, 'durability.wait', durability.wait ?? 0),
    waitAof: durability.waitAof ?? false,
    timeoutMs: atLeast(1, 'durability.timeoutMs', durability.timeoutMs ?? 5_000),
  }
  return requirement.wait === 0 && !requirement.waitAof ? null : requirement
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
