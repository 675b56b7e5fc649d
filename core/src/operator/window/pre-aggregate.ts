import { TimestampError } from '../../errors.ts'
import type { ByteWriter } from '../../serde/byte-writer.ts'
import { encodeKey, KeyDecoder, keyFormat } from '../../serde/key-codec.ts'
import type { Serde } from '../../serde/serde.ts'
import { KeyTable } from '../../state/keyed/key-table.ts'
import { OneInputOperator } from '../base-operator.ts'
import { MIN_WATERMARK, type OperatorContext } from '../operator.ts'
import type { PaneContents } from './pane-contents.ts'
import type { AlignedWindows } from './window-assigner.ts'
import type { WindowGrid } from './window-grid.ts'

/** What one task has gathered of a key within a slice of the windows. */
export interface PartialAggregate {
  readonly key: unknown
  contents: unknown
  /** The latest event time in it. */
  time: number
}

/** Key, then the accumulator; the time travels as the record's own. */
export function partialSerde(contents: Serde<unknown>): Serde<PartialAggregate> {
  return {
    format: `partial@1(${keyFormat},${contents.format})`,
    encode({ key, contents: accumulator, time }: PartialAggregate, target: ByteWriter): void {
      target.writeFloat64(time)
      encodeKey(key, target)
      contents.encode(accumulator, target)
    },
    decode(bytes: Buffer, start: number, end: number): PartialAggregate {
      const decoder = new KeyDecoder(bytes, start + 8, end)
      const key = decoder.read()
      return { time: bytes.readDoubleBE(start), key, contents: contents.decode(bytes, decoder.position, end) }
    },
  }
}

/** Contents of windows that partial aggregates are put into. */
export function mergingPartials(contents: PaneContents): PaneContents {
  const merge = contents.merge as (left: unknown, right: unknown) => unknown
  return { ...contents, add: (held, partial) => merge(held, (partial as PartialAggregate).contents) }
}

/** Keys that may wait in all slices together, so that memory stays bounded whatever the keys. */
const MAX_WAITING = 10_000

/**
 * Gathers records of a key before they go to the task that owns it: what crosses the exchange is one partial aggregate for
 * each key and slice, however many records a hot key has. Nothing is kept over a barrier, so there is no state.
 */
export class PreAggregateOperator extends OneInputOperator<never, PartialAggregate> {
  readonly #key: (value: never) => unknown
  readonly #assigner: AlignedWindows
  readonly #contents: PaneContents
  /** By the end of the slice. */
  readonly #slices = new Map<number, KeyTable<PartialAggregate[]>>()
  #grid!: WindowGrid
  #waiting = 0
  #watermark = MIN_WATERMARK

  constructor(key: (value: never) => unknown, assigner: AlignedWindows, contents: PaneContents) {
    super()
    this.#key = key
    this.#assigner = assigner
    this.#contents = contents
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    this.#grid = this.#assigner.grid(context.index, context.parallelism)
  }

  onRecord(value: never, timestamp: number): void {
    if (timestamp === Number.NEGATIVE_INFINITY) {
      throw new TimestampError(
        'The record has no timestamp, but its window goes by event time. Give the source a watermark strategy (time: …).',
        {
          where: { operator: this.context.uid },
        },
      )
    }
    try {
      this.#add(value, timestamp)
    } catch (cause) {
      throw this.failed(cause)
    }
  }

  override onWatermark(watermark: number): void {
    this.#watermark = watermark
    for (const end of [...this.#slices.keys()].sort((a, b) => a - b)) if (end - 1 <= watermark) this.#flush(end)
    this.out.onWatermark(watermark)
  }

  override onIdle(idle: boolean): void {
    this.#flushAll()
    this.out.onIdle(idle)
  }

  override onBarrier(epoch: number): void {
    this.#flushAll()
    this.out.onBarrier(epoch)
  }

  override onEnd(): void {
    this.#flushAll()
    this.out.onEnd()
  }

  #add(value: never, timestamp: number): void {
    const key = this.#key(value)
    const end = this.#grid.sliceEnd(timestamp)
    let slice = this.#slices.get(end)
    if (slice === undefined) {
      slice = new KeyTable<PartialAggregate[]>(() => [])
      this.#slices.set(end, slice)
    }
    const { data, key: known } = slice.slot(key)
    let partial = data[0]
    if (partial === undefined) {
      partial = { key: known, contents: undefined, time: timestamp }
      data.push(partial)
      this.#waiting++
    }
    partial.contents = this.#contents.add(partial.contents, value, timestamp)
    if (timestamp > partial.time) partial.time = timestamp
    // A record behind the watermark is for a window that has fired: it must not wait for another watermark.
    if (end - 1 <= this.#watermark) this.#flush(end)
    else if (this.#waiting >= MAX_WAITING) this.#flushAll()
  }

  #flushAll(): void {
    for (const end of [...this.#slices.keys()].sort((a, b) => a - b)) this.#flush(end)
  }

  #flush(end: number): void {
    const slice = this.#slices.get(end)
    this.#slices.delete(end)
    for (const { data } of slice?.slots() ?? []) {
      for (const partial of data) {
        this.#waiting--
        this.out.onRecord(partial, partial.time)
      }
    }
  }
}
