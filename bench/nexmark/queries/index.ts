import { q4 } from './closing-prices.ts'
import { q3, q20 } from './joins.ts'
import { q18 } from './latest-bids.ts'
import type { AnyQuery } from './query.ts'
import { q0, q1, q2 } from './stateless.ts'
import { q5, q7, q8, q11 } from './windows.ts'

export type { AnyQuery, Row } from './query.ts'

const all = { q0, q1, q2, q3, q4, q5, q7, q8, q11, q18, q20 }

export type QueryName = keyof typeof all
export const queryNames = Object.keys(all) as readonly QueryName[]

// A query is given no other rows than its own, so that their types need not be known.
export const queries = all as unknown as Readonly<Record<QueryName, AnyQuery>>

/** How much later than their successors events may come. */
export const WATERMARK_DELAY = '4s'
