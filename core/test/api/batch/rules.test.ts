import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DataSet, Environment } from '../../../src/index.ts'
import { run } from './run-batch.ts'

interface Row {
  readonly key: number
  readonly value: number
}

const rows = fc.array(fc.record({ key: fc.nat(6), value: fc.nat(20) }), { maxLength: 50 })

type Program = (env: Environment, values: readonly Row[]) => DataSet<unknown>

/** Pairs of programs that mean the same; the rule applies to the first one only. */
const pairs: Readonly<Record<string, readonly [Program, Program]>> = {
  combiners: [
    (env, values) => spread(env, values).groupBy('key').count(),
    (env, values) =>
      spread(env, values)
        .groupBy('key')
        .aggregate({ create: () => 0, add: (n) => n + 1, result: (n) => n }),
  ],
  'choose-join': [
    (env, values) => {
      const all = spread(env, values)
      return all.join(env.from(values.slice(0, 3)).bounded(), { key: 'key', by: 'key' }, (a, b) => [
        a.key,
        a.value,
        b.value,
      ])
    },
    (env, values) => {
      const all = spread(env, values)
      const few = env.from(values.slice(0, 3)).bounded()
      return all.join(few, { key: 'key', by: 'key', strategy: 'repartition-sort-merge' }, (a, b) => [
        a.key,
        a.value,
        b.value,
      ])
    },
  ],
  'keep-partitioning': [
    (env, values) =>
      spread(env, values)
        .partitionByHash('key')
        .map(({ key, value }) => ({ key, value: value + 1 }), { forwards: ['key'] })
        .groupBy('key')
        .reduceGroup((own, key) => [[key, [...own].map(({ value }) => value).toSorted()]]),
    (env, values) =>
      spread(env, values)
        .map(({ key, value }) => ({ key, value: value + 1 }))
        .groupBy((row) => row.key)
        .reduceGroup((own, key) => [[key, [...own].map(({ value }) => value).toSorted()]]),
  ],
  'keep-order': [
    (env, values) => tasksInOrder(spread(env, values).sort('key', 'value').filter(isLarge).sortPartition('key')),
    (env, values) => tasksInOrder(spread(env, values).filter(isLarge).sort('key', 'value')),
  ],
  'share-subplan': [
    (env, values) => {
      const source = env.from(values).bounded()
      return source.filter(isLarge).union(source.filter(isLarge)).groupBy('key').count()
    },
    (env, values) => {
      const source = env.from(values).bounded()
      return source
        .filter(isLarge)
        .union(source.filter((row) => isLarge(row)))
        .groupBy('key')
        .count()
    },
  ],
  'comparisons that sources can read': [
    (env, values) => spread(env, values).where('value', '>', 9).where('key', '!=', 2),
    (env, values) => spread(env, values).filter(({ key, value }) => value > 9 && key !== 2),
  ],
}

/** Within a task in order; which tasks hold which keys may differ by what was sampled. */
function tasksInOrder(data: DataSet<Row>): DataSet<unknown> {
  return data.mapPartition(function* (values) {
    let last = -1
    for (const { key, value } of values) {
      if (key < last) throw new Error(`${key} comes after ${last}`)
      last = key
      yield [key, value]
    }
  })
}

const isLarge = ({ value }: Row): boolean => value > 9

function spread(env: Environment, values: readonly Row[]): DataSet<Row> {
  return env.from(values).rebalance().bounded()
}

describe('a rule of the optimiser changes no result:', () => {
  for (const [name, [withRule, withoutRule]] of Object.entries(pairs)) {
    it(name, async () => {
      for (const parallelism of [1, 2, 4]) {
        await fc.assert(
          fc.asyncProperty(rows, async (values) => {
            const results = await Promise.all(
              [withRule, withoutRule].map((program) => run((env) => program(env, values), { parallelism })),
            )
            const [first, second] = results.map((own) => own.map((value) => JSON.stringify(value)).toSorted())
            expect(first).toEqual(second)
          }),
          { numRuns: 12 },
        )
      }
    })
  }
})
