import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BatchBuilder } from '../../../../src/log/kafka/record-batch/batch-builder.ts'
import type { Compression } from '../../../../src/log/kafka/record-batch/compression.ts'
import { crc32c, portable } from '../../../../src/log/kafka/record-batch/crc32c.ts'
import { attributesAt, magicAt, recordCountAt } from '../../../../src/log/kafka/record-batch/layout.ts'
import { ByteWriter } from '../../../../src/serde/byte-writer.ts'
import { decode, encode, marker, type PlainRecord, raw, recordsOf, text, texts } from './codec.ts'

const bytes = fc.uint8Array({ maxLength: 300 })
const record: fc.Arbitrary<PlainRecord> = fc.record({
  timestamp: fc.integer({ min: -(2 ** 40), max: 2 ** 42 }),
  key: fc.option(bytes),
  value: fc.option(bytes),
  headers: fc.array(fc.record({ key: fc.string({ unit: 'grapheme' }), value: fc.uint8Array({ maxLength: 20 }) }), {
    maxLength: 3,
  }),
})
const compression = fc.constantFrom<Compression>('none', 'gzip', 'snappy', 'lz4', 'zstd')

describe('record batches', () => {
  it('are read as they were built, whatever they hold and however they are compressed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { minLength: 1, maxLength: 40 }),
        compression,
        fc.integer({ min: 0, max: 2 ** 50 }),
        async (records, compression, baseOffset) => {
          const batches = decode(await encode(records, { baseOffset, compression }), baseOffset)
          expect(recordsOf(batches)).toEqual(records.map((r, index) => ({ offset: baseOffset + index, ...r })))
          expect(batches.at(-1)?.nextOffset).toBe(baseOffset + records.length)
        },
      ),
    )
  })

  it('join their neighbours, and give the same records in the same order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.array(record, { minLength: 1, maxLength: 5 }), compression), {
          minLength: 1,
          maxLength: 8,
        }),
        async (batches) => {
          const parts: Buffer[] = []
          let baseOffset = 0
          for (const [records, compression] of batches) {
            parts.push(await encode(records, { baseOffset, compression }))
            baseOffset += records.length
          }
          const expected = batches.flatMap(([records]) => records).map((r, offset) => ({ offset, ...r }))
          expect(recordsOf(decode(Buffer.concat(parts)))).toEqual(expected)
        },
      ),
    )
  })

  it('leave out the records before the offset that was asked for', async () => {
    const batch = await encode([text('a'), text('b'), text('c')], { baseOffset: 10 })
    const batches = decode(batch, 11)
    expect(texts(batches)).toEqual(['b', 'c'])
    expect(recordsOf(batches).map((r) => r.offset)).toEqual([11, 12])
  })

  it('keep whole milliseconds, rounded down', async () => {
    expect(recordsOf(decode(await encode([text('a', 12.9), text('b', -0.5)]))).map((r) => r.timestamp)).toEqual([
      12, -1,
    ])
  })

  it('end where the response was cut, at any byte', async () => {
    const first = await encode([text('a'), text('b')])
    const second = await encode([text('c')], { baseOffset: 2 })
    const whole = Buffer.concat([first, second])
    for (let length = 0; length < whole.length; length++) {
      const batches = decode(whole.subarray(0, length))
      expect(texts(batches)).toEqual(length < first.length ? [] : ['a', 'b'])
    }
    expect(texts(decode(whole))).toEqual(['a', 'b', 'c'])
  })

  it('are refused when any byte behind the CRC has changed', async () => {
    const batch = await encode([text('some value')], { baseOffset: 5 })
    for (let at = attributesAt; at < batch.length; at++) {
      const damaged = Buffer.from(batch)
      damaged[at]! ^= 0x40
      expect(() => decode(damaged, 5)).toThrow(
        expect.objectContaining({ code: 'LOG_FAILED', where: { topic: 't', partition: 2, offset: 5 } }),
      )
    }
  })

  it('are refused in a format that is not known', async () => {
    const batch = await encode([text('a')])
    batch[magicAt] = 1
    expect(() => decode(batch)).toThrow(/format 1/)
  })

  it('say how many records they hold', async () => {
    expect((await encode([text('a'), text('b')])).readInt32BE(recordCountAt)).toBe(2)
  })
})

