import fc from 'fast-check'
import { Type } from 'typebox'
import type { DataSet, Environment, RunOptions } from '../../../src/index.ts'
import { json, memoryLog } from '../../../src/index.ts'
import type { Condition, Source } from '../../../src/spi.ts'

/** What every operator of a random plan takes and gives, so that they can stand in any order. */
export interface Row {
  readonly id: number
  readonly key: number
  readonly value: number
}

interface Unary {
  readonly apply: (data: DataSet<Row>) => DataSet<Row>
  /** The same over an array; the order of the result does not count. */
  readonly oracle: (rows: readonly Row[]) => readonly Row[]
}

interface Binary {
  readonly apply: (left: DataSet<Row>, right: DataSet<Row>) => DataSet<Row>
  readonly oracle: (left: readonly Row[], right: readonly Row[]) => readonly Row[]
}

export type Step = { readonly op: string } | { readonly op: string; readonly other: Plan }

export interface Plan {
  readonly source: (typeof sourceNames)[number]
  readonly steps: readonly Step[]
}

const sourceNames = ['collection', 'spread', 'splits', 'topic'] as const
const rowJson = json(Type.Object({ id: Type.Number(), key: Type.Number(), value: Type.Number() }))

const same = (rows: readonly Row[]): readonly Row[] => rows
const byKey = (rows: readonly Row[]): Row[][] => [...Map.groupBy(rows, ({ key }) => key).values()]
const inOrder = (rows: readonly Row[]): Row[] =>
  rows.toSorted((a, b) => a.key - b.key || a.value - b.value || a.id - b.id)

/** One function object each, so that what is described twice is known to be the same. */
const isOdd = ({ id }: Row): boolean => id % 2 === 1
const doubled = (row: Row): Row => ({ ...row, value: (row.value * 2) % 97 })
const rekeyed = ({ id, key, value }: Row): Row => ({ id, key: (key + value) % 4, value })
const twice = (row: Row): Row[] => (row.value % 3 === 0 ? [row, { ...row, id: row.id + 1 }] : [])
const withoutValue = ({ id, key }: Pick<Row, 'id' | 'key'>): Row => ({ id, key, value: id % 7 })
const merged = (left: Row, right: Row): Row => ({
  id: Math.max(left.id, right.id),
  key: left.key,
  value: (left.value + right.value) % 97,
})
const sum = {
  create: () => 0,
  add: (held: number, { value }: Row) => (held + value) % 97,
  merge: (left: number, right: number) => (left + right) % 97,
  result: (held: number) => held,
}
const { merge: _, ...sumAlone } = sum
const ofSum = (value: number, key: number): Row => ({ id: key, key, value })
const firstTwo = (values: Iterable<Row>): Row[] => inOrder([...values]).slice(0, 2)
const paired = (left: Row | undefined, right: Row | undefined): Row => ({
  id: ((left?.id ?? 500) * 31 + (right?.id ?? 700)) % 1009,
  key: left?.key ?? right?.key ?? 0,
  value: ((left?.value ?? 3) + (right?.value ?? 5)) % 97,
})
const keyOfValue = ({ value }: Row): number => value % 3

function checked(data: DataSet<Row>, order: (left: Row, right: Row) => number): DataSet<Row> {
  return data.mapPartition(function* (values) {
    let last: Row | null = null
    for (const row of values) {
      if (last !== null && order(last, row) > 0) throw new Error(`${JSON.stringify(row)} is out of order`)
      last = row
      yield row
    }
  })
}

