import { pack, unpack } from 'msgpackr'
import { StreamError } from '../errors.ts'
import type { RoundMark } from '../operator/loop/round.ts'
import type { ByteWriter } from '../serde/byte-writer.ts'
import type { Serde } from '../serde/serde.ts'

/*
 * Values of a repartition topic:
 *
 *   record     0 | event timestamp f64 | value …
 *   watermark  1 | upstream task u32 | watermark f64
 *   idleness   2 | upstream task u32 | idle u8
 *   end        3 | upstream task u32
 *   round      4 | upstream task u32 | mark, as msgpack
 *   signal     5 | upstream task u32 | value f64 (of a boolean 0 or 1) | name, as UTF-8
 *
 * Numbers are big endian. Every upstream task writes its control frames to every partition, in its transactions, so a
 * reader takes the minimum over the upstream tasks and sees it in the order in which the records were written.
 */
export const FRAME_RECORD = 0
export const FRAME_WATERMARK = 1
export const FRAME_IDLE = 2
export const FRAME_END = 3
export const FRAME_ROUND = 4
export const FRAME_SIGNAL = 5

export const RECORD_HEADER_BYTES = 9

/** Puts the record frame around values; `timestamp` is set before each append, since one thread writes one at a time. */
export class RecordFrameSerde implements Serde<unknown> {
  readonly format: string
  timestamp = 0
  readonly #value: Serde<unknown>

  constructor(value: Serde<unknown>) {
    this.#value = value
    this.format = `frame@1+${value.format}`
  }

  encode(value: unknown, target: ByteWriter): void {
    const at = target.reserve(RECORD_HEADER_BYTES)
    target.buffer[at] = FRAME_RECORD
    target.buffer.writeDoubleBE(this.timestamp, at + 1)
    target.position = at + RECORD_HEADER_BYTES
    this.#value.encode(value, target)
  }

  decode(bytes: Buffer, start: number, end: number): unknown {
    return this.#value.decode(bytes, start + RECORD_HEADER_BYTES, end)
  }
}

export type ControlFrame =
  | { readonly kind: 'watermark'; readonly upstream: number; readonly watermark: number }
  | { readonly kind: 'idle'; readonly upstream: number; readonly idle: boolean }
  | { readonly kind: 'end'; readonly upstream: number }
  | { readonly kind: 'round'; readonly upstream: number; readonly mark: RoundMark }
  | { readonly kind: 'signal'; readonly upstream: number; readonly name: string; readonly value: number }

export function encodeControlFrame(frame: ControlFrame): Buffer {
  if (frame.kind === 'watermark') {
    const bytes = Buffer.allocUnsafe(13)
    bytes[0] = FRAME_WATERMARK
    bytes.writeUInt32BE(frame.upstream, 1)
    bytes.writeDoubleBE(frame.watermark, 5)
    return bytes
  }
  if (frame.kind === 'round') {
    const mark = pack(frame.mark)
    const bytes = Buffer.allocUnsafe(5 + mark.length)
    bytes[0] = FRAME_ROUND
    bytes.writeUInt32BE(frame.upstream, 1)
    mark.copy(bytes, 5)
    return bytes
  }
  if (frame.kind === 'signal') {
    const name = Buffer.from(frame.name)
    const bytes = Buffer.allocUnsafe(13 + name.length)
    bytes[0] = FRAME_SIGNAL
    bytes.writeUInt32BE(frame.upstream, 1)
    bytes.writeDoubleBE(frame.value, 5)
    name.copy(bytes, 13)
    return bytes
  }
  const bytes = Buffer.allocUnsafe(frame.kind === 'idle' ? 6 : 5)
  bytes[0] = frame.kind === 'idle' ? FRAME_IDLE : FRAME_END
  bytes.writeUInt32BE(frame.upstream, 1)
  if (frame.kind === 'idle') bytes[5] = frame.idle ? 1 : 0
  return bytes
}

export function decodeControlFrame(bytes: Buffer, start: number, end: number): ControlFrame {
  const upstream = end - start >= 5 ? bytes.readUInt32BE(start + 1) : -1
  switch (bytes[start]) {
    case FRAME_WATERMARK:
      return { kind: 'watermark', upstream, watermark: bytes.readDoubleBE(start + 5) }
    case FRAME_IDLE:
      return { kind: 'idle', upstream, idle: bytes[start + 5] === 1 }
    case FRAME_END:
      return { kind: 'end', upstream }
    case FRAME_ROUND:
      return { kind: 'round', upstream, mark: unpack(bytes.subarray(start + 5, end)) as RoundMark }
    case FRAME_SIGNAL:
      return {
        kind: 'signal',
        upstream,
        value: bytes.readDoubleBE(start + 5),
        name: bytes.toString('utf8', start + 13, end),
      }
    default:
      throw new StreamError(
        'STATE_CORRUPT',
        `A repartition topic holds a frame of unknown kind ${bytes[start]}. Something else writes to this topic, or a newer version of the job did.`,
      )
  }
}
