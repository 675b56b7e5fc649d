import { StreamError } from '../../errors.ts'
import { asBuffer } from '../../structure/buffer.ts'
import type { StateEntry, StateKey } from '../backend.ts'
import type { RedisConnection } from './connection.ts'
import { pairOf, splitPair, type TaskKeys } from './keys.ts'
import { type Command, sendAll } from './pipeline.ts'

/** Elements that the server is asked for in one step of a scan. */
const PAGE = 1_000
/** Hashes or sets that are scanned in one round trip. */
const WINDOW = 64
/** Keys that are asked for in one round trip. */
const LOOKUP = 10_000

/** A hash or a set to be read as a whole: where it lies, and what it holds. */
interface Container {
  readonly redisKey: string | Buffer
  readonly kind: 'hash' | 'set'
  readonly state: string
  readonly keyGroup: number
  readonly pair: string
  /** For a hash of sub keys: the key that it belongs to. */
  readonly key: Buffer | null
}

interface Page {
  readonly container: Container
  readonly elements: readonly Buffer[]
}

/** Reads the entries of one task. It knows which (state, key group) pairs exist, so it asks for nothing else. */
export class EntryReader {
  readonly #connection: RedisConnection
  readonly #keys: TaskKeys
  readonly #where: { readonly job: string; readonly task: string }
  #groups = new Set<string>()

  constructor(connection: RedisConnection, keys: TaskKeys, where: { readonly job: string; readonly task: string }) {
    this.#connection = connection
    this.#keys = keys
    this.#where = where
  }

  /** Forgets what was known and takes these groups (`v<pair>`, `m<pair>`). */
  setGroups(groups: Iterable<string>): void {
    this.#groups = new Set(groups)
  }

  addGroups(groups: Iterable<string>): void {
    for (const group of groups) this.#groups.add(group)
  }

  async getMany(state: string, keys: readonly StateKey[]): Promise<StateEntry[][]> {
    const found: StateEntry[][] = keys.map(() => [])
    for (let from = 0; from < keys.length; from += LOOKUP) {
      const positions = Array.from({ length: Math.min(LOOKUP, keys.length - from) }, (_, i) => from + i)
      await this.#lookUp(state, keys, positions, found)
    }
    return found
  }