export const unary: Readonly<Record<string, Unary>> = {
  map: { apply: (data) => data.map(doubled), oracle: (rows) => rows.map(doubled) },
  'map that forwards': {
    apply: (data) => data.map(doubled, { forwards: ['id', 'key'] }),
    oracle: (rows) => rows.map(doubled),
  },
  'map of the key': { apply: (data) => data.map(rekeyed), oracle: (rows) => rows.map(rekeyed) },
  filter: { apply: (data) => data.filter(isOdd), oracle: (rows) => rows.filter(isOdd) },
  flatMap: { apply: (data) => data.flatMap(twice), oracle: (rows) => rows.flatMap(twice) },
  'where >': {
    apply: (data) => data.where('value', '>', 20),
    oracle: (rows) => rows.filter(({ value }) => value > 20),
  },
  'where !=': { apply: (data) => data.where('key', '!=', 1), oracle: (rows) => rows.filter(({ key }) => key !== 1) },
  project: {
    apply: (data) => data.project('id', 'key').map(withoutValue, { forwards: ['id', 'key'] }),
    oracle: (rows) => rows.map(withoutValue),
  },
  mapPartition: {
    apply: (data) =>
      data.mapPartition(function* (values) {
        let read = 0
        for (const _row of values) read++
        for (const row of values) if (read-- > 0) yield row
      }),
    oracle: same,
  },
  distinct: {
    apply: (data) => data.distinct(),
    oracle: (rows) => [...new Map(rows.map((row) => [JSON.stringify([row.id, row.key, row.value]), row])).values()],
  },
  'distinct by key': {
    apply: (data) => data.distinct('key').map(({ key }) => ({ id: key, key, value: 0 }), { forwards: ['key'] }),
    oracle: (rows) => byKey(rows).map((own) => ({ id: own[0]?.key ?? 0, key: own[0]?.key ?? 0, value: 0 })),
  },
  reduce: {
    apply: (data) => data.groupBy('key').reduce(merged),
    oracle: (rows) => byKey(rows).map((own) => own.reduce(merged)),
  },
  'reduce that forwards': {
    apply: (data) => data.groupBy('key').reduce(merged, { forwards: ['key'] }),
    oracle: (rows) => byKey(rows).map((own) => own.reduce(merged)),
  },
  'aggregate in parts': {
    apply: (data) => data.groupBy('key').aggregate(sum, ofSum),
    oracle: (rows) => byKey(rows).map((own) => ofSum(own.reduce(sum.add, 0), own[0]?.key ?? 0)),
  },
  'aggregate by a function': {
    apply: (data) => data.groupBy(keyOfValue).aggregate(sumAlone, ofSum),
    oracle: (rows) => [...Map.groupBy(rows, keyOfValue)].map(([key, own]) => ofSum(own.reduce(sum.add, 0), key)),
  },
  'reduceGroup, combined': {
    apply: (data) => data.groupBy('key').reduceGroup(firstTwo, { combine: firstTwo }),
    oracle: (rows) => byKey(rows).flatMap(firstTwo),
  },
  'first of sorted groups': {
    apply: (data) => data.groupBy('key').sortGroup('value', { by: 'id', order: 'descending' }).first(2),
    oracle: (rows) =>
      byKey(rows).flatMap((own) => own.toSorted((a, b) => a.value - b.value || b.id - a.id).slice(0, 2)),
  },
  'minBy and maxBy': {
    apply: (data) => {
      const grouped = data.groupBy('key')
      return grouped
        .minBy('value')
        .union(grouped.maxBy('value'))
        .map(({ key, value }) => ({ id: 0, key, value }), { forwards: ['key'] })
    },
    oracle: (rows) =>
      byKey(rows).flatMap((own) => {
        const values = own.map(({ value }) => value)
        const key = own[0]?.key ?? 0
        return [Math.min(...values), Math.max(...values)].map((value) => ({ id: 0, key, value }))
      }),
  },
  count: {
    apply: (data) => data.count().map((value) => ({ id: 0, key: 0, value })),
    oracle: (rows) => [{ id: 0, key: 0, value: rows.length }],
  },
  'first of all': {
    apply: (data) =>
      data.first(3).aggregate({ ...sumAlone, add: (held) => held + 1, result: (value) => ofSum(value, 0) }),
    oracle: (rows) => [ofSum(Math.min(3, rows.length), 0)],
  },
  'partition by hash': { apply: (data) => data.partitionByHash('key'), oracle: same },
  'partition by a function': { apply: (data) => data.partitionByHash(keyOfValue), oracle: same },
  'partition by range': { apply: (data) => data.partitionByRange('id'), oracle: same },
  'partition as told': { apply: (data) => data.partitionBy(({ id }, tasks) => id % tasks), oracle: same },
  rebalance: { apply: (data) => data.rebalance(), oracle: same },
  'sort of all': { apply: (data) => data.sort('key', 'value'), oracle: same },
  'sort, seen': {
    apply: (data) => checked(data.sort('key', 'value'), (a, b) => a.key - b.key || a.value - b.value),
    oracle: same,
  },
  'sort of a partition, seen': {
    apply: (data) => checked(data.sortPartition('key'), (a, b) => a.key - b.key),
    oracle: same,
  },
  'sort of a partition': {
    apply: (data) => data.sortPartition('key', { by: 'value', order: 'descending' }),
    oracle: same,
  },
  numbered: { apply: (data) => data.zipWithIndex().map(([, row]) => row), oracle: same },
  'numbers without gaps': {
    apply: (data) => data.zipWithIndex().map(([index]) => ({ id: index, key: index % 4, value: 1 })),
    oracle: (rows) => rows.map((_row, index) => ({ id: index, key: index % 4, value: 1 })),
  },
  'distinct numbers': {
    apply: (data) =>
      data
        .zipWithUniqueId()
        .distinct(([id]) => id)
        .map(([, row]) => row),
    oracle: same,
  },
  'sample of all': { apply: (data) => data.sample(1), oracle: same },
  'sample of a size': { apply: (data) => data.sampleSize(10_000), oracle: same },
  'drawn with replacement': {
    apply: (data) =>
      data
        .sampleSize(20, { withReplacement: true })
        .count()
        .map((value) => ({ id: 0, key: 1, value })),
    oracle: (rows) => [{ id: 0, key: 1, value: rows.length === 0 ? 0 : 20 }],
  },
  'with a set of itself': {
    apply: (data) =>
      data
        .withSets({ odd: data.filter(isOdd), count: data.count() })
        .map((row, { odd, count }) => ({ ...row, value: (odd.length + (count[0] ?? 0)) % 97 })),
    oracle: (rows) => rows.map((row) => ({ ...row, value: (rows.filter(isOdd).length + rows.length) % 97 })),
  },
}

