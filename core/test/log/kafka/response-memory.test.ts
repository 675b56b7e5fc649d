import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ResponseMemory } from '../../../src/log/kafka/response-memory.ts'

const MB = 1024 * 1024

describe('memory for responses', () => {
  it('is used again once it is released, by what fits it', () => {
    const memory = new ResponseMemory(8 * MB)
    const first = memory.allocate(2 * MB)
    expect(memory.allocate(2 * MB).buffer).not.toBe(first.buffer)
    memory.release(first)
    expect(memory.allocate(MB).buffer).toBe(first.buffer)
  })

  it('is not used for what would leave most of it empty', () => {
    const memory = new ResponseMemory(8 * MB)
    const large = memory.allocate(4 * MB)
    memory.release(large)
    expect(memory.allocate(100_000).buffer).not.toBe(large.buffer)
  })

  it('is never shared, has the size asked for, and keeps no more than its bound', () => {
    const step = fc.oneof(
      fc.integer({ min: 1, max: 3 * MB }).map((bytes) => ({ bytes })),
      fc.nat().map((index) => ({ index })),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const memory = new ResponseMemory(4 * MB)
        const live: Buffer[] = []
        const released = new Map<ArrayBufferLike, number>()
        for (const each of steps) {
          if ('bytes' in each) {
            const given = memory.allocate(each.bytes)
            expect(given.length).toBe(each.bytes)
            expect(live.some(({ buffer }) => buffer === given.buffer)).toBe(false)
            live.push(given)
          } else if (live.length > 0) {
            const [gone] = live.splice(each.index % live.length, 1) as [Buffer]
            released.set(gone.buffer, gone.buffer.byteLength)
            memory.release(gone)
          }
        }
        // Whatever it kept comes back before anything new does.
        const kept = new Set<ArrayBufferLike>()
        for (const bytes of released.values()) {
          const { buffer } = memory.allocate(bytes)
          if (released.has(buffer)) kept.add(buffer)
        }
        expect([...kept].reduce((sum, { byteLength }) => sum + byteLength, 0)).toBeLessThanOrEqual(4 * MB)
      }),
    )
  })
})
