import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ReaderPartition } from '../../../src/log/kafka/reader-partition.ts'
import { ReadingOrder } from '../../../src/log/kafka/reading-order.ts'

/** A partition with something fetched; nobody looks at what. */
function buffered(partition: number): ReaderPartition {
  const state = new ReaderPartition('topic', partition, 0)
  state.fetched.push({} as ReaderPartition['fetched'][number])
  return state
}

function orderOf(ranks: readonly number[] | null) {
  const order = new ReadingOrder(ranks === null ? undefined : (_, partition) => ranks[partition] as number)
  const states = Array.from({ length: ranks?.length ?? 3 }, (_, partition) => buffered(partition))
  for (const state of states) order.add(state)
  const next = (...onTheirWay: number[]) => order.next(onTheirWay.map((index) => states[index] as ReaderPartition))
  return { order, states, next, nextPartition: (...way: number[]) => next(...way)?.partition }
}

describe('the order of reading', () => {
  it('goes from one partition to the next where nothing says how far they are', () => {
    const { order, next } = orderOf(null)
    const turns = Array.from({ length: 7 }, () => {
      const state = next()
      if (state !== undefined) order.add(state)
      return state?.partition
    })
    expect(turns).toEqual([0, 1, 2, 0, 1, 2, 0])
  })

  it('takes the partition that lies furthest back', () => {
    const { nextPartition } = orderOf([30, 10, 20])
    expect([nextPartition(), nextPartition(), nextPartition(), nextPartition()]).toEqual([1, 2, 0, undefined])
  })

  it('gives those of which nothing is known their turn', () => {
    const { nextPartition } = orderOf([5, Number.NaN, 1])
    expect([nextPartition(), nextPartition(), nextPartition()]).toEqual([2, 1, 0])
  })

  it('waits for one further back whose records are on their way, and not for one that is further', () => {
    const { order, states, nextPartition } = orderOf([10, 20, 30])
    order.remove(states[0] as ReaderPartition)
    expect(nextPartition(0)).toBeUndefined()
    expect(order.isEmpty).toBe(false)
    order.add(states[0] as ReaderPartition)
    order.remove(states[2] as ReaderPartition)
    expect(nextPartition(2)).toBe(0)
  })

  it('waits for none where nothing says how far it is', () => {
    const { order, states, nextPartition } = orderOf([10, Number.NaN])
    order.remove(states[1] as ReaderPartition)
    expect(nextPartition(1)).toBe(0)
  })

  it('leaves out what is removed, paused or has nothing', () => {
    const { order, states, nextPartition } = orderOf([3, 1, 2])
    const [first, second] = states as [ReaderPartition, ReaderPartition]
    order.remove(second)
    order.remove(first)
    first.isPaused = true
    order.add(first)
    second.fetched.length = 0
    order.add(second)
    expect([nextPartition(), nextPartition()]).toEqual([2, undefined])
    expect(order.isEmpty).toBe(true)
  })

  it('gives each once for each time that it is added, and nobody waits behind others of its rank for ever', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3), { minLength: 1, maxLength: 8 }), fc.nat(50), (ranks, turns) => {
        const { order, states, next } = orderOf(ranks)
        const lowest = Math.min(...ranks)
        const equals = ranks.filter((rank) => rank === lowest).length
        const lastTurns = new Map<number, number>()
        for (let turn = 0; turn < turns; turn++) {
          const state = next() as ReaderPartition
          expect(ranks[state.partition]).toBe(lowest)
          expect(turn - (lastTurns.get(state.partition) ?? turn)).toBeLessThanOrEqual(states.length)
          lastTurns.set(state.partition, turn)
          order.add(state)
        }
        expect(lastTurns.size).toBe(Math.min(equals, turns))
      }),
    )
  })
})
