import { OptionError, StreamError } from '../../errors.ts'
import type { RedisConnection } from './connection.ts'
import type { DurabilityRequirement } from './options.ts'
import { type Command, sendAll } from './pipeline.ts'
import type { ServerInfo } from './server-info.ts'

/** The key written before waiting lives no longer than this. */
const MARK_EXPIRY_MS = 60_000

/** How the server is asked: the command, and the least answer to its first or only number. */
interface Wait {
  readonly command: Command
  readonly required: number
  readonly what: string
}

interface Lane {
  running: Promise<void> | null
  next: { readonly done: Promise<void>; readonly start: () => void } | null
}

/**
 * Waits until what was written before is on the master's disk or with its replicas. WAIT and WAITAOF block their
 * connection and speak only of its own writes, so this one has a connection of its own and writes a mark first: the
 * server's history has one order, and who has the mark has everything before it. Callers that come while a wait is under
 * way share the next one.
 */
export class DurabilityFence {
  readonly #connection: RedisConnection
  readonly #timeoutMs: number
  readonly #waits: readonly Wait[]
  readonly #lanes = new Map<string, Lane>()
  #marks = 0

  /** @throws OPTION_INVALID when the servers cannot give what is required */
  constructor(connection: RedisConnection, requirement: DurabilityRequirement, servers: readonly ServerInfo[]) {
    this.#connection = connection
    this.#timeoutMs = requirement.timeoutMs
    this.#waits = waitsOf(requirement, servers)
  }

  /**
   * @param key the task's own key for the mark; waits on the same server are shared
   * @throws STATE_BACKEND_FAILED when the requirement is not met in time
   */
  wait(key: string): Promise<void> {
    if (this.#waits.length === 0) return Promise.resolve()
    const server = this.#connection.serverOf(key)
    let state = this.#lanes.get(server)
    if (state === undefined) {
      state = { running: null, next: null }
      this.#lanes.set(server, state)
    }
    return state.running === null ? this.#start(state, key) : this.#join(state, key)
  }

  #start(lane: Lane, key: string): Promise<void> {
    const running = this.#send(key).finally(() => {
      lane.running = null
      const { next } = lane
      lane.next = null
      next?.start()
    })
    lane.running = running
    return running
  }

  #join(lane: Lane, key: string): Promise<void> {
    if (lane.next === null) {
      const { promise, resolve } = Promise.withResolvers<void>()
      lane.next = { done: promise.then(() => this.#start(lane, key)), start: resolve }
    }
    return lane.next.done
  }

  async #send(key: string): Promise<void> {
    const mark: Command = ['set', key, ++this.#marks, 'PX', MARK_EXPIRY_MS]
    const replies = await sendAll(
      this.#connection,
      'wait for durability',
      () => [mark, ...this.#waits.map((wait) => wait.command)],
      this.#timeoutMs * this.#waits.length + 5_000,
    )
    for (const [i, wait] of this.#waits.entries()) {
      const reply = replies[i + 1]
      const reached = Number(Array.isArray(reply) ? reply[0] : reply)
      if (reached >= wait.required) continue
      throw new StreamError(
        'STATE_BACKEND_FAILED',
        `a staged epoch was not durable within ${this.#timeoutMs} ms: ${wait.what} answered ${reached}, ${wait.required} required. Check the replicas and the disk, or relax the durability option`,
        { where: { server: this.#connection.address } },
      )
    }
  }
}

function waitsOf(requirement: DurabilityRequirement, servers: readonly ServerInfo[]): Wait[] {
  const { wait, waitAof, timeoutMs } = requirement
  const waits: Wait[] = []
  if (waitAof && !servers.every((server) => server.appendOnly && server.appendFsync === 'always')) {
    for (const server of servers) {
      if (!server.appendOnly) {
        throw new OptionError(
          `durability.waitAof needs the append-only file, which ${server.address} does not keep: set appendonly yes`,
        )
      }
      if (!server.hasWaitAof) {
        throw new OptionError(
          `durability.waitAof needs WAITAOF, which ${server.address} (Redis ${server.version}) does not have: use Redis 7.2 or newer, or set appendfsync always`,
        )
      }
    }
    waits.push({ command: ['waitaof', 1, 0, timeoutMs], required: 1, what: 'WAITAOF' })
  }
  if (wait > 0) waits.push({ command: ['wait', wait, timeoutMs], required: wait, what: 'WAIT' })
  return waits
}
