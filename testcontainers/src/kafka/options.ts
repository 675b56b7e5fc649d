import { ServerError } from '../errors.ts'
import type { ProviderName } from '../runner.ts'

export type SaslMechanism = 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | 'OAUTHBEARER'

export interface KafkaServerOptions {
  /** How to get the broker. Default: the environment's, else Docker, else a process of this machine. */
  readonly provider?: ProviderName
  /** Further lines of server.properties. They win over the others. */
  readonly properties?: Readonly<Record<string, string | number | boolean>>
  /** Clients must authenticate with SASL/PLAIN as this user. Default: none. Of the environment's broker: who to be. */
  readonly sasl?: {
    readonly username: string
    readonly password: string
    /**
     * Other ways to log in. SCRAM with the same user and password; OAUTHBEARER with any token that is not signed (`alg` none) and names a
     * subject. Native provider only. Default: none.
     */
    readonly mechanisms?: readonly SaslMechanism[]
  }
  /** Clients must use TLS; `ca` of the server holds the certificate to trust. Native provider only. Default: false. */
  readonly tls?: boolean
  /** Further arguments for the broker's Java. Default: none, so a heap of at most 384 MB and the quick compiler. */
  readonly jvm?: readonly string[]
}

export interface KafkaSettings extends KafkaServerOptions {
  readonly ports: KafkaPorts
  /** The interface to listen on. */
  readonly bind: string
  /** The name under which clients reach the broker. */
  readonly host: string
  readonly dataFolder: string
  /** Of a cluster. Default: the only node. */
  readonly node?: KafkaNode | undefined
  readonly keystore?: { readonly file: string; readonly password: string } | undefined
}

export interface KafkaNode {
  readonly id: number
  /** Ports of the controllers, by the nodes' ids from 1 on. */
  readonly controllers: readonly number[]
}

export interface KafkaPorts {
  readonly client: number
  readonly controller: number
  readonly internal: number
}

/**
 * The settings of one broker that is its own controller (KRaft), fit for tests: one replica of everything, few
 * partitions of the internal topics, no waiting for further group members, short clean-ups.
 */
export function kafkaProperties(settings: KafkaSettings): Map<string, string> {
  const { ports, bind, host, sasl, tls } = settings
  const { id, controllers } = settings.node ?? { id: 1, controllers: [ports.controller] }
  const replicas = String(Math.min(controllers.length, 3))
  const inSync = controllers.length >= 3 ? '2' : '1'
  const protocol = `${sasl === undefined ? '' : 'SASL_'}${tls ? 'SSL' : 'PLAINTEXT'}`
  const properties = new Map<string, string>([
    ['process.roles', 'broker,controller'],
    ['node.id', String(id)],
    ['controller.quorum.voters', controllers.map((port, at) => `${at + 1}@127.0.0.1:${port}`).join(',')],
    ['controller.listener.names', 'CONTROLLER'],
    [
      'listeners',
      `CLIENT://${bind}:${ports.client},INTERNAL://127.0.0.1:${ports.internal},CONTROLLER://127.0.0.1:${ports.controller}`,
    ],
    // The broker talks to itself too (transaction markers): over a listener without TLS and SASL.
    ['advertised.listeners', `CLIENT://${host}:${ports.client},INTERNAL://127.0.0.1:${ports.internal}`],
    ['listener.security.protocol.map', `CLIENT:${protocol},INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT`],
    ['inter.broker.listener.name', 'INTERNAL'],
    ['log.dirs', settings.dataFolder],
    ['auto.create.topics.enable', 'false'],
    // Tests write records with times of their own, which may be long ago: they must not be deleted as old.
    ['log.retention.ms', '-1'],
    ['num.partitions', '1'],
    ['default.replication.factor', replicas],
    ['min.insync.replicas', inSync],
    ['offsets.topic.replication.factor', replicas],
    ['offsets.topic.num.partitions', '4'],
    ['transaction.state.log.replication.factor', replicas],
    ['transaction.state.log.min.isr', inSync],
    ['transaction.state.log.num.partitions', '4'],
    ['share.coordinator.state.topic.replication.factor', replicas],
    ['share.coordinator.state.topic.min.isr', inSync],
    ['share.coordinator.state.topic.num.partitions', '1'],
    ['group.initial.rebalance.delay.ms', '0'],
    ['group.streams.initial.rebalance.delay.ms', '0'],
    ['group.min.session.timeout.ms', '100'],
    ['group.consumer.min.session.timeout.ms', '100'],
    ['group.consumer.min.heartbeat.interval.ms', '50'],
    ['transaction.abort.timed.out.transaction.cleanup.interval.ms', '500'],
    // A broker that comes back after a kill waits until its former self has expired (default: 9 s).
    ['broker.session.timeout.ms', '2000'],
    ['broker.heartbeat.interval.ms', '300'],
    ['num.network.threads', '2'],
    ['num.io.threads', '4'],
    ['log.initial.task.delay.ms', '1000'],
    ['log.cleaner.dedupe.buffer.size', String(16 * 1024 * 1024)],
  ])
  if (sasl !== undefined) addSasl(properties, sasl)
  if (settings.keystore !== undefined) {
    properties.set('listener.name.client.ssl.keystore.type', 'PKCS12')
    properties.set('listener.name.client.ssl.keystore.location', settings.keystore.file)
    properties.set('listener.name.client.ssl.keystore.password', settings.keystore.password)
  }
  for (const [name, value] of Object.entries(settings.properties ?? {})) properties.set(name, String(value))
  return properties
}

