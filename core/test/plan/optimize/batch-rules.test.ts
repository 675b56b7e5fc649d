import { describe, expect, it } from 'vitest'
import { buildLogicalGraph } from '../../../src/api/build.ts'
import type { Environment } from '../../../src/api/environment.ts'
import type { Condition, Source } from '../../../src/connector/source.ts'
import { compile } from '../../../src/plan/compile.ts'
import type { JobGraph } from '../../../src/plan/job-graph.ts'

interface Sale {
  readonly shop: number
  readonly item: string
  readonly price: number
}

function planned(build: (env: Environment) => void, parallelism: number): JobGraph {
  const graph = buildLogicalGraph('planned', build, 'here')
  return compile(graph, { parallelism, maxParallelism: 128, topicPartitions: new Map() })
}

const texts = ({ applied }: JobGraph, rule: string): string[] =>
  applied.filter((own) => own.rule === rule).map(({ text }) => text)
const types = ({ regions }: JobGraph): string[] => regions.flatMap(({ nodes }) => nodes.map(({ node }) => node.type))
const exchanges = ({ regions }: JobGraph): string[] =>
  regions.flatMap(({ exchangesIn }) => exchangesIn.map(({ partitioning }) => partitioning.kind))

const sales = (env: Environment, count: number) =>
  env.generate({ make: (n): Sale => ({ shop: n % 10, item: `item ${n}`, price: n }), count }).bounded()

describe('combiners', () => {
  it('gather records of data sets before they travel, where the fold merges', () => {
    const grouped = (merges: boolean) => (env: Environment) => {
      const sum = {
        create: () => 0,
        add: (held: number, { price }: Sale) => held + price,
        result: (held: number) => held,
      }
      const merge = (left: number, right: number) => left + right
      sales(env, 100)
        .groupBy('shop')
        .aggregate(merges ? { ...sum, merge } : sum)
        .print()
    }
    expect(types(planned(grouped(true), 2))).toContain('gather')
    expect(types(planned(grouped(false), 2))).not.toContain('gather')
    expect(types(planned(grouped(true), 1))).not.toContain('gather')
    const combined = planned((env) => {
      sales(env, 100)
        .groupBy('shop')
        .reduceGroup((values) => values, { combine: (values) => values })
        .print()
    }, 2)
    expect(types(combined)).toContain('gather')
  })
})

describe('the strategy of a join', () => {
  const joined =
    (left: number, right: number, type: 'inner' | 'left' | 'full' = 'inner') =>
    (env: Environment) => {
      sales(env, left)
        .join(sales(env, right), { key: 'shop', by: 'shop', type }, (a, b) => [a?.price, b?.price])
        .print()
    }

  it('sends a small side to all tasks instead of moving both, and says why', () => {
    const plan = planned(joined(1_000_000, 100), 4)
    expect(exchanges(plan)).toEqual(['broadcast'])
    expect(texts(plan, 'choose-join')).toEqual([
      'broadcast-right: left at most 1,000,000 records, right 100: at most 400 travel, the right side is held',
    ])
    expect(texts(planned(joined(100, 1_000_000), 4), 'choose-join')[0]).toMatch(/^broadcast-left/)
  })

  it('moves both where they are alike, and holds the smaller one', () => {
    const plan = planned(joined(900, 1000), 4)
    expect(exchanges(plan)).toEqual(['hash', 'hash'])
    expect(texts(plan, 'choose-join')).toEqual([
      'repartition-hash: left at most 900 records, right 1,000: at most 1,900 travel, the left side is held',
    ])
  })

  it('never sends a side to all tasks whose records are given without a partner', () => {
    expect(texts(planned(joined(100, 1_000_000, 'left'), 4), 'choose-join')[0]).toMatch(/^repartition-hash/)
    expect(texts(planned(joined(1_000_000, 100, 'left'), 4), 'choose-join')[0]).toMatch(/^broadcast-right/)
    expect(texts(planned(joined(1_000_000, 100, 'full'), 4), 'choose-join')[0]).toMatch(/^repartition-hash/)
  })

  it('goes by nothing but a side that is surely small where the other is not known', () => {
    const plan = planned((env) => {
      const unknown = sales(env, 100).flatMap((sale) => [sale, sale])
      unknown.join(sales(env, 100), { key: 'shop', by: 'shop' }, (a) => a).print()
      unknown.join(unknown, { key: 'shop', by: 'shop' }, (a) => a).print()
      unknown.join(unknown, { key: 'shop', by: 'shop', strategy: 'repartition-sort-merge' }, (a) => a).print()
    }, 4)
    expect(texts(plan, 'choose-join')).toEqual([
      'broadcast-right: the right side has at most 100 records, the other is not known',
      'repartition-hash: the size of a side is not known, the right side is held',
      'repartition-sort-merge: as asked for',
    ])
  })
})

