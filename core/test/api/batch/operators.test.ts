import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DataSet, Environment } from '../../../src/index.ts'
import { run } from './run-batch.ts'

interface Row {
  readonly id: number
  readonly key: string
  readonly value: number
}

const rows = fc.array(
  fc.record({
    id: fc.nat(1000),
    key: fc.constantFrom('a', 'b', 'c', 'd', 'e', ''),
    value: fc.integer({ min: -5, max: 5 }),
  }),
  { maxLength: 60 },
)

/** Values in an order of their own, to compare what has none. */
function unordered(values: readonly unknown[]): string[] {
  return values.map((value) => JSON.stringify(value)).toSorted()
}

function groups<T, K>(values: readonly T[], key: (value: T) => K): Map<K, T[]> {
  return Map.groupBy(values, key)
}

/** Rows that lie at all tasks, not only at the first. */
function spread(env: Environment, values: readonly Row[]): DataSet<Row> {
  return env.from(values).rebalance().bounded()
}

/** The smallest budget that the options take makes everything spill. */
const setups = [1, 2, 4].flatMap((parallelism) => [
  { parallelism, memoryBudget: 64 * 1024 * 1024 },
  { parallelism, memoryBudget: 1 },
])

async function property(
  build: (data: DataSet<Row>, env: Environment) => DataSet<unknown>,
  oracle: (values: readonly Row[]) => readonly unknown[],
): Promise<void> {
  for (const setup of setups) {
    await fc.assert(
      fc.asyncProperty(rows, async (values) => {
        const results = await run((env) => build(spread(env, values), env), setup)
        expect(unordered(results)).toEqual(unordered(oracle(values)))
      }),
      { numRuns: 6 },
    )
  }
}

