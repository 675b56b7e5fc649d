import { ConnectionError, StreamError } from '../../errors.ts'
import type { Logger } from '../../metrics/logger.ts'
import { type Clock, sleep } from '../../time/clock.ts'
import { type Client, createClient, retryDelay } from './client.ts'
import { slotOf } from './cluster-slot.ts'
import { type FailureKind, kindOf, reasonOf, withoutArguments } from './failure.ts'
import { describeTopology, type ResolvedOptions } from './options.ts'

/** Sends commands. `asText`: the server does not know the scripts' hashes, so send their texts. */
export type Attempt<T> = (client: Client, asText: boolean) => Promise<T>

/**
 * The connection to one Redis, Cluster or Sentinel group. A command that fails because the server is away is sent again
 * with growing pauses until `retryTimeoutMs` have passed, so everything sent through it must bear being done twice.
 */
export class RedisConnection {
  readonly address: string
  readonly #options: ResolvedOptions
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #closed = new AbortController()
  #client: Client | null = null
  #lastError: unknown = null

  constructor(options: ResolvedOptions, clock: Clock, logger: Logger) {
    this.address = describeTopology(options.topology)
    this.#options = options
    this.#clock = clock
    this.#logger = logger
  }

  /** @throws CONNECTION_FAILED when the server does not answer within `connectTimeoutMs`, or refuses the credentials */
  async connect(): Promise<void> {
    const client = await createClient(this.#options)
    this.#client = client
    client.on('error', (error: unknown) => {
      this.#lastError = withoutArguments(error)
      this.#logger.debug({ server: this.address, error: reasonOf(error) }, 'Redis connection error')
    })
    try {
      await this.#ready(client)
    } catch (error) {
      this.#disconnect()
      throw error
    }
  }

  /**
   * Runs the attempt until it succeeds.
   *
   * @throws CONNECTION_FAILED when the server stays away, STATE_BACKEND_FAILED when it refuses the command
   */
  async run<T>(what: string, attempt: Attempt<T>, timeoutMs: number = this.#options.commandTimeoutMs): Promise<T> {
    const deadline = this.#clock.now() + this.#options.retryTimeoutMs
    let asText = false
    for (let count = 1; ; count++) {
      const client = this.#client
      if (client === null) throw this.#failed(what, 'permanent', new Error('the connection is closed'))
      let failure: unknown
      try {
        return await this.#timed(client, attempt(client, asText), timeoutMs)
      } catch (error) {
        if (StreamError.is(error)) throw error
        failure = withoutArguments(error)
      }
      const kind = kindOf(failure)
      if (kind === 'no-script' && !asText) {
        asText = true
        continue
      }
      const hopeless = kind !== 'unreachable' || this.#closed.signal.aborted
      if (hopeless || this.#clock.now() >= deadline) throw this.#failed(what, kind, failure)
      await sleep(this.#clock, retryDelay(count), this.#closed.signal).catch(() => {}) // Closed: the next turn ends it.
    }
  }

  /** Names the server that a key lives on, as far as it is known; the same one for all keys outside a Cluster. */
  serverOf(key: string): string {
    const client = this.#client
    return client !== null && 'slots' in client ? (client.slots[slotOf(key)]?.[0] ?? '') : ''
  }

  close(): void {
    this.#closed.abort()
    this.#disconnect()
  }

  /** Resolves when commands can be sent. */
  #ready(client: Client): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error?: Error): void => {
        cancel()
        client.off('ready', onReady)
        client.off('error', onError)
        if (error === undefined) resolve()
        else reject(error)
      }
      const onReady = (): void => settle()
      const onError = (error: unknown): void => {
        if (kindOf(error) === 'refused') settle(this.#failed('connect', 'refused', withoutArguments(error)))
      }
      const cancel = this.#clock.setTimer(this.#options.connectTimeoutMs, () => {
        settle(
          new ConnectionError(
            `Redis at ${this.address} could not be reached within ${this.#options.connectTimeoutMs} ms (${this.#lastReason()}). Check that it runs and that the address is right`,
            { where: { server: this.address }, cause: this.#lastError ?? undefined },
          ),
        )
      })
      client.on('ready', onReady)
      client.on('error', onError)
      // Rejects at the first failed attempt already, while the client goes on trying; the outcome comes by the events.
      client.connect().catch((error: unknown) => {
        this.#lastError ??= withoutArguments(error)
      })
    })
  }

  /** A connection that swallows commands (a stopped server, a lost route) is dropped, so that the next attempt can succeed. */
  async #timed<T>(client: Client, running: Promise<T>, timeoutMs: number): Promise<T> {
    let cancel: () => void = () => {}
    const expiry = new Promise<never>((_, reject) => {
      cancel = this.#clock.setTimer(timeoutMs, () => {
        reject(new Error(`no answer within ${timeoutMs} ms`))
        if (client === this.#client) client.disconnect(true)
      })
    })
    try {
      return await Promise.race([running, expiry])
    } finally {
      cancel()
    }
  }

  #failed(what: string, kind: FailureKind, cause: unknown): StreamError {
    const where = { server: this.address }
    const reason = reasonOf(cause)
    if (kind === 'refused') {
      return new ConnectionError(`Redis at ${this.address} refuses this user or its password: ${reason}`, {
        where,
        cause,
        reaction: 'fail-job',
      })
    }
    if (kind === 'unreachable') {
      return new ConnectionError(
        `Redis at ${this.address} was away for more than ${this.#options.retryTimeoutMs} ms during ${what}: ${reason}`,
        { where, cause },
      )
    }
    return new StreamError('STATE_BACKEND_FAILED', `Redis failed to ${what}: ${reason}`, { where, cause })
  }

  #lastReason(): string {
    return this.#lastError === null ? 'no answer' : reasonOf(this.#lastError)
  }

  #disconnect(): void {
    this.#client?.disconnect()
    this.#client = null
  }
}
