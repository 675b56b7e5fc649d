import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Heap } from '../../src/structure/heap.ts'

interface Item {
  readonly rank: number
  readonly id: number
}

const byRank = (a: Item, b: Item): number => a.rank - b.rank
const ranks = fc.array(fc.integer({ min: 0, max: 8 }), { maxLength: 120 })

function drain(heap: Heap<Item>): Item[] {
  const items: Item[] = []
  for (let item = heap.pop(); item !== undefined; item = heap.pop()) items.push(item)
  return items
}

describe('Heap', () => {
  it('is empty at first', () => {
    const heap = new Heap(byRank)
    expect([heap.size, heap.peek(), heap.pop()]).toEqual([0, undefined, undefined])
  })

  it('gives items in order, equal ones in the order of their pushes, as a stable sort does', () => {
    fc.assert(
      fc.property(ranks, (given) => {
        const items = given.map((rank, id) => ({ rank, id }))
        const heap = new Heap(byRank)
        for (const item of items) heap.push(item)
        expect(heap.size).toBe(items.length)
        expect(drain(heap)).toEqual(items.toSorted(byRank))
      }),
    )
  })

  it('behaves as a sorted list under any mix of pushes and pops', () => {
    const commands = fc.array(fc.option(fc.integer({ min: 0, max: 8 }), { freq: 2 }), { maxLength: 200 })
    fc.assert(
      fc.property(commands, (given) => {
        const heap = new Heap(byRank)
        let sorted: Item[] = []
        for (const [id, rank] of given.entries()) {
          if (rank === null) {
            expect(heap.pop()).toEqual(sorted.shift())
          } else {
            heap.push({ rank, id })
            sorted = [...sorted, { rank, id }].toSorted(byRank)
          }
          expect([heap.size, heap.peek()]).toEqual([sorted.length, sorted[0]])
        }
      }),
    )
  })

  it('keeps the order of what it retains', () => {
    fc.assert(
      fc.property(ranks, fc.integer({ min: 1, max: 5 }), (given, divisor) => {
        const items = given.map((rank, id) => ({ rank, id }))
        const heap = new Heap(byRank)
        for (const item of items) heap.push(item)
        const isWanted = ({ id }: Item): boolean => id % divisor === 0
        heap.retain(isWanted)
        expect(drain(heap)).toEqual(items.filter(isWanted).toSorted(byRank))
      }),
    )
  })

  it('is empty after clear and can be used again', () => {
    const heap = new Heap(byRank)
    heap.push({ rank: 1, id: 0 })
    heap.clear()
    expect([heap.size, heap.peek()]).toEqual([0, undefined])
    heap.push({ rank: 2, id: 1 })
    expect(heap.pop()).toEqual({ rank: 2, id: 1 })
  })
})
