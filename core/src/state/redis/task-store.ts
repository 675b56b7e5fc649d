import { randomBytes } from 'node:crypto'
import { FencedError, StreamError } from '../../errors.ts'
import type { Acquired, StateDelta, StateEntry, StateKey, TaskAddress, TaskStore } from '../backend.ts'
import { taskName } from '../task-name.ts'
import { encodeChanges } from './chunk.ts'
import type { RedisConnection } from './connection.ts'
import { EntryReader } from './entry-reader.ts'
import { LAYOUT_VERSION, type TaskKeys } from './keys.ts'
import { type Command, sendAll, sendOne } from './pipeline.ts'
import {
  acquireScript,
  applyScript,
  beginClearScript,
  callOf,
  decideScript,
  deleteScript,
  discardScript,
  stageScript,
} from './scripts.ts'

/** Bytes of chunks sent in one round trip. */
const BATCH_BYTES = 4 * 1024 * 1024
/**
 * Chunks applied in one round trip. The server runs a pipeline of scripts without a break, so others wait for all of them:
 * enough that the server has work while the answer travels, and no more.
 */
const APPLIED_AT_ONCE = 4

export interface RedisTaskStoreOptions {
  readonly address: TaskAddress
  readonly keys: TaskKeys
  readonly connection: RedisConnection
  /**
   * Resolves when what was written for the task is as durable as the options ask for, with the token and one field of the
   * header as the servers have them then; null where nothing is asked for.
   */
  readonly whenDurable: (keys: TaskKeys, field: string) => Promise<readonly (string | null)[] | null>
  /** Called between two steps of `apply`; for tests that take the task over in the middle. */
  readonly betweenChunks: (() => void | Promise<void>) | undefined
}

/** One task's state in Redis. Every write is a script that compares the token of the owner first. */
export class RedisTaskStore implements TaskStore {
  readonly #options: RedisTaskStoreOptions
  readonly #connection: RedisConnection
  readonly #keys: TaskKeys
  readonly #reader: EntryReader
  #token: string | null = null
  /** Counts the operations of this ownership; the server takes none that is older than one it has seen. */
  #operation = 0
  /** The epoch that must be applied on the server when the next one is; empty for none. */
  #applied = ''
  /** Groups that a stage of this store will add when it is applied, by epoch. */
  readonly #stagedGroups = new Map<number, ReadonlySet<string>>()

  constructor(options: RedisTaskStoreOptions) {
    this.#options = options
    this.#connection = options.connection
    this.#keys = options.keys
    this.#reader = new EntryReader(options.connection, options.keys, this.#where())
  }

