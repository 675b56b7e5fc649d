import { Type } from 'typebox'
import { describe, expect, it } from 'vitest'
import { type Environment, job, json, type RuleName, tumbling, watermarks } from '../../../src/index.ts'
import { RULES } from '../../../src/plan/optimize/applied.ts'
import type { Source } from '../../../src/spi.ts'

interface Sale {
  readonly shop: number
  readonly price: number
}

const saleJson = json(Type.Object({ shop: Type.Number(), price: Type.Number() }))
const isLarge = ({ price }: Sale): boolean => price > 100

const sales = (env: Environment, count: number) =>
  env.generate({ make: (n): Sale => ({ shop: n % 10, price: n }), count }).bounded()

/** A source that can leave out fields and records. */
const files: Source<Sale> = {
  name: 'files',
  bounded: true,
  replayable: true,
  splits: () => 1,
  project: () => files as Source<unknown>,
  where: () => files,
  open: () => ({ poll: () => 'end', position: () => 0, close: async () => {} }),
}

/** What the rule takes out of the plan and puts into it. */
const expected: Readonly<Record<RuleName, readonly string[]>> = {
  'share-subplan': [
    '- region files-source-2 · 2 tasks · keeps state',
    '- files-source-2 files-source',
    '- filter filter',
    '- group-aggregate-gather exchange explained.group-aggregate.0.repartition from region files-source-2',
    '+ group-aggregate-gather exchange explained.group-aggregate.0.repartition from region files-source',
    '+ share-subplan · files-source · computed once, also for files-source-2',
    '+ share-subplan · filter · computed once, also for filter',
  ],
  'choose-join': [
    '- join exchange explained.join.0.repartition (2 partitions, by key, msgpack@1) to region join',
    '- join exchange explained.join.1.repartition (2 partitions, by key, msgpack@1) to region join',
    '- region join · 2 tasks · keeps state',
    '- generator-source exchange explained.join.0.repartition from region generator-source',
    '+ join exchange explained.join.1.repartition (2 partitions, to every task, msgpack@1) to region generator-source',
    '+ choose-join · join · broadcast-right: left at most 1,000,000 records, right 10: at most 20 travel, the right side is held',
  ],
  'keep-partitioning': [
    '- group-aggregate-gather gather',
    '- group-aggregate exchange explained.group-aggregate.0.repartition (2 partitions, by key, keyed@1(key@1,msgpack@1)) to region group-aggregate',
    '- region group-aggregate · 2 tasks · keeps state',
    '- group-aggregate-gather exchange explained.group-aggregate.0.repartition from region group-reduce',
    '- pre-aggregate · group-aggregate · records are gathered by key before they travel',
    '+ keep-partitioning · group-aggregate · input 0 is partitioned by shop already: no exchange',
  ],
  'keep-order': ['+ keep-order · sort-partition · the records are in this order already'],
  'pre-aggregate': [
    '- window-aggregate exchange explained.window-aggregate.0.repartition (2 partitions, by key, json@1) to region window-aggregate',
    '- topic-source exchange explained.window-aggregate.0.repartition from region topic-source',
    '- forward-bytes · window-aggregate · the bytes of topic sales travel to input 0, and are decoded behind the exchange',
    '+ window-aggregate-gather gather',
    '+ window-aggregate exchange explained.window-aggregate.0.repartition (2 partitions, by key, partial@2(key@1,msgpack@1)) to region window-aggregate',
    '+ window-aggregate-gather exchange explained.window-aggregate.0.repartition from region topic-source',
    '+ pre-aggregate · window-aggregate · records are gathered by key before they travel',
  ],
  'forward-bytes': [
    '- rebalance exchange explained.rebalance.0.repartition (2 partitions, in turn, msgpack@1) to region rebalance',
    '+ rebalance exchange explained.rebalance.0.repartition (2 partitions, in turn, json@1) to region rebalance',
    '+ forward-bytes · rebalance · the bytes of topic sales travel to input 0, and are decoded behind the exchange',
    '+ forward-bytes · topic-sink · the bytes of topic sales are copied',
    '+ project-source · topic-source · no field is decoded',
  ],
  'filter-source': ['+ filter-source · files-source · only where price > 100'],
  'project-source': ['+ project-source · topic-source · only shop of the records is decoded'],
}

/** For each rule a job that it changes. */
const jobs: Readonly<Record<RuleName, (env: Environment) => void>> = {
  'share-subplan': (env) => {
    env.source(files).filter(isLarge).bounded().count().print()
    env.source(files).filter(isLarge).bounded().first(1).print()
  },
  'choose-join': (env) => {
    sales(env, 1_000_000)
      .join(sales(env, 10), { key: 'shop', by: 'shop' }, ({ price }, other) => price - other.price)
      .print()
  },
  'keep-partitioning': (env) => {
    sales(env, 100).distinct('shop').groupBy('shop').count().print()
  },
  'keep-order': (env) => {
    sales(env, 100).sortPartition('shop', 'price').filter(isLarge).sortPartition('shop').print()
  },
  'pre-aggregate': (env) => {
    env
      .topic('sales', saleJson, { time: watermarks.none((_, time) => time) })
      .keyBy('shop')
      .window(tumbling('1m'))
      .aggregate({
        create: () => 0,
        add: (sum, { price }) => sum + price,
        merge: (left, right) => left + right,
        result: (sum) => sum,
      })
      .print()
  },
  'forward-bytes': (env) => {
    env.topic('sales', saleJson).rebalance().toTopic('spread', saleJson)
  },
  'filter-source': (env) => {
    env.source(files).bounded().where('price', '>', 100).print()
  },
  'project-source': (env) => {
    env.topic('sales', saleJson).project('shop').print()
  },
}

/** The lines of a plan that tell how it is computed, without drawing, places and what is made of hashes. */
function plan(build: (env: Environment) => void, withoutRules: readonly RuleName[]): string[] {
  const text = String(job('explained', build).explain({ parallelism: 2, withoutRules }))
  return text
    .split('\n')
    .slice(1)
    .map((line) =>
      line
        .replace(/ · core\/test.*$/, '')
        .replace(/-[0-9a-f]{8}\b/g, '')
        .replace(/^[\s│└├─►○◄]+/, '')
        .replace(/\s+/g, ' ')
        .trim(),
    )
    .filter((line) => line !== '' && line !== 'optimised')
}

describe('the plan before and after the rule', () => {
  for (const rule of RULES) {
    it(rule, () => {
      const before = plan(jobs[rule], [rule])
      const after = plan(jobs[rule], [])
      expect(before.join('\n')).not.toContain(`${rule} ·`)
      const changes = [
        ...minus(before, after).map((line) => `- ${line}`),
        ...minus(after, before).map((line) => `+ ${line}`),
      ]
      expect(changes).toEqual(expected[rule])
    })
  }
})

/** Lines of one plan that are not in the other, each as often as it is there more often. */
function minus(lines: readonly string[], others: readonly string[]): string[] {
  const left = [...others]
  return lines.filter((line) => {
    const at = left.indexOf(line)
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
}
