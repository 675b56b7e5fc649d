import { describe, expect, it } from 'vitest'
import { decodeControlFrame, encodeControlFrame, RecordFrameSerde } from '../../src/runtime/exchange-frame.ts'
import { ByteWriter } from '../../src/serde/byte-writer.ts'
import { json } from '../../src/serde/json.ts'

describe('frames of a repartition topic', () => {
  it('carry the event timestamp in front of the value', () => {
    const serde = new RecordFrameSerde(json())
    const writer = new ByteWriter(4)
    serde.timestamp = -12345
    serde.encode({ a: 1 }, writer)
    const bytes = writer.toBuffer()
    expect(bytes.readDoubleBE(1)).toBe(-12345)
    expect(serde.decode(bytes, 0, bytes.length)).toEqual({ a: 1 })
  })

  it('carry control elements of each upstream task', () => {
    const frames = [
      { kind: 'watermark', upstream: 3, watermark: Number.POSITIVE_INFINITY },
      { kind: 'watermark', upstream: 0, watermark: 1_700_000_000_000 },
      { kind: 'idle', upstream: 1, idle: true },
      { kind: 'idle', upstream: 1, idle: false },
      { kind: 'end', upstream: 70_000 },
      {
        kind: 'round',
        upstream: 2,
        mark: { kind: 'start', round: 1, aggregates: { least: Number.POSITIVE_INFINITY } },
      },
      {
        kind: 'round',
        upstream: 2,
        mark: { kind: 'end', round: 7, tallies: [{ records: 3, aggregates: { sum: 0.5 } }] },
      },
      { kind: 'round', upstream: 0, mark: { kind: 'over', round: 7 } },
      { kind: 'signal', upstream: 4, name: 'chapters', value: -0.5 },
      { kind: 'signal', upstream: 4, name: 'x', value: Number.NEGATIVE_INFINITY },
    ] as const
    for (const frame of frames) {
      const bytes = encodeControlFrame(frame)
      expect(decodeControlFrame(bytes, 0, bytes.length)).toEqual(frame)
    }
  })

  it('of an unknown kind are refused', () => {
    expect(() => decodeControlFrame(Buffer.from([9, 0, 0, 0, 0]), 0, 5)).toThrow(/unknown kind 9/)
  })
})
