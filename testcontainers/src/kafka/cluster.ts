import { setTimeout as delay } from 'node:timers/promises'
import { ServerError } from '../errors.ts'
import { startWithFreePorts } from '../server.ts'
import { startAll, stopAll } from '../start-all.ts'
import { nativeKafkaCluster } from './native.ts'
import type { KafkaServerOptions } from './options.ts'
import { KafkaServer, type TopicOptions } from './server.ts'
import { type ClusterMetadata, fetchMetadata, type KafkaAddress, requestTopic } from './wire.ts'

const readyMillis = 60_000

export interface KafkaClusterOptions extends Omit<KafkaServerOptions, 'provider'> {
  /** Default: 3, which is also the least: with fewer no node could be missed. */
  readonly nodes?: number
}

export interface ClusterTopicOptions extends TopicOptions {
  /** Default: 3. */
  readonly replicas?: number
}

/**
 * A cluster of Kafka brokers for tests: processes of this machine (`provider` plays no part), each a broker and a controller. Topics have
 * three replicas, two of which must be there, so that any one node can be killed.
 *
 * @example
 * await using cluster = await KafkaCluster.start()
 * await cluster.createTopic('orders', { partitions: 4 })
 * await (await cluster.leaderOf('orders', 0)).kill()
 */
export class KafkaCluster implements AsyncDisposable {
  /** Each can be killed, paused and restarted by itself. */
  readonly nodes: readonly KafkaServer[]
  readonly #options: KafkaClusterOptions

  private constructor(nodes: readonly KafkaServer[], options: KafkaClusterOptions) {
    this.nodes = nodes
    this.#options = options
  }

  /** @throws ServerError as {@link KafkaServer.start} */
  static async start(options: KafkaClusterOptions = {}): Promise<KafkaCluster> {
    const { nodes: count = 3, ...nodeOptions } = options
    if (!Number.isInteger(count) || count < 3 || count > 9) {
      throw new ServerError('OPTION_INVALID', `nodes is ${count}: a Kafka cluster has between 3 and 9 nodes here`)
    }
    if (options.tls) {
      throw new ServerError('OPTION_INVALID', 'tls: each node would have a certificate of its own; use KafkaServer')
    }
    return await startWithFreePorts(async () => {
      const prepared = await nativeKafkaCluster(count, nodeOptions)
      const nodes = await startAll(prepared.map((node) => KafkaServer.startNode(node, nodeOptions)))
      const cluster = new KafkaCluster(nodes, options)
      try {
        await cluster.ready()
        return cluster
      } catch (error) {
        await cluster.stop()
        throw error
      }
    })
  }

  /** `host:port` of each node. */
  get brokers(): string[] {
    return this.nodes.flatMap(({ brokers }) => brokers)
  }

  /** Settles when every node is registered; after the restart of a node this takes a moment. */
  async ready(): Promise<void> {
    await this.#until('every node is registered', async () => (await this.#metadata([])).brokers === this.nodes.length)
  }

  /**
   * Creates a topic and waits until every partition has a leader.
   *
   * @throws ServerError REQUEST_FAILED when the cluster refuses (the topic exists, a setting is unknown)
   */
  async createTopic(name: string, options: ClusterTopicOptions = {}): Promise<void> {
    const { partitions = 1, replicas = 3, config = {} } = options
    const texts = Object.fromEntries(Object.entries(config).map(([key, value]) => [key, String(value)]))
    const topic = { name, partitions, replicationFactor: replicas, config: texts }
    await this.#ask((address) => requestTopic(address, topic))
    await this.#until(`topic ${name} has leaders`, async () => {
      const leaders = (await this.#metadata([name])).leaders.get(name)
      return leaders?.length === partitions && leaders.every((leader) => leader > 0)
    })
  }

  /** The node that leads a partition now. */
  async leaderOf(topic: string, partition: number): Promise<KafkaServer> {
    const leader = (await this.#metadata([topic])).leaders.get(topic)?.[partition] ?? -1
    const node = this.nodes[leader - 1]
    if (node !== undefined) return node
    throw new ServerError('REQUEST_FAILED', `partition ${partition} of topic ${topic} has no leader now`)
  }

  async stop(): Promise<void> {
    await stopAll(this.nodes)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #metadata(topics: readonly string[]): Promise<ClusterMetadata> {
    return this.#ask((address) => fetchMetadata(address, topics))
  }

  /** Asks the nodes in turn, until one of them answers. */
  async #ask<T>(ask: (address: KafkaAddress) => Promise<T>): Promise<T> {
    let failure: unknown
    for (const broker of this.brokers) {
      const { hostname, port } = new URL(`kafka://${broker}`)
      try {
        return await ask({ host: hostname, port: Number(port), sasl: this.#options.sasl })
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  async #until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + readyMillis
    while (!(await isSo().catch(() => false))) {
      if (performance.now() > deadline) {
        throw new ServerError('REQUEST_FAILED', `waited ${readyMillis / 1000} s in vain until ${what}`)
      }
      await delay(50)
    }
  }
}
