import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Deque } from '../../src/structure/deque.ts'

describe('Deque', () => {
  it('is empty at first', () => {
    const deque = new Deque<number>()
    expect([deque.size, deque.popFront(), deque.popBack(), deque.peekFront(), deque.peekBack()]).toEqual([
      0,
      undefined,
      undefined,
      undefined,
      undefined,
    ])
    expect([...deque]).toEqual([])
  })

  it('behaves as an array under any mix of operations at both ends, over every size of the ring', () => {
    const operation = fc.constantFrom('pushBack', 'pushBack', 'pushFront', 'pushFront', 'popFront', 'popBack')
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 300, size: 'max' }), (operations) => {
        const deque = new Deque<number>()
        const array: number[] = []
        for (const [item, kind] of operations.entries()) {
          if (kind === 'pushBack') {
            deque.pushBack(item)
            array.push(item)
          } else if (kind === 'pushFront') {
            deque.pushFront(item)
            array.unshift(item)
          } else if (kind === 'popFront') {
            expect(deque.popFront()).toBe(array.shift())
          } else {
            expect(deque.popBack()).toBe(array.pop())
          }
          expect([deque.size, deque.peekFront(), deque.peekBack()]).toEqual([array.length, array[0], array.at(-1)])
        }
        expect([...deque]).toEqual(array)
        expect(Array.from({ length: array.length }, (_, index) => deque.at(index))).toEqual(array)
      }),
    )
  })

  it('goes round its ring without growing or losing the order', () => {
    const deque = new Deque<number>()
    for (let next = 0; next < 10; next++) deque.pushBack(next)
    for (let next = 10; next < 1_000; next++) {
      expect(deque.popFront()).toBe(next - 10)
      deque.pushBack(next)
    }
    expect([...deque]).toEqual([990, 991, 992, 993, 994, 995, 996, 997, 998, 999])
  })

  it('holds undefined like any other item', () => {
    const deque = new Deque<number | undefined>()
    deque.pushBack(undefined)
    deque.pushBack(1)
    expect(deque.size).toBe(2)
    expect([deque.popFront(), deque.size, deque.popFront()]).toEqual([undefined, 1, 1])
  })

  it('gives undefined outside its ends', () => {
    const deque = new Deque<number>()
    deque.pushBack(1)
    expect([deque.at(-1), deque.at(0), deque.at(1)]).toEqual([undefined, 1, undefined])
  })

  it('is empty after clear and can be used again', () => {
    const deque = new Deque<number>()
    for (let item = 0; item < 100; item++) deque.pushBack(item)
    deque.clear()
    expect([deque.size, deque.peekFront()]).toEqual([0, undefined])
    deque.pushFront(1)
    expect([...deque]).toEqual([1])
  })
})
