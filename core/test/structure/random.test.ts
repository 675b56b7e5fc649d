import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Random } from '../../src/structure/random.ts'

const seed = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })

function draw(random: Random, count: number): number[] {
  return Array.from({ length: count }, () => random.uint32())
}

describe('Random', () => {
  it('repeats its sequence for the same seed', () => {
    fc.assert(
      fc.property(seed, (value) => {
        expect(draw(new Random(value), 20)).toEqual(draw(new Random(value), 20))
      }),
    )
  })

  it('gives other sequences for nearby seeds', () => {
    const first = new Set(Array.from({ length: 1_000 }, (_, value) => new Random(value).uint32()))
    expect(first.size).toBe(1_000)
  })

  it('never changes what a seed means', () => {
    expect(draw(new Random(42), 4)).toMatchInlineSnapshot(`
      [
        1959603763,
        2423114712,
        2466933512,
        4144396390,
      ]
    `)
  })

  it('stays within the bounds that it was given, both ends included', () => {
    fc.assert(
      fc.property(seed, fc.integer({ min: -5, max: 5 }), fc.integer({ min: 0, max: 3 }), (value, from, width) => {
        const random = new Random(value)
        const seen = new Set(Array.from({ length: 200 }, () => random.between(from, from + width)))
        expect([...seen].sort((a, b) => a - b)).toEqual(Array.from({ length: width + 1 }, (_, index) => from + index))
      }),
    )
  })

  it('spreads evenly: each of ten values comes up about as often', () => {
    const random = new Random(1)
    const counts = new Array<number>(10).fill(0)
    for (let round = 0; round < 100_000; round++) {
      const value = random.integer(10)
      counts[value] = (counts[value] as number) + 1
    }
    // Chi squared with 9 degrees of freedom: beyond 27.9 with a probability of one in a thousand.
    expect(counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0)).toBeLessThan(27.9)
  })

  it('is never or always true for a probability of 0 or 1', () => {
    const random = new Random(3)
    const all = (probability: number): Set<boolean> =>
      new Set(Array.from({ length: 500 }, () => random.chance(probability)))
    expect([all(0), all(1)]).toEqual([new Set([false]), new Set([true])])
    expect(all(0.5).size).toBe(2)
  })

  it('shuffles into another order of the same items and leaves the list alone', () => {
    fc.assert(
      fc.property(seed, fc.array(fc.integer(), { maxLength: 40 }), (value, items) => {
        const before = [...items]
        const shuffled = new Random(value).shuffle(items)
        expect(items).toEqual(before)
        expect(shuffled.toSorted((a, b) => a - b)).toEqual(items.toSorted((a, b) => a - b))
      }),
    )
    const orders = new Set(Array.from({ length: 300 }, (_, value) => new Random(value).shuffle([1, 2, 3]).join('')))
    expect(orders.size).toBe(6)
  })

  it('picks every item sooner or later, and refuses an empty list', () => {
    const random = new Random(5)
    expect(new Set(Array.from({ length: 100 }, () => random.pick(['a', 'b', 'c'])))).toEqual(new Set(['a', 'b', 'c']))
    expect(() => random.pick([])).toThrow(RangeError)
  })

  it('forks a sequence that does not depend on what is drawn from the first one later', () => {
    const one = new Random(9)
    const two = new Random(9)
    const left = one.fork()
    const right = two.fork()
    draw(one, 100)
    expect(draw(left, 10)).toEqual(draw(right, 10))
    expect(draw(new Random(9), 10)).not.toEqual(draw(new Random(9).fork(), 10))
  })
})
