import type { ParquetColumns } from '@millrace/connectors'

/** Tables in the manner of TPC-H, much smaller: made by index, so that every part of them can be made anywhere. */

export interface Customer {
  readonly custkey: number
  readonly mktsegment: string
}

export interface Order {
  readonly orderkey: number
  readonly custkey: number
  readonly orderdate: Date
  readonly shippriority: number
}

export interface LineItem {
  readonly orderkey: number
  readonly quantity: number
  readonly extendedprice: number
  readonly discount: number
  readonly tax: number
  readonly returnflag: string
  readonly linestatus: string
  readonly shipdate: Date
}

export const lineItemColumns = {
  orderkey: 'INT32',
  quantity: 'INT32',
  extendedprice: 'DOUBLE',
  discount: 'DOUBLE',
  tax: 'DOUBLE',
  returnflag: 'STRING',
  linestatus: 'STRING',
  shipdate: 'TIMESTAMP',
} as const satisfies ParquetColumns

const SEGMENTS = ['AUTOMOBILE', 'BUILDING', 'FURNITURE', 'HOUSEHOLD', 'MACHINERY']
const FIRST_DAY = Date.UTC(1992, 0, 1)
const DAYS = 2405
const DAY_MS = 86_400_000
const LINES_PER_ORDER = 4

/** A number from 0 to `bound - 1` that depends on both numbers only. */
function pick(index: number, column: number, bound: number): number {
  let hash = Math.imul(index + 1, 0x9e3779b1) ^ Math.imul(column + 1, 0x85ebca77)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39)
  return ((hash ^ (hash >>> 15)) >>> 0) % bound
}

export function customer(index: number): Customer {
  return { custkey: index, mktsegment: SEGMENTS[pick(index, 1, SEGMENTS.length)] ?? '' }
}

export function order(index: number, customers: number): Order {
  return {
    orderkey: index,
    custkey: pick(index, 2, customers),
    orderdate: new Date(FIRST_DAY + pick(index, 3, DAYS) * DAY_MS),
    shippriority: 0,
  }
}

/** The lines of order `n` are those from `4 n` on. */
export function lineItem(index: number): LineItem {
  const orderkey = Math.floor(index / LINES_PER_ORDER)
  const shipped = FIRST_DAY + (pick(orderkey, 3, DAYS) + 1 + pick(index, 4, 121)) * DAY_MS
  const quantity = 1 + pick(index, 5, 50)
  const isOld = shipped < Date.UTC(1995, 5, 17)
  return {
    orderkey,
    quantity,
    extendedprice: quantity * (900 + pick(index, 6, 100_000) / 100),
    discount: pick(index, 7, 11) / 100,
    tax: pick(index, 8, 9) / 100,
    returnflag: isOld ? (pick(index, 9, 2) === 0 ? 'R' : 'A') : 'N',
    linestatus: isOld ? 'F' : 'O',
    shipdate: new Date(shipped),
  }
}
