import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ResponseFrames } from '../../../src/log/kafka/response-frames.ts'

/** Feeds the bytes as a socket would: as many at a time as it is told, and as the space takes. */
function feed(frames: ResponseFrames, bytes: Buffer, reads: readonly number[]): void {
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const { space } = frames
    const wanted = reads[n % reads.length] ?? 1
    const read = Math.min(wanted, space.length, bytes.length - at)
    bytes.copy(space, 0, at, at + read)
    at += read
    frames.filled(read)
  }
}

function framed(bodies: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    bodies.flatMap((body) => {
      const length = Buffer.alloc(4)
      length.writeInt32BE(body.length)
      return [length, body]
    }),
  )
}

describe('responses cut from what a socket reads', () => {
  it('are the same however the bytes arrive', () => {
    const body = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 40 }),
      fc.integer({ min: 60_000, max: 200_000 }).map((size) => new Uint8Array(size).map((_, at) => at % 251)),
    )
    const reads = fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1000, max: 100_000 })), {
      minLength: 1,
      maxLength: 9,
    })
    fc.assert(
      fc.property(fc.array(body, { maxLength: 6 }), reads, (bodies, sizes) => {
        const got: Buffer[] = []
        feed(new ResponseFrames((response) => got.push(response.bytes)), framed(bodies), sizes)
        expect(got.map((bytes) => Buffer.compare(bytes, bodies[got.indexOf(bytes)] as Uint8Array))).toEqual(
          bodies.map(() => 0),
        )
      }),
      { numRuns: 60 },
    )
  })

  it('keep their bytes when later ones arrive', () => {
    const got: Buffer[] = []
    const frames = new ResponseFrames((response) => got.push(response.bytes))
    feed(frames, framed([Buffer.from('first'), Buffer.alloc(100_000, 'x'), Buffer.from('third')]), [70_000])
    feed(frames, framed([Buffer.alloc(100_000, 'y')]), [70_000])
    expect(got[0]?.toString()).toBe('first')
    expect(got[1]?.equals(Buffer.alloc(100_000, 'x'))).toBe(true)
    expect(got[2]?.toString()).toBe('third')
  })

  it('are refused when their length is none', () => {
    const frames = new ResponseFrames(() => {})
    expect(() => feed(frames, Buffer.from([0xff, 0xff, 0xff, 0xff]), [4])).toThrow('a response cannot be -1 bytes long')
  })
})