function joined(
  type: 'inner' | 'left' | 'right' | 'full',
  strategy?: 'repartition-hash' | 'repartition-sort-merge',
): Binary {
  return {
    apply: (left, right) =>
      left.join(right, { key: 'key', by: 'key', type, ...(strategy === undefined ? {} : { strategy }) }, paired),
    oracle: (left, right) => {
      const rows = left.flatMap((own) => {
        const partners = right.filter(({ key }) => key === own.key).map((other) => paired(own, other))
        return partners.length === 0 && (type === 'left' || type === 'full') ? [paired(own, undefined)] : partners
      })
      const alone = right.filter(({ key }) => !left.some((own) => own.key === key))
      return type === 'right' || type === 'full' ? [...rows, ...alone.map((own) => paired(undefined, own))] : rows
    },
  }
}

export const binary: Readonly<Record<string, Binary>> = {
  join: joined('inner'),
  'left join': joined('left'),
  'right join': joined('right', 'repartition-hash'),
  'full join': joined('full'),
  'sort-merge join': joined('full', 'repartition-sort-merge'),
  coGroup: {
    apply: (left, right) =>
      left.coGroup(right, { key: 'key', by: 'key' }, (lefts, rights, key) => [
        { id: [...lefts].length, key: key as number, value: [...rights].length % 97 },
      ]),
    oracle: (left, right) =>
      [...new Set([...left, ...right].map(({ key }) => key))].map((key) => ({
        id: left.filter((row) => row.key === key).length,
        key,
        value: right.filter((row) => row.key === key).length % 97,
      })),
  },
  cross: {
    apply: (left, right) => left.cross(right.where('value', '>', 60), paired),
    oracle: (left, right) =>
      left.flatMap((own) => right.filter(({ value }) => value > 60).map((other) => paired(own, other))),
  },
  union: { apply: (left, right) => left.union(right), oracle: (left, right) => [...left, ...right] },
}