describe('an exchange of bounded data', () => {
  it('is left out where the records lie at the tasks of their keys already', () => {
    const chained = (forwards: boolean) => (env: Environment) => {
      sales(env, 100)
        .partitionByHash('shop')
        .map((sale) => ({ ...sale, price: sale.price * 2 }), forwards ? { forwards: ['shop'] } : {})
        .filter(({ price }) => price > 5)
        .distinct('shop')
        .groupBy('shop')
        .count()
        .print()
    }
    const before = planned(chained(false), 3)
    const after = planned(chained(true), 3)
    expect(exchanges(before)).toEqual(['hash', 'hash'])
    expect(exchanges(after)).toEqual(['hash'])
    expect(texts(after, 'keep-partitioning')).toEqual([
      'input 0 is partitioned by shop already: no exchange',
      'input 0 is partitioned by shop already: no exchange',
    ])
    expect(texts(planned(chained(true), 1), 'keep-partitioning')).toEqual([])
  })

  it('is left out where the same function has partitioned them, unless something has changed them', () => {
    const key = ({ price }: Sale): number => price % 3
    const plan = planned((env) => {
      const partitioned = sales(env, 100).partitionByHash(key)
      partitioned.groupBy(key).first(1).print()
      partitioned
        .map((sale) => sale)
        .groupBy(key)
        .first(1)
        .print()
      partitioned.rebalance().groupBy(key).first(1).print()
    }, 2)
    expect(texts(plan, 'keep-partitioning')).toEqual(['input 0 is partitioned by this function already: no exchange'])
  })
})

describe('a sort of a task', () => {
  it('is left out where the records are in its order already', () => {
    const plan = planned((env) => {
      const sorted = sales(env, 100).sort('shop', 'price')
      sorted
        .filter(({ price }) => price > 1)
        .sortPartition('shop')
        .uid('kept')
        .print()
      sorted.sortPartition('price').uid('other').print()
      sorted.sortPartition({ by: 'shop', order: 'descending' }).uid('turned').print()
      sorted
        .map((sale) => sale)
        .sortPartition('shop')
        .uid('mapped')
        .print()
      sorted.rebalance().sortPartition('shop').uid('moved').print()
    }, 2)
    const kept = plan.applied.filter(({ rule }) => rule === 'keep-order').map(({ uid }) => uid)
    expect(kept).toEqual(['kept'])
  })
})

/** A source that says what it is asked to leave out. */
function layered(asked: string): Source<Sale> {
  return {
    name: asked,
    bounded: true,
    replayable: true,
    splits: () => 1,
    project: (fields) => layered(`${asked} ${fields.join('+')}`),
    where: (conditions: readonly Condition[]) =>
      layered(`${asked} where ${conditions.map(({ field, operator }) => field + operator).join()}`),
    open: () => ({ poll: () => 'end', position: () => 0, close: async () => {} }),
  }
}

const sourceName = ({ regions }: JobGraph): string | undefined =>
  regions
    .flatMap(({ nodes }) => nodes)
    .map(({ node }) => (node.kind === 'source' && node.source.kind === 'splits' ? node.source.source.name : undefined))
    .find((name) => name !== undefined)

describe('a source of files', () => {
  it('decodes only the fields that are used, those of comparisons among them', () => {
    const plan = planned((env) => {
      env.source(layered('s')).bounded().where('price', '>', 3).project('shop', 'item').print()
    }, 1)
    expect(sourceName(plan)).toBe('s where price> item+price+shop')
  })

  it('hears of comparisons behind it, as long as all records pass them', () => {
    const both = planned((env) => {
      env.source(layered('s')).bounded().where('price', '>', 3).where('shop', '=', 1).print()
    }, 1)
    expect(sourceName(both)).toBe('s where price>,shop=')
    const branched = planned((env) => {
      const all = env.source(layered('s')).bounded()
      all.where('price', '>', 3).print()
      all.print()
    }, 1)
    expect(sourceName(branched)).toBe('s')
    const mapped = planned((env) => {
      env
        .source(layered('s'))
        .bounded()
        .map((sale) => ({ ...sale, price: 1 }))
        .where('price', '>', 3)
        .print()
    }, 1)
    expect(sourceName(mapped)).toBe('s')
  })
})

describe('what a bounded job describes twice', () => {
  const source = layered('s')
  const expensive = ({ price }: Sale): boolean => price > 100
  const twice = (env: Environment, bounded = true): void => {
    const read = () => env.source(bounded ? source : { ...source, bounded: false }).filter(expensive)
    if (bounded) env.from([1]).bounded().count().print()
    read()
      .map(({ shop }) => shop)
      .print()
    read()
      .map(({ item }) => item)
      .print()
  }

  it('is computed once', () => {
    const plan = planned((env) => twice(env), 1)
    expect(types(plan).filter((type) => type === 's-source')).toHaveLength(1)
    expect(types(plan).filter((type) => type === 'filter')).toHaveLength(1)
    expect(types(plan).filter((type) => type === 'map')).toHaveLength(2)
    expect(texts(plan, 'share-subplan')).toHaveLength(2)
  })

  it('is left alone in jobs that do not end, and where an operator has a uid of its own', () => {
    expect(types(planned((env) => twice(env, false), 1)).filter((type) => type === 's-source')).toHaveLength(2)
    const named = planned((env) => {
      env.from([1]).bounded().count().print()
      env.source(source).filter(expensive).uid('own').print()
      env.source(source).filter(expensive).print()
    }, 1)
    expect(types(named).filter((type) => type === 'filter')).toHaveLength(2)
  })
})
