import { OneInputOperator } from '../base-operator.ts'
import { MAX_WATERMARK, NO_TIMESTAMP, type OperatorContext } from '../operator.ts'
import { KeyMap } from './memory/key-map.ts'
import { sizeOf } from './memory/size-of.ts'
import type { MemoryShare } from './memory/task-memory.ts'

const MAX_RECORDS = 65_536

export type CombineGroup = (values: Iterable<unknown>, key: unknown) => Iterable<unknown>

/**
 * Gathers records by key and has a function make fewer of them before they travel. What does not fit is handed on, and everything is
 * when a barrier comes, so that nothing is kept over it.
 */
export class CombineGroupOperator extends OneInputOperator<unknown, unknown> {
  readonly #key: (value: unknown) => unknown
  readonly #combine: CombineGroup
  readonly #groups = new KeyMap<unknown[]>()
  #memory!: MemoryShare
  #records = 0
  #bytes = 0

  constructor(key: (value: unknown) => unknown, combine: CombineGroup) {
    super()
    this.#key = key
    this.#combine = combine
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    const spilled = context.metrics.counter('millrace_spilled_bytes', 'Bytes written to disk beyond the memory budget')
    this.#memory = context.memory.share(spilled)
  }

  onRecord(value: unknown): void {
    try {
      const key = this.#key(value)
      const group = this.#groups.get(key)
      if (group === undefined) this.#groups.add(key, [value])
      else group.value.push(value)
    } catch (cause) {
      throw this.failed(cause)
    }
    const size = sizeOf(value) + 8
    this.#bytes += size
    this.#memory.take(size)
    if (++this.#records >= MAX_RECORDS || this.#memory.isOver) this.#flush()
  }

  override onWatermark(watermark: number): void {
    if (watermark === MAX_WATERMARK) this.#flush()
    this.out.onWatermark(watermark)
  }

  override onBarrier(epoch: number): void {
    this.#flush()
    this.out.onBarrier(epoch)
  }

  #flush(): void {
    try {
      for (const { key, value } of this.#groups.entries()) {
        for (const combined of this.#combine(value, key)) this.out.onRecord(combined, NO_TIMESTAMP)
      }
    } catch (cause) {
      throw this.failed(cause)
    }
    this.#groups.clear()
    this.#memory.release(this.#bytes)
    this.#bytes = 0
    this.#records = 0
  }
}