export const rows = fc.array(fc.record({ id: fc.nat(50), key: fc.nat(3), value: fc.nat(96) }), { maxLength: 10 })

const step = fc.constantFrom(...Object.keys(unary)).map((op): Step => ({ op }))
const plain = fc.record({ source: fc.constantFrom(...sourceNames), steps: fc.array(step, { maxLength: 2 }) })
const wide = fc.tuple(fc.constantFrom(...Object.keys(binary)), plain).map(([op, other]): Step => ({ op, other }))

/** A chain of operators, of which one or two meet another chain. */
export const plans: fc.Arbitrary<Plan> = fc
  .tuple(
    fc.constantFrom(...sourceNames),
    fc.array(step, { maxLength: 3 }),
    fc.option(wide),
    fc.array(step, { maxLength: 3 }),
    fc.option(wide, { freq: 1 }),
    fc.array(step, { maxLength: 2 }),
  )
  .map(([source, ...parts]) => ({ source, steps: parts.flat().filter((one) => one !== null) }))

/** The job of a plan. Whoever reads a source reads the same object, as a program with variables does. */
export function build(plan: Plan, all: readonly Row[]): (env: Environment) => DataSet<Row> {
  const source = layered(all, [], null)
  return (env) => {
    let topic: DataSet<Row> | null = null
    const read = (name: Plan['source']): DataSet<Row> => {
      if (name === 'collection') return env.from(all).bounded()
      if (name === 'spread') return env.from(all).rebalance().bounded()
      if (name === 'splits') return env.source(source).bounded()
      // A topic is read once.
      topic ??= env.topic('rows', rowJson, { bounded: true }).bounded()
      return topic
    }
    const chain = ({ source: name, steps }: Plan): DataSet<Row> =>
      steps.reduce(
        (data, own) =>
          'other' in own
            ? (binary[own.op] as Binary).apply(data, chain(own.other))
            : (unary[own.op] as Unary).apply(data),
        read(name),
      )
    return chain(plan)
  }
}

export function oracle({ steps }: Plan, all: readonly Row[]): readonly Row[] {
  return steps.reduce<readonly Row[]>(
    (data, own) =>
      'other' in own
        ? (binary[own.op] as Binary).oracle(data, oracle(own.other, all))
        : (unary[own.op] as Unary).oracle(data),
    all,
  )
}

/** A log with the rows in a topic of two partitions. */
export function logOf(all: readonly Row[]): NonNullable<RunOptions['log']> {
  const log = memoryLog()
  log.storage.createTopic('rows', 2)
  all.forEach((row, at) => {
    // Of these fields none is asked for.
    const value = Buffer.from(JSON.stringify({ note: { at, text: ['"}'] }, ...row }))
    log.storage.write('rows', at % 2, [{ value, timestamp: 0 }])
  })
  return log
}

/** A source that does leave out what it may: a rule that asks for too little makes a wrong result. */
function layered(all: readonly Row[], conditions: readonly Condition[], fields: readonly string[] | null): Source<Row> {
  const holds = ({ field, operator, value }: Condition, row: Row): boolean => {
    const own = row[field as keyof Row]
    if (operator === '!=') return own !== value
    return operator === '>' && own > Number(value)
  }
  const kept = (row: Row): Row =>
    Object.fromEntries(Object.entries(row).filter(([name]) => fields?.includes(name) ?? true)) as unknown as Row
  return {
    name: 'layered',
    bounded: true,
    replayable: true,
    splits: () => 2,
    estimate: () => ({ records: all.length, bytes: null }),
    project: (wanted) => layered(all, conditions, wanted) as Source<unknown>,
    where: (more) => layered(all, [...conditions, ...more], fields),
    open(split, position) {
      let at = (position as number | null) ?? split
      return {
        poll(emit, budget) {
          for (let left = budget; left > 0 && at < all.length; at += 2) {
            const row = all[at] as Row
            if (!conditions.every((condition) => holds(condition, row))) continue
            emit(kept(row), Number.NEGATIVE_INFINITY)
            left--
          }
          return at < all.length ? 'more' : 'end'
        },
        position: () => at,
        async close() {},
      }
    },
  }
}
