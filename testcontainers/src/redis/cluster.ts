import { setTimeout as delay } from 'node:timers/promises'
import { ServerError } from '../errors.ts'
import { startAll, stopAll } from '../start-all.ts'
import type { RedisServerOptions } from './options.ts'
import type { Reply } from './resp.ts'
import { redisCommands } from './resp.ts'
import { RedisServer } from './server.ts'

const slots = 16_384
const readyMillis = 30_000

export interface RedisClusterOptions extends Omit<RedisServerOptions, 'provider'> {
  /** How many masters share the slots; there are no replicas. Default: 3, which is also the least. */
  readonly nodes?: number
}

/**
 * A Redis Cluster for tests: processes of this machine (`provider` plays no part), every slot served.
 *
 * @example
 * await using cluster = await RedisCluster.start()
 * const client = new Cluster(cluster.addresses)
 */
export class RedisCluster implements AsyncDisposable {
  /** The masters, in the order of their slots. Each can be killed, paused and restarted by itself. */
  readonly nodes: readonly RedisServer[]
  readonly #password: string | undefined

  private constructor(nodes: readonly RedisServer[], password: string | undefined) {
    this.nodes = nodes
    this.#password = password
  }

  /** @throws ServerError as {@link RedisServer.start} */
  static async start(options: RedisClusterOptions = {}): Promise<RedisCluster> {
    const { nodes: count = 3, ...nodeOptions } = options
    if (!Number.isInteger(count) || count < 3 || count > 64) {
      throw new ServerError('OPTION_INVALID', `nodes is ${count}: a Redis Cluster has between 3 and 64 masters here`)
    }
    const nodes = await startAll(Array.from({ length: count }, () => RedisServer.startNode(nodeOptions, 'cluster')))
    const cluster = new RedisCluster(nodes, nodeOptions.password)
    try {
      await cluster.#join()
      await cluster.ready()
      return cluster
    } catch (error) {
      await cluster.stop()
      throw error
    }
  }

  /** Where the nodes are, as cluster clients take it. */
  get addresses(): { host: string; port: number }[] {
    return this.nodes.map(({ host, port }) => ({ host, port }))
  }

  /** The addresses of the nodes as URLs, with the password if there is one. */
  get urls(): string[] {
    return this.nodes.map((node) => node.url)
  }

  /** Settles when every node knows that all slots are served; after the restart of a node this takes a moment. */
  async ready(): Promise<void> {
    const deadline = performance.now() + readyMillis
    const states = new Map<RedisServer, string>()
    while (states.size < this.nodes.length || [...states.values()].some((state) => state !== 'ok')) {
      if (performance.now() > deadline) {
        const text = [...states].map(([node, state]) => `${node.port}: ${state}`).join(', ')
        throw new ServerError(
          'REQUEST_FAILED',
          `the Redis Cluster is not ready after ${readyMillis / 1000} s (${text})`,
        )
      }
      if (states.size > 0) await delay(50)
      for (const node of this.nodes) states.set(node, await this.#state(node))
    }
  }

  async stop(): Promise<void> {
    await stopAll(this.nodes)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #join(): Promise<void> {
    const [first] = this.nodes
    for (const [index, node] of this.nodes.entries()) {
      const { from, to } = slotRange(index, this.nodes.length)
      const own = Array.from({ length: to - from }, (_, i) => String(from + i))
      // Epochs of their own, or the nodes would have to agree on them first.
      await this.#ask(node, ['CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1)], ['CLUSTER', 'ADDSLOTS', ...own])
    }
    for (const node of this.nodes) {
      if (node !== first && first) await this.#ask(node, ['CLUSTER', 'MEET', first.host, String(first.port)])
    }
  }

  async #state(node: RedisServer): Promise<string> {
    try {
      const [info] = await this.#ask(node, ['CLUSTER', 'INFO'])
      const fields = new Map(
        String(info)
          .split('\r\n')
          .map((line) => line.split(':') as [string, string]),
      )
      if (fields.get('cluster_known_nodes') !== String(this.nodes.length)) return 'does not know all nodes'
      if (fields.get('cluster_slots_ok') !== String(slots)) return 'does not know all slots'
      return fields.get('cluster_state') ?? 'unknown'
    } catch (error) {
      return (error as Error).message
    }
  }

  #ask(node: RedisServer, ...commands: string[][]): Promise<Reply[]> {
    return redisCommands({ host: node.host, port: node.port, password: this.#password }, commands)
  }
}

/** The slots of one of `count` masters, as even as possible; `to` is not in. */
export function slotRange(index: number, count: number): { from: number; to: number } {
  return { from: Math.floor((index * slots) / count), to: Math.floor(((index + 1) * slots) / count) }
}
