import { join } from 'node:path'
import { csv, parquet, readFiles, writeFiles } from '@millrace/connectors'
import { type DataSet, type Environment, type Job, job, json } from '@millrace/core'

export interface Order {
  readonly id: number
  readonly customer: number
  readonly amount: number
}

export interface Customer {
  readonly id: number
  readonly city: string
}

export interface LocatedOrder extends Order {
  readonly city: string
}

export interface Total {
  readonly customer: number
  readonly amount: number
}

export const orderJson = json<Order>()
export const locatedJson = json<LocatedOrder>()

export const orderFiles = csv({ columns: { id: 'number', customer: 'number', amount: 'number' } })
export const customerFiles = csv({ columns: { id: 'number', city: 'string' } })
export const locatedFiles = csv({ columns: { id: 'number', customer: 'number', amount: 'number', city: 'string' } })
export const totalFiles = parquet<Total>({ columns: { customer: 'INT32', amount: 'DOUBLE' }, rowGroupRows: 100 })

export interface OrdersOptions {
  /** Of the job; its topics begin with it. */
  readonly name: string
  /** Where orders are read from, and written to with their cities. Customers and totals are files in any case. */
  readonly between: 'topics' | 'files'
  readonly directory: string
}

export function topicsOf({ name }: Pick<OrdersOptions, 'name'>): { readonly orders: string; readonly located: string } {
  return { orders: `${name}.orders`, located: `${name}.located` }
}

/** Hears of each record at two points of the job. */
export interface Probe {
  onRead(): void
  onGiven(): void
}

const silent: Probe = { onRead() {}, onGiven() {} }

/** Orders with the cities of their customers, by amount; and what each customer has ordered. */
export function locatedOrders(options: OrdersOptions, probe: Probe = silent): Job {
  const { name, between, directory } = options
  return job(name, (env) => {
    const orders = ordersOf(env, options).map(
      (order) => {
        probe.onRead()
        return order
      },
      { forwards: ['id', 'customer', 'amount'] },
    )
    const customers = env.source(readFiles(join(directory, 'customers', '*.csv'), customerFiles)).bounded()
    const located = orders
      .join(customers, { key: 'customer', by: 'id' }, (order, { city }): LocatedOrder => ({ ...order, city }))
      .sort('amount', 'id')
      .map((order) => {
        probe.onGiven()
        return order
      })
      .stream()
    if (between === 'topics') located.toTopic(topicsOf(options).located, locatedJson)
    else located.to(writeFiles(join(directory, 'located'), locatedFiles))
    orders
      .groupBy('customer')
      .aggregate(
        {
          create: () => 0,
          add: (sum, { amount }) => sum + amount,
          merge: (left, right) => left + right,
          result: (sum) => sum,
        },
        (amount, customer): Total => ({ customer, amount }),
      )
      // Behind this the region writes as totals come, and commits some of its files before the others.
      .rebalance()
      .stream()
      .to(writeFiles(join(directory, 'totals'), totalFiles))
  })
}

function ordersOf(env: Environment, options: OrdersOptions): DataSet<Order> {
  if (options.between === 'topics') return env.topic(topicsOf(options).orders, orderJson, { bounded: true }).bounded()
  return env
    .source(readFiles(join(options.directory, 'orders', '*.csv'), orderFiles, { splitBytes: 32 * 1024 }))
    .bounded()
}

export function randomOrders(count: number, customers: number): Order[] {
  let seed = 7
  const next = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return Math.floor((seed / 2 ** 32) * below)
  }
  return Array.from({ length: count }, (_, id) => ({ id, customer: next(customers), amount: next(5_000) }))
}
