import { type Connection, findCoordinatorV3, metadataV9 } from '@platformatic/kafka'
import { ConnectionError, StreamError } from '../../errors.ts'
import { type Clock, sleep } from '../../time/clock.ts'
import type { TopicPartition } from '../log.ts'
import { Connections, controlConnect, type Keepable, request } from './connections.ts'
import { DataConnection } from './data-connection.ts'
import { type Address, describeAddress, type KafkaSettings } from './options.ts'
import { retry } from './retry.ts'
import { code, DisconnectedError, expectOk, isStaleCoordinator, ServerError } from './server-error.ts'

export type CoordinatorKind = 'group' | 'transaction'

const coordinatorType: Record<CoordinatorKind, number> = { group: 0, transaction: 1 }

/** For requests that are answered at once. */
const control = 'control'

/** The server that leads each partition of a topic, by index; -1 where none does at the moment. */
export type Leaders = readonly number[]

/** What the client knows of the cluster: its servers, who leads which partition, who coordinates what. */
export class Cluster {
  readonly settings: KafkaSettings
  readonly clock: Clock
  readonly connections: Connections<Connection>
  /** For records. */
  readonly dataConnections: Connections<DataConnection>
  readonly #brokers = new Map<number, Address>()
  readonly #leaders = new Map<string, Leaders>()
  readonly #coordinators = new Map<string, number>()
  #controller = -1

  constructor(settings: KafkaSettings, clock: Clock) {
    this.settings = settings
    this.clock = clock
    this.connections = new Connections(settings, controlConnect(settings))
    this.dataConnections = new Connections(settings, (address, timeouts) =>
      DataConnection.open(address, settings, timeouts),
    )
  }

