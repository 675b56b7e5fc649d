import { tmpdir } from 'node:os'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Counter } from '../../../../src/metrics/registry.ts'
import { compareValues } from '../../../../src/operator/batch/memory/compare-values.ts'
import { ExternalSorter } from '../../../../src/operator/batch/memory/external-sorter.ts'
import { KeyMap } from '../../../../src/operator/batch/memory/key-map.ts'
import { sizeOf } from '../../../../src/operator/batch/memory/size-of.ts'
import { SpillFile } from '../../../../src/operator/batch/memory/spill-file.ts'
import { SpillableList } from '../../../../src/operator/batch/memory/spillable-list.ts'
import { type MemoryShare, TaskMemory } from '../../../../src/operator/batch/memory/task-memory.ts'
import { keyBytes } from '../../../../src/serde/key-codec.ts'
import { msgpack } from '../../../../src/serde/msgpack.ts'

const spilled = new Counter()

function share(budgetBytes: number): MemoryShare {
  return new TaskMemory({ budgetBytes, directory: tmpdir() }).share(spilled)
}

/** Everything that can be a key. */
const keys = fc.letrec((tie) => ({
  key: fc.oneof(
    { maxDepth: 2 },
    fc.string(),
    fc.integer(),
    fc.double({ noNaN: true }),
    fc.bigInt(),
    fc.boolean(),
    fc.date({ noInvalidDate: true }),
    fc.uint8Array({ maxLength: 5 }),
    fc.array(tie('key'), { maxLength: 3 }),
    fc.dictionary(fc.string({ maxLength: 3 }), tie('key'), { maxKeys: 2 }),
  ),
})).key

describe('the order of values', () => {
  it('is total, and finds those equal whose keys are', () => {
    fc.assert(
      fc.property(keys, keys, keys, (a, b, c) => {
        expect(Math.sign(compareValues(a, b))).toBe(-Math.sign(compareValues(b, a)) + 0)
        if (compareValues(a, b) <= 0 && compareValues(b, c) <= 0) expect(compareValues(a, c)).toBeLessThanOrEqual(0)
        expect(compareValues(a, b) === 0).toBe(keyBytes(a).equals(keyBytes(b)))
      }),
      { numRuns: 2000 },
    )
  })

  it('has NaN behind numbers, null and undefined behind everything', () => {
    const values = [undefined, 'a', Number.NaN, null, 3, true, -1n, Number.POSITIVE_INFINITY]
    expect(values.filter((value) => value !== undefined).toSorted(compareValues)).toEqual([
      true,
      3,
      Number.POSITIVE_INFINITY,
      Number.NaN,
      -1n,
      'a',
      null,
    ])
    expect(compareValues(undefined, 'a')).toBeGreaterThan(0)
  })
})

describe('a map by key', () => {
  it('finds what has an equal key', () => {
    fc.assert(
      fc.property(fc.uniqueArray(keys, { comparator: (a, b) => keyBytes(a).equals(keyBytes(b)) }), (all) => {
        const map = new KeyMap<number>()
        all.forEach((key, at) => {
          expect(map.get(key)).toBeUndefined()
          map.add(key, at)
        })
        for (const [at, key] of all.entries()) expect(map.get(structuredClone(key))?.value).toBe(at)
        expect(map.size).toBe(all.length)
      }),
    )
  })
})

describe('the estimate of a size', () => {
  it('grows with every part of a value', () => {
    fc.assert(
      fc.property(fc.object(), fc.string({ minLength: 9 }), (value, text) => {
        expect(sizeOf({ ...value, 'one more': text })).toBeGreaterThan(sizeOf(value))
        expect(sizeOf([value, value])).toBeGreaterThan(2 * sizeOf(value))
      }),
    )
  })
})

describe('an external sort', () => {
  it('is stable and gives what sorting in memory gives, with any budget', () => {
    const rows = fc.array(fc.record({ key: fc.oneof(fc.nat(5), fc.constantFrom('a', 'b')), at: fc.nat() }), {
      maxLength: 200,
    })
    fc.assert(
      fc.property(rows, fc.constantFrom(1, 500, 3000, 100_000, 1_000_000), (values, budget) => {
        const sorter = new ExternalSorter<(typeof values)[number]>(
          ({ key }) => key,
          compareValues,
          msgpack(),
          share(budget),
        )
        for (const value of values) sorter.add(value)
        if (budget === 1) expect(sorter.runs).toBe(values.length)
        const sorted: unknown[] = []
        for (const cursor = sorter.sorted(); cursor.next(); ) sorted.push(cursor.value)
        sorter.close()
        expect(sorted).toEqual(values.toSorted((a, b) => compareValues(a.key, b.key)))
      }),
    )
  })
})

describe('a list that may spill', () => {
  it('is read while it grows, in memory and on disk', () => {
    for (const budget of [1, 400, 1_000_000]) {
      const list = new SpillableList<number>(msgpack(), share(budget))
      list.add(0)
      const seen: number[] = []
      for (const value of list) {
        seen.push(value)
        if (value < 50) list.add(value + 1)
      }
      expect(seen).toEqual(Array.from({ length: 51 }, (_, n) => n))
      expect([...list]).toEqual(seen)
      list.clear()
      expect([...list]).toEqual([])
    }
  })
})

describe('a spill file', () => {
  it('holds values that are larger than its buffers', () => {
    const file = new SpillFile<string>(msgpack(), share(1))
    const values = [1, 5_000, 300_000, 3].map((length) => 'x'.repeat(length))
    for (const value of values) file.append(value)
    const read: string[] = []
    for (const cursor = file.read(); cursor.next(); ) read.push(cursor.value)
    expect(read).toEqual(values)
    file.close()
  })
})
