import { setTimeout as delay } from 'node:timers/promises'
import { ServerError } from '../errors.ts'
import { startAll, stopAll } from '../start-all.ts'
import type { RedisRole, RedisServerOptions } from './options.ts'
import type { Reply } from './resp.ts'
import { redisCommands } from './resp.ts'
import { RedisServer } from './server.ts'

const readyMillis = 60_000

export interface RedisSentinelOptions extends Omit<RedisServerOptions, 'provider'> {
  /** What the sentinels call the master. Default: `main`. */
  readonly name?: string
  /** How many copies the master has, at least one. Default: 1. */
  readonly replicas?: number
  /** How many sentinels watch; the majority decides. Default: 1. */
  readonly sentinels?: number
  /** After how long without an answer a server counts as down, in ms. Default: 500. */
  readonly downAfterMillis?: number
}

/**
 * A Redis with replicas and sentinels that make one of them the master when it fails, for tests: processes of this
 * machine (`provider` plays no part).
 *
 * @example
 * await using redis = await RedisSentinel.start()
 * const client = new Redis({ sentinels: redis.addresses, name: redis.name })
 * await redis.master.kill()
 */
export class RedisSentinel implements AsyncDisposable {
  readonly name: string
  /** The server that is the master at the start. */
  readonly master: RedisServer
  readonly replicas: readonly RedisServer[]
  readonly sentinels: readonly RedisServer[]

  private constructor(
    name: string,
    master: RedisServer,
    replicas: readonly RedisServer[],
    sentinels: readonly RedisServer[],
  ) {
    this.name = name
    this.master = master
    this.replicas = replicas
    this.sentinels = sentinels
  }

  /**
   * Settles when every sentinel knows all replicas and these have the master's data.
   *
   * @throws ServerError as {@link RedisServer.start}
   */
  static async start(options: RedisSentinelOptions = {}): Promise<RedisSentinel> {
    const { name = 'main', replicas = 1, sentinels = 1, downAfterMillis = 500, ...serverOptions } = options
    checkCount('replicas', replicas)
    checkCount('sentinels', sentinels)
    const started: RedisServer[] = []
    const start = async (count: number, own: RedisServerOptions, role?: RedisRole): Promise<RedisServer[]> => {
      const servers = await startAll(Array.from({ length: count }, () => RedisServer.startNode(own, role)))
      started.push(...servers)
      return servers
    }
    try {
      const [master] = (await start(1, serverOptions)) as [RedisServer]
      const copies = await start(replicas, withArgs(serverOptions, replicaArgs(master)))
      const args = [
        ...monitorArgs(name, master, Math.floor(sentinels / 2) + 1),
        ...sentinelArgs(name, 'down-after-milliseconds', String(downAfterMillis)),
        ...sentinelArgs(name, 'failover-timeout', String(Math.max(5000, 2 * downAfterMillis))),
        ...(options.password === undefined ? [] : sentinelArgs(name, 'auth-pass', options.password)),
      ]
      const watchers = await start(sentinels, { appendonly: false, args }, 'sentinel')
      const sentinel = new RedisSentinel(name, master, copies, watchers)
      await sentinel.#ready()
      return sentinel
    } catch (error) {
      await stopAll(started)
      throw error
    }
  }

  /** Where the sentinels are, as clients take it. They ask for no password. */
  get addresses(): { host: string; port: number }[] {
    return this.sentinels.map(({ host, port }) => ({ host, port }))
  }

  async stop(): Promise<void> {
    await stopAll([...this.sentinels, this.master, ...this.replicas])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #ready(): Promise<void> {
    const deadline = performance.now() + readyMillis
    for (;;) {
      const missing = (await Promise.all(this.sentinels.map((sentinel) => this.#missing(sentinel)))).find(Boolean)
      if (missing === undefined) return
      if (performance.now() > deadline) {
        throw new ServerError('REQUEST_FAILED', `not ready after ${readyMillis / 1000} s: ${missing}`)
      }
      await delay(50)
    }
  }

  /** What a sentinel still lacks to be able to fail over. */
  async #missing(sentinel: RedisServer): Promise<string | undefined> {
    const [replicas, others] = await redisCommands(sentinel, [
      ['SENTINEL', 'REPLICAS', this.name],
      ['SENTINEL', 'SENTINELS', this.name],
    ])
    const linked = (replicas as Reply[][]).filter((fields) => fieldOf(fields, 'master-link-status') === 'ok').length
    if (linked < this.replicas.length) return `${linked} of ${this.replicas.length} replicas follow the master`
    const known = (others as Reply[]).length + 1
    if (known < this.sentinels.length) return `${known} of ${this.sentinels.length} sentinels know each other`
    return undefined
  }
}

function replicaArgs(master: RedisServer): string[] {
  // The first copy begins at once instead of waiting for others that might share it.
  return ['--replicaof', master.host, String(master.port), '--repl-diskless-sync-delay', '0']
}

function monitorArgs(name: string, { host, port }: RedisServer, quorum: number): string[] {
  return ['--sentinel', 'monitor', name, host, String(port), String(quorum)]
}

function sentinelArgs(name: string, setting: string, value: string): string[] {
  return ['--sentinel', setting, name, value]
}

function withArgs(options: RedisServerOptions, args: readonly string[]): RedisServerOptions {
  return { ...options, args: [...(options.args ?? []), ...args] }
}

function fieldOf(fields: readonly Reply[], name: string): Reply | undefined {
  return fields[fields.indexOf(name) + 1]
}

function checkCount(option: string, count: number): void {
  if (Number.isInteger(count) && count >= 1 && count <= 16) return
  throw new ServerError('OPTION_INVALID', `${option} is ${count}: between 1 and 16 can be started`)
}
