import type { Aggregate, DataSet } from '@millrace/core'
import type { Customer, LineItem, Order } from './tpch-tables.ts'

export interface PricingSummary {
  readonly returnflag: string
  readonly linestatus: string
  readonly sumQuantity: number
  readonly sumPrice: number
  readonly sumDiscounted: number
  readonly sumCharged: number
  readonly averageDiscount: number
  readonly count: number
}

interface Sums {
  quantity: number
  price: number
  discounted: number
  charged: number
  discount: number
  count: number
}

const summing: Aggregate<LineItem, Sums, Sums> = {
  create: () => ({ quantity: 0, price: 0, discounted: 0, charged: 0, discount: 0, count: 0 }),
  add(sums, { quantity, extendedprice, discount, tax }) {
    const discounted = extendedprice * (1 - discount)
    sums.quantity += quantity
    sums.price += extendedprice
    sums.discounted += discounted
    sums.charged += discounted * (1 + tax)
    sums.discount += discount
    sums.count++
    return sums
  },
  merge: (left, right) => ({
    quantity: left.quantity + right.quantity,
    price: left.price + right.price,
    discounted: left.discounted + right.discounted,
    charged: left.charged + right.charged,
    discount: left.discount + right.discount,
    count: left.count + right.count,
  }),
  result: (sums) => sums,
}

/** Q1: what was shipped up to a day, by flag and status. */
export function pricingSummary(items: DataSet<LineItem>, upTo: Date): DataSet<PricingSummary> {
  return items
    .where('shipdate', '<=', upTo)
    .groupBy(({ returnflag, linestatus }) => [returnflag, linestatus] as const)
    .aggregate(summing, (sums, [returnflag, linestatus]) => ({
      returnflag,
      linestatus,
      sumQuantity: sums.quantity,
      sumPrice: sums.price,
      sumDiscounted: sums.discounted,
      sumCharged: sums.charged,
      averageDiscount: sums.discount / sums.count,
      count: sums.count,
    }))
    .sort('returnflag', 'linestatus')
}

export interface OrderRevenue {
  readonly orderkey: number
  readonly orderdate: Date
  readonly revenue: number
}

/** Q3: the ten orders of a segment with the greatest revenue that were placed before a day and not shipped by then. */
export function unshippedOrders(
  customers: DataSet<Customer>,
  orders: DataSet<Order>,
  items: DataSet<LineItem>,
  segment: string,
  day: Date,
): DataSet<OrderRevenue> {
  const ofSegment = customers.where('mktsegment', '=', segment)
  return orders
    .where('orderdate', '<', day)
    .join(ofSegment, { key: 'custkey', by: 'custkey' }, ({ orderkey, orderdate }) => ({ orderkey, orderdate }))
    .join(items.where('shipdate', '>', day), { key: 'orderkey', by: 'orderkey' }, (order, item) => ({
      ...order,
      revenue: item.extendedprice * (1 - item.discount),
    }))
    .groupBy('orderkey')
    .reduce(
      (left, right) => ({
        orderkey: left.orderkey,
        orderdate: left.orderdate,
        revenue: left.revenue + right.revenue,
      }),
      { forwards: ['orderkey'] },
    )
    .groupBy((): 'all' => 'all')
    .sortGroup({ by: 'revenue', order: 'descending' }, 'orderdate', 'orderkey')
    .first(10)
}

/** Q6: what would be earned without small discounts on small quantities, in one year. */
export function forecastRevenue(items: DataSet<LineItem>, from: Date, to: Date): DataSet<number> {
  return items
    .where('shipdate', '>=', from)
    .where('shipdate', '<', to)
    .where('discount', '>=', 0.05)
    .where('discount', '<=', 0.07)
    .where('quantity', '<', 24)
    .aggregate({
      create: () => 0,
      add: (sum, { extendedprice, discount }) => sum + extendedprice * discount,
      merge: (left, right) => left + right,
      result: (sum) => sum,
    })
}