describe('a data set, at any parallelism and with any budget,', () => {
  it('is mapped, filtered and flattened', () =>
    property(
      (data) =>
        data
          .map((row) => row.value)
          .filter((n) => n > 0)
          .flatMap((n) => [n, n + 1]),
      (values) =>
        values
          .map((row) => row.value)
          .filter((n) => n > 0)
          .flatMap((n) => [n, n + 1]),
    ))

  it('is projected', () =>
    property(
      (data) => data.project('id', 'key'),
      (values) => values.map(({ id, key }) => ({ id, key })),
    ))

  it('is handed to functions of partitions, whose sizes add up', () =>
    property(
      (data) =>
        data
          .mapPartition(function* (values) {
            let sum = 0
            for (const { value } of values) sum += value
            for (const { value } of values) sum += value
            yield sum
          })
          .reduce((left, right) => left + right),
      (values) => [values.reduce((sum, { value }) => sum + 2 * value, 0)],
    ))

  it('loses what is there twice', () =>
    property(
      (data) => data.map(({ key, value }) => ({ key, value })).distinct(),
      (values) =>
        [...groups(values, ({ key, value }) => JSON.stringify({ key, value })).keys()].map((key) => JSON.parse(key)),
    ))

  it('has one record of each key when it is distinct by that', () =>
    property(
      (data) => data.distinct('key').map(({ key }) => key),
      (values) => [...new Set(values.map(({ key }) => key))],
    ))

  it('is reduced by groups', () =>
    property(
      (data) =>
        data
          .groupBy('key')
          .reduce((left, right) => ({ key: left.key, id: 0, value: left.value + right.value }))
          .map(({ key, value }) => [key, value]),
      (values) =>
        [...groups(values, ({ key }) => key)].map(([key, own]) => [
          key,
          own.reduce((sum, { value }) => sum + value, 0),
        ]),
    ))

  it('is handed to functions of groups', () =>
    property(
      (data) =>
        data
          .groupBy((row) => [row.key, row.value > 0])
          .reduceGroup((values, key) => [[key, [...values].map(({ id }) => id).toSorted()]]),
      (values) =>
        [...groups(values, (row) => JSON.stringify([row.key, row.value > 0]))].map(([key, own]) => [
          JSON.parse(key),
          own.map(({ id }) => id).toSorted(),
        ]),
    ))

  it('is combined by groups before it is handed to their functions', () => {
    const topTwo = (values: Iterable<Row>): Row[] => [...values].toSorted((a, b) => b.id - a.id).slice(0, 2)
    return property(
      (data) =>
        data
          .groupBy('key')
          .reduceGroup((values, key) => [[key, topTwo(values).map(({ id }) => id)]], { combine: topTwo }),
      (values) =>
        [...groups(values, ({ key }) => key)].map(([key, own]) => [
          key,
          own
            .map(({ id }) => id)
            .toSorted((a, b) => b - a)
            .slice(0, 2),
        ]),
    )
  })

  it('is aggregated by groups, with and without a merge', async () => {
    const mean = {
      create: () => ({ sum: 0, n: 0 }),
      add: (held: { sum: number; n: number }, { value }: Row) => ({ sum: held.sum + value, n: held.n + 1 }),
      result: (held: { sum: number; n: number }) => held.sum / held.n,
    }
    const merge = (left: { sum: number; n: number }, right: { sum: number; n: number }) => ({
      sum: left.sum + right.sum,
      n: left.n + right.n,
    })
    const oracle = (values: readonly Row[]) =>
      [...groups(values, ({ key }) => key)].map(([key, own]) => [
        key,
        own.reduce((sum, { value }) => sum + value, 0) / own.length,
      ])
    await property((data) => data.groupBy('key').aggregate(mean), oracle)
    await property((data) => data.groupBy('key').aggregate({ ...mean, merge }), oracle)
  })

  it('is counted, as a whole and by groups, also when it is empty', async () => {
    await property(
      (data) => data.count(),
      (values) => [values.length],
    )
    await property(
      (data) => data.groupBy('key').count(),
      (values) => [...groups(values, ({ key }) => key)].map(([key, own]) => [key, own.length]),
    )
  })

  it('gives the least and the greatest record of each group and of all', async () => {
    await property(
      (data) =>
        data
          .groupBy('key')
          .minBy('value')
          .map(({ key, value }) => [key, value])
          .union(
            data
              .groupBy('key')
              .maxBy('value')
              .map(({ key, value }) => [key, value]),
          ),
      (values) =>
        [...groups(values, ({ key }) => key)].flatMap(([key, own]) => [
          [key, Math.min(...own.map(({ value }) => value))],
          [key, Math.max(...own.map(({ value }) => value))],
        ]),
    )
    await property(
      (data) => data.maxBy('value').map(({ value }) => value),
      (values) => (values.length === 0 ? [] : [Math.max(...values.map(({ value }) => value))]),
    )
  })

  it('gives so many of all, of each group, and the first of each sorted group', async () => {
    await property(
      (data) => data.first(3).count(),
      (values) => [Math.min(3, values.length)],
    )
    await property(
      (data) => data.groupBy('key').first(2).groupBy('key').count(),
      (values) => [...groups(values, ({ key }) => key)].map(([key, own]) => [key, Math.min(2, own.length)]),
    )
    await property(
      (data) => data.groupBy('key').sortGroup({ by: 'value', order: 'descending' }, 'id').first(2),
      (values) =>
        [...groups(values, ({ key }) => key).values()].flatMap((own) =>
          own.toSorted((a, b) => b.value - a.value || a.id - b.id).slice(0, 2),
        ),
    )
  })

  it('hands groups in their order to functions', () =>
    property(
      (data) =>
        data
          .groupBy('key')
          .sortGroup('id')
          .reduceGroup((values, key) => [[key, ...[...values].map(({ id }) => id)]]),
      (values) =>
        [...groups(values, ({ key }) => key)].map(([key, own]) => [
          key,
          ...own.map(({ id }) => id).toSorted((a, b) => a - b),
        ]),
    ))

  it('is united with another', () =>
    property(
      (data) => data.union(data.filter(({ value }) => value > 0)),
      (values) => [...values, ...values.filter(({ value }) => value > 0)],
    ))

  it('is crossed with another', () =>
    property(
      (data) =>
        data.cross(
          data.filter(({ value }) => value > 3),
          (left, right) => [left.id, right.id],
        ),
      (values) => values.flatMap((left) => values.filter(({ value }) => value > 3).map((right) => [left.id, right.id])),
    ))

  it('is grouped together with another', () =>
    property(
      (data) =>
        data
          .filter(({ value }) => value > 0)
          .coGroup(
            data.filter(({ value }) => value <= 0),
            { key: 'key', by: (row) => row.key },
            (left, right, key) => [
              [key, [...left].map(({ id }) => id).toSorted(), [...right].map(({ id }) => id).toSorted()],
            ],
          ),
      (values) =>
        [...groups(values, ({ key }) => key)].map(([key, own]) => [
          key,
          own
            .filter(({ value }) => value > 0)
            .map(({ id }) => id)
            .toSorted(),
          own
            .filter(({ value }) => value <= 0)
            .map(({ id }) => id)
            .toSorted(),
        ]),
    ))

  it('sees all of other data sets', () =>
    property(
      (data) =>
        data
          .withSets({ large: data.filter(({ value }) => value > 2), count: data.count() })
          .map((row, { large, count }) => [row.id, large.length, count]),
      (values) => values.map((row) => [row.id, values.filter(({ value }) => value > 2).length, [values.length]]),
    ))

  it('is numbered without gaps, and without repetition', async () => {
    await property(
      (data) => data.zipWithIndex().map(([index]) => index),
      (values) => values.map((_, index) => index),
    )
    await property(
      (data) => data.zipWithIndex().map(([, row]) => row),
      (values) => values,
    )
    await property(
      (data) =>
        data
          .zipWithUniqueId()
          .distinct(([id]) => id)
          .map(([, row]) => row),
      (values) => values,
    )
  })

  it('is partitioned by hash, by range and by a function, and loses nothing', async () => {
    await property(
      (data) => data.partitionByHash('key').mapPartition((values) => [...new Set([...values].map(({ key }) => key))]),
      (values) => [...new Set(values.map(({ key }) => key))],
    )
    await property(
      (data) =>
        data
          .partitionByRange('value', 'key')
          .mapPartition((values) => [...new Set([...values].map(({ value, key }) => value + key))]),
      (values) => [...new Set(values.map(({ value, key }) => value + key))],
    )
    await property(
      (data) => data.partitionBy((row, tasks) => row.id % tasks).rebalance(),
      (values) => values,
    )
  })

  it('is sorted within each task, and over all of them', async () => {
    for (const setup of setups) {
      await fc.assert(
        fc.asyncProperty(rows, async (values) => {
          const sorted = await run(
            (env) =>
              spread(env, values)
                .sort({ by: 'value', order: 'descending' }, 'key')
                .mapPartition((own, { index }) => [{ index, own: [...own].map(({ value, key }) => [value, key]) }]),
            setup,
          )
          const inOrder = sorted.toSorted((a, b) => a.index - b.index).flatMap(({ own }) => own)
          const expected = values.toSorted((a, b) => b.value - a.value || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
          expect(inOrder).toEqual(expected.map(({ value, key }) => [value, key]))
        }),
        { numRuns: 6 },
      )
    }
  })

  it('gives samples that are as large as they should be, the same ones for the same seed', async () => {
    const build = (env: Environment) => env.generate({ make: (index) => index, count: 20_000, splits: 2 }).bounded()
    for (const parallelism of [1, 2]) {
      const [first, again, other] = await Promise.all(
        [1, 1, 2].map((seed) => run((env) => build(env).sample(0.1, { seed }), { parallelism })),
      )
      expect(unordered(first ?? [])).toEqual(unordered(again ?? []))
      expect(unordered(first ?? [])).not.toEqual(unordered(other ?? []))
      expect(first?.length).toBeGreaterThan(1800)
      expect(first?.length).toBeLessThan(2200)
      expect(new Set(first).size).toBe(first?.length)
      const repeated = await run((env) => build(env).sample(1.5, { withReplacement: true, seed: 3 }), { parallelism })
      expect(repeated.length).toBeGreaterThan(29_000)
      expect(repeated.length).toBeLessThan(31_000)
      expect(new Set(repeated).size).toBeLessThan(20_000)
      const some = await run((env) => build(env).sampleSize(500, { seed: 4 }), { parallelism })
      expect(new Set(some).size).toBe(500)
      const mean = some.reduce((sum, n) => sum + n, 0) / 500
      expect(Math.abs(mean - 10_000)).toBeLessThan(1200)
    }
  })

  it('draws so many from all records with replacement, all with equal chances', async () => {
    const build = (env: Environment, count: number) =>
      env.generate({ make: (index) => index, count, splits: 2 }).bounded()
    for (const parallelism of [1, 3]) {
      const draw = (count: number, size: number, seed: number) =>
        run((env) => build(env, count).sampleSize(size, { seed, withReplacement: true }), {
          parallelism,
          memoryBudget: 1,
        })
      const drawn = await draw(100, 20_000, 5)
      expect(drawn).toHaveLength(20_000)
      const times = [...groups(drawn, (n) => n).values()].map(({ length }) => length)
      expect(times).toHaveLength(100)
      // Each is drawn 200 times on average, with a standard deviation of 14.
      expect(Math.max(...times)).toBeLessThan(200 + 6 * 14)
      expect(Math.min(...times)).toBeGreaterThan(200 - 6 * 14)
      expect(unordered(await draw(100, 20_000, 5))).toEqual(unordered(drawn))
      expect(await draw(0, 10, 1)).toEqual([])
      expect(await draw(10, 0, 1)).toEqual([])
    }
  })

  it('gives each record often where the sample is to be a large multiple of the data', async () => {
    const often = await run((env) => env.from([1, 2]).bounded().sample(2_000, { withReplacement: true }))
    // The standard deviation is 63.
    expect(Math.abs(often.length - 4_000)).toBeLessThan(400)
  })
})
