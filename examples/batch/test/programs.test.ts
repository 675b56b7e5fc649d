import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parquet, readFiles, writeFiles } from '@millrace/connectors'
import { type DataSet, type Environment, job, type RunOptions } from '@millrace/core'
import { afterAll, describe, expect, it } from 'vitest'
import { loadFlights } from '../../flights/records.ts'
import { airportRoutes, routeDelays } from '../flight-routes.ts'
import { forecastRevenue, pricingSummary, unshippedOrders } from '../tpch-queries.ts'
import { customer, type LineItem, lineItem, lineItemColumns, order } from '../tpch-tables.ts'
import { wordCount } from '../word-count.ts'

const directory = mkdtempSync(join(tmpdir(), 'millrace-examples-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

async function run<T>(build: (env: Environment) => DataSet<T>, options: RunOptions = {}): Promise<T[]> {
  const values: T[] = []
  await job('example', (env) => void build(env).collect(values)).run(options)
  return values
}

/** Sums of floating-point numbers depend on their order a little. */
function near(left: number, right: number): boolean {
  return Math.abs(left - right) <= 1e-9 * Math.max(1, Math.abs(left), Math.abs(right))
}

describe('word count', () => {
  it('over files gives what counting in memory gives, in order, from files to files', async () => {
    const words = ['mill', 'race', 'water', 'wheel', 'stream', 'Mühle']
    mkdirSync(join(directory, 'in'))
    const texts = [0, 1, 2].map((file) =>
      Array.from({ length: 300 }, (_, n) => `${words[(n * (file + 2)) % 6]}, ${words[(n * n) % 5]} ${n}`).join('\n'),
    )
    for (const [file, text] of texts.entries()) writeFileSync(join(directory, 'in', `${file}.txt`), text)
    await wordCount(join(directory, 'in/*.txt'), join(directory, 'out')).run({ parallelism: 2 })
    const counts = new Map<string, number>()
    for (const word of texts
      .join('\n')
      .toLowerCase()
      .match(/\p{L}+/gu) ?? [])
      counts.set(word, (counts.get(word) ?? 0) + 1)
    const expected = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).map(([word, n]) => `${word},${n}`)
    // One part for each task, in the order of the ranges.
    const parts = readdirSync(join(directory, 'out')).toSorted()
    const lines = parts.flatMap((part) =>
      readFileSync(join(directory, 'out', part), 'utf8')
        .trimEnd()
        .split('\n')
        .slice(1),
    )
    expect(lines).toEqual(expected)
  })
})

const ORDERS = 3000
const CUSTOMERS = 300
const items = Array.from({ length: ORDERS * 4 }, (_, n) => lineItem(n))
const orders = Array.from({ length: ORDERS }, (_, n) => order(n, CUSTOMERS))
const customers = Array.from({ length: CUSTOMERS }, (_, n) => customer(n))

describe.each([
  [1, 64 * 1024 * 1024],
  [2, 100_000],
])(
  'the queries of TPC-H over generated tables, at parallelism %i with a budget of %i bytes,',
  (parallelism, memoryBudget) => {
    const files = join(directory, `items-${parallelism}`)
    const read = (env: Environment): DataSet<LineItem> =>
      env.source(readFiles(`${files}/*.parquet`, parquet<LineItem>())).bounded()

    it('read line items from Parquet that a job has written', async () => {
      await job('load', (env) => {
        env
          .generate({ make: lineItem, count: items.length, splits: 3 })
          .to(writeFiles(files, parquet<LineItem>({ columns: lineItemColumns, rowGroupRows: 1000 })))
      }).run({ parallelism })
      expect(await run((env) => read(env).count())).toEqual([items.length])
    })

    it('Q1: the pricing summary', async () => {
      const upTo = new Date('1998-09-02')
      const rows = await run((env) => pricingSummary(read(env), upTo), { parallelism, memoryBudget })
      const groups = Map.groupBy(
        items.filter(({ shipdate }) => shipdate <= upTo),
        ({ returnflag, linestatus }) => returnflag + linestatus,
      )
      expect(rows.map(({ returnflag, linestatus }) => returnflag + linestatus).toSorted()).toEqual(
        [...groups.keys()].toSorted(),
      )
      for (const row of rows) {
        const own = groups.get(row.returnflag + row.linestatus) ?? []
        const sum = (of: (item: LineItem) => number) => own.reduce((total, item) => total + of(item), 0)
        expect(row.count).toBe(own.length)
        expect(row.sumQuantity).toBe(sum(({ quantity }) => quantity))
        expect(
          near(
            row.sumCharged,
            sum(({ extendedprice, discount, tax }) => extendedprice * (1 - discount) * (1 + tax)),
          ),
        ).toBe(true)
        expect(near(row.averageDiscount, sum(({ discount }) => discount) / own.length)).toBe(true)
      }
    })

    it('Q3: the unshipped orders with the greatest revenue', async () => {
      const day = new Date('1995-03-15')
      const rows = await run(
        (env) => unshippedOrders(env.from(customers).bounded(), env.from(orders).bounded(), read(env), 'BUILDING', day),
        { parallelism, memoryBudget },
      )
      const segment = new Set(
        customers.filter(({ mktsegment }) => mktsegment === 'BUILDING').map(({ custkey }) => custkey),
      )
      const expected = orders
        .filter(({ custkey, orderdate }) => segment.has(custkey) && orderdate < day)
        .map(({ orderkey }) => {
          const own = items.filter((item) => item.orderkey === orderkey && item.shipdate > day)
          return {
            orderkey,
            lines: own.length,
            revenue: own.reduce((sum, item) => sum + item.extendedprice * (1 - item.discount), 0),
          }
        })
        .filter(({ lines }) => lines > 0)
        .sort((a, b) => b.revenue - a.revenue)
        .slice(0, 10)
      expect(rows.map(({ orderkey }) => orderkey)).toEqual(expected.map(({ orderkey }) => orderkey))
      expect(rows.length).toBe(10)
      for (const [at, { revenue }] of rows.entries()) expect(near(revenue, expected[at]?.revenue ?? 0)).toBe(true)
    })

    it('Q6: the forecast of revenue', async () => {
      const [from, to] = [new Date('1994-01-01'), new Date('1995-01-01')]
      const [revenue] = await run((env) => forecastRevenue(read(env), from, to), { parallelism, memoryBudget })
      const expected = items
        .filter(
          ({ shipdate, discount, quantity }) =>
            shipdate >= from && shipdate < to && discount >= 0.05 && discount <= 0.07 && quantity < 24,
        )
        .reduce((sum, { extendedprice, discount }) => sum + extendedprice * discount, 0)
      expect(expected).toBeGreaterThan(0)
      expect(near(revenue ?? 0, expected)).toBe(true)
    })
  },
)

describe('real flights', () => {
  it('have the delays of routes that a direct computation gives', async () => {
    const flights = await loadFlights('small')
    for (const [parallelism, memoryBudget] of [
      [1, 64 * 1024 * 1024],
      [2, 200_000],
    ] as const) {
      const rows = await run((env) => routeDelays(env.from(flights).bounded()), { parallelism, memoryBudget })
      const groups = Map.groupBy(flights, ({ origin, destination }) => `${origin}-${destination}`)
      expect(rows).toHaveLength(groups.size)
      for (const { origin, destination, flights: count, meanDelay, longest } of rows) {
        const own = groups.get(`${origin}-${destination}`) ?? []
        expect(count).toBe(own.length)
        expect(longest).toBe(Math.max(...own.map(({ delay }) => delay)))
        expect(near(meanDelay, own.reduce((sum, { delay }) => sum + delay, 0) / own.length)).toBe(true)
      }
      if (parallelism === 1)
        expect(rows.map(({ meanDelay }) => meanDelay)).toEqual(
          rows.map(({ meanDelay }) => meanDelay).toSorted((a, b) => b - a),
        )
    }
  })

  it('make the graph of routes that a direct computation gives', async () => {
    const flights = await loadFlights('small')
    for (const parallelism of [1, 2]) {
      const rows = await run((env) => airportRoutes(env.from(flights).bounded()), { parallelism })
      const routes = new Set(flights.map(({ origin, destination }) => `${origin}-${destination}`))
      const pairs = [...routes].map((route) => route.split('-') as [string, string])
      const airports = new Set(pairs.flat())
      expect(rows.map(({ airport }) => airport).toSorted()).toEqual([...airports].toSorted())
      for (const { airport, destinations, origins, oneWay } of rows) {
        expect(destinations).toBe(pairs.filter(([from]) => from === airport).length)
        expect(origins).toBe(pairs.filter(([, to]) => to === airport).length)
        expect(oneWay).toBe(pairs.filter(([from, to]) => from === airport && !routes.has(`${to}-${from}`)).length)
      }
    }
  })
})