  async *load(isWanted: (state: string) => boolean): AsyncGenerator<StateEntry[], void> {
    const values: Container[] = []
    const indexes: Container[] = []
    for (const group of this.#groups) {
      const pair = group.slice(1)
      const place = { ...splitPair(pair), pair, key: null }
      if (!isWanted(place.state)) continue
      if (group.startsWith('v')) values.push({ ...place, redisKey: this.#keys.values(pair), kind: 'hash' })
      else indexes.push({ ...place, redisKey: this.#keys.index(pair), kind: 'set' })
    }
    for await (const { container, elements } of this.#scan(values)) yield entriesOf(container, elements)
    for await (const { container, elements } of this.#scan(indexes)) {
      const maps = elements.map(
        (key): Container => ({ ...container, kind: 'hash', key, redisKey: this.#keys.map(container.pair, key) }),
      )
      for await (const page of this.#scan(maps)) yield entriesOf(page.container, page.elements)
    }
  }

  /** All Redis keys that hold entries, for `clear`. */
  async *redisKeys(): AsyncGenerator<(string | Buffer)[], void> {
    for (const group of this.#groups) {
      const pair = group.slice(1)
      if (group.startsWith('v')) {
        yield [this.#keys.values(pair)]
        continue
      }
      const index: Container = { ...splitPair(pair), pair, key: null, redisKey: this.#keys.index(pair), kind: 'set' }
      for await (const { elements } of this.#scan([index])) yield elements.map((key) => this.#keys.map(pair, key))
      yield [index.redisKey]
    }
  }

  async #lookUp(
    state: string,
    keys: readonly StateKey[],
    positions: readonly number[],
    found: StateEntry[][],
  ): Promise<void> {
    const byKeyGroup = Map.groupBy(positions, (position) => keys[position]!.keyGroup)
    const commands: Command[] = []
    const takers: ((reply: unknown) => void)[] = []
    for (const [keyGroup, ofGroup] of byKeyGroup) {
      const pair = pairOf(state, keyGroup)
      if (this.#groups.has(`v${pair}`)) {
        commands.push(['hmget', this.#keys.values(pair), ...ofGroup.map((position) => asBuffer(keys[position]!.key))])
        takers.push((reply) => {
          for (const [i, value] of (reply as (Buffer | null)[]).entries()) {
            if (value === null) continue
            const position = ofGroup[i]!
            found[position]!.push({ state, keyGroup, key: keys[position]!.key, sub: null, value })
          }
        })
      }
      if (!this.#groups.has(`m${pair}`)) continue
      for (const position of ofGroup) {
        const { key } = keys[position]!
        // In capitals: of `hgetall` the client makes an object, whose names are text.
        commands.push(['HGETALL', this.#keys.map(pair, key)])
        takers.push((reply) => {
          const fields = reply as Buffer[]
          for (let i = 0; i < fields.length; i += 2) {
            found[position]!.push({ state, keyGroup, key, sub: fields[i]!, value: fields[i + 1]! })
          }
        })
      }
    }
    if (commands.length === 0) return
    const replies = await sendAll(this.#connection, 'read keys', () => commands)
    for (const [i, reply] of replies.entries()) takers[i]!(reply)
  }

  /** Reads the containers to their ends, a window of them in each round trip. */
  async *#scan(containers: readonly Container[]): AsyncGenerator<Page, void> {
    for (let from = 0; from < containers.length; from += WINDOW) {
      const window = containers.slice(from, from + WINDOW)
      const replies = await sendAll(this.#connection, 'scan', () => window.map((container) => scanOf(container, '0')))
      for (const [i, reply] of replies.entries()) {
        const [cursor, elements] = reply as [Buffer, Buffer[]]
        const container = window[i]!
        if (String(cursor) === '0') yield { container, elements }
        else yield* this.#scanRest(container, String(cursor), elements)
      }
    }
  }

  /**
   * Goes on with a container that is larger than a page. A scan over several calls may give an element twice, and misses
   * some when a failover changes the server meanwhile: so elements are counted and compared with the size at the end.
   */
  async *#scanRest(container: Container, firstCursor: string, firstElements: Buffer[]): AsyncGenerator<Page, void> {
    const seen = new Set<string>()
    const step = container.kind === 'hash' ? 2 : 1
    let cursor = firstCursor
    let elements = firstElements
    for (;;) {
      const fresh: Buffer[] = []
      for (let i = 0; i < elements.length; i += step) {
        const name = elements[i]!.toString('latin1')
        if (seen.has(name)) continue
        seen.add(name)
        for (let k = 0; k < step; k++) fresh.push(elements[i + k]!)
      }
      yield { container, elements: fresh }
      if (cursor === '0') break
      const [reply] = await sendAll(this.#connection, 'scan', () => [scanOf(container, cursor)])
      cursor = String((reply as [Buffer, Buffer[]])[0])
      elements = (reply as [Buffer, Buffer[]])[1]
    }
    const [size] = await sendAll(this.#connection, 'scan', () => [
      [container.kind === 'hash' ? 'hlen' : 'scard', container.redisKey],
    ])
    if (size !== seen.size) {
      throw new StreamError(
        'STATE_BACKEND_FAILED',
        `the state changed while it was being loaded: ${seen.size} entries were read and there are ${String(size)}; the server may have failed over`,
        { where: { ...this.#where, server: this.#connection.address } },
      )
    }
  }
}

function scanOf(container: Container, cursor: string): Command {
  return [container.kind === 'hash' ? 'hscan' : 'sscan', container.redisKey, cursor, 'COUNT', PAGE]
}

function entriesOf(container: Container, elements: readonly Buffer[]): StateEntry[] {
  const { state, keyGroup, key } = container
  const entries: StateEntry[] = []
  for (let i = 0; i < elements.length; i += 2) {
    const field = elements[i]!
    const value = elements[i + 1]!
    entries.push(
      key === null ? { state, keyGroup, key: field, sub: null, value } : { state, keyGroup, key, sub: field, value },
    )
  }
  return entries
}
