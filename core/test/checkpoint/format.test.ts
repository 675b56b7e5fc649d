import { pack } from 'msgpackr'
import { describe, expect, it } from 'vitest'
import {
  decodeEpochMeta,
  decodeOffsetMetadata,
  type EpochMeta,
  encodeEpochMeta,
  encodeOffsetMetadata,
} from '../../src/checkpoint/format.ts'

describe('offset metadata', () => {
  it('comes back as it was written', () => {
    const full = { epoch: 12, watermark: 1_700_000_000_000, end: 99, finished: true }
    expect(decodeOffsetMetadata(encodeOffsetMetadata(full))).toEqual(full)
    const least = { epoch: 1, watermark: null, end: null, finished: false }
    expect(decodeOffsetMetadata(encodeOffsetMetadata(least))).toEqual(least)
  })

  it('knows nothing of offsets that other tools committed', () => {
    for (const text of ['', 'noted by hand', '{}', '7', 'null', '{"epoch":3}']) {
      expect(decodeOffsetMetadata(text)).toBeNull()
    }
  })

  it('refuses a version that it does not know', () => {
    expect(() => decodeOffsetMetadata('{"v":2,"e":5}')).toThrow(expect.objectContaining({ code: 'STATE_CORRUPT' }))
  })
})

describe('the meta blob of an epoch', () => {
  const meta: EpochMeta = {
    graphHash: 'abc',
    parallelism: 2,
    maxParallelism: 128,
    partitions: [{ topic: 't', partition: 1, offset: 2 ** 40, watermark: null, end: null }],
    splits: { 'numbers/0': { position: 17, watermark: Number.NEGATIVE_INFINITY, ended: false } },
    operators: { window: { pending: [1, 2, 3] } },
    committables: { files: [{ name: 'part-1' }] },
    catalog: [{ state: 'count/total', kind: 'value', format: 'msgpack@1' }],
    finished: false,
  }

  it('comes back as it was written, infinities included', () => {
    expect(decodeEpochMeta(encodeEpochMeta(meta))).toMatchObject(meta)
  })

  it('refuses other versions and garbage', () => {
    expect(() => decodeEpochMeta(pack({ ...meta, v: 99 }))).toThrow(/version 99/)
    expect(() => decodeEpochMeta(Buffer.from([0xc1]))).toThrow(expect.objectContaining({ code: 'STATE_CORRUPT' }))
  })
})
