import { connect as connectPlain, isIP, type OnReadOpts, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import type { ByteCursor } from './byte-cursor.ts'
import { type Address, describeAddress, type KafkaSettings, type SaslOptions } from './options.ts'
import { RequestFrame } from './request-frame.ts'
import { ResponseFrames } from './response-frames.ts'
import type { ResponseMemory } from './response-memory.ts'
import { logIn } from './sasl-authentication.ts'
import { DisconnectedError } from './server-error.ts'

/** When a log-in is renewed, as a part of the time for which it is valid. */
const renewAfter = 0.8

export interface DataRequest {
  readonly apiKey: number
  readonly apiVersion: number
  /** False for the few old requests whose header ends with the client's name. @default true */
  readonly isFlexible?: boolean
  /** Where the response is put. */
  readonly memory?: ResponseMemory | undefined
}

interface Waiting {
  readonly resolve: (response: ByteCursor) => void
  readonly reject: (error: Error) => void
  readonly isFlexible: boolean
  readonly memory: ResponseMemory | undefined
  readonly timer: NodeJS.Timeout
}

/**
 * A connection for the requests that carry records. Batches go out of the buffers they were encoded in, and what comes in is
 * read from the socket straight into the one buffer of its response: at hundreds of megabytes a second each copy
 * costs as much as decoding the records, and each buffer brings the next garbage collection nearer.
 */
export class DataConnection {
  readonly host: string
  readonly port: number
  readonly #clientId: string
  readonly #requestTimeoutMs: number
  readonly #socket: Socket
  readonly #frames = new ResponseFrames(
    (frame) => this.#answered(frame),
    (bytes) => this.#allocate(bytes),
  )
  readonly #waiting = new Map<number, Waiting>()
  #correlationId = 0
  #failure: Error | undefined
  #isRetired = false

  private constructor({ host, port }: Address, settings: KafkaSettings, requestTimeoutMs: number) {
    this.host = host
    this.port = port
    this.#clientId = settings.clientId
    this.#requestTimeoutMs = requestTimeoutMs
    const onread: OnReadOpts = {
      buffer: () => this.#frames.space,
      callback: (bytes) => {
        this.#received(bytes)
        return true
      },
    }
    const { tls } = settings
    const servername = tls?.servername === undefined && isIP(host) === 0 ? { servername: host } : {}
    // TLS takes the options of plain sockets as well; the types of Node do not say so.
    const options: ConnectionOptions & { readonly onread: OnReadOpts } = { ...servername, ...tls, host, port, onread }
    this.#socket = tls === undefined ? connectPlain({ host, port, onread }) : connectTls(options)
    this.#socket.setNoDelay(true)
    this.#socket.on('error', (error) => this.#fail(error))
    this.#socket.on('close', () => this.#fail(new Error('the connection was closed')))
  }

  /** @throws what the socket failed with, or AuthenticationError */
  static async open(
    address: Address,
    settings: KafkaSettings,
    { connectTimeoutMs, requestTimeoutMs }: { readonly connectTimeoutMs: number; readonly requestTimeoutMs: number },
  ): Promise<DataConnection> {
    const connection = new DataConnection(address, settings, requestTimeoutMs)
    const ready = settings.tls ? 'secureConnect' : 'connect'
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        connection.#socket.destroy(new Error(`no connection within ${connectTimeoutMs} ms`))
      }, connectTimeoutMs)
      connection.#socket.once('close', () => {
        clearTimeout(timer)
        reject(connection.#failure)
      })
      connection.#socket.once(ready, () => {
        clearTimeout(timer)
        resolve()
      })
    })
    if (settings.sasl !== undefined) await connection.#logIn(settings.sasl)
    return connection
  }

  isConnected(): boolean {
    return this.#failure === undefined && !this.#isRetired
  }

  /**
   * Sends what `write` puts into the frame and resolves with the answer, behind its header. Buffers in the frame must stay as they are
   * until then.
   * @throws DisconnectedError
   */
  request(
    { apiKey, apiVersion, isFlexible = true, memory }: DataRequest,
    write: (frame: RequestFrame) => void,
  ): Promise<ByteCursor> {
    if (this.#failure !== undefined) return Promise.reject(this.#disconnected(this.#failure))
    const correlationId = (this.#correlationId + 1) & 0x7fff_ffff
    this.#correlationId = correlationId
    const frame = new RequestFrame(apiKey, apiVersion, correlationId, this.#clientId, isFlexible)
    write(frame)
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#socket.destroy(new Error(`no answer within ${this.#requestTimeoutMs} ms`))
      }, this.#requestTimeoutMs)
      this.#waiting.set(correlationId, { resolve, reject, isFlexible, memory, timer })
      const parts = frame.finish()
      this.#socket.cork()
      for (const part of parts) this.#socket.write(part)
      this.#socket.uncork()
    })
  }

  async close(): Promise<void> {
    if (this.#socket.closed) return
    const closed = new Promise<void>((resolve) => this.#socket.once('close', () => resolve()))
    this.#socket.destroy()
    await closed
  }

  async #logIn(sasl: SaslOptions): Promise<void> {
    try {
      const lifetimeMs = await logIn(this, sasl)
      if (lifetimeMs === 0) return
      const timer = setTimeout(() => this.#retire(), lifetimeMs * renewAfter)
      this.#socket.once('close', () => clearTimeout(timer))
    } catch (error) {
      await this.close()
      throw error
    }
  }

  /** Whoever needs a connection next gets a new one; this one ends when what is under way has been answered. */
  #retire(): void {
    this.#isRetired = true
    if (this.#waiting.size === 0) this.#socket.destroy()
  }

  #received(bytes: number): void {
    try {
      this.#frames.filled(bytes)
    } catch (error) {
      this.#socket.destroy(error as Error)
    }
  }

  /** Servers answer the requests of a connection in their order, so what comes next is for the oldest. */
  #allocate(bytes: number): Buffer {
    const [oldest] = this.#waiting.values()
    return oldest?.memory?.allocate(bytes) ?? Buffer.allocUnsafeSlow(bytes)
  }

  #answered(response: ByteCursor): void {
    const correlationId = response.int32()
    const waiting = this.#waiting.get(correlationId)
    if (waiting === undefined) throw new Error('an answer came that nobody asked for')
    this.#waiting.delete(correlationId)
    clearTimeout(waiting.timer)
    if (waiting.isFlexible) response.skipTags()
    waiting.resolve(response)
    if (this.#isRetired && this.#waiting.size === 0) this.#socket.destroy()
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer)
      reject(this.#disconnected(error))
    }
    this.#waiting.clear()
  }

  #disconnected(cause: Error): DisconnectedError {
    return new DisconnectedError(describeAddress({ host: this.host, port: this.port }), cause)
  }
}