function addSasl(properties: Map<string, string>, sasl: NonNullable<KafkaServerOptions['sasl']>): void {
  const { username, password, mechanisms = [] } = sasl
  if (!/^[A-Za-z0-9_.-]+$/.test(username)) {
    throw new ServerError('OPTION_INVALID', 'sasl.username may hold letters, digits, "_", "." and "-" only')
  }
  if (password === '' || /[\r\n\0]/.test(password)) {
    throw new ServerError('OPTION_INVALID', 'sasl.password may not be empty or hold line breaks')
  }
  const quoted = `"${password.replace(/["\\]/g, '\\$&')}"`
  properties.set('listener.name.client.sasl.enabled.mechanisms', ['PLAIN', ...mechanisms].join(','))
  properties.set(
    'listener.name.client.plain.sasl.jaas.config',
    `org.apache.kafka.common.security.plain.PlainLoginModule required user_${username}=${quoted};`,
  )
  for (const mechanism of mechanisms) {
    properties.set(`listener.name.client.${mechanism.toLowerCase()}.sasl.jaas.config`, loginModules[mechanism])
  }
}

const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;'
const loginModules: Readonly<Record<SaslMechanism, string>> = {
  'SCRAM-SHA-256': scram,
  'SCRAM-SHA-512': scram,
  OAUTHBEARER: 'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;',
}

/** What `StorageTool format` takes to know a user of SCRAM from the beginning. */
export function scramArguments(sasl: KafkaServerOptions['sasl']): string[] {
  const { username, password, mechanisms = [] } = sasl ?? { username: '', password: '' }
  return mechanisms
    .filter((mechanism) => mechanism !== 'OAUTHBEARER')
    .flatMap((mechanism) => ['--add-scram', `${mechanism}=[name="${username}",password="${password}"]`])
}

/** The text of a Java properties file: backslashes, line breaks and non-ASCII characters escaped. */
export function propertiesText(properties: ReadonlyMap<string, string>): string {
  const escapeValue = (text: string): string =>
    text
      .replace(/\\/g, '\\\\')
      .replace(/\n/g, '\\n')
      .replace(/\r/g, '\\r')
      .replace(/^ /, '\\ ')
      .replace(/[^\x20-\x7e]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
  return [...properties]
    .map(([name, value]) => `${name.replace(/[\s=:#!\\]/g, '\\$&')}=${escapeValue(value)}\n`)
    .join('')
}
