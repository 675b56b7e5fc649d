import { connect as connectPlain } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { ServerError } from '../errors.ts'
import { WireReader, WireWriter } from './wire-codec.ts'

// The few requests that starting a broker and making topics need, so that this package brings no Kafka client along.
// Layouts: https://kafka.apache.org/protocol, the oldest versions that Kafka 4 still speaks.
const metadata = { key: 3, version: 2 }
const saslHandshake = { key: 17, version: 1 }
const createTopics = { key: 19, version: 4 }
const saslAuthenticate = { key: 36, version: 0 }

export interface KafkaAddress {
  readonly host: string
  readonly port: number
  /** SASL/PLAIN. */
  readonly sasl?: { readonly username: string; readonly password: string } | undefined
  /** The certificate authority of a TLS listener, PEM. */
  readonly ca?: string | undefined
}

export interface ClusterMetadata {
  readonly clusterId: string | null
  readonly brokers: number
  /** For each known topic the leaders of its partitions; -1 where there is none yet. */
  readonly leaders: ReadonlyMap<string, readonly number[]>
}

export interface NewTopic {
  readonly name: string
  readonly partitions: number
  readonly replicationFactor: number
  readonly config: Readonly<Record<string, string>>
}

/** Asks for the cluster's id, its brokers, and the topics named. */
export async function fetchMetadata(address: KafkaAddress, topics: readonly string[]): Promise<ClusterMetadata> {
  const body = new WireWriter().int32(topics.length)
  for (const topic of topics) body.string(topic)
  const answer = await request(address, metadata, body)
  const brokers = answer.array(() => {
    answer.int32()
    answer.string()
    answer.int32()
    answer.string()
  }).length
  const clusterId = answer.string()
  answer.int32()
  const leaders = new Map<string, number[]>()
  answer.array(() => {
    const error = answer.int16()
    const name = answer.string() ?? ''
    answer.int8()
    const partitions = answer.array(() => {
      answer.int16()
      answer.int32()
      const leader = answer.int32()
      answer.array(() => answer.int32())
      answer.array(() => answer.int32())
      return leader
    })
    if (error === 0) leaders.set(name, partitions)
  })
  return { clusterId, brokers, leaders }
}

/** @throws ServerError REQUEST_FAILED with the broker's words, also when the topic exists */
export async function requestTopic(address: KafkaAddress, topic: NewTopic): Promise<void> {
  const config = Object.entries(topic.config)
  const body = new WireWriter().int32(1).string(topic.name).int32(topic.partitions).int16(topic.replicationFactor)
  body.int32(0).int32(config.length)
  for (const [name, value] of config) body.string(name).string(value)
  body.int32(30_000).int8(0)
  const answer = await request(address, createTopics, body)
  answer.int32()
  answer.array(() => {
    const name = answer.string()
    const error = answer.int16()
    const message = answer.string()
    if (error === 0) return
    const text = `topic ${name} could not be created: ${message ?? 'no reason given'} (Kafka error ${error})`
    throw new ServerError('REQUEST_FAILED', text)
  })
}

/** One connection, one answer. */
async function request(
  address: KafkaAddress,
  api: { readonly key: number; readonly version: number },
  body: WireWriter,
): Promise<WireReader> {
  const connection = new Connection(address)
  try {
    if (address.sasl !== undefined) await authenticate(connection, address.sasl)
    return await connection.send(api, body)
  } catch (cause) {
    if (cause instanceof ServerError) throw cause
    const message = `Kafka at ${address.host}:${address.port}: ${(cause as Error).message}`
    throw new ServerError('REQUEST_FAILED', message, { cause })
  } finally {
    connection.close()
  }
}

/** SASL/PLAIN, RFC 4616. */
async function authenticate(connection: Connection, sasl: { username: string; password: string }): Promise<void> {
  const handshake = await connection.send(saslHandshake, new WireWriter().string('PLAIN'))
  if (handshake.int16() !== 0) throw new Error('the broker does not offer SASL/PLAIN')
  const token = Buffer.from(`\0${sasl.username}\0${sasl.password}`)
  const answer = await connection.send(saslAuthenticate, new WireWriter().bytes(token))
  if (answer.int16() !== 0) throw new Error(`the broker refused the user: ${answer.string()}`)
}

class Connection {
  readonly #socket: ReturnType<typeof connectPlain>
  #pending = Buffer.alloc(0)
  #settle: { resolve: (reader: WireReader) => void; reject: (error: Error) => void } | undefined
  #failure: Error | undefined

  constructor({ host, port, ca }: KafkaAddress) {
    this.#socket = ca === undefined ? connectPlain({ host, port }) : connectTls({ host, port, ca })
    this.#socket.setTimeout(35_000, () => this.#fail(new Error('no answer in 35 s')))
    this.#socket.on('error', (error) => this.#fail(error))
    this.#socket.on('close', () => this.#fail(new Error('connection closed')))
    this.#socket.on('data', (chunk) => this.#receive(chunk))
  }

  send(api: { key: number; version: number }, body: WireWriter): Promise<WireReader> {
    const header = new WireWriter().int16(api.key).int16(api.version).int32(1).string('millrace-testcontainers')
    const frame = Buffer.concat([header.toBuffer(), body.toBuffer()])
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure)
      this.#settle = { resolve, reject }
      this.#socket.write(Buffer.concat([new WireWriter().int32(frame.length).toBuffer(), frame]))
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, chunk])
    if (this.#pending.length < 4) return
    const end = 4 + this.#pending.readInt32BE(0)
    if (this.#pending.length < end) return
    const reader = new WireReader(this.#pending.subarray(8, end))
    this.#pending = this.#pending.subarray(end)
    this.#settle?.resolve(reader)
    this.#settle = undefined
  }

  #fail(error: Error): void {
    this.#failure ??= error
    this.#settle?.reject(error)
    this.#settle = undefined
  }
}
