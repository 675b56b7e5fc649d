import { EnvironmentRunner } from '../environment-runner.ts'
import { ServerError } from '../errors.ts'
import { chooseProvider } from '../provider.ts'
import type { ServerRunner } from '../runner.ts'
import { Server, startWithFreePorts } from '../server.ts'
import { dockerRedis } from './docker.ts'
import { nativeRedis } from './native.ts'
import type { RedisRole, RedisServerOptions } from './options.ts'
import type { RedisAddress } from './resp.ts'
import { redisCommands } from './resp.ts'

const variable = 'MILLRACE_REDIS_URL'

/**
 * A Redis server for tests.
 *
 * @example
 * await using redis = await RedisServer.start()
 * const client = new Redis(redis.url)
 */
export class RedisServer extends Server {
  /** The address as a URL, with the password if there is one. */
  readonly url: string
  /** The name or address of the machine. */
  readonly host: string
  readonly port: number
  readonly #address: RedisAddress

  private constructor(runner: ServerRunner, url: URL) {
    const password = url.password === '' ? undefined : decodeURIComponent(url.password)
    super(runner, password === undefined ? [] : [password, url.password])
    this.url = url.href
    this.host = url.hostname
    this.port = Number(url.port || 6379)
    const username = url.username === '' ? undefined : decodeURIComponent(url.username)
    this.#address = { host: this.host, port: this.port, username, password }
  }

  /**
   * Starts a server, or connects to the one that `MILLRACE_REDIS_URL` names; settles when it answers.
   *
   * @throws ServerError SERVER_START_FAILED with the end of the server's log; SERVER_UNAVAILABLE when there is no
   * redis-server and none can be fetched; OPTION_INVALID
   */
  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const provider = await chooseProvider({ variable, wanted: options.provider })
    if (provider === 'environment') return await RedisServer.#begin(new EnvironmentRunner(variable), environmentUrl())
    return await startWithFreePorts(async () => {
      const { runner, port, host } = provider === 'docker' ? await dockerRedis(options) : await nativeRedis(options)
      return await RedisServer.#begin(runner, redisUrl(host, port, options.password))
    })
  }

  /** One of several servers that belong together, as a process of this machine. */
  static async startNode(options: RedisServerOptions, role?: RedisRole): Promise<RedisServer> {
    return await startWithFreePorts(async () => {
      const { runner, host, port } = await nativeRedis(options, role)
      return await RedisServer.#begin(runner, redisUrl(host, port, options.password))
    })
  }

  static async #begin(runner: ServerRunner, url: URL): Promise<RedisServer> {
    const server = new RedisServer(runner, url)
    try {
      await server.begin()
      return server
    } catch (error) {
      await server.stop()
      throw error
    }
  }

  protected override async answers(): Promise<void> {
    const [, info] = await redisCommands(this.#address, [['PING'], ['INFO', 'server']])
    const pid = /process_id:(\d+)/.exec(String(info))?.[1]
    // Somebody else's server on this port: ours is about to end because it cannot bind.
    if (this.pid !== undefined && Number(pid) !== this.pid) {
      throw new ServerError('REQUEST_FAILED', `port ${this.port} is another server's: address already in use`)
    }
  }
}

function redisUrl(host: string, port: number, password: string | undefined): URL {
  const url = new URL(`redis://${host}:${port}`)
  if (password !== undefined) url.password = encodeURIComponent(password)
  return url
}

function environmentUrl(): URL {
  const url = URL.parse(process.env[variable] ?? '')
  if (url === null || url.protocol !== 'redis:') {
    // The value is not shown: it may hold a password.
    throw new ServerError('OPTION_INVALID', `${variable} must be a URL like redis://host:6379 (TLS is not supported)`)
  }
  return url
}
