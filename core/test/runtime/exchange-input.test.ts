import { expect, it } from 'vitest'
import type { LogBatch } from '../../src/log/log.ts'
import type { Exchange } from '../../src/plan/job-graph.ts'
import { encodeControlFrame, RecordFrameSerde } from '../../src/runtime/exchange-frame.ts'
import { ExchangePartitionInput } from '../../src/runtime/exchange-input.ts'
import { SourceHead } from '../../src/runtime/source-head.ts'
import { ByteWriter } from '../../src/serde/byte-writer.ts'
import { json } from '../../src/serde/json.ts'

function record(value: unknown): Buffer {
  const writer = new ByteWriter(64)
  const serde = new RecordFrameSerde(json())
  serde.timestamp = 5
  serde.encode(value, writer)
  return writer.toBuffer()
}

/** Frames at offsets 10, 11, … */
function batchOf(frames: readonly Buffer[]): LogBatch {
  const ends = frames.map((_, at) => frames.slice(0, at + 1).reduce((sum, { length }) => sum + length, 0))
  const count = frames.length
  return {
    topic: 'exchange',
    partition: 0,
    count,
    buffer: Buffer.concat(frames),
    offsets: Float64Array.from(frames, (_, at) => 10 + at),
    timestamps: new Float64Array(count),
    keyStarts: new Int32Array(count).fill(-1),
    keyEnds: new Int32Array(count).fill(-1),
    valueStarts: Int32Array.from(ends, (end, at) => end - (frames[at] as Buffer).length),
    valueEnds: Int32Array.from(ends),
    nextOffset: 10 + count,
    headers: () => [],
  }
}

it('an exchange stops behind a watermark that leaves no room for more, and takes the rest of the batch later', () => {
  const seen: unknown[] = []
  let isFull = false
  const head = new SourceHead(
    {
      onRecord: (value) => seen.push(value),
      onWatermark(watermark) {
        seen.push({ watermark })
        isFull = true
      },
      onIdle() {},
      onBarrier() {},
      onRound() {},
      onSignal() {},
      onEnd() {},
    },
    1,
  )
  const exchange = { topic: 'exchange', value: json() } as unknown as Exchange
  const input = new ExchangePartitionInput(exchange, 0, 1, 10, head, null, null, [], () => isFull)
  const watermark = encodeControlFrame({ kind: 'watermark', upstream: 0, watermark: 7 })
  const batch = batchOf([record('a'), watermark, record('b'), record('c')])

  expect(input.process(batch)).toBe(1)
  expect(seen).toEqual(['a', { watermark: 7 }])
  expect([input.isPartial, input.position().offset]).toEqual([true, 12])

  expect(input.process(batch)).toBe(2)
  expect(seen).toEqual(['a', { watermark: 7 }, 'b', 'c'])
  expect([input.isPartial, input.position().offset]).toEqual([false, 14])
})
