import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { planFetch } from '../../../src/log/kafka/fetch-plan.ts'
import { ReaderPartition } from '../../../src/log/kafka/reader-partition.ts'

const MB = 1024 * 1024

interface Known {
  readonly bufferedBytes?: number
  /** Offsets that its server is known to have beyond what was fetched; undefined: unknown. */
  readonly ahead?: number | undefined
}

function partition(index: number, { bufferedBytes = 0, ahead }: Known): ReaderPartition {
  const state = new ReaderPartition('topic', index, 100)
  state.bufferedBytes = bufferedBytes
  state.endOffset = ahead === undefined ? undefined : 100 + ahead
  return state
}

function planOf(fetchBytes: number, ...known: Known[]) {
  const { partitions, partitionBytes } = planFetch(
    known.map((one, index) => partition(index, one)),
    fetchBytes,
  )
  return { partitions: partitions.map((state) => state.partition), partitionBytes }
}

describe('what a fetch asks for', () => {
  it('is an equal part for each partition that has more, those first of which least is buffered', () => {
    expect(
      planOf(
        4 * MB,
        { ahead: 9, bufferedBytes: 7 },
        { ahead: 9, bufferedBytes: 5 },
        { ahead: 9, bufferedBytes: 6 },
        { ahead: 9 },
      ),
    ).toEqual({ partitions: [3, 1, 2, 0], partitionBytes: MB })
  })

  it('is as much as two megabytes where few have more', () => {
    expect(planOf(4 * MB, { ahead: 9 }, { ahead: 0 }, { ahead: 0 })).toMatchObject({ partitionBytes: 2 * MB })
    expect(planOf(4 * MB, { ahead: 9 }, { ahead: 9 }, { ahead: 9 })).toMatchObject({
      partitionBytes: Math.floor((4 * MB) / 3),
    })
  })

  it('is never less than a batch may have, unless the buffer is as small', () => {
    const many = Array.from({ length: 100 }, () => ({}))
    expect(planOf(4 * MB, ...many).partitionBytes).toBe(MB)
    expect(planOf(1000, ...many).partitionBytes).toBe(1000)
  })

  it('is nothing where nobody can use it', () => {
    expect(planOf(4 * MB).partitions).toEqual([])
  })

  it('has every partition that may have nothing, and of those that have more as many as fit', () => {
    const known = fc.record({
      bufferedBytes: fc.nat(4 * MB),
      ahead: fc.option(fc.nat(3), { nil: undefined }),
    })
    fc.assert(
      fc.property(fc.array(known, { maxLength: 40 }), fc.integer({ min: 1, max: 8 * MB }), (all, fetchBytes) => {
        const { partitions, partitionBytes } = planOf(fetchBytes, ...all)
        const hasMore = (index: number) => ((all[index] as Known).ahead ?? 0) > 0
        const chosen = partitions.filter(hasMore)
        const left = all.map((_, index) => index).filter((index) => !partitions.includes(index))
        expect(left.every(hasMore)).toBe(true)
        expect(chosen.length * Math.min(MB, fetchBytes)).toBeLessThanOrEqual(fetchBytes)
        if (left.length > 0) expect(chosen.length).toBeGreaterThan(0)
        const buffered = (index: number) => (all[index] as Known).bufferedBytes as number
        for (const index of left) for (const one of chosen) expect(buffered(one)).toBeLessThanOrEqual(buffered(index))
        expect(partitionBytes).toBeGreaterThanOrEqual(Math.min(MB, fetchBytes))
        expect(partitionBytes).toBeLessThanOrEqual(2 * MB)
      }),
    )
  })
})
