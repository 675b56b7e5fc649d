import { isIP } from 'node:net'
import type { ConnectionOptions as TlsOptions } from 'node:tls'
import { OptionError } from '../../errors.ts'
import type { Compression } from './record-batch/compression.ts'

export type SaslOptions =
  | {
      readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
      readonly username: string
      readonly password: string
    }
  | {
      readonly mechanism: 'oauthbearer'
      /** A function is asked at every new connection; options with a function cannot be given to worker threads. */
      readonly token: string | (() => string | Promise<string>)
    }

export interface KafkaOptions {
  /** Addresses to start from, `host:port`, as a list or separated by commas. */
  readonly brokers: string | readonly string[]
  /** The name that the servers log for this client. @default 'millrace' */
  readonly clientId?: string
  /** True for TLS with the authorities of Node, or the options of `tls.connect`. @default false */
  readonly ssl?: boolean | TlsOptions
  readonly sasl?: SaslOptions
  /** How long `connect` tries to reach a server before it fails, in milliseconds. @default 10000 */
  readonly connectTimeoutMs?: number
  /** How long one request may take, in milliseconds. @default 30000 */
  readonly requestTimeoutMs?: number
  /** How long calls are tried again when servers are away or busy, in milliseconds. @default 30000 */
  readonly retryTimeoutMs?: number
  /** How long a written batch is tried again before the writer fails, in milliseconds. @default 120000 */
  readonly deliveryTimeoutMs?: number
  /** How long a batch waits for more records before it is sent, in milliseconds. @default 5 */
  readonly lingerMs?: number
  /** What written batches are compressed with. @default 'none' */
  readonly compression?: Compression
  /** Replicas of the topics that are created. @default the servers' setting */
  readonly replicationFactor?: number
}

export interface Address {
  readonly host: string
  readonly port: number
}

/** The options with their defaults, checked. */
export interface KafkaSettings {
  readonly brokers: readonly Address[]
  readonly clientId: string
  readonly tls: TlsOptions | undefined
  readonly sasl: SaslOptions | undefined
  readonly connectTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly retryTimeoutMs: number
  readonly deliveryTimeoutMs: number
  readonly lingerMs: number
  readonly compression: Compression
  readonly replicationFactor: number
}

/** The servers decide. */
const serverDefault = -1

/** @throws OPTION_INVALID */
export function kafkaSettings(options: KafkaOptions): KafkaSettings {
  const brokers = typeof options.brokers === 'string' ? options.brokers.split(',') : options.brokers
  if (!Array.isArray(brokers) || brokers.length === 0) {
    throw new OptionError('kafka: brokers must name at least one address, e.g. ["localhost:9092"]')
  }
  const compression = options.compression ?? 'none'
  if (!['none', 'gzip', 'snappy', 'lz4', 'zstd'].includes(compression)) {
    throw new OptionError(`kafka: compression must be none, gzip, snappy, lz4 or zstd, not ${String(compression)}`)
  }
  return {
    brokers: brokers.map(parseAddress),
    clientId: options.clientId ?? 'millrace',
    tls: options.ssl === true ? {} : options.ssl || undefined,
    sasl: options.sasl === undefined ? undefined : checkSasl(options.sasl),
    connectTimeoutMs: duration('connectTimeoutMs', options.connectTimeoutMs, 10_000),
    requestTimeoutMs: duration('requestTimeoutMs', options.requestTimeoutMs, 30_000),
    retryTimeoutMs: duration('retryTimeoutMs', options.retryTimeoutMs, 30_000),
    deliveryTimeoutMs: duration('deliveryTimeoutMs', options.deliveryTimeoutMs, 120_000),
    lingerMs: duration('lingerMs', options.lingerMs, 5, 0),
    compression,
    replicationFactor: options.replicationFactor ?? serverDefault,
  }
}

export function describeAddress({ host, port }: Address): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`
}

function parseAddress(address: unknown): Address {
  const match = typeof address === 'string' ? /^\s*(?:\[([^\]]+)\]|([^:/@\s]+)):(\d+)\s*$/.exec(address) : null
  const port = Number(match?.[3])
  const host = match?.[1] ?? match?.[2]
  if (host === undefined || port < 1 || port > 65_535) {
    // The value is not shown: somebody may have put a URL with a password there.
    throw new OptionError('kafka: each of brokers must look like host:port, e.g. localhost:9092')
  }
  return { host, port }
}

function checkSasl(sasl: SaslOptions): SaslOptions {
  const { mechanism } = sasl
  if (mechanism === 'oauthbearer') {
    if (typeof sasl.token === 'string' || typeof sasl.token === 'function') return sasl
    throw new OptionError('kafka: sasl oauthbearer needs a token, or a function that gives one')
  }
  if (!['plain', 'scram-sha-256', 'scram-sha-512'].includes(mechanism)) {
    throw new OptionError(
      `kafka: sasl.mechanism must be plain, scram-sha-256, scram-sha-512 or oauthbearer, not ${String(mechanism)}`,
    )
  }
  if (typeof sasl.username !== 'string' || typeof sasl.password !== 'string') {
    throw new OptionError(`kafka: sasl ${mechanism} needs a username and a password`)
  }
  return sasl
}

function duration(name: string, value: number | undefined, fallback: number, least = 1): number {
  if (value === undefined) return fallback
  if (Number.isFinite(value) && value >= least) return value
  throw new OptionError(`kafka: ${name} must be a number of milliseconds of at least ${least}, not ${String(value)}`)
}
