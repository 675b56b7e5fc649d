import type { ContainerRunner } from '../container-runner.ts'
import { openContainerEngine } from '../container-runner.ts'
import { reservePorts } from '../ports.ts'
import { kafkaVersion } from './native.ts'
import type { KafkaServerOptions } from './options.ts'
import { kafkaProperties, propertiesText } from './options.ts'

/** The image of the Docker provider. */
export const kafkaImage: string = `apache/kafka:${kafkaVersion}`

export interface ContainerKafka {
  readonly runner: ContainerRunner
  readonly host: string
  readonly port: number
  readonly secrets: readonly string[]
}

/** Prepares a broker in a container. It is not started yet; the image formats its data folder. */
export async function dockerKafka(options: KafkaServerOptions): Promise<ContainerKafka> {
  const engine = await openContainerEngine()
  const { host } = engine
  const reservation = await reservePorts(1)
  const [client = 0] = reservation.ports
  // Nobody else lives in the container: there the other two ports cannot be taken.
  const ports = { client, controller: 9093, internal: 9094 }
  const properties = kafkaProperties({
    ...options,
    ports,
    bind: '0.0.0.0',
    host,
    dataFolder: '/tmp/kraft-combined-logs',
  })
  const runner = engine.create({
    image: kafkaImage,
    ports: [client],
    environment: { KAFKA_HEAP_OPTS: '-Xmx384m', KAFKA_JVM_PERFORMANCE_OPTS: (options.jvm ?? []).join(' ') },
    files: [{ target: '/mnt/shared/config/server.properties', content: propertiesText(properties) }],
    onRemove: () => reservation.release(),
  })
  return { runner, host, port: client, secrets: [options.sasl?.password ?? ''] }
}