  /** Resolves when some server has answered. @throws CONNECTION_FAILED naming all addresses */
  async connect(): Promise<void> {
    const addresses = this.settings.brokers.map(describeAddress).join(', ')
    const { connectTimeoutMs: timeoutMs } = this.settings
    const what = 'the cluster cannot be reached'
    const settled = new AbortController()
    try {
      const { signal } = settled
      await Promise.race([
        retry({ clock: this.clock, what, timeoutMs, signal }, () => this.refresh([])),
        // A server that takes connections and never answers does not come to the end of an attempt.
        sleep(this.clock, timeoutMs, signal).then(() => Promise.reject(new ConnectionError('no answer'))),
      ])
    } catch (error) {
      if (StreamError.is(error) && error.reaction === 'fail-job') throw error
      throw new ConnectionError(
        `no Kafka server answered at ${addresses} within ${timeoutMs} ms: check the option brokers, and that the ` +
          `servers' advertised.listeners can be reached from here (${(error as Error).message})`,
        { cause: error, where: { server: addresses } },
      )
    } finally {
      settled.abort()
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.connections.close(), this.dataConnections.close()])
  }

  /** Asks for these topics anew. A topic that does not exist is null. @throws DisconnectedError, ServerError */
  async refresh(topics: readonly string[]): Promise<Map<string, Leaders | null>> {
    const connection = await this.any()
    const response = await request(connection, metadataV9.api, topics.slice(), false)
    if (response.brokers.length > 0) {
      this.#brokers.clear()
      for (const { nodeId, host, port } of response.brokers) this.#brokers.set(nodeId, { host, port })
      this.#controller = response.controllerId
    }
    const found = new Map<string, Leaders | null>()
    for (const topic of response.topics) {
      const name = topic.name ?? ''
      if (topic.errorCode === code.UNKNOWN_TOPIC_OR_PARTITION) {
        found.set(name, null)
        this.#leaders.delete(name)
        continue
      }
      if (topic.errorCode !== code.LEADER_NOT_AVAILABLE) expectOk(topic.errorCode, `metadata of topic ${name}`)
      const leaders = new Array<number>(topic.partitions.length).fill(-1)
      for (const partition of topic.partitions) {
        if (partition.errorCode === 0) leaders[partition.partitionIndex] = partition.leaderId
      }
      found.set(name, leaders)
      this.#leaders.set(name, leaders)
    }
    return found
  }

  /** The leader as far as it is known, or undefined: then `refresh` the topic. */
  leader(topic: string, partition: number): number | undefined {
    const leader = this.#leaders.get(topic)?.[partition]
    return leader === undefined || leader < 0 || !this.#brokers.has(leader) ? undefined : leader
  }

  /** Groups the partitions by their leaders. @throws DisconnectedError, or a retriable ServerError when one has none */
  async byLeader<P extends TopicPartition>(partitions: readonly P[]): Promise<Map<number, P[]>> {
    const unknown = new Set(
      partitions.filter((p) => this.leader(p.topic, p.partition) === undefined).map((p) => p.topic),
    )
    const found = unknown.size === 0 ? undefined : await this.refresh([...unknown])
    const groups = new Map<number, P[]>()
    for (const partition of partitions) {
      const { topic, partition: index } = partition
      if (found?.get(topic) === null) throw new ServerError(code.UNKNOWN_TOPIC_OR_PARTITION, `topic ${topic}`)
      const leader = this.leader(topic, index)
      if (leader === undefined) throw new ServerError(code.LEADER_NOT_AVAILABLE, `topic ${topic} partition ${index}`)
      const group = groups.get(leader)
      if (group === undefined) groups.set(leader, [partition])
      else group.push(partition)
    }
    return groups
  }

  /** Forgets who leads a topic, because a server said that it does not. */
  forgetLeaders(topic: string): void {
    this.#leaders.delete(topic)
  }

  /** The server that coordinates this group or transactional id. @throws DisconnectedError, ServerError */
  async coordinator(kind: CoordinatorKind, key: string): Promise<number> {
    const id = `${kind}/${key}`
    const known = this.#coordinators.get(id)
    if (known !== undefined && this.#brokers.has(known)) return known
    const connection = await this.any()
    const response = await request(connection, findCoordinatorV3.api, coordinatorType[kind], [key])
    const found = response.coordinators[0]
    if (found === undefined) throw new ServerError(code.COORDINATOR_NOT_AVAILABLE, `coordinator of ${kind} ${key}`)
    expectOk(found.errorCode, `coordinator of ${kind} ${key}`)
    this.#brokers.set(found.nodeId, { host: found.host, port: found.port })
    this.#coordinators.set(id, found.nodeId)
    return found.nodeId
  }

  forgetCoordinator(kind: CoordinatorKind, key: string): void {
    this.#coordinators.delete(`${kind}/${key}`)
  }

  /** Asks the coordinator something; one that is gone or is not the coordinator any more is looked up anew next time. */
  async coordinate<T>(
    kind: CoordinatorKind,
    key: string,
    ask: (connection: Connection) => Promise<T>,
    purpose: string = control,
    requestTimeoutMs?: number,
  ): Promise<T> {
    try {
      return await ask(await this.connection(await this.coordinator(kind, key), purpose, requestTimeoutMs))
    } catch (error) {
      if (isStaleCoordinator(error)) this.forgetCoordinator(kind, key)
      throw error
    }
  }

  /** The server that changes topics, or any, which then passes the request on. @throws DisconnectedError */
  controller(): Promise<Connection> {
    return this.#brokers.has(this.#controller) ? this.connection(this.#controller) : this.any()
  }

  /** @throws DisconnectedError */
  connection(node: number, purpose: string = control, requestTimeoutMs?: number): Promise<Connection> {
    return this.#connect(this.connections, node, purpose, requestTimeoutMs)
  }

  /** A connection for fetching or producing. @throws DisconnectedError */
  dataConnection(node: number, purpose: string): Promise<DataConnection> {
    return this.#connect(this.dataConnections, node, purpose)
  }

  #connect<C extends Keepable>(
    connections: Connections<C>,
    node: number,
    purpose: string,
    requestTimeoutMs?: number,
  ): Promise<C> {
    const address = this.#brokers.get(node)
    if (address === undefined) {
      return Promise.reject(
        new DisconnectedError(`server ${node}`, new Error('it is not in the cluster at the moment')),
      )
    }
    return connections.get(purpose, address, requestTimeoutMs)
  }

  /** A connection to whichever server answers. @throws DisconnectedError */
  async any(): Promise<Connection> {
    let failure: unknown
    for (const address of [...this.#brokers.values(), ...this.settings.brokers]) {
      try {
        return await this.connections.get(control, address)
      } catch (error) {
        if (!(error instanceof DisconnectedError)) throw error
        failure = error
      }
    }
    throw failure
  }
}
