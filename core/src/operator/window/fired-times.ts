import { taskOfKeyGroup } from '../../state/key-group.ts'
import type { OperatorContext } from '../operator.ts'
import type { OperatorState } from '../operator-state.ts'

const NAME = 'fired'
const ITEM_BYTES = 16

/**
 * How far time had come at a task when its state was stored: which windows had fired. One item for the key groups of each task,
 * given to all of them, so that it is right for every key after the number of tasks has changed.
 */
export class FiredTimes {
  #items: { readonly from: number; readonly to: number; readonly time: number }[] = []

  /** `firing` is set when windows are being fired: those of key groups below one have, up to its time. */
  snapshot(
    { index, parallelism, maxParallelism }: OperatorContext,
    time: number,
    firing: { readonly time: number; readonly keyGroup: number } | null = null,
  ): OperatorState {
    let from = 0
    while (from < maxParallelism && taskOfKeyGroup(from, maxParallelism, parallelism) < index) from++
    let to = from
    while (to < maxParallelism && taskOfKeyGroup(to, maxParallelism, parallelism) === index) to++
    const items =
      firing === null
        ? [itemOf(from, to, time)]
        : [itemOf(from, firing.keyGroup, firing.time), itemOf(firing.keyGroup, to, firing.time - 1)]
    return { [NAME]: { mode: 'union', format: 'fired-time@1', items } }
  }

  restore(state: OperatorState): void {
    this.#items = (state[NAME]?.items ?? []).map((stored) => {
      const item = Buffer.from(stored.buffer, stored.byteOffset, stored.length)
      return { from: item.readUInt32BE(0), to: item.readUInt32BE(4), time: item.readDoubleBE(8) }
    })
  }

  /** Minus infinity when nothing is known. */
  of(keyGroup: number): number {
    const own = this.#items.find(({ from, to }) => keyGroup >= from && keyGroup < to)
    // Keys of prepartitioned streams are at their topic's tasks, whatever their groups: there is one item then.
    return (own ?? this.#items[0])?.time ?? Number.NEGATIVE_INFINITY
  }
}

function itemOf(from: number, to: number, time: number): Buffer {
  const item = Buffer.allocUnsafe(ITEM_BYTES)
  item.writeUInt32BE(from, 0)
  item.writeUInt32BE(to, 4)
  item.writeDoubleBE(time, 8)
  return item
}
