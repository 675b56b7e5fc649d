import { isIP } from 'node:net'
import {
  type API,
  AuthenticationError,
  Connection,
  type ConnectionOptions,
  GenericError,
  NetworkError,
  ResponseError,
  type SASLOptions,
  UserError,
} from '@platformatic/kafka'
import { ConnectionError } from '../../errors.ts'
import { type Address, describeAddress, type KafkaSettings, type SaslOptions } from './options.ts'
import { refusedToken } from './refused-token.ts'
import { DisconnectedError } from './server-error.ts'

/** A server works off the requests of one connection one after the other, so each kind of waiting gets its own. */
const inFlightPerConnection = 64
const leastConnectMs = 250

/** What is kept open. */
export interface Keepable {
  isConnected(): boolean
  close(): Promise<void>
}

/** Opens a connection; it may take `connectTimeoutMs`. */
export type Connect<C extends Keepable> = (
  address: Address,
  timeouts: { readonly connectTimeoutMs: number; readonly requestTimeoutMs: number },
) => Promise<C>

/**
 * The open connections, one per purpose and server. A purpose is any text: what may not wait for something else gets a
 * purpose of its own.
 */
export class Connections<C extends Keepable> {
  readonly #settings: KafkaSettings
  readonly #connect: Connect<C>
  readonly #open = new Map<string, Map<string, Promise<C>>>()
  #closed = false

  constructor(settings: KafkaSettings, connect: Connect<C>) {
    this.#settings = settings
    this.#connect = connect
  }

  /** @throws DisconnectedError, or CONNECTION_FAILED when trying again would not help */
  async get(purpose: string, address: Address, requestTimeoutMs: number = this.#settings.requestTimeoutMs): Promise<C> {
    if (this.#closed) throw new ConnectionError('the log is closed')
    let ofPurpose = this.#open.get(purpose)
    if (ofPurpose === undefined) {
      ofPurpose = new Map()
      this.#open.set(purpose, ofPurpose)
    }
    const name = describeAddress(address)
    const existing = ofPurpose.get(name)
    if (existing !== undefined) {
      const connection = await existing
      if (connection.isConnected()) return connection
    }
    // Somebody else may have replaced the dead one meanwhile.
    const current = ofPurpose.get(name)
    if (current !== undefined && current !== existing) return current
    const opening = this.#connected(address, name, requestTimeoutMs)
    ofPurpose.set(name, opening)
    try {
      return await opening
    } catch (error) {
      if (ofPurpose.get(name) === opening) ofPurpose.delete(name)
      throw error
    }
  }

  /** Closes the connections of one purpose. */
  async release(purpose: string): Promise<void> {
    const connections = this.#open.get(purpose)
    this.#open.delete(purpose)
    if (connections === undefined) return
    await Promise.all(
      Array.from(connections.values(), async (opening) => {
        // A connection that did not open needs no closing; its error went to whoever asked for it.
        const connection = await opening.catch(() => undefined)
        await connection?.close()
      }),
    )
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(Array.from(this.#open.keys(), (purpose) => this.release(purpose)))
  }

  async #connected(address: Address, name: string, requestTimeoutMs: number): Promise<C> {
    const { brokers, connectTimeoutMs } = this.#settings
    let connection: C
    try {
      connection = await this.#connect(address, {
        // One address that does not answer must not use up the time of the others.
        connectTimeoutMs: Math.max(Math.floor(connectTimeoutMs / brokers.length), leastConnectMs),
        requestTimeoutMs,
      })
    } catch (error) {
      const reason = hopelessReason(error)
      if (reason === undefined) throw new DisconnectedError(name, error)
      throw new ConnectionError(`the server refused the connection: ${reason}`, {
        cause: error,
        where: { server: name },
        reaction: 'fail-job',
      })
    }
    if (this.#closed) {
      await connection.close()
      throw new ConnectionError('the log is closed')
    }
    return connection
  }
}

/** Connections of the client library, for everything but records. */
export function controlConnect({ clientId, tls, sasl }: KafkaSettings): Connect<Connection> {
  return async ({ host, port }, { connectTimeoutMs, requestTimeoutMs }) => {
    const options: ConnectionOptions = {
      connectTimeout: connectTimeoutMs,
      requestTimeout: requestTimeoutMs,
      maxInflights: inFlightPerConnection,
    }
    if (tls !== undefined) {
      options.tls = tls
      options.tlsServerName = tls.servername === undefined && isIP(host) === 0
    }
    if (sasl !== undefined) options.sasl = saslOptions(sasl)
    const connection = new Connection(clientId, options)
    // Requests in flight are told of a failure by their own callbacks; an event without a listener would end the process.
    connection.on('error', () => {})
    await connection.connect(host, port)
    return connection
  }
}

/**
 * Sends one request. The library rejects when any part of the answer is an error; here the answer is returned as it is,
 * since what one partition says must not hide what the others say.
 * @throws DisconnectedError
 */
export async function request<A extends unknown[], R>(
  connection: Connection,
  api: API<A, R>,
  ...args: NoInfer<A>
): Promise<R> {
  try {
    return await api.async(connection, ...args)
  } catch (error) {
    if (error instanceof ResponseError) return error.response as R
    if (!(error instanceof GenericError)) throw error
    throw new DisconnectedError(`${connection.host}:${connection.port}`, error)
  }
}

/**
 * Why trying again would not help, or undefined: credentials or protocols that do not fit stay wrong, but a connection
 * that was lost during the handshake is not that.
 */
function hopelessReason(error: unknown): string | undefined {
  let found: string | undefined
  for (let e = error; e instanceof Error; e = e.cause) {
    if (e instanceof AuthenticationError) found = 'authentication failed, check the options sasl and ssl'
    else if (e instanceof UserError) found = `${e.message} Check the options ssl and sasl`
    else if (e instanceof NetworkError || e instanceof DisconnectedError) found = undefined
  }
  return found
}

function saslOptions(sasl: SaslOptions): SASLOptions {
  if (sasl.mechanism === 'oauthbearer') {
    const authBytesValidator: SASLOptions['authBytesValidator'] = (authBytes, callback) => {
      const refused = refusedToken(authBytes)
      if (refused === undefined) callback(null, authBytes)
      else callback(refused, authBytes)
    }
    return { mechanism: 'OAUTHBEARER', token: sasl.token, authBytesValidator }
  }
  const { username, password } = sasl
  switch (sasl.mechanism) {
    case 'plain':
      return { mechanism: 'PLAIN', username, password }
    case 'scram-sha-256':
      return { mechanism: 'SCRAM-SHA-256', username, password }
    case 'scram-sha-512':
      return { mechanism: 'SCRAM-SHA-512', username, password }
  }
}
