import type { ByteWriter } from '../../../serde/byte-writer.ts'
import { encodeKey, KeyDecoder, keyFormat } from '../../../serde/key-codec.ts'
import type { Serde } from '../../../serde/serde.ts'
import type { PaneContents } from '../pane-contents.ts'
import type { WindowAssigner } from '../window-assigner.ts'

/** What one task has gathered of a key: records of one slice, or of one session. */
export class PartialAggregate {
  readonly key: unknown
  contents: unknown
  /** Event time that it travels with: the latest one of a slice, the first one of a session. */
  time: number
  /** Milliseconds from there to the end of the session; 0 for a slice. */
  span: number

  constructor(key: unknown, contents: unknown, time: number, span: number) {
    this.key = key
    this.contents = contents
    this.time = time
    this.span = span
  }
}

/** Time, span and key, then the accumulator. */
export function partialSerde(contents: Serde<unknown>): Serde<PartialAggregate> {
  return {
    format: `partial@2(${keyFormat},${contents.format})`,
    encode({ key, contents: accumulator, time, span }: PartialAggregate, target: ByteWriter): void {
      target.writeFloat64(time)
      target.writeFloat64(span)
      encodeKey(key, target)
      contents.encode(accumulator, target)
    },
    decode(bytes: Buffer, start: number, end: number): PartialAggregate {
      const decoder = new KeyDecoder(bytes, start + 16, end)
      const key = decoder.read()
      const accumulator = contents.decode(bytes, decoder.position, end)
      return new PartialAggregate(key, accumulator, bytes.readDoubleBE(start), bytes.readDoubleBE(start + 8))
    },
  }
}

/*
 * Windows behind an exchange take partial aggregates and single records alike: a savepoint may hold partial aggregates on their way
 * to a job that does not gather any more.
 */

export function takingPartials(contents: PaneContents): PaneContents {
  const merge = contents.merge as (left: unknown, right: unknown) => unknown
  const { add } = contents
  return {
    ...contents,
    add: (held, value, timestamp) =>
      value instanceof PartialAggregate ? merge(held, value.contents) : add(held, value, timestamp),
  }
}

export function keyOfPartials(key: (value: never) => unknown): (value: never) => unknown {
  return (value: unknown) => (value instanceof PartialAggregate ? value.key : key(value as never))
}

/** Sessions reach as far as what was gathered of them. */
export function windowsOfPartials(assigner: WindowAssigner): WindowAssigner {
  if (assigner.kind !== 'session') return assigner
  const { gap } = assigner
  const gapOf = typeof gap === 'number' ? (): number => gap : (gap as (value: unknown) => number)
  return {
    ...assigner,
    gap: (value: unknown) => (value instanceof PartialAggregate ? value.span : gapOf(value)),
  }
}
