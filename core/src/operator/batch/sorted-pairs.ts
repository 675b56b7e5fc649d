import type { Serde } from '../../serde/serde.ts'
import { compareValues } from './memory/compare-values.ts'
import type { Cursor } from './memory/cursor.ts'
import { ExternalSorter } from './memory/external-sorter.ts'
import { SpillableList } from './memory/spillable-list.ts'
import type { MemoryShare } from './memory/task-memory.ts'

export interface PairedSide {
  readonly key: (value: unknown) => unknown
  readonly serde: Serde<unknown>
}

/** The records of one key on both sides, one of which may have none. Valid until the next ones are asked for. */
export interface KeyPair {
  readonly key: unknown
  readonly left: SpillableList<unknown>
  readonly right: SpillableList<unknown>
}

/** Both sides sorted by their keys, then read together, key by key. */
export class SortedPairs {
  readonly left: ExternalSorter<unknown>
  readonly right: ExternalSorter<unknown>
  readonly #sides: readonly [PairedSide, PairedSide]
  readonly #lists: readonly [SpillableList<unknown>, SpillableList<unknown>]

  constructor(left: PairedSide, right: PairedSide, share: MemoryShare) {
    const sorter = ({ key, serde }: PairedSide): ExternalSorter<unknown> =>
      new ExternalSorter<unknown>(key, compareValues, serde, share.part(0.4))
    const list = ({ serde }: PairedSide): SpillableList<unknown> => new SpillableList(serde, share.part(0.1))
    this.left = sorter(left)
    this.right = sorter(right)
    this.#sides = [left, right]
    this.#lists = [list(left), list(right)]
  }

  *pairs(): Generator<KeyPair> {
    const [left, right] = [new Side(this.#sides[0], this.left.sorted()), new Side(this.#sides[1], this.right.sorted())]
    const [lefts, rights] = this.#lists
    while (left.hasKey || right.hasKey) {
      const order = !left.hasKey ? 1 : !right.hasKey ? -1 : compareValues(left.key, right.key)
      const key = order <= 0 ? left.key : right.key
      if (order <= 0) left.moveTo(lefts)
      if (order >= 0) right.moveTo(rights)
      yield { key, left: lefts, right: rights }
      lefts.clear()
      rights.clear()
    }
  }

  *joined(
    keepsLeft: boolean,
    keepsRight: boolean,
    pair: (left: unknown, right: unknown) => unknown,
  ): Generator<unknown> {
    for (const { left, right } of this.pairs()) {
      if (right.length === 0) {
        if (keepsLeft) for (const value of left) yield pair(value, undefined)
      } else if (left.length === 0) {
        if (keepsRight) for (const value of right) yield pair(undefined, value)
      } else {
        for (const value of left) for (const other of right) yield pair(value, other)
      }
    }
  }

  close(): void {
    this.left.close()
    this.right.close()
    for (const list of this.#lists) list.clear()
  }
}

/** One sorted side, at the first record of a key. */
class Side {
  hasKey: boolean
  key: unknown
  readonly #side: PairedSide
  readonly #cursor: Cursor<unknown>

  constructor(side: PairedSide, cursor: Cursor<unknown>) {
    this.#side = side
    this.#cursor = cursor
    this.hasKey = cursor.next()
    this.key = this.hasKey ? side.key(cursor.value) : undefined
  }

  /** Takes all records of the key. */
  moveTo(list: SpillableList<unknown>): void {
    const { key } = this
    do {
      list.add(this.#cursor.value)
      this.hasKey = this.#cursor.next()
      if (this.hasKey) this.key = this.#side.key(this.#cursor.value)
    } while (this.hasKey && compareValues(this.key, key) === 0)
  }
}
