import type { OperatorContext } from '../operator.ts'
import { BoundedOperator } from './bounded-operator.ts'
import { HashJoin, type JoinSide } from './hash-join.ts'
import { SpillableList } from './memory/spillable-list.ts'
import { SortedPairs } from './sorted-pairs.ts'

export interface JoinOptions {
  readonly left: JoinSide
  readonly right: JoinSide
  readonly map: (left: unknown, right: unknown) => unknown
}

/** Holds one side in a hash table and streams the other past it; what comes of that one before the table is whole waits. */
export class HashJoinOperator extends BoundedOperator<unknown> {
  readonly #options: JoinOptions
  readonly #buildInput: number
  readonly #pair: (build: unknown, probe: unknown) => unknown
  #join!: HashJoin
  #waiting!: SpillableList<unknown>
  #isBuilt = false

  constructor(options: JoinOptions, build: 'left' | 'right') {
    const take = (input: number) => (value: unknown) => this.#take(input, value)
    super([take(0), take(1)])
    this.#options = options
    this.#buildInput = build === 'left' ? 0 : 1
    const { map } = options
    this.#pair = build === 'left' ? map : (own, other) => map(other, own)
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    const { left, right } = this.#options
    const [build, probe] = this.#buildInput === 0 ? [left, right] : [right, left]
    this.#join = new HashJoin({ build, probe, pair: this.#pair }, this.memory.part(0.8))
    this.#waiting = new SpillableList(probe.serde, this.memory.part(0.2))
  }

  protected override onInputEnd(input: number): void {
    if (input !== this.#buildInput) return
    this.#isBuilt = true
    if (this.#waiting.length > 0) this.give(this.#waited())
  }

  *output(): Generator<unknown> {
    yield* this.#join.rest()
    this.#join.close()
  }

  override close(): void {
    super.close()
    this.#join.close()
    this.#waiting.clear()
  }

  #take(input: number, value: unknown): void {
    if (input === this.#buildInput) this.#join.addBuild(value)
    // Those that wait go first, in case something comes while they are given.
    else if (!this.#isBuilt || this.#waiting.length > 0) this.#waiting.add(value)
    else this.#probe(value)
  }

  #probe(value: unknown): void {
    const join = this.#join
    for (let isThere = join.probe(value); isThere; isThere = join.next()) this.emit(this.#pair(join.partner, value))
  }

  *#waited(): Generator<unknown> {
    for (const value of this.#waiting) yield* this.#join.joined(value)
    this.#waiting.clear()
  }
}

/** Sorts both sides by their keys and merges them. */
export class SortMergeJoinOperator extends BoundedOperator<unknown> {
  readonly #options: JoinOptions
  #pairs!: SortedPairs

  constructor(options: JoinOptions) {
    super([(value) => this.#pairs.left.add(value), (value) => this.#pairs.right.add(value)])
    this.#options = options
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    this.#pairs = new SortedPairs(this.#options.left, this.#options.right, this.memory)
  }

  *output(): Generator<unknown> {
    const { left, right, map } = this.#options
    yield* this.#pairs.joined(left.keeps, right.keeps, map)
    this.#pairs.close()
  }

  override close(): void {
    super.close()
    this.#pairs.close()
  }
}
