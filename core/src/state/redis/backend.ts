import { StreamError } from '../../errors.ts'
import type { Logger } from '../../metrics/logger.ts'
import type { Clock } from '../../time/clock.ts'
import type { AppliedEntries, StateBackend, StateKey, TaskAddress, TaskStore } from '../backend.ts'
import { readApplied } from '../read-applied.ts'
import { RedisConnection } from './connection.ts'
import { DurabilityFence } from './durability.ts'
import { addressOfMember, jobTasksKey, TaskKeys } from './keys.ts'
import type { ResolvedOptions } from './options.ts'
import { sendOne } from './pipeline.ts'
import { readKeys } from './read-keys.ts'
import { readServerInfo, warnOfSettings } from './server-info.ts'
import { RedisTaskStore } from './task-store.ts'

export interface RedisBackendContext {
  readonly clock: Clock
  readonly logger: Logger
  /** Called between two chunks of `apply`; for tests that take a task over in the middle. */
  readonly betweenChunks?: () => void | Promise<void>
}

/** Durable state in Redis, one connection for all tasks of the worker. */
export class RedisBackend implements StateBackend {
  readonly kind = 'redis'
  readonly durable = true
  readonly #options: ResolvedOptions
  readonly #context: RedisBackendContext
  readonly #connection: RedisConnection
  /** WAIT blocks its connection, so it has its own. */
  #waiting: { readonly connection: RedisConnection; readonly fence: DurabilityFence } | null = null

  constructor(options: ResolvedOptions, context: RedisBackendContext) {
    this.#options = options
    this.#context = context
    this.#connection = new RedisConnection(options, context.clock, context.logger)
  }

  describe(): string {
    return `redis ${this.#connection.address}`
  }

  async connect(): Promise<void> {
    await this.#connection.connect()
    try {
      const servers = await readServerInfo(this.#connection)
      warnOfSettings(servers, this.#context.logger)
      const { durability } = this.#options
      if (durability === null) return
      const connection = new RedisConnection(this.#options, this.#context.clock, this.#context.logger)
      this.#waiting = { connection, fence: new DurabilityFence(connection, durability, servers) }
      await connection.connect()
    } catch (error) {
      await this.close()
      throw error
    }
  }

  async close(): Promise<void> {
    this.#connection.close()
    this.#waiting?.connection.close()
  }

  task(address: TaskAddress): TaskStore {
    return this.#store(address)
  }

  read(address: TaskAddress, state: string, keys: readonly StateKey[]): Promise<AppliedEntries | null> {
    const taskKeys = new TaskKeys(this.#options.keyPrefix, address)
    return readApplied(() => readKeys(this.#connection, taskKeys, state, keys), this.#context.clock, address)
  }

  async clear(job: string): Promise<void> {
    const tasks = jobTasksKey(this.#options.keyPrefix, job)
    const members = (await sendOne(this.#connection, 'list the tasks', () => ['smembers', tasks])) as Buffer[]
    for (const member of members) {
      const address = addressOfMember(job, String(member))
      if (!Number.isInteger(address.index)) {
        throw new StreamError('STATE_CORRUPT', `${JSON.stringify(String(member))} is listed as a task`, {
          where: { job, server: this.#connection.address },
        })
      }
      await this.#store(address).clear()
      await sendOne(this.#connection, 'forget the task', () => ['srem', tasks, member])
    }
  }

  #store(address: TaskAddress): RedisTaskStore {
    return new RedisTaskStore({
      address,
      keys: new TaskKeys(this.#options.keyPrefix, address),
      connection: this.#connection,
      whenDurable: (keys, field) => this.#whenDurable(keys, field),
      betweenChunks: this.#context.betweenChunks,
    })
  }

  async #whenDurable(keys: TaskKeys, field: string): Promise<(string | null)[] | null> {
    if (this.#waiting === null) return null
    const { connection, fence } = this.#waiting
    await fence.wait(keys.durable)
    const found = await sendOne(connection, 'read what is durable', () => ['hmget', keys.header, 'fence', field])
    return (found as (Buffer | null)[]).map((value) => (value === null ? null : String(value)))
  }
}
