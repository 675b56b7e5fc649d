import { setTimeout as delay } from 'node:timers/promises'
import { EnvironmentRunner } from '../environment-runner.ts'
import { ServerError } from '../errors.ts'
import { chooseProvider } from '../provider.ts'
import type { ServerRunner } from '../runner.ts'
import { Server, startWithFreePorts } from '../server.ts'
import { dockerKafka } from './docker.ts'
import { type NativeKafka, nativeKafka } from './native.ts'
import type { KafkaServerOptions } from './options.ts'
import type { KafkaAddress } from './wire.ts'
import { fetchMetadata, requestTopic } from './wire.ts'

const variable = 'MILLRACE_KAFKA_BROKERS'
const leaderMillis = 20_000

export interface TopicOptions {
  /** Default: 1. */
  readonly partitions?: number
  /** Topic settings, as `{ 'cleanup.policy': 'compact' }`. */
  readonly config?: Readonly<Record<string, string | number | boolean>>
}

/**
 * A Kafka broker for tests.
 *
 * @example
 * await using kafka = await KafkaServer.start()
 * await kafka.createTopic('orders', { partitions: 4 })
 * const client = new Kafka({ brokers: kafka.brokers })
 */
export class KafkaServer extends Server {
  /** `host:port` of each broker. */
  readonly brokers: string[]
  /** The certificate to trust (PEM), when the server was started with TLS. */
  readonly ca: string | undefined
  readonly #address: KafkaAddress
  readonly #clusterId: string | undefined

  private constructor(runner: ServerRunner, brokers: string[], known: Known) {
    super(runner, known.secrets)
    this.brokers = brokers
    this.ca = known.ca
    this.#clusterId = known.clusterId
    const { hostname, port } = new URL(`kafka://${brokers[0]}`)
    this.#address = { host: hostname, port: Number(port || 9092), sasl: known.sasl, ca: known.ca }
  }

  /**
   * Starts a broker, or connects to those that `MILLRACE_KAFKA_BROKERS` (`host:port,host:port`) names; settles when
   * it answers and can take topics.
   *
   * @throws ServerError SERVER_START_FAILED with the end of the broker's log; SERVER_UNAVAILABLE when Java or Maven is
   * missing; OPTION_INVALID
   */
  static async start(options: KafkaServerOptions = {}): Promise<KafkaServer> {
    const provider = await chooseProvider({ variable, wanted: options.provider })
    const { sasl } = options
    if (options.tls && provider !== 'native') {
      throw new ServerError('OPTION_INVALID', `tls is there with provider: 'native' only, not with '${provider}'`)
    }
    if (sasl?.mechanisms !== undefined && provider !== 'native') {
      const text = `sasl.mechanisms are there with provider: 'native' only, not with '${provider}'`
      throw new ServerError('OPTION_INVALID', text)
    }
    if (provider === 'environment') {
      const secrets = sasl === undefined ? [] : [sasl.password]
      return await KafkaServer.#begin(new EnvironmentRunner(variable), environmentBrokers(), { sasl, secrets })
    }
    return await startWithFreePorts(async () => {
      const { runner, host, port, ...known } = await (provider === 'docker' ? dockerKafka : nativeKafka)(options)
      return await KafkaServer.#begin(runner, [`${host}:${port}`], { ...known, sasl })
    })
  }

  /** A prepared node of a cluster: settles when it answers. */
  static async startNode(
    { runner, host, port, ...known }: NativeKafka,
    options: KafkaServerOptions,
  ): Promise<KafkaServer> {
    return await KafkaServer.#begin(runner, [`${host}:${port}`], { ...known, sasl: options.sasl })
  }

  static async #begin(runner: ServerRunner, brokers: string[], known: Known): Promise<KafkaServer> {
    const server = new KafkaServer(runner, brokers, known)
    try {
      await server.begin()
      return server
    } catch (error) {
      await server.stop()
      throw error
    }
  }

  /**
   * Creates a topic with one replica and waits until every partition has a leader.
   *
   * @throws ServerError REQUEST_FAILED when the broker refuses (the topic exists, a setting is unknown)
   */
  async createTopic(name: string, options: TopicOptions = {}): Promise<void> {
    const { partitions = 1, config = {} } = options
    const texts = Object.fromEntries(Object.entries(config).map(([key, value]) => [key, String(value)]))
    await requestTopic(this.#address, { name, partitions, replicationFactor: 1, config: texts })
    const deadline = performance.now() + leaderMillis
    for (;;) {
      const leaders = (await fetchMetadata(this.#address, [name])).leaders.get(name)
      if (leaders?.length === partitions && leaders.every((leader) => leader >= 0)) return
      if (performance.now() > deadline) {
        throw new ServerError('REQUEST_FAILED', `topic ${name} has partitions without leader after ${leaderMillis} ms`)
      }
      await delay(20)
    }
  }

  protected override async answers(): Promise<void> {
    const { clusterId, brokers } = await fetchMetadata(this.#address, [])
    if (brokers === 0) throw new ServerError('REQUEST_FAILED', 'no broker is registered yet')
    // Somebody else's broker on this port: ours is about to end because it cannot bind.
    if (this.#clusterId !== undefined && clusterId !== this.#clusterId) {
      throw new ServerError('REQUEST_FAILED', `${this.brokers[0]} is another cluster's: address already in use`)
    }
  }
}

interface Known {
  readonly sasl: KafkaServerOptions['sasl']
  readonly secrets: readonly string[]
  readonly ca?: string | undefined
  readonly clusterId?: string | undefined
}

function environmentBrokers(): string[] {
  const brokers = (process.env[variable] ?? '').split(',').map((broker) => broker.trim())
  for (const broker of brokers) {
    if (!/^[^\s/@]+:\d+$/.test(broker)) {
      throw new ServerError('OPTION_INVALID', `${variable} must be host:port[,host:port…], but holds "${broker}"`)
    }
  }
  return brokers
}
