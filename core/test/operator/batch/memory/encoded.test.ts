import { tmpdir } from 'node:os'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Counter } from '../../../../src/metrics/registry.ts'
import { BlockMerge } from '../../../../src/operator/batch/memory/block-merge.ts'
import { compareValues } from '../../../../src/operator/batch/memory/compare-values.ts'
import { ChunkPool } from '../../../../src/operator/batch/memory/encoded-rows.ts'
import { EncodedRun } from '../../../../src/operator/batch/memory/encoded-run.ts'
import { JoinTable, NONE } from '../../../../src/operator/batch/memory/join-table.ts'
import { KeyColumn } from '../../../../src/operator/batch/memory/key-column.ts'
import { mergeSort } from '../../../../src/operator/batch/memory/merge-sort.ts'
import { SpillFile } from '../../../../src/operator/batch/memory/spill-file.ts'
import { TaskMemory } from '../../../../src/operator/batch/memory/task-memory.ts'
import { msgpack } from '../../../../src/serde/msgpack.ts'

interface Row {
  readonly key: number
  readonly text: string
}

const serde = msgpack<unknown>()
const keyOf = (row: unknown): unknown => (row as Row).key

describe('a table of a join', () => {
  it('finds the rows of a key, each once, as objects and as bytes, among rows with the same hash', () => {
    const rows = fc.array(fc.record({ key: fc.nat(20), text: fc.string() }), { maxLength: 300 })
    fc.assert(
      fc.property(rows, fc.boolean(), fc.integer({ min: 1, max: 1000 }), (all, asObjects, hashes) => {
        const table = new JoinTable(keyOf, serde, asObjects ? null : new ChunkPool(1))
        // A bad hash on purpose.
        const hashOf = (key: number): number => Math.imul(key % hashes, 0x9e3779b1)
        for (const row of all) expect(table.add(hashOf(row.key), row)).toBeGreaterThan(0)
        for (let key = 0; key < 10; key++) {
          const found: unknown[] = []
          for (let at = table.first(hashOf(key), key); at !== NONE; at = table.after(at, key)) found.push(table.value)
          expect(found.toReversed()).toEqual(all.filter((row) => row.key === key))
        }
        expect([...table.unmatched()]).toEqual(all.filter(({ key }) => key >= 10))
        table.clear()
        expect(table.length).toBe(0)
        expect(table.first(hashOf(1), 1)).toBe(NONE)
      }),
    )
  })

  it('writes its rows to a file without decoding them, those larger than a chunk too', () => {
    for (const pool of [null, new ChunkPool(1)]) {
      const table = new JoinTable(keyOf, serde, pool)
      const all = [1, 3000, 100_000, 5, 4090].map((length, key) => ({ key, text: 'x'.repeat(length) }))
      for (const row of all) table.add(row.key, row)
      const file = new SpillFile(serde, new TaskMemory({ budgetBytes: 1, directory: tmpdir() }).share(new Counter()))
      table.writeTo(file)
      const read: unknown[] = []
      for (const cursor = file.read(); cursor.next(); ) read.push(cursor.value)
      expect(read).toEqual(all)
      file.close()
    }
  })
})

describe('a column of keys', () => {
  it('gives what was put into it, be all of it numbers or not, also when it is used again', () => {
    const keys = fc.oneof(fc.array(fc.double()), fc.array(fc.oneof(fc.integer(), fc.string(), fc.constant(null))))
    const column = new KeyColumn()
    fc.assert(
      fc.property(keys, fc.nat(9000), (all, before) => {
        column.clear()
        // Over the border of a segment.
        for (let n = 0; n < before; n++) column.push(n)
        for (const key of all) column.push(key)
        expect(column.length).toBe(before + all.length)
        expect(all.every((key, at) => Object.is(column.at(before + at), key))).toBe(true)
        if (before > 0) expect(column.at(before - 1)).toBe(before - 1)
        expect(column.isOrdered).toBe(all.every((key) => typeof key === 'number' && !Number.isNaN(key)))
      }),
      { numRuns: 200 },
    )
  })
})

describe('a merge sort of indices', () => {
  it('is stable and gives what sorting gives', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(30), { maxLength: 400 }), (keys) => {
        const order = Uint32Array.from(keys.keys())
        const sorted = mergeSort(order, new Uint32Array(keys.length), keys.length, (left, right) => {
          return (keys[left] as number) > (keys[right] as number)
        })
        const expected = [...keys.keys()].sort((a, b) => (keys[a] as number) - (keys[b] as number) || a - b)
        expect([...sorted]).toEqual(expected)
      }),
    )
  })
})

describe('a run of records', () => {
  it('is in order over the blocks that are sorted as they come, stably, and can be filled again', {
    timeout: 60_000,
  }, () => {
    const share = new TaskMemory({ budgetBytes: 2 ** 30, directory: tmpdir() }).share(new Counter())
    for (const isNumber of [true, false]) {
      const key = ([own]: readonly [number, number]): unknown => (isNumber ? own : `${own}`)
      const run = new EncodedRun<readonly [number, number]>(key, compareValues, msgpack(), share)
      for (const count of [150_000, 70_000, 65_536]) {
        const all = Array.from({ length: count }, (_, at) => [(Math.imul(at, 0x9e3779b1) >>> 0) % 1000, at] as const)
        for (const one of all) run.add(one)
        const read: unknown[] = []
        for (const file = run.spill(), cursor = file.read(); cursor.next(); ) read.push(cursor.value)
        expect(read).toEqual(all.toSorted((a, b) => compareValues(key(a), key(b)) || a[1] - b[1]))
        expect(run.length).toBe(0)
        expect(share.held).toBe(0)
      }
    }
  })
})

describe('a merge of blocks', () => {
  it('gives the places in the order of their keys, equal ones as they stand, be all keys numbers or not', () => {
    const number = fc.oneof(fc.nat(5), fc.constantFrom(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0))
    const key = fc.oneof(number, fc.constantFrom('a', 'b', null, Number.NaN))
    fc.assert(
      fc.property(fc.oneof(fc.array(number), fc.array(key)), fc.integer({ min: 1, max: 8 }), (keys, length) => {
        const column = new KeyColumn()
        for (let start = 0; start < keys.length; start += length) {
          for (const one of keys.slice(start, start + length).sort(compareValues)) column.push(one)
        }
        const places = Array.from({ length: column.length }, (_, at) => at)
        const expected = places.toSorted((a, b) => compareValues(column.at(a), column.at(b)) || a - b)
        for (const compare of column.isOrdered ? [null, compareValues] : [compareValues]) {
          const merge = new BlockMerge(column, length, compare)
          const found: number[] = []
          for (let at = merge.next(); at >= 0; at = merge.next()) found.push(at)
          expect(found).toEqual(expected)
          expect(merge.next()).toBe(-1)
        }
      }),
    )
  })
})
