import { UserFunctionError } from '../../errors.ts'
import type { Serde } from '../../serde/serde.ts'
import type { OperatorContext } from '../operator.ts'
import { BoundedOperator } from './bounded-operator.ts'
import { compareValues } from './memory/compare-values.ts'
import type { Cursor } from './memory/cursor.ts'
import { ExternalSorter } from './memory/external-sorter.ts'
import { ownsKey } from './owns-key.ts'
import type { Comparison } from './sort-operator.ts'

/** How the records of a group are ordered. */
export interface GroupOrder {
  readonly key: (value: unknown) => unknown
  readonly compareKeys: Comparison
}

export interface GroupOptions {
  readonly key: (value: unknown) => unknown
  /** Order of the records within a group; null as they came. */
  readonly within: GroupOrder | null
  readonly serde: Serde<unknown>
  readonly reduceGroup: (values: Iterable<unknown>, key: unknown) => Iterable<unknown>
  /** What is given of this key when there is no record at all; null for nothing. */
  readonly ofNothing: { readonly key: unknown; readonly results: () => Iterable<unknown> } | null
}

/**
 * Hands each group to a function, after sorting the records by their keys. A group is read as the function asks for it, so it may be
 * larger than memory.
 */
export class GroupOperator extends BoundedOperator<unknown> {
  readonly #options: GroupOptions
  #sorter!: ExternalSorter<unknown>

  constructor(options: GroupOptions) {
    super([(value) => this.#sorter.add(value)])
    this.#options = options
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    const { key, within, serde } = this.#options
    const compareBoth: Comparison = (left, right) => {
      const [group, place] = left as readonly [unknown, unknown]
      const [otherGroup, otherPlace] = right as readonly [unknown, unknown]
      return compareValues(group, otherGroup) || (within as GroupOrder).compareKeys(place, otherPlace)
    }
    this.#sorter =
      within === null
        ? new ExternalSorter(key, compareValues, serde, this.memory)
        : new ExternalSorter((value) => [key(value), within.key(value)], compareBoth, serde, this.memory)
  }

  *output(): Generator<unknown> {
    const { key, reduceGroup, ofNothing } = this.#options
    const cursor = this.#sorter.sorted()
    let group = cursor.next() ? new Group(cursor, key) : null
    if (group === null && ofNothing !== null && ownsKey(ofNothing.key, this.context)) yield* ofNothing.results()
    while (group !== null) {
      yield* reduceGroup(group, group.key)
      group = group.skipRest() ? new Group(cursor, key) : null
    }
    this.#sorter.close()
  }

  override close(): void {
    super.close()
    this.#sorter.close()
  }
}

/** The records of one key, from the one that the cursor stands at. */
class Group implements Iterable<unknown> {
  readonly key: unknown
  readonly #cursor: Cursor<unknown>
  readonly #keyOf: (value: unknown) => unknown
  #isTaken = false
  /** Whether the cursor has gone behind the group, and whether anything is there. */
  #isOver = false
  #hasMore = false

  constructor(cursor: Cursor<unknown>, keyOf: (value: unknown) => unknown) {
    this.#cursor = cursor
    this.#keyOf = keyOf
    this.key = keyOf(cursor.value)
  }

  *[Symbol.iterator](): Generator<unknown> {
    if (this.#isTaken) {
      throw new UserFunctionError('The records of a group can be read once: they may be more than memory holds.')
    }
    this.#isTaken = true
    while (!this.#isOver) {
      yield this.#cursor.value
      this.#advance()
    }
  }

  /** Goes to the next group; false when there is none. */
  skipRest(): boolean {
    while (!this.#isOver) this.#advance()
    return this.#hasMore
  }

  #advance(): void {
    this.#hasMore = this.#cursor.next()
    this.#isOver = !this.#hasMore || compareValues(this.#keyOf(this.#cursor.value), this.key) !== 0
  }
}
