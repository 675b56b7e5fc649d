import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ServerError } from '../errors.ts'
import { findJava } from '../java.ts'
import { lastLines, redact } from '../log-tail.ts'
import { fetchJars } from '../maven.ts'
import { createServerFolder, NativeRunner, removeServerFolder } from '../native-runner.ts'
import { reservePorts } from '../ports.ts'
import { createCertificate } from './certificate.ts'
import type { KafkaNode, KafkaPorts, KafkaServerOptions } from './options.ts'
import { kafkaProperties, propertiesText, scramArguments } from './options.ts'

const run = promisify(execFile)

/** The version of the native provider; the Docker provider uses the same. */
export const kafkaVersion = '4.3.1'

const jvmFlags = ['-Xmx384m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-XX:-UsePerfData', '-Xshare:auto']
const logFlags = ['org.slf4j.simpleLogger.showDateTime=true', 'org.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS']

/** Of a broker: for clients, for controllers, and for brokers among themselves. */
const PORTS = 3

export interface NativeKafka {
  readonly runner: NativeRunner
  readonly host: string
  readonly port: number
  readonly clusterId: string
  readonly ca: string | undefined
  readonly secrets: readonly string[]
}

/** The folder with Kafka's jars, fetched if it is not there yet. */
export async function fetchKafka(): Promise<string> {
  return await fetchJars(`kafka-${kafkaVersion}`, [
    `org.apache.kafka:kafka_2.13:${kafkaVersion}`,
    // Without a binding of slf4j a broker that cannot start says nothing.
    'org.slf4j:slf4j-simple:1.7.36',
  ])
}

/** Prepares a broker of this machine with a formatted data folder. It is not started yet. */
export async function nativeKafka(options: KafkaServerOptions): Promise<NativeKafka> {
  const reservation = await reservePorts(PORTS)
  const [client = 0, controller = 0, internal = 0] = reservation.ports
  const ports = { client, controller, internal }
  return await prepare(options, { ports, clusterId: newClusterId(), release: () => reservation.release() })
}

/** Prepares brokers of this machine that are one cluster; each is a controller as well. */
export async function nativeKafkaCluster(nodes: number, options: KafkaServerOptions): Promise<NativeKafka[]> {
  const reservation = await reservePorts(PORTS * nodes)
  const clusterId = newClusterId()
  const ports = Array.from({ length: nodes }, (_, at): KafkaPorts => {
    const [client = 0, controller = 0, internal = 0] = reservation.ports.slice(at * PORTS)
    return { client, controller, internal }
  })
  const controllers = ports.map(({ controller }) => controller)
  let held = nodes
  const release = (): void => {
    held--
    if (held === 0) reservation.release()
  }
  const prepared = await Promise.allSettled(
    ports.map((own, at) => prepare(options, { ports: own, clusterId, release, node: { id: at + 1, controllers } })),
  )
  const failed = prepared.find((result) => result.status === 'rejected')
  const brokers = prepared.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  if (failed === undefined) return brokers
  await Promise.all(brokers.map(({ runner }) => runner.remove()))
  throw failed.reason
}

interface Place {
  readonly ports: KafkaPorts
  readonly clusterId: string
  readonly node?: KafkaNode
  /** Gives the ports back. */
  readonly release: () => void
}

async function prepare(options: KafkaServerOptions, { ports, clusterId, node, release }: Place): Promise<NativeKafka> {
  let folder: string | undefined
  try {
    const { java, keytool } = await findJava(17)
    const jars = await fetchKafka()
    folder = createServerFolder('kafka')
    const certificate = options.tls ? await createCertificate(keytool, folder) : undefined
    const host = '127.0.0.1'
    const dataFolder = join(folder, 'data')
    mkdirSync(dataFolder)
    const keystore = certificate?.keystore
    const properties = kafkaProperties({ ...options, ports, bind: host, host, dataFolder, keystore, node })
    writeFileSync(join(folder, 'server.properties'), propertiesText(properties), { mode: 0o600 })
    const secrets = [options.sasl?.password ?? '', keystore?.password ?? '']
    const classPath = join(jars, '*')
    await format(java, classPath, folder, ['-t', clusterId, ...scramArguments(options.sasl)], secrets)
    const flags = [...jvmFlags, ...logFlags.map((flag) => `-D${flag}`), ...(options.jvm ?? [])]
    const args = [...flags, '-cp', classPath, 'kafka.Kafka', 'server.properties']
    const runner = new NativeRunner(folder, { file: java, args }, release)
    return { runner, host, port: ports.client, clusterId, ca: certificate?.ca, secrets }
  } catch (error) {
    release()
    if (folder !== undefined) removeServerFolder(folder)
    throw error
  }
}

/** 16 random bytes as Kafka writes ids; one that starts with "-" would be taken for an option. */
function newClusterId(): string {
  for (;;) {
    const id = randomBytes(16).toString('base64url')
    if (!id.startsWith('-')) return id
  }
}

async function format(
  java: string,
  classPath: string,
  folder: string,
  own: readonly string[],
  secrets: readonly string[],
): Promise<void> {
  const flags = ['-XX:TieredStopAtLevel=1', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', classPath]
  const args = ['kafka.tools.StorageTool', 'format', '-c', 'server.properties', ...own]
  try {
    await run(java, [...flags, ...args], { cwd: folder })
  } catch (error) {
    // Not kept as the cause: it holds what the program wrote, and that may quote a setting.
    const { stdout = '', stderr = '', message } = error as Error & { stdout?: string; stderr?: string }
    const reason = redact(lastLines(`${stdout}\n${stderr}`.trim() || message, 20), secrets)
    throw new ServerError('SERVER_START_FAILED', `Kafka's data folder could not be formatted:\n${reason}`)
  }
}
