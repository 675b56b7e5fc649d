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
import type { KafkaServerOptions } from './options.ts'
import { kafkaProperties, propertiesText } from './options.ts'

const run = promisify(execFile)

/** The version of the native provider; the Docker provider uses the same. */
export const kafkaVersion = '4.3.1'

const jvmFlags = ['-Xmx384m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-XX:-UsePerfData', '-Xshare:auto']
const logFlags = ['org.slf4j.simpleLogger.showDateTime=true', 'org.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS']

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
  const { java, keytool } = await findJava(17)
  const jars = await fetchKafka()
  const reservation = await reservePorts(3)
  const folder = createServerFolder('kafka')
  try {
    const [client = 0, controller = 0, internal = 0] = reservation.ports
    const certificate = options.tls ? await createCertificate(keytool, folder) : undefined
    const host = '127.0.0.1'
    const dataFolder = join(folder, 'data')
    mkdirSync(dataFolder)
    const ports = { client, controller, internal }
    const keystore = certificate?.keystore
    const properties = kafkaProperties({ ...options, ports, bind: host, host, dataFolder, keystore })
    writeFileSync(join(folder, 'server.properties'), propertiesText(properties), { mode: 0o600 })
    const secrets = [options.sasl?.password ?? '', keystore?.password ?? '']
    const clusterId = newClusterId()
    const classPath = join(jars, '*')
    await format(java, classPath, folder, clusterId, secrets)
    const flags = [...jvmFlags, ...logFlags.map((flag) => `-D${flag}`), ...(options.jvm ?? [])]
    const args = [...flags, '-cp', classPath, 'kafka.Kafka', 'server.properties']
    const runner = new NativeRunner(folder, { file: java, args }, () => reservation.release())
    return { runner, host, port: client, clusterId, ca: certificate?.ca, secrets }
  } catch (error) {
    reservation.release()
    removeServerFolder(folder)
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
  clusterId: string,
  secrets: readonly string[],
): Promise<void> {
  const flags = ['-XX:TieredStopAtLevel=1', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', classPath]
  const args = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', 'server.properties']
  try {
    await run(java, [...flags, ...args], { cwd: folder })
  } catch (error) {
    // Not kept as the cause: it holds what the program wrote, and that may quote a setting.
    const { stdout = '', stderr = '', message } = error as Error & { stdout?: string; stderr?: string }
    const reason = redact(lastLines(`${stdout}\n${stderr}`.trim() || message, 20), secrets)
    throw new ServerError('SERVER_START_FAILED', `Kafka's data folder could not be formatted:\n${reason}`)
  }
}