  async acquire(): Promise<Acquired> {
    this.#token = null
    await sendOne(this.#connection, 'register the task', () => ['sadd', this.#keys.jobTasks, this.#keys.jobMember])
    for (;;) {
      const nonce = randomBytes(9).toString('base64url')
      const { header, base, groups: groupsKey } = this.#keys
      const takeovers = await sendOne(this.#connection, 'acquire the task', () => ['hget', header, 'takeovers'])
      const [reply, groups] = await sendAll(this.#connection, 'acquire the task', (asText) => [
        callOf(acquireScript, asText, 1, header, nonce, base, String(takeovers ?? '0')),
        ['smembers', groupsKey],
      ])
      const [status, token, applied, meta, decided, ...staged] = reply as (Buffer | null)[]
      if (String(status) === 'AGAIN') continue
      if (String(status) === 'VERSION') throw this.#wrongVersion(String(token))
      this.#token = String(token)
      this.#operation = 0
      this.#applied = applied == null ? '' : String(applied)
      this.#reader.setGroups((groups as Buffer[]).map(String))
      this.#stagedGroups.clear()
      if (String(status) === 'CLEARING') {
        // A `clear` was cut short; what is left belongs to nobody.
        await this.#deleteAll()
        continue
      }
      return {
        applied: applied == null ? null : { epoch: this.#epochOf(applied), meta: meta ?? Buffer.alloc(0) },
        decided: decided == null ? null : this.#epochOf(decided),
        staged: staged.map((epoch) => this.#epochOf(epoch ?? '')).sort((a, b) => a - b),
      }
    }
  }

  async stage(delta: StateDelta): Promise<void> {
    const token = this.#ownToken()
    const operation = ++this.#operation
    const attempt = `${token}.${operation}`
    const { chunks, groups } = encodeChanges(delta.changes)
    const staged = this.#keys.staged(delta.epoch)
    // Copied, since the caller may change its buffer once it has the promise, and the command may be sent again.
    const completion = [chunks.length, Buffer.from(delta.meta)]
    for (const batch of batchesOf(chunks)) {
      const replies = await sendAll(this.#connection, `stage epoch ${delta.epoch}`, (asText) =>
        batch.map(({ n, chunk }): Command => {
          const rest = n === chunks.length - 1 ? completion : []
          return callOf(
            stageScript,
            asText,
            2,
            this.#keys.header,
            staged,
            ...[token, operation, delta.epoch, attempt, n, chunk, ...rest],
          )
        }),
      )
      for (const reply of replies) this.#check(reply, delta.epoch)
    }
    await this.#whenDurable(delta.epoch, `stage:${delta.epoch}`, `${chunks.length} ${attempt}`)
    this.#stagedGroups.set(delta.epoch, groups)
  }

  async decide(epoch: number): Promise<void> {
    const token = this.#ownToken()
    const operation = ++this.#operation
    const reply = await sendOne(this.#connection, `decide epoch ${epoch}`, (asText) =>
      callOf(decideScript, asText, 1, this.#keys.header, token, operation, epoch),
    )
    this.#check(reply, epoch)
    await this.#whenDurable(epoch, 'decided', String(epoch))
  }

  async apply(epoch: number): Promise<void> {
    const token = this.#ownToken()
    const operation = ++this.#operation
    const applied = this.#applied
    const { header, groups, base } = this.#keys
    const staged = this.#keys.staged(epoch)
    for (let isDone = false; !isDone; ) {
      // All alike: each applies the next chunk, and one that comes after the last finds everything done.
      const replies = await sendAll(this.#connection, `apply epoch ${epoch}`, (asText) => {
        const next = callOf(applyScript, asText, 3, header, staged, groups, token, operation, epoch, base, applied)
        return new Array<Command>(APPLIED_AT_ONCE).fill(next)
      })
      isDone = replies.map((reply) => this.#check(reply, epoch)).includes('DONE')
      if (!isDone) await this.#options.betweenChunks?.()
    }
    this.#applied = String(epoch)
    const added = this.#stagedGroups.get(epoch)
    this.#stagedGroups.delete(epoch)
    if (added !== undefined) {
      this.#reader.addGroups(added)
      return
    }
    // A former owner staged it: what it brought is not known here.
    const [members] = await sendAll(this.#connection, 'list groups', () => [['smembers', groups]])
    this.#reader.setGroups((members as Buffer[]).map(String))
  }

  async discardAbove(epoch: number): Promise<void> {
    const token = this.#ownToken()
    const operation = ++this.#operation
    const reply = await sendOne(this.#connection, `discard epochs above ${epoch}`, (asText) =>
      callOf(discardScript, asText, 1, this.#keys.header, token, operation, epoch, this.#keys.base),
    )
    this.#check(reply, epoch)
    for (const staged of this.#stagedGroups.keys()) if (staged > epoch) this.#stagedGroups.delete(staged)
  }

  load(isWanted: (state: string) => boolean = () => true): AsyncIterable<readonly StateEntry[]> {
    this.#ownToken()
    return this.#reader.load(isWanted)
  }

  async getMany(state: string, keys: readonly StateKey[]): Promise<(readonly StateEntry[])[]> {
    this.#ownToken()
    return this.#reader.getMany(state, keys)
  }

  async close(): Promise<void> {
    this.#token = null
  }

  /** Takes the task over and deletes everything of it, the fence last. */
  async clear(): Promise<void> {
    await this.acquire()
    const token = this.#ownToken()
    const operation = ++this.#operation
    const reply = await sendOne(this.#connection, 'clear the task', (asText) =>
      callOf(beginClearScript, asText, 1, this.#keys.header, token, operation),
    )
    this.#check(reply, 0)
    await this.#deleteAll()
    this.#token = null
  }

  async #deleteAll(): Promise<void> {
    const { header, groups, base } = this.#keys
    const token = this.#ownToken()
    const operation = ++this.#operation
    const discarded = await sendOne(this.#connection, 'clear the task', (asText) =>
      callOf(discardScript, asText, 1, header, token, operation, -1, base),
    )
    this.#check(discarded, 0)
    for await (const redisKeys of this.#reader.redisKeys()) {
      const reply = await this.#delete(redisKeys)
      this.#check(reply, 0)
    }
    const reply = await this.#delete([groups, this.#keys.durable, header])
    // The header is gone when the answer was lost and the command was sent again.
    if (String(reply) !== 'GONE') this.#check(reply, 0)
  }

  #delete(redisKeys: readonly (string | Buffer)[]): Promise<unknown> {
    const token = this.#ownToken()
    const operation = ++this.#operation
    return sendOne(this.#connection, 'clear the task', (asText) =>
      callOf(deleteScript, asText, redisKeys.length + 1, this.#keys.header, ...redisKeys, token, operation),
    )
  }

  /**
   * A failover between the write and the wait may have brought a master that never had the write; what it confirms then
   * says nothing, so the field is looked at again.
   */
  async #whenDurable(epoch: number, field: string, expected: string): Promise<void> {
    const found = await this.#options.whenDurable(this.#keys, field)
    if (found === null) return
    const [token, value] = found
    if (token !== null && token !== this.#token) this.#check('FENCED', epoch)
    if (value !== expected) this.#check(token === null ? 'GONE' : 'FORGOTTEN', epoch)
  }

  /** The script's answer when it is a good one. */
  #check(reply: unknown, epoch: number): string {
    const status = String(reply)
    const where = { ...this.#where(), server: this.#connection.address }
    switch (status) {
      case 'FENCED':
        throw new FencedError('another worker has taken the task over', { where })
      case 'GONE':
        throw new StreamError(
          'STATE_BACKEND_FAILED',
          'what was stored for the task is gone: its job was cleared, or Redis has lost its data',
          { where },
        )
      case 'MISSING':
        throw new StreamError('STATE_BACKEND_FAILED', `epoch ${epoch} is not staged`, { where })
      case 'INCOMPLETE':
        throw new StreamError('STATE_BACKEND_FAILED', `parts of epoch ${epoch} did not reach Redis, or it lost them`, {
          where,
        })
      case 'OLD':
        throw new StreamError('STATE_BACKEND_FAILED', `epoch ${epoch} is not newer than what is applied`, { where })
      case 'LOST':
        throw new StreamError(
          'STATE_BACKEND_FAILED',
          `Redis has forgotten epochs that were applied before epoch ${epoch}; it may have failed over to a replica that lagged behind`,
          { where },
        )
      case 'FORGOTTEN':
        throw new StreamError(
          'STATE_BACKEND_FAILED',
          `Redis has forgotten epoch ${epoch} before it was durable; it may have failed over to a replica that lagged behind`,
          { where },
        )
      case 'STALE':
        throw new StreamError('STATE_BACKEND_FAILED', 'a later operation on the task overtook this one', { where })
      case 'CORRUPT':
        throw new StreamError('STATE_CORRUPT', `a part of the staged epoch ${epoch} is missing`, { where })
      default:
        return status
    }
  }

  #ownToken(): string {
    if (this.#token !== null) return this.#token
    throw new StreamError('STATE_BACKEND_FAILED', 'the store of a task is used before acquire or after close', {
      where: this.#where(),
    })
  }

  #epochOf(text: Buffer | string): number {
    const epoch = Number(String(text))
    if (Number.isSafeInteger(epoch) && String(text) !== '') return epoch
    throw new StreamError('STATE_CORRUPT', `${JSON.stringify(String(text))} is stored where an epoch should be`, {
      where: { ...this.#where(), server: this.#connection.address },
    })
  }

  #wrongVersion(version: string): StreamError {
    return new StreamError(
      'STATE_CORRUPT',
      `the stored state has version ${JSON.stringify(version)}; this version of Millrace reads ${LAYOUT_VERSION}. Run the version that wrote it`,
      { where: { ...this.#where(), server: this.#connection.address } },
    )
  }

  #where(): { readonly job: string; readonly task: string } {
    return { job: this.#options.address.job, task: taskName(this.#options.address) }
  }
}

function* batchesOf(chunks: readonly Buffer[]): Generator<{ readonly n: number; readonly chunk: Buffer }[], void> {
  let batch: { readonly n: number; readonly chunk: Buffer }[] = []
  let bytes = 0
  for (const [n, chunk] of chunks.entries()) {
    if (bytes > 0 && bytes + chunk.length > BATCH_BYTES) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push({ n, chunk })
    bytes += chunk.length
  }
  yield batch
}