describe('transactions in fetched records', () => {
  it('show committed records and leave the markers out', async () => {
    const parts = [
      await encode([text('a'), text('b')], { transactional: true, producerId: 1 }),
      await marker(2, 1, true),
      await encode([text('c')], { baseOffset: 3, transactional: true, producerId: 1 }),
      await marker(4, 1, true),
    ]
    const batches = decode(Buffer.concat(parts))
    expect(texts(batches)).toEqual(['a', 'b', 'c'])
    expect(batches.at(-1)?.nextOffset).toBe(5)
  })

  it('leave aborted records out, up to the marker, and only those of that producer', async () => {
    const parts = [
      await encode([text('aborted 1')], { baseOffset: 0, transactional: true, producerId: 1 }),
      await encode([text('other producer')], { baseOffset: 1, transactional: true, producerId: 2 }),
      await encode([text('plain')], { baseOffset: 2, producerId: 1 }),
      await encode([text('aborted 2')], { baseOffset: 3, transactional: true, producerId: 1 }),
      await marker(4, 1, false),
      await encode([text('committed')], { baseOffset: 5, transactional: true, producerId: 1 }),
      await marker(6, 1, true),
      await marker(7, 2, true),
    ]
    const batches = decode(Buffer.concat(parts), 0, [{ producerId: 1, firstOffset: 0 }])
    expect(texts(batches)).toEqual(['other producer', 'plain', 'committed'])
    expect(batches.at(-1)?.nextOffset).toBe(8)
  })

  it('leave out every aborted transaction of one producer, in whatever order the server lists them', async () => {
    const parts: Buffer[] = []
    for (let round = 0; round < 4; round++) {
      const baseOffset = round * 2
      parts.push(await encode([text(`round ${round}`)], { baseOffset, transactional: true, producerId: 1 }))
      parts.push(await marker(baseOffset + 1, 1, round === 1))
    }
    const aborted = [6, 0, 4].map((firstOffset) => ({ producerId: 1, firstOffset }))
    expect(texts(decode(Buffer.concat(parts), 0, aborted))).toEqual(['round 1'])
  })

  it('give a batch without records where only an aborted transaction is left, so that the reader moves on', async () => {
    const parts = [await encode([text('aborted')], { transactional: true, producerId: 1 }), await marker(1, 1, false)]
    const batches = decode(Buffer.concat(parts), 0, [{ producerId: 1, firstOffset: 0 }])
    expect(batches.map((batch) => [batch.count, batch.nextOffset])).toEqual([[0, 2]])
  })
})

describe('the batch builder', () => {
  it('keeps nothing of a record that cannot be encoded', () => {
    const builder = new BatchBuilder(new ByteWriter(64))
    builder.append(1, null, Buffer.from('a'), raw, undefined)
    const before = builder.bytes
    const failing = {
      ...raw,
      encode(_value: Uint8Array, target: ByteWriter): void {
        target.writeUtf8('half a value')
        throw new Error('cannot be encoded')
      },
    }
    expect(() => builder.append(2, null, Buffer.from('b'), failing, undefined)).toThrow('cannot be encoded')
    expect([builder.bytes, builder.count]).toEqual([before, 1])
    builder.append(3, null, Buffer.from('c'), raw, undefined)
    const identity = { producerId: 1, epoch: 0, transactional: false }
    expect(texts(decode(Buffer.from(builder.finish(identity, 0))))).toEqual(['a', 'c'])
  })

  it('refuses a timestamp that is no number', () => {
    const builder = new BatchBuilder(new ByteWriter(64))
    expect(() => builder.append(Number.NaN, null, Buffer.from('a'), raw, undefined)).toThrow(
      expect.objectContaining({ code: 'TIMESTAMP_INVALID' }),
    )
    expect(builder.count).toBe(0)
  })
})

describe('CRC-32C', () => {
  it('has the check value of the standard', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe306_9283)
  })

  it('is the same with and without the native module', () => {
    const other = portable()
    fc.assert(fc.property(fc.uint8Array(), (input) => other(input) === crc32c(input)))
  })
})
